package gait_test

import (
	"math"
	"testing"
	"time"

	"gonum.org/v1/gonum/dsp/fourier"

	"github.com/tempogate/tempogate/bench/gait"
	"github.com/tempogate/tempogate/classifier"
)

// The steps are those of the plan's cadence, whatever their irregularity.
func TestStepCount(t *testing.T) {
	for _, test := range []struct {
		name  string
		plan  gait.Plan
		steps int
	}{
		{"steady walk", gait.Plan{{Activity: classifier.Walk, Duration: time.Minute, CadenceSPM: gait.Steady(112)}}, 112},
		{"steady run", gait.Plan{{Activity: classifier.Run, Duration: 30 * time.Second, CadenceSPM: gait.Steady(170)}}, 85},
		{"ramp", gait.Plan{{Activity: classifier.Walk, Duration: 2 * time.Minute, CadenceSPM: gait.Ramp(90, 130)}}, 220},
		// The phase runs on from walking to running: 100 + 82.5 steps.
		{"walk into run", gait.Plan{
			{Activity: classifier.Walk, Duration: time.Minute, CadenceSPM: gait.Steady(100)},
			{Activity: classifier.Run, Duration: 30 * time.Second, CadenceSPM: gait.Steady(165)},
		}, 183},
		// After a halt the first foot lands half a step later: 50 + 50, not 100.
		{"halt between", gait.Plan{
			{Activity: classifier.Walk, Duration: 30 * time.Second, CadenceSPM: gait.Steady(100)},
			{Activity: classifier.Still, Duration: 7 * time.Second},
			{Activity: classifier.Walk, Duration: 30 * time.Second, CadenceSPM: gait.Steady(100)},
		}, 100},
		{"no steps", gait.Plan{{Activity: classifier.Cycle, Duration: time.Minute}, {Activity: classifier.Transit, Duration: time.Minute}}, 0},
	} {
		for seed := range uint64(20) {
			for _, variation := range []float64{-1, 0, 0.1} {
				truth := truth(t, gait.Config{Seed: seed, StepVariation: variation}, test.plan)
				if got := len(truth.Contacts); got != test.steps {
					t.Errorf("%s, seed %d, variation %g: %d steps, want %d", test.name, seed, variation, got, test.steps)
				}
				if got := truth.Steps(truth.Start(), truth.End()); got != test.steps {
					t.Errorf("%s, seed %d: Steps says %d, want %d", test.name, seed, got, test.steps)
				}
			}
		}
	}
}

func TestContactsAlternateAndVary(t *testing.T) {
	plan := gait.Plan{{Activity: classifier.Walk, Duration: 10 * time.Minute, CadenceSPM: gait.Steady(110)}}
	for _, test := range []struct{ set, want float64 }{{-1, 0}, {0, 0.02}, {0.05, 0.05}} {
		truth := truth(t, gait.Config{Seed: 6, StepVariation: test.set}, plan)
		var intervals []float64
		for i, c := range truth.Contacts[1:] {
			if c.Side == truth.Contacts[i].Side {
				t.Fatalf("contact %d is the same foot twice", i+1)
			}
			intervals = append(intervals, float64(c.SensorTime-truth.Contacts[i].SensorTime)/1e9)
		}
		if got := deviation(intervals) / mean(intervals); math.Abs(got-test.want) > 0.1*test.want+1e-6 {
			t.Errorf("variation %g: step times vary by %g, want %g", test.set, got, test.want)
		}
		if rate := truth.StepRate(truth.Start(), truth.End()); math.Abs(rate-110) > 0.1 {
			t.Errorf("variation %g: the steps make %g a minute, want 110", test.set, rate)
		}
	}
}

