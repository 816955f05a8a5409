package cadence

import (
	"context"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/tempogate/tempogate/bench/dataset"
	"github.com/tempogate/tempogate/classifier"
	"github.com/tempogate/tempogate/classifier/tempo"
)

// Seconds with two steps in the two seconds before have steps, the first ones
// count threefold, and a label alone is not enough.
func TestAddPresence(t *testing.T) {
	const s = 1_000_000_000
	one := &dataset.Recording{Labels: []dataset.Label{
		{FromTime: 0, ToTime: 30 * s, Activity: classifier.Walk},
		{FromTime: 30 * s, ToTime: 40 * s, Activity: classifier.Cycle},
		{FromTime: 40 * s, ToTime: 50 * s}, // something else
	}}
	o := outcome{source: countedSteps}
	for i := range int64(30) { // two steps a second from 5 s to 20 s
		o.truth.Times = append(o.truth.Times, 5*s+i*s/2)
		o.truth.Mended = append(o.truth.Mended, false)
	}
	for i := range int64(60) {
		o.trace.Stream = append(o.trace.Stream, Second{SensorTime: i * s, Measured: tempo.Measurement{Steps: -1, Margin: 9}, Belief: tempo.Known(0.5, 0)})
	}
	o.trace.Stream[35].Measured = tempo.Measurement{} // nothing was looked for
	var f fitData
	f.addPresence(7, one, &o)
	steps, none, heavy := 0, 0, 0
	for i, v := range f.present {
		if v.place != 7 || v.x[0] != 1 || v.x[1] != -1 || v.x[2] != 0 || v.x[3] != mostMargin {
			t.Fatalf("%+v", v)
		}
		switch {
		case !v.right:
			none++
		case f.weight[i] == startWeight:
			heavy++
			fallthrough
		default:
			steps++
		}
	}
	// From 6 s, when there were three, to 20 s: at 21 s the last step, at 19.5 s,
	// is alone. The first of all is at 5 s, so that 6 to 10 s are the beginning.
	if steps != 15 || none != 9 || heavy != 5 {
		t.Errorf("%d seconds with steps, %d without, %d of the beginning; want 15, 9 and 5", steps, none, heavy)
	}
}

// The regression finds what tells steps from none, and is tested on data sets
// that it has not seen.
func TestPresenceTrials(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var f fitData
	for place := range 4 {
		for range 1000 {
			steps := random.Float64() < 0.5
			margin := random.NormFloat64() + 1.5
			if steps {
				margin += 3
			}
			f.present = append(f.present, verdict{place, []float64{1, random.NormFloat64(), random.NormFloat64(), margin}, steps})
			f.weight = append(f.weight, 1)
		}
	}
	trials := f.presenceTrials(context.Background(), func(place int) string { return string(rune('a' + place)) }, func(x []float64) []float64 { return x })
	if len(trials) != 5 {
		t.Fatalf("%d trials", len(trials))
	}
	for _, trial := range trials {
		// Two normals a distance of 3 apart: ln of the odds is 3 (margin - 3).
		if w := trial.Weights; math.Abs(float64(w["margin"])-3) > 0.4 || math.Abs(float64(w["base"])+9) > 1.2 || math.Abs(float64(w["odds now"])) > 0.3 {
			t.Errorf("without %q: %v", trial.Left, w)
		}
		// A tail of 1.5 deviations to either side.
		if math.Abs(float64(trial.Missed)-0.067) > 0.03 || math.Abs(float64(trial.False)-0.067) > 0.03 {
			t.Errorf("without %q: %.3f missed, %.3f false", trial.Left, trial.Missed, trial.False)
		}
	}
}

// Whatever a window is believed to be, its odds are a number within bounds.
func TestPresenceOdds(t *testing.T) {
	for p, want := range map[float64]float64{0: -3, 0.01: -3, 0.25: -math.Log(3), 0.5: 0, 0.75: math.Log(3), 1: 3, 1 + 1e-12: 3} {
		if got := presenceOdds(p); !(math.Abs(got-want) < 1e-9) {
			t.Errorf("%v: %v, want %v", p, got, want)
		}
	}
}
