package gait

import (
	"time"

	"github.com/tempogate/tempogate/classifier"
)

// DemoWalk is a walk of 100 s: six seconds of standing still, a minute at a
// steady 112 steps a minute, then slowly up to 124.
func DemoWalk() Plan {
	return Plan{
		{Activity: classifier.Still, Duration: 6 * time.Second},
		{Activity: classifier.Walk, Duration: 60 * time.Second, CadenceSPM: Steady(112)},
		{Activity: classifier.Walk, Duration: 34 * time.Second, CadenceSPM: Ramp(112, 124)},
	}
}

// DemoRun is a run of 110 s: six seconds of standing still, a minute at a
// steady 162 steps a minute, then faster up to 178.
func DemoRun() Plan {
	return Plan{
		{Activity: classifier.Still, Duration: 6 * time.Second},
		{Activity: classifier.Run, Duration: 64 * time.Second, CadenceSPM: Steady(162), SpeedMPS: Steady(2.7)},
		{Activity: classifier.Run, Duration: 40 * time.Second, CadenceSPM: Ramp(162, 178), SpeedMPS: Ramp(2.7, 3.4)},
	}
}

// DemoRide is a bus ride of 120 s in town, with halts where chance has them.
func DemoRide() Plan {
	return Plan{
		{Activity: classifier.Transit, Duration: 120 * time.Second, Vehicle: Bus, SpeedMPS: Steady(11), StopEvery: 70 * time.Second},
	}
}

// DemoCycle is a bicycle ride of 120 s at 68 turns of the pedals a minute.
func DemoCycle() Plan {
	return Plan{
		{Activity: classifier.Cycle, Duration: 120 * time.Second, PedalRPM: Steady(68), SpeedMPS: Steady(5)},
	}
}