// The cadence can be read from the samples: the strongest vertical frequency
// of a phone at the waist is the step rate, to within a spectral line.
func TestCadenceIsInTheSamples(t *testing.T) {
	for _, test := range []struct {
		activity classifier.Activity
		spm      float64
	}{
		{classifier.Walk, 80}, {classifier.Walk, 100}, {classifier.Walk, 120}, {classifier.Walk, 135},
		{classifier.Run, 140}, {classifier.Run, 160}, {classifier.Run, 180}, {classifier.Run, 200},
	} {
		plan := gait.Plan{{Activity: test.activity, Duration: 25 * time.Second, CadenceSPM: gait.Steady(test.spm)}}
		for seed := range uint64(5) {
			r := record(t, gait.Config{Seed: seed, Placement: gait.Waist, RateHz: windowRate}, plan)
			if got := strongest(r.Samples[250:250+windowLength]) * 60; math.Abs(got-test.spm) > 60*windowRate/windowLength {
				t.Errorf("%s, seed %d: the strongest frequency makes %.1f steps a minute, want %g", test.activity, seed, got, test.spm)
			}
		}
	}
}

// With a dominant stride the strongest frequency is half the step rate: the
// case in which a tempo estimate is tempted to jump by an octave.
func TestStrideDominance(t *testing.T) {
	for _, test := range []struct{ dominance, want float64 }{{-1, 110}, {0.9, 55}, {1, 55}} {
		cfg := gait.Config{Seed: 1, Placement: gait.Waist, RateHz: windowRate, StrideDominance: test.dominance}
		plan := gait.Plan{{Activity: classifier.Walk, Duration: 25 * time.Second, CadenceSPM: gait.Steady(110)}}
		r := record(t, cfg, plan)
		if got := strongest(r.Samples[250:250+windowLength]) * 60; math.Abs(got-test.want) > 60*windowRate/windowLength {
			t.Errorf("dominance %g: the strongest frequency makes %.1f a minute, want %g", test.dominance, got, test.want)
		}
		if state := r.Truth.At(r.Truth.Start() + 10e9); state.CadenceSPM != 110 {
			t.Errorf("dominance %g: the true cadence is %g, want 110", test.dominance, state.CadenceSPM)
		}
	}
}

// Strongest is the frequency of the most vertical power above 0.5 Hz.
func strongest(samples []classifier.Sample) float64 {
	x, y, z := make([]float64, len(samples)), make([]float64, len(samples)), make([]float64, len(samples))
	for i, s := range samples {
		x[i], y[i], z[i] = s.X, s.Y, s.Z
	}
	_, spectrum := windowTraits(fourier.NewFFT(len(samples)), x, y, z, 0, 0)
	best, at := 0.0, 0
	for i, p := range spectrum {
		if float64(i)*windowRate/windowLength > 0.5 && p > best {
			best, at = p, i
		}
	}
	return float64(at) * windowRate / windowLength
}

// A runner flies: for part of each step the trunk feels next to nothing. A
// walker never does.
func TestRunnersFly(t *testing.T) {
	lowest := func(plan gait.Plan) float64 {
		r := record(t, gait.Config{Seed: 2, Placement: gait.Waist}, plan)
		var m []float64
		for _, s := range r.Samples[1000:] {
			m = append(m, magnitude(s))
		}
		return quantile(m, 0.1)
	}
	if got := lowest(gait.DemoRun()); got > 3.5 {
		t.Errorf("a runner's magnitude is above %.1f m/s² nine tenths of the time, want flight", got)
	}
	if got := lowest(gait.DemoWalk()); got < 4 {
		t.Errorf("a walker's magnitude is below %.1f m/s² a tenth of the time, want no flight", got)
	}
}

