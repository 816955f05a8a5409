package evaluation

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/tempogate/tempogate/bench/dataset"
	"github.com/tempogate/tempogate/bench/dataset/datasettest"
	"github.com/tempogate/tempogate/classifier"
	"github.com/tempogate/tempogate/classifier/model"
)

// recordingOf reads the first recording of an entry.
func recordingOf(t *testing.T, c *dataset.Collection, path string) *dataset.Recording {
	t.Helper()
	i := slices.IndexFunc(c.Entries, func(e dataset.Entry) bool { return e.Path == path })
	if i < 0 {
		t.Fatalf("the collection has no %s", path)
	}
	recordings, err := c.Read(c.Entries[i])
	if err != nil {
		t.Fatal(err)
	}
	return &recordings[0]
}

// Real motion with fixes that are wrong in the ways in which fixes are wrong.
// Each is of every second of the recording.
func TestFixesThatAreWrong(t *testing.T) {
	unknown := math.NaN()
	tests := []struct {
		name, recording string
		fix             func(i int, random *rand.Rand) classifier.Fix
		want            classifier.Activity
		least           float64 // share of the seconds
	}{
		// What says nothing: the motion decides.
		{"1.4 km off", "mlqst/walk", func(int, *rand.Rand) classifier.Fix {
			return classifier.Fix{SpeedMPS: 30, EastM: 30, AccuracyM: 1400}
		}, classifier.Walk, 0.99},
		{"neither speed nor way", "mlqst/walk", func(int, *rand.Rand) classifier.Fix {
			return classifier.Fix{SpeedMPS: unknown, EastM: unknown, NorthM: unknown, AccuracyM: 10}
		}, classifier.Walk, 0.99},
		{"one of 60 m/s every ten seconds", "mlqst/walk", func(i int, _ *rand.Rand) classifier.Fix {
			if i%10 == 5 {
				return classifier.Fix{SpeedMPS: 60, EastM: 60, AccuracyM: 20}
			}
			return classifier.Fix{SpeedMPS: 1.4, EastM: 1.4, AccuracyM: 5}
		}, classifier.Walk, 0.99},

		// What is wrong in itself: the motion is stronger.
		{"frozen as the train drove", "mlqst/walk", func(int, *rand.Rand) classifier.Fix {
			return classifier.Fix{SpeedMPS: 25, AccuracyM: 10}
		}, classifier.Walk, 0.99},
		{"frozen at rest", "mlqst/walk", func(int, *rand.Rand) classifier.Fix {
			return classifier.Fix{SpeedMPS: 0, AccuracyM: 10}
		}, classifier.Walk, 0.95},
		{"a phone that lies, and fixes that drift", "mlqst/still", func(_ int, random *rand.Rand) classifier.Fix {
			east, north := 0.7*random.NormFloat64(), 0.7*random.NormFloat64()
			return classifier.Fix{SpeedMPS: math.Hypot(east, north), EastM: east, NorthM: north, AccuracyM: 30}
		}, classifier.Still, 0.99},

		// What is right and could mislead.
		{"cycling at the speed of a run", "mlqst/cycle", func(_ int, random *rand.Rand) classifier.Fix {
			speed := 3 + 0.3*random.NormFloat64()
			return classifier.Fix{SpeedMPS: speed, EastM: speed, AccuracyM: 5}
		}, classifier.Cycle, 0.95},
	}
	collection := datasettest.Open(t)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := recordingOf(t, collection, test.recording)
			random := rand.New(rand.NewPCG(1, 2))
			from, to, _ := r.Span()
			r.Fixes = nil
			for i := range int((to - from) / classifier.HopNS) {
				fix := test.fix(i, random)
				fix.SensorTime = from + int64(i)*classifier.HopNS
				r.Fixes = append(r.Fixes, fix)
			}
			answers, err := Answers(model.Default(), r, true)
			if err != nil {
				t.Fatal(err)
			}
			if share := shareOf(test.want, answers[10:]); share < test.least {
				t.Errorf("%v in %.3f of the seconds, want %.2f", test.want, share, test.least)
			}
		})
	}
}

// shareOf returns the share of answers that are an activity.
func shareOf(a classifier.Activity, answers []Answer) float64 {
	n := 0.0
	for i := range answers {
		if answers[i].Activity == a {
			n++
		}
	}
	return n / float64(len(answers))
}

// A ride stays one at red lights and in stations: in the seconds in which real
// fixes of real rides stand, and in a minute in which they are made to.
func TestRidesThatStand(t *testing.T) {
	collection := datasettest.Open(t)
	standing, riding := 0, 0
	for _, path := range []string{"mlqsb/tram-09", "mlqsb/train-08", "mlqs28/bus-06"} {
		r := recordingOf(t, collection, path)
		answers, err := Answers(model.Default(), r, true)
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range answers[10:] {
			if a.SpeedMPS < 0.5 {
				standing++
				if a.Activity == classifier.Transit {
					riding++
				}
			}
		}
	}
	if standing < 60 || float64(riding) < 0.95*float64(standing) {
		t.Errorf("a ride in %d of %d seconds in which it stands", riding, standing)
	}
}
