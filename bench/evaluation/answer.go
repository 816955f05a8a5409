package evaluation

import (
	"math"

	"github.com/tempogate/tempogate/bench/dataset"
	"github.com/tempogate/tempogate/classifier"
	"github.com/tempogate/tempogate/classifier/model"
)

// FirstWindowNS is the length of the first window, 5.12 s, in nanoseconds. The
// answers before its end are not counted: nothing could be known yet.
const FirstWindowNS = 5_120_000_000

// An Answer is one estimate beside the truth of its second.
type Answer struct {
	classifier.Estimate
	Truth    classifier.Activity // Unknown where nobody said, or where it was none of the five
	Labelled bool                // somebody said what happened; with Unknown: none of the five
	Detail   string              // of the label: a vehicle, the code of the source
}

// Answers streams a recording through the classifier, as a phone would, and
// returns every estimate beside its truth. Without fixes the location was not
// granted.
func Answers(m *model.Model, r *dataset.Recording, withFixes bool) ([]Answer, error) {
	return answer(classifier.Config{Model: m}, r, withFixes)
}

func answer(c classifier.Config, r *dataset.Recording, withFixes bool) ([]Answer, error) {
	// Readings come out of the dataset package in order, so Push sorts nothing
	// and the recording stays as it is.
	var fixes []classifier.Fix
	if withFixes {
		fixes = r.Fixes
	}
	estimates, err := classifier.NewStream(c).Push(nil, classifier.NewWorkspace(), r.Samples, fixes)
	if err != nil {
		return nil, err
	}
	answers := make([]Answer, len(estimates))
	for i, e := range estimates {
		label, ok := r.LabelAt(e.SensorTime)
		answers[i] = Answer{Estimate: e, Truth: label.Activity, Labelled: ok, Detail: label.Detail}
	}
	return answers, nil
}

// firstWindow returns how many answers lie before the end of the first window
// of a recording.
func firstWindow(answers []Answer, r *dataset.Recording, withFixes bool) int {
	var began int64
	switch {
	case len(r.Samples) == 0 || withFixes && len(r.Fixes) > 0 && r.Fixes[0].SensorTime < r.Samples[0].SensorTime:
		began = r.Fixes[0].SensorTime
	default:
		began = r.Samples[0].SensorTime
	}
	n := 0
	for n < len(answers) && answers[n].SensorTime-began < FirstWindowNS {
		n++
	}
	return n
}

// Count adds the answers to a confusion. The first skip answers are left out.
func Count(c *Confusion, answers []Answer, skip int) {
	for i, a := range answers {
		if i >= skip && a.Truth != classifier.Unknown {
			c.Add(a.Truth, a.Activity, 1)
		}
	}
}

// best returns the largest probability and its activity, and Unknown where
// nothing is known yet.
func best(p *classifier.Probabilities) (classifier.Activity, float64) {
	activity, most := classifier.Unknown, 0.0
	for k, x := range p {
		if x > most {
			activity, most = classifier.ActivityAt(k), x
		}
	}
	return activity, most
}

// hasTempo tells whether the answer carries a cadence.
func (a *Answer) hasTempo() bool { return !math.IsNaN(a.CadenceSPM) }
