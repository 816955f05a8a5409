package gait_test

import (
	"math"
	"testing"
	"time"

	"github.com/tempogate/tempogate/bench/gait"
	"github.com/tempogate/tempogate/classifier"
)

// A model that was trained on real people only should take simulated ones for
// what they are. The limits are loose: this judges the simulator, and the
// model is judged elsewhere, on people.
//
//	go test ./bench/gait -run TestAModelOfRealPeople -v
func TestAModelOfRealPeopleKnowsSimulatedOnes(t *testing.T) {
	for _, test := range []struct {
		name    string
		plan    gait.Plan
		atLeast float64 // part of the seconds, after the first twelve, all placements together
	}{
		{"walk", gait.DemoWalk(), 0.9},
		{"run", gait.DemoRun(), 0.9},
		{"ride", gait.DemoRide(), 0.7}, // halts look like standing still
		{"cycle", gait.DemoCycle(), 0.6},
		{"still", gait.Plan{{Activity: classifier.Still, Duration: time.Minute}}, 0.9},
	} {
		var all, right, steps, near float64
		for placement := gait.Pocket; placement <= gait.Mount; placement++ {
			for seed := range uint64(4) {
				r := record(t, gait.Config{Seed: seed, Placement: placement, FixRateHz: 1}, test.plan)
				estimates, err := classifier.NewStream(classifier.Config{}).Push(nil, classifier.NewWorkspace(), r.Samples, r.Fixes)
				if err != nil {
					t.Fatal(err)
				}
				for _, e := range estimates {
					truth := r.Truth.At(e.SensorTime)
					if e.SensorTime < r.Truth.Start()+12e9 || truth.Activity == classifier.Unknown {
						continue
					}
					all++
					if e.Activity == truth.Activity {
						right++
					}
					if !math.IsNaN(truth.CadenceSPM) {
						steps++
						if math.Abs(e.CadenceSPM-truth.CadenceSPM) <= 5 {
							near++
						}
					}
				}
			}
		}
		t.Logf("%s: %.0f %% of %g simulated seconds recognised", test.name, 100*right/all, all)
		if right < test.atLeast*all {
			t.Errorf("%s: %.0f %% of the seconds recognised, want %g of them", test.name, 100*right/all, test.atLeast)
		}
		if steps > 0 {
			t.Logf("%s: cadence within 5 steps a minute in %.0f %%", test.name, 100*near/steps)
			if near < 0.9*steps {
				t.Errorf("%s: cadence within 5 steps a minute in %.0f %% of the seconds, want 90", test.name, 100*near/steps)
			}
		}
	}
}
