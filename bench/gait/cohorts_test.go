package gait_test

import (
	"math"
	"time"

	"github.com/tempogate/tempogate/bench/gait"
	"github.com/tempogate/tempogate/classifier"
)

// A cohort is a group of real recordings and the simulated ones that stand
// for the same: the same activity, the phone in the same place, the same
// range of speeds, read at the same rate.
type cohort struct {
	name     string
	activity classifier.Activity
	placed   []string // placements of the index, nil for any
	how      []string // vehicles or manners of the index, nil for any
	simulate func(seed uint64) (gait.Config, gait.Plan)
}

// Slower sources say nothing about the band up to 5 Hz.
const slowestSourceHz = 14

// Spread returns the seed's place in a range: evenly spread over the seeds.
func spread(seed uint64, low, high float64) float64 {
	return low + (high-low)*math.Mod(float64(seed)*math.Phi, 1)
}

// Walkers takes cadences as the real group has them.
func walkers(placement gait.Placement, lowSPM, highSPM float64) func(uint64) (gait.Config, gait.Plan) {
	return func(seed uint64) (gait.Config, gait.Plan) {
		return gait.Config{Seed: seed, Placement: placement}, gait.Plan{{
			Activity: classifier.Walk, Duration: time.Minute,
			CadenceSPM: gait.Steady(spread(seed, lowSPM, highSPM)),
		}}
	}
}

// Runners takes cadence and speed apart: runners of one speed differ in
// cadence as they differ in build. The speeds are guesses, as the recordings
// say slow and fast only.
func runners(cfg gait.Config, lowSPM, highSPM, lowMPS, highMPS float64) func(uint64) (gait.Config, gait.Plan) {
	return func(seed uint64) (gait.Config, gait.Plan) {
		cfg.Seed = seed
		return cfg, gait.Plan{{
			Activity: classifier.Run, Duration: time.Minute,
			CadenceSPM: gait.Steady(spread(seed, lowSPM, highSPM)),
			SpeedMPS:   gait.Steady(spread(seed+17, lowMPS, highMPS)),
		}}
	}
}

func riders(vehicles ...gait.Vehicle) func(uint64) (gait.Config, gait.Plan) {
	return func(seed uint64) (gait.Config, gait.Plan) {
		placement := []gait.Placement{gait.Pocket, gait.Pocket, gait.Hand, gait.Mount, gait.Bag}[seed%5]
		return gait.Config{Seed: seed, Placement: placement}, gait.Plan{{
			Activity: classifier.Transit, Duration: 5 * time.Minute, Vehicle: vehicles[seed%uint64(len(vehicles))],
		}}
	}
}

var pockets = []string{"pocket", "frontpocket", "backpocket"}

var cohorts = []cohort{
	{name: "walk slowly, waist", activity: classifier.Walk, placed: []string{"waist"}, how: []string{"slow"}, simulate: walkers(gait.Waist, 84, 112)},
	{name: "walk fast, waist", activity: classifier.Walk, placed: []string{"waist"}, how: []string{"fast"}, simulate: walkers(gait.Waist, 106, 133)},
	{name: "walk, pocket", activity: classifier.Walk, placed: pockets, simulate: walkers(gait.Pocket, 102, 122)},
	{name: "walk, hand", activity: classifier.Walk, placed: []string{"inhand"}, simulate: walkers(gait.Hand, 90, 122)},
	{name: "walk, armband", activity: classifier.Walk, placed: []string{"armband"}, simulate: walkers(gait.Armband, 108, 118)},
	{name: "walk, bag", activity: classifier.Walk, placed: []string{"purse"}, simulate: walkers(gait.Bag, 116, 123)},
	{name: "walk, chest", activity: classifier.Walk, placed: []string{"neckpouch"}, simulate: walkers(gait.Mount, 112, 122)},
	{name: "run slowly, waist", activity: classifier.Run, placed: []string{"waist"}, how: []string{"slow"},
		simulate: runners(gait.Config{Placement: gait.Waist}, 146, 171, 1.9, 2.7)},
	{name: "run fast, waist", activity: classifier.Run, placed: []string{"waist"}, how: []string{"fast"},
		simulate: runners(gait.Config{Placement: gait.Waist}, 153, 182, 2.5, 3.8)},
	// WISDM's phones read up to 2 g, 20 times a second.
	{name: "run, pocket, 2 g phone", activity: classifier.Run, placed: pockets,
		simulate: runners(gait.Config{Placement: gait.Pocket, RateHz: 20, RangeMPS2: 19.6}, 152, 170, 1.9, 3)},
	{name: "run, unknown place", activity: classifier.Run, placed: []string{""},
		simulate: runners(gait.Config{Placement: gait.Pocket}, 150, 172, 2.3, 3.8)},
	{name: "still", activity: classifier.Still, simulate: func(seed uint64) (gait.Config, gait.Plan) {
		placement := []gait.Placement{gait.Pocket, gait.Pocket, gait.Hand, gait.Mount}[seed%4]
		return gait.Config{Seed: seed, Placement: placement, RateHz: 25}, gait.Plan{{Activity: classifier.Still, Duration: 100 * time.Second}}
	}},
	{name: "cycle", activity: classifier.Cycle, simulate: func(seed uint64) (gait.Config, gait.Plan) {
		return gait.Config{Seed: seed}, gait.Plan{{Activity: classifier.Cycle, Duration: 3 * time.Minute}}
	}},
	{name: "car", activity: classifier.Transit, how: []string{"car"}, simulate: riders(gait.Car)},
	{name: "bus", activity: classifier.Transit, how: []string{"bus"}, simulate: riders(gait.Bus)},
	{name: "metro and tram", activity: classifier.Transit, how: []string{"metro", "tram"}, simulate: riders(gait.Metro, gait.Tram)},
	{name: "train", activity: classifier.Transit, how: []string{"train"}, simulate: riders(gait.Train)},
}

// Steps returns where to look for the step rate, in Hz; 0, 0 for nowhere.
func (c *cohort) steps() (lowHz, highHz float64) {
	switch c.activity {
	case classifier.Walk:
		return 1.3, 2.4
	case classifier.Run:
		return 2.2, 3.4
	}
	return 0, 0
}
