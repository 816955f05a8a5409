package cadence

import (
	"math"
	"slices"

	"github.com/tempogate/tempogate/bench/dataset"
	"github.com/tempogate/tempogate/bench/training"
)

// mislabelled are ends of recordings that are not what they are labelled.
// Training has a list of whole ones.
var mislabelled = map[string]struct {
	fromS float64 // into the recording, to its end
	why   string
}{
	"qrowd/car-3": {1462, "parked, the phone is picked up after minutes of lying still and walked with to the end"},
}

// distrust takes labels off that are known to be wrong, and says why. What was
// said there is reported apart.
func distrust(e *dataset.Entry, one *dataset.Recording) (why string) {
	// The collection's own labels stay as they are.
	one.Labels = slices.Clone(one.Labels)
	why = training.Distrust(*e, one)
	end, wrong := mislabelled[e.Path]
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
