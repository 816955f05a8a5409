package main

import (
	"bufio"
	"errors"
	"fmt"
	"time"

	"github.com/tempogate/tempogate/bench/gait"
)

type simulateCommand struct {
	Activity string        `arg:"" enum:"walk,run,cycle,ride" help:"What is simulated: ${enum}."`
	Seconds  int           `default:"110" help:"How much of it, from its beginning."`
	Seed     uint64        `default:"1" help:"Of everything that chance decides. Same seed, same bytes."`
	Rate     float64       `default:"100" help:"Readings a second."`
	Jitter   time.Duration `default:"1ms" help:"Deviation of the moments at which the sensor is read."`
}

// Validate checks the flags.
func (c *simulateCommand) Validate() error {
	if c.Seconds <= 0 {
		return errors.New("--seconds must be above 0")
	}
	return nil
}

// Run prints a simulated recording in the generic CSV form.
func (c *simulateCommand) Run(app *appContext) error {
	plan := map[string]func() gait.Plan{
		"walk": gait.DemoWalk, "run": gait.DemoRun, "cycle": gait.DemoCycle, "ride": gait.DemoRide,
	}[c.Activity]()
	plan[len(plan)-1].Duration += time.Duration(c.Seconds)*time.Second - min(plan.Duration(), time.Duration(c.Seconds)*time.Second)
	recording, err := gait.Record(gait.Config{Seed: c.Seed, RateHz: c.Rate, JitterS: c.Jitter.Seconds()}, plan)
	if err != nil {
		return err
	}
	app.log.Info("simulated, not measured", "activity", c.Activity, "seed", c.Seed)
	out := bufio.NewWriter(app.stdout)
	fmt.Fprintln(out, "t,ax,ay,az")
	for _, s := range recording.Samples {
		t := float64(s.SensorTime-recording.Samples[0].SensorTime) * 1e-9
		if t >= float64(c.Seconds) {
			break
		}
		fmt.Fprintf(out, "%.4f,%.5f,%.5f,%.5f\n", t, s.X, s.Y, s.Z)
	}
	return out.Flush()
}
