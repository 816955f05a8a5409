package evaluation

import (
	"math"

	"github.com/tempogate/tempogate/bench/dataset"
	"github.com/tempogate/tempogate/classifier"
	"github.com/tempogate/tempogate/classifier/model"
)

// An Answer is one estimate beside the truth of its second.
type Answer struct {
	classifier.Estimate
	Truth classifier.Activity // Unknown where nobody said
	Known bool                // the label holds for the whole second
}

// Answers streams a recording through the classifier, as a phone would, and
// returns every estimate beside its truth. Without fixes the location was not
// granted.
func Answers(m *model.Model, r *dataset.Recording, withFixes bool) ([]Answer, error) {
	stream := classifier.NewStream(classifier.Config{Model: m})
	samples := append([]classifier.Sample(nil), r.Samples...)
	var fixes []classifier.Fix
	if withFixes {
		fixes = append(fixes, r.Fixes...)
	}
	estimates, err := stream.Push(nil, classifier.NewWorkspace(), samples, fixes)
	if err != nil {
		return nil, err
	}
	answers := make([]Answer, len(estimates))
	for i, e := range estimates {
		answers[i].Estimate = e
		label, ok := r.LabelAt(e.SensorTime)
		if !ok {
			continue
		}
		answers[i].Truth = label.Activity
		answers[i].Known = label.FromTime <= e.SensorTime-classifier.HopNS || i == 0
	}
	return answers, nil
}

// Count adds the answers to a confusion. The first skip seconds of a recording
// are left out: no window is full before.
func Count(c *Confusion, answers []Answer, skip int) {
	for i, a := range answers {
		if i < skip || a.Truth == classifier.Unknown {
			continue
		}
		c.Add(a.Truth, a.Activity, 1)
	}
}

// Tempos counts the seconds of answers that carry a cadence.
func Tempos(answers []Answer) (with int) {
	for _, a := range answers {
		if !math.IsNaN(a.CadenceSPM) {
			with++
		}
	}
	return with
}
