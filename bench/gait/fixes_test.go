package gait_test

import (
	"math"
	"testing"
	"time"

	"github.com/tempogate/tempogate/bench/gait"
	"github.com/tempogate/tempogate/classifier"
)

func TestFixesHaveTheAskedSpeed(t *testing.T) {
	for _, test := range []struct {
		segment   gait.Segment
		mps       float64
		tolerance float64
	}{
		{gait.Segment{Activity: classifier.Walk, SpeedMPS: gait.Steady(1.4)}, 1.4, 0.01},
		{gait.Segment{Activity: classifier.Run, SpeedMPS: gait.Steady(3)}, 3, 0.01},
		{gait.Segment{Activity: classifier.Run, SpeedMPS: gait.Ramp(2, 4)}, 3.05, 0.01}, // the first 30 s, the slowest, are left out
		// A bicycle's and a car's speeds wander about the asked one.
		{gait.Segment{Activity: classifier.Cycle, SpeedMPS: gait.Steady(5), StopEvery: -1}, 5, 0.25},
		{gait.Segment{Activity: classifier.Transit, SpeedMPS: gait.Steady(14), StopEvery: -1}, 14, 1.5},
	} {
		test.segment.Duration = 10 * time.Minute
		cfg := gait.Config{Seed: 3, RateHz: 1, FixRateHz: 1, FixSpeedNoiseMPS: -1, FixPositionNoiseM: -1}
		r := record(t, cfg, gait.Plan{test.segment})
		if len(r.Fixes) != 600 {
			t.Fatalf("%s: %d fixes in 600 s", test.segment.Activity, len(r.Fixes))
		}
		var speeds, moved []float64
		for i, f := range r.Fixes {
			if state := r.Truth.At(f.SensorTime); math.Abs(state.SpeedMPS-f.SpeedMPS) > 1e-6 {
				t.Fatalf("%s: fix %d says %g m/s, the truth %g", test.segment.Activity, i, f.SpeedMPS, state.SpeedMPS)
			}
			if first := math.IsNaN(f.EastM) && math.IsNaN(f.NorthM); first != (i == 0) {
				t.Fatalf("%s: fix %d moved %g, %g m", test.segment.Activity, i, f.EastM, f.NorthM)
			}
			if i > 30 { // after setting off
				speeds = append(speeds, f.SpeedMPS)
				moved = append(moved, math.Hypot(f.EastM, f.NorthM))
			}
		}
		if got := mean(speeds); math.Abs(got-test.mps) > test.tolerance {
			t.Errorf("%s: mean speed %g m/s, want %g", test.segment.Activity, got, test.mps)
		}
		// Bends make the straight way between two fixes a little shorter.
		if got := mean(moved); got > mean(speeds)*1.001 || got < mean(speeds)*0.97 {
			t.Errorf("%s: %g m a second between fixes at %g m/s", test.segment.Activity, got, mean(speeds))
		}
	}
}

func TestFixErrors(t *testing.T) {
	plan := gait.Plan{{Activity: classifier.Still, Duration: 2000 * time.Second}}
	r := record(t, gait.Config{Seed: 3, RateHz: 1, FixRateHz: 1, FixPositionNoiseM: 4, FixSpeedNoiseMPS: 0.3}, plan)
	var speeds, steps, accuracies []float64
	for _, f := range r.Fixes[1:] {
		speeds = append(speeds, f.SpeedMPS)
		steps = append(steps, f.EastM)
		accuracies = append(accuracies, f.AccuracyM)
	}
	// Half the errors of a standing phone's speed would be negative and are 0.
	if got := quantile(speeds, 0.84134); math.Abs(got-0.3) > 0.04 {
		t.Errorf("speeds of a standing phone reach %g m/s at one deviation, want 0.3", got)
	}
	// Errors of 4 m with a memory of 20 s differ by 4·√(2(1-e^(-1/20))) from second to second.
	if got, want := deviation(steps), 4*math.Sqrt(2*(1-math.Exp(-0.05))); math.Abs(got-want) > 0.1*want {
		t.Errorf("a standing phone jumps by %g m, want %g", got, want)
	}
	if got := quantile(accuracies, 0.5); math.Abs(got-6) > 0.5 {
		t.Errorf("median accuracy %g m, want 6", got)
	}
}

func TestFixLossAndNone(t *testing.T) {
	plan := gait.Plan{{Activity: classifier.Walk, Duration: 4000 * time.Second}}
	r := record(t, gait.Config{Seed: 2, RateHz: 1, FixRateHz: 1, FixLoss: 0.4}, plan)
	if share := 1 - float64(len(r.Fixes))/4000; math.Abs(share-0.4) > 0.1 {
		t.Errorf("%.2f of the fixes are lost, want 0.4", share)
	}
	if r := record(t, gait.Config{RateHz: 1}, plan); r.Fixes != nil {
		t.Errorf("%d fixes that nobody asked for", len(r.Fixes))
	}
}

// Vehicles and bicycles come to a halt where the plan goes on with something
// else, and on the way as often as asked.
func TestHalts(t *testing.T) {
	plan := gait.Plan{
		{Activity: classifier.Transit, Duration: 20 * time.Minute, Vehicle: gait.Bus, StopEvery: time.Minute},
		{Activity: classifier.Walk, Duration: 30 * time.Second},
		{Activity: classifier.Cycle, Duration: 5 * time.Minute, StopEvery: -1},
		{Activity: classifier.Still, Duration: 10 * time.Second},
	}
	for seed := range uint64(5) {
		truth := truth(t, gait.Config{Seed: seed}, plan)
		halts, before := 0, 1.0
		for at := truth.Spans[0].Start; at < truth.Spans[0].End; at += 1e8 {
			now := truth.At(at).SpeedMPS
			if now == 0 && before > 0 {
				halts++
			}
			if math.Abs(now-before) > 0.3 && at > truth.Spans[0].Start {
				t.Fatalf("seed %d: the bus goes from %g to %g m/s in a tenth of a second", seed, before, now)
			}
			before = now
		}
		if halts < 8 || halts > 22 {
			t.Errorf("seed %d: %d halts in 20 min, want one about every minute and a half", seed, halts)
		}
		for _, i := range []int{0, 2} {
			if got := truth.At(truth.Spans[i].End - 1).SpeedMPS; got > 1e-6 {
				t.Errorf("seed %d: the %s ends at %g m/s", seed, truth.Spans[i].Activity, got)
			}
		}
	}
}
