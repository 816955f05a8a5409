package gait_test

import (
	"fmt"
	"time"

	"github.com/tempogate/tempogate/bench/gait"
	"github.com/tempogate/tempogate/classifier"
)

// A whole recording with the truth about it.
func ExampleRecord() {
	r, err := gait.Record(gait.Config{Seed: 1, FixRateHz: 1}, gait.DemoRun())
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(r)
	fmt.Println(r.Truth)
	half := r.Truth.Start() + 30e9
	fmt.Printf("after 30 s: %s at %.0f steps a minute and %.1f m/s\n",
		r.Truth.At(half).Activity, r.Truth.At(half).CadenceSPM, r.Truth.At(half).SpeedMPS)
	// Output:
	// simulated recording: 11000 samples, 110 fixes, simulated pocket at 100 Hz, seed 1, simulated plan: still 6s, run 1m4s at 162 steps a minute, run 40s at 162 to 178 steps a minute
	// simulated truth: 3 spans, 110 s, 286 steps
	// after 30 s: run at 162 steps a minute and 2.7 m/s
}

// A stream in frames of 20 samples, as a client sends them: old phone, 50
// samples a second with jitter, some lost, some late.
func ExampleSimulator() {
	s, err := gait.New(gait.Config{
		Seed: 2, RateHz: 50, JitterS: 0.003, Placement: gait.Hand, FixRateHz: 1,
		Delivery: gait.Delivery{DuplicateShare: 0.01, GapEveryS: 60, SwapShare: 0.02},
	}, gait.Plan{
		{Activity: classifier.Walk, Duration: time.Minute, CadenceSPM: gait.Ramp(100, 120)},
		{Activity: classifier.Transit, Duration: 2 * time.Minute, Vehicle: gait.Tram},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	frames := 0
	samples, fixes := make([]classifier.Sample, 0, 20), make([]classifier.Fix, 0, 4)
	for {
		samples = s.Next(samples[:0], 20)
		fixes = s.Fixes(fixes[:0], s.SensorTime())
		if len(samples) == 0 {
			break
		}
		frames++ // send samples and fixes
	}
	fmt.Println(s)
	fmt.Println(frames > 400)
	// Output:
	// simulated phone: simulated hand at 50 Hz, seed 2, simulated plan: walk 1m0s at 100 to 120 steps a minute, transit by tram 2m0s
	// true
}

// What was true at a moment, and how many steps lay between two.
func ExampleTruth() {
	r, err := gait.Record(gait.Config{ClockStart: 1}, gait.Plan{
		{Activity: classifier.Still, Duration: 5 * time.Second},
		{Activity: classifier.Walk, Duration: 60 * time.Second, CadenceSPM: gait.Steady(110)},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	t := r.Truth
	fmt.Println(t.At(t.Start()).Activity, t.At(t.End()-1).Activity)
	fmt.Println(t.Steps(t.Start(), t.End()), "steps")
	fmt.Printf("%.1f a minute\n", t.StepRate(t.Start()+10e9, t.End()))
	// Output:
	// still walk
	// 110 steps
	// 110.0 a minute
}

// One person walks the same way whatever the phone's rate and orientation;
// only the seed makes somebody else of them.
func ExampleConfig() {
	plan := gait.DemoWalk()
	for _, cfg := range []gait.Config{
		{},
		{RateHz: 25, Orientation: gait.Identity},
		{Seed: 7, Placement: gait.Waist, StrideDominance: 0.9},
	} {
		r, err := gait.Record(cfg, plan)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("%v: %d samples, %d steps\n", r.Config, len(r.Samples), len(r.Truth.Contacts))
	}
	// Output:
	// simulated pocket at 100 Hz, seed 0: 10000 samples, 179 steps
	// simulated pocket at 25 Hz, seed 0: 2500 samples, 179 steps
	// simulated waist at 100 Hz, seed 7: 10000 samples, 179 steps
}
