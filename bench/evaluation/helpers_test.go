package evaluation

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/tempogate/tempogate/bench/dataset"
	"github.com/tempogate/tempogate/bench/gait"
	"github.com/tempogate/tempogate/bench/training"
	"github.com/tempogate/tempogate/classifier"
	"github.com/tempogate/tempogate/classifier/model"
)

// A phone is a simulated recording of one activity.
type phone struct {
	activity classifier.Activity
	seconds  int
	rate     float64 // 0 means 40
	fixes    bool
	seed     uint64
}

func simulate(t testing.TB, p phone) dataset.Recording {
	t.Helper()
	config := gait.Config{Seed: p.seed, RateHz: 40, ClockStart: 1}
	if p.rate > 0 {
		config.RateHz = p.rate
	}
	if p.fixes {
		config.FixRateHz = 1
	}
	r, err := gait.Record(config, gait.Plan{{Activity: p.activity, Duration: time.Duration(p.seconds) * time.Second}})
	if err != nil {
		t.Fatal(err)
	}
	recording := dataset.Recording{Name: p.activity.String(), Format: "csv", Samples: r.Samples, Fixes: r.Fixes}
	if len(recording.Fixes) > 0 {
		// The first fix has moved from nowhere.
		recording.Fixes[0].EastM, recording.Fixes[0].NorthM = math.NaN(), math.NaN()
	}
	recording.Labels = []dataset.Label{{
		FromTime: r.Samples[0].SensorTime, ToTime: r.Samples[len(r.Samples)-1].SensorTime + 1, Activity: p.activity,
	}}
	return recording
}

// A collector writes a collection of simulated recordings.
type collector struct {
	t   testing.TB
	dir string
	row bytes.Buffer
}

func newCollector(t testing.TB) *collector {
	c := &collector{t: t, dir: t.TempDir()}
	c.row.WriteString("path,dataset,subject,activity,vehicle,placement,signals\n")
	return c
}

// entry adds a row of the index as it is.
func (c *collector) entry(path, dataset, subject, activity, placement, signals string) {
	fmt.Fprintf(&c.row, "%s,%s,%s,%s,,%s,%s\n", path, dataset, subject, activity, placement, signals)
}

func (c *collector) write(path string, content []byte) {
	c.t.Helper()
	path = filepath.Join(c.dir, path)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		c.t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o644); err != nil {
		c.t.Fatal(err)
	}
}

// simulate adds a recording.
func (c *collector) simulate(path, dataset, subject, placement string, p phone) {
	c.t.Helper()
	r := simulate(c.t, p)
	var text bytes.Buffer
	text.WriteString("t,ax,ay,az\n")
	for _, s := range r.Samples {
		fmt.Fprintf(&text, "%.4f,%.4f,%.4f,%.4f\n", float64(s.SensorTime)*1e-9, s.X, s.Y, s.Z)
	}
	c.write(path+"/acceleration.csv", text.Bytes())
	signals := "acc"
	if p.fixes {
		signals = "acc+gps"
		text.Reset()
		text.WriteString("t,lat,lon,speed,accuracy\n")
		for _, f := range r.Fixes {
			// Only the speed is of use: the place is always the same.
			fmt.Fprintf(&text, "%.4f,60,10,%.3f,4\n", float64(f.SensorTime)*1e-9, f.SpeedMPS)
		}
		c.write(path+"/fixes.csv", text.Bytes())
	}
	c.entry(path, dataset, subject, p.activity.String(), placement, signals)
}

func (c *collector) open() *dataset.Collection {
	c.t.Helper()
	c.write(dataset.IndexName, c.row.Bytes())
	collection, err := dataset.OpenCollection(c.dir)
	if err != nil {
		c.t.Fatal(err)
	}
	return collection
}

// small is a collection of two data sets with two people each, who stand, walk
// and ride; half of it with fixes.
func small(t testing.TB) *collector {
	c := newCollector(t)
	for i, who := range []struct{ dataset, subject, placement string }{
		{"left", "anna", "pocket"}, {"left", "ben", "bag"}, {"right", "cleo", "pocket"}, {"right", "dan", "bag"},
	} {
		for _, a := range []classifier.Activity{still, walk, transit} {
			c.simulate(fmt.Sprintf("%s/%s-%v", who.dataset, who.subject, a), who.dataset, who.subject, who.placement,
				phone{activity: a, seconds: 40, seed: uint64(i + 1), fixes: who.dataset == "left"})
		}
	}
	return c
}

// quick are options with which a model is trained in no time, and of little
// use.
func quick() *training.Options {
	o := training.Defaults()
	o.Forest.Trees, o.Forest.Leaves = 6, 20
	return &o
}

// builtIn stands in for training where the model does not matter.
func builtIn(context.Context, []training.Example, training.Options, func(int, int)) (*model.Model, error) {
	return model.Default(), nil
}

// evaluate runs with few rounds.
func evaluate(t testing.TB, collection *dataset.Collection, c ActivityConfig) *ActivityReport {
	t.Helper()
	if c.Rounds == 0 {
		c.Rounds = 20
	}
	report, err := RunActivity(context.Background(), collection, c)
	if err != nil {
		t.Fatal(err)
	}
	return report
}
