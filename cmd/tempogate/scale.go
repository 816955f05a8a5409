package main

import (
	"errors"
	"time"

	"github.com/tempogate/tempogate/bench/scale"
)

type scaleCommand struct {
	Users []float64 `default:"1000000,75000000" help:"How many users there are. Repeatable."`
	Seed  uint64    `default:"1" help:"Of everything that chance decides."`

	CPUPerFrame    time.Duration `name:"cpu-per-frame" placeholder:"DURATION" help:"Processor time of a node for a frame; tempogate fleet carry measures it."`
	SessionMemory  float64       `placeholder:"BYTES" help:"Memory of a session; make bench-ingest measures it."`
	PersonMemory   float64       `placeholder:"BYTES" help:"Memory of somebody in the ledger; make bench-consent measures it (grant_bytes)."`
	Load           time.Duration `name:"load-100k" placeholder:"DURATION" help:"Start of a node with 100 000 people in the ledger; make bench-consent measures it (load_100k_nats_s)."`
	Commit         time.Duration `placeholder:"DURATION" help:"Time that a change of consent takes in the cluster: 1/grants_per_second of tempogate fleet restart."`
	RunsPerDay     float64       `placeholder:"N" help:"Runs of a user a day."`
	Length         time.Duration `placeholder:"DURATION" help:"Length of a run, on average."`
	ChangesPerYear float64       `placeholder:"N" help:"Changes of a user's consent a year."`
	Cores          int           `placeholder:"N" help:"Cores of a node."`
	Memory         float64       `placeholder:"BYTES" help:"Memory of a node."`
	PriceHour      float64       `placeholder:"N" help:"Price of a node or server for an hour, in any currency."`
}

// Validate checks the flags.
func (c *scaleCommand) Validate() error {
	for _, users := range c.Users {
		if !(users >= 1) {
			return errors.New("--users must be at least 1")
		}
	}
	if c.CPUPerFrame < 0 || c.SessionMemory < 0 || c.PersonMemory < 0 || c.Commit < 0 || c.Load < 0 || c.RunsPerDay < 0 || c.Length < 0 ||
		c.ChangesPerYear < 0 || c.Cores < 0 || c.Memory < 0 || c.PriceHour < 0 {
		return errors.New("costs and habits must be above 0")
	}
	return nil
}

// Run prints what so many users need, and whether the formulas hold.
func (c *scaleCommand) Run(app *appContext) error {
	config := scale.Config{
		Costs:   scale.Costs{CPUPerFrame: c.CPUPerFrame, MemoryPerSession: c.SessionMemory, MemoryPerPerson: c.PersonMemory, LoadPerPerson: c.Load / 100_000, Commit: c.Commit},
		Habits:  scale.Habits{RunsPerDay: c.RunsPerDay, Length: c.Length, ChangesPerYear: c.ChangesPerYear},
		Machine: scale.Machine{Cores: c.Cores, Memory: c.Memory, PriceHour: c.PriceHour},
	}
	out := config.Append(nil, c.Users, c.Seed, func(users float64) { app.log.Info("simulating a day", "users", users) })
	_, err := app.stdout.Write(out)
	return err
}
