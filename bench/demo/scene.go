package demo

import (
	"fmt"
	"math"
	"os"
	"path/filepath"

	"github.com/tempogate/tempogate/bench/dataset"
	"github.com/tempogate/tempogate/bench/gait"
	"github.com/tempogate/tempogate/classifier"
)

// A scene is one recording with what was true.
type scene struct {
	name    string
	source  string // where it comes from, for people
	samples []classifier.Sample
	fixes   []classifier.Fix

	truth  func(sensorTime int64) classifier.Activity
	steps  []int64 // sensor times at which a foot touched the ground; nil where nobody counted
	moving int64   // sensor time at which movement began
}

// real names the recordings of the shared collection that stand for a walk, a
// run and a ride: counted steps, a run and a bus with location.
var real = []struct{ name, path, source string }{
	{"walk", "oxford/data/Samsung_Carmelo_Hard_NeckPouch_1", "phone in a neck pouch, steps counted at the feet"},
	{"run", "mlqst/run", "run with location"},
	{"ride", "mlqs28/bus-06", "bus with location"},
}

// HasRecordings tells whether a directory holds the recordings that Run shows.
func HasRecordings(dir string) bool {
	for _, r := range real {
		if _, err := os.Stat(filepath.Join(dir, r.path)); err != nil {
			return false
		}
	}
	return true
}

// realScenes reads the recordings of a collection.
func realScenes(dir string) ([]scene, error) {
	var scenes []scene
	for _, r := range real {
		recordings, err := dataset.Read(filepath.Join(dir, r.path), dataset.Options{})
		if err != nil {
			return nil, fmt.Errorf("demo: %w", err)
		}
		activity := map[string]classifier.Activity{"walk": classifier.Walk, "run": classifier.Run, "ride": classifier.Transit}[r.name]
		s := scene{
			name: r.name, source: r.source,
			samples: recordings[0].Samples, fixes: recordings[0].Fixes,
			truth: func(int64) classifier.Activity { return activity },
		}
		for _, step := range recordings[0].Steps {
			s.steps = append(s.steps, step.SensorTime)
		}
		s.moving = onset(s.samples)
		scenes = append(scenes, s)
	}
	return scenes, nil
}

// onset finds when movement begins in a recording that does not say: the first
// second whose magnitude varies by more than 1 m/s².
func onset(samples []classifier.Sample) int64 {
	for from := 0; from < len(samples); {
		var n, sum, squares float64
		to := from
		for ; to < len(samples) && samples[to].SensorTime < samples[from].SensorTime+classifier.HopNS; to++ {
			m := math.Sqrt(samples[to].X*samples[to].X + samples[to].Y*samples[to].Y + samples[to].Z*samples[to].Z)
			n, sum, squares = n+1, sum+m, squares+m*m
		}
		if squares/n-sum/n*sum/n > 1 {
			return samples[from].SensorTime
		}
		from = to
	}
	return samples[0].SensorTime
}

// simulatedScenes records the gait simulator's own walk, run and ride.
func simulatedScenes() ([]scene, error) {
	var scenes []scene
	for i, s := range []struct {
		name, source string
		plan         gait.Plan
		placement    gait.Placement
	}{
		{"walk", "simulated, trouser pocket", gait.DemoWalk(), gait.Pocket},
		{"run", "simulated, armband", gait.DemoRun(), gait.Armband},
		{"ride", "simulated, bus", gait.DemoRide(), gait.Bag},
	} {
		r, err := gait.Record(gait.Config{Seed: uint64(i + 1), Placement: s.placement, FixRateHz: 1}, s.plan)
		if err != nil {
			return nil, fmt.Errorf("demo: %w", err)
		}
		truth := r.Truth
		made := scene{
			name: s.name, source: s.source, samples: r.Samples, fixes: r.Fixes,
			truth:  func(t int64) classifier.Activity { return truth.At(t).Activity },
			moving: truth.Start(),
		}
		for _, contact := range truth.Contacts {
			made.steps = append(made.steps, contact.SensorTime)
		}
		if len(made.steps) > 0 {
			made.moving = made.steps[0]
		}
		scenes = append(scenes, made)
	}
	return scenes, nil
}
