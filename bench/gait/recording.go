package gait

import (
	"fmt"
	"math"

	"github.com/tempogate/tempogate/classifier"
)

// A Recording is a whole simulated recording with the truth about it.
type Recording struct {
	Config  Config
	Plan    Plan
	Samples []classifier.Sample // in the order of arrival, see Delivery
	Fixes   []classifier.Fix
	Truth   *Truth
}

// Record simulates a whole plan. The slices belong to the caller.
func Record(cfg Config, plan Plan) (*Recording, error) {
	s, err := New(cfg, plan)
	if err != nil {
		return nil, err
	}
	r := &Recording{Config: cfg, Plan: plan, Truth: s.Truth()}
	seconds := plan.Duration().Seconds()
	r.Samples = make([]classifier.Sample, 0, int(seconds*usual(cfg.RateHz, usualRateHz)*(1+cfg.Delivery.DuplicateShare))+1)
	r.Samples = s.Next(r.Samples, math.MaxInt)
	r.Fixes = s.Fixes(nil, r.Truth.End())
	return r, nil
}

// String says what was simulated.
func (r *Recording) String() string {
	return fmt.Sprintf("simulated recording: %d samples, %d fixes, %v, %v", len(r.Samples), len(r.Fixes), r.Config, r.Plan)
}
