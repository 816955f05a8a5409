package cadence

import (
	"math"
	"slices"

	"github.com/tempogate/tempogate/bench/dataset"
	"github.com/tempogate/tempogate/bench/training"
)

// mislabelled are recordings, or ends of them, that are not what they are labelled,
// by name. Training has a list of those that would mislead it.
var mislabelled = map[string]struct {
	fromS float64 // into the recording, to its end
	why   string
}{
	"qrowd/car-3": {1462, "parked, the phone is picked up after minutes of lying still and walked with to the end"},
	"wisdm/data_1609_accel_phone.txt.zst#K": {0, "drinking, but the phone is no more at rest than where the same person kicks a ball: " +
		"it swings by more than 1 m/s² in 84 % of the seconds, any other recording at rest in at most 22 %"},
}

// distrust takes labels off that are known to be wrong, and says why. What was
// said there is reported apart.
func distrust(e *dataset.Entry, one *dataset.Recording) (why string) {
	// The collection's own labels stay as they are.
	one.Labels = slices.Clone(one.Labels)
	why = training.Distrust(*e, one)
	end, wrong := mislabelled[one.Name]
	from, _, ok := one.Span()
	if !wrong || !ok {
		return why
	}
	cut := from + int64(math.Round(end.fromS*1e9))
	kept := one.Labels[:0]
	for _, l := range one.Labels {
		if l.ToTime = min(l.ToTime, cut); l.ToTime > l.FromTime {
			kept = append(kept, l)
		}
	}
	one.Labels = kept
	return end.why
}