func TestTruthAt(t *testing.T) {
	r := record(t, gait.Config{Seed: 8, RateHz: 10, ClockStart: 1}, oneOfEach())
	at := func(seconds float64) gait.State { return r.Truth.At(1 + int64(seconds*1e9)) }
	for _, test := range []struct {
		seconds  float64
		activity classifier.Activity
		vehicle  gait.Vehicle
		cadence  float64 // NaN for none, 0 for any
	}{
		{-0.1, classifier.Unknown, 0, math.NaN()},
		{0, classifier.Still, 0, math.NaN()},
		{4.999, classifier.Still, 0, math.NaN()},
		{5, classifier.Walk, 0, 95},
		{15, classifier.Walk, 0, 107.5},
		{30, classifier.Run, 0, 0},
		{60, classifier.Cycle, 0, math.NaN()},
		{120, classifier.Transit, gait.Car, math.NaN()},
		{360, classifier.Transit, gait.Train, math.NaN()},
		{417, classifier.Still, 0, math.NaN()},
		{1e5, classifier.Unknown, 0, math.NaN()},
	} {
		s := at(test.seconds)
		if s.Activity != test.activity || s.Vehicle != test.vehicle ||
			(test.cadence > 0 && math.Abs(s.CadenceSPM-test.cadence) > 1e-6) ||
			(math.IsNaN(test.cadence) != math.IsNaN(s.CadenceSPM)) {
			t.Errorf("%g s: %+v, want %s %s %g", test.seconds, s, test.activity, test.vehicle, test.cadence)
		}
	}
	if s := at(60); !(s.PedalRPM > 40 && s.PedalRPM < 120) || s.SpeedMPS < 3 {
		t.Errorf("cycling: %+v, want turning pedals", s)
	}
	if last := at(417); last.SpeedMPS != 0 {
		t.Errorf("standing at %g m/s", last.SpeedMPS)
	}
}

// What was left open in the plan is in the truth.
func TestTruthFillsIn(t *testing.T) {
	r := record(t, gait.Config{RateHz: 1}, gait.Plan{
		{Activity: classifier.Walk, Duration: time.Minute},
		{Activity: classifier.Walk, Duration: time.Minute, SpeedMPS: gait.Ramp(0.8, 1.9)},
		{Activity: classifier.Run, Duration: time.Minute, CadenceSPM: gait.Steady(170)},
		{Activity: classifier.Cycle, Duration: time.Minute},
		{Activity: classifier.Transit, Duration: time.Minute},
	})
	for i, bounds := range [][4]float64{ // cadence, speed
		{90, 125, 1.3, 1.4}, {70, 150, 0.8, 1.9}, {170, 170, 3.5, 3.6}, {0, 0, 4, 6}, {0, 0, 10, 15},
	} {
		span := r.Truth.Spans[i]
		for _, v := range []float64{span.CadenceSPM.From, span.CadenceSPM.To} {
			if v < bounds[0] || v > bounds[1] {
				t.Errorf("span %d: cadence %s, want %g to %g", i, span.CadenceSPM, bounds[0], bounds[1])
			}
		}
		for _, v := range []float64{span.SpeedMPS.From, span.SpeedMPS.To} {
			if v < bounds[2] || v > bounds[3] {
				t.Errorf("span %d: speed %s, want %g to %g", i, span.SpeedMPS, bounds[2], bounds[3])
			}
		}
	}
	if r.Truth.Spans[4].Vehicle != gait.Car {
		t.Errorf("any vehicle is %s, want a car", r.Truth.Spans[4].Vehicle)
	}
}

// The demo's plans stand still first, then move at once, so that the time to
// the first tempo can be measured.
func TestDemoPlans(t *testing.T) {
	for _, test := range []struct {
		plan     gait.Plan
		activity classifier.Activity
	}{{gait.DemoWalk(), classifier.Walk}, {gait.DemoRun(), classifier.Run}, {gait.DemoRide(), classifier.Transit}, {gait.DemoCycle(), classifier.Cycle}} {
		r := record(t, gait.Config{}, test.plan)
		if d := test.plan.Duration(); d < 90*time.Second || d > 120*time.Second {
			t.Errorf("%v lasts %v, want 90 to 120 s", test.plan, d)
		}
		last := r.Truth.At(r.Truth.End() - 1)
		if last.Activity != test.activity {
			t.Errorf("%v ends with %s", test.plan, last.Activity)
		}
		if test.activity != classifier.Walk && test.activity != classifier.Run {
			continue
		}
		setOff := r.Truth.Spans[1].Start
		if long := float64(setOff-r.Truth.Start()) / 1e9; long < 3 || long > 10 {
			t.Errorf("%v stands for %g s first, want a few", test.plan, long)
		}
		if wait := float64(r.Truth.Contacts[0].SensorTime-setOff) / 1e9; wait < 0 || wait > 0.5 {
			t.Errorf("%v: the first foot lands %g s after setting off", test.plan, wait)
		}
	}
}
