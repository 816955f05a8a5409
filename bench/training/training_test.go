package training

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/tempogate/tempogate/bench/dataset"
	"github.com/tempogate/tempogate/bench/gait"
	"github.com/tempogate/tempogate/classifier"
	"github.com/tempogate/tempogate/classifier/feature"
	"github.com/tempogate/tempogate/classifier/model"
	"github.com/tempogate/tempogate/classifier/signal"
)

// simulated writes a small collection of simulated recordings and opens it.
func simulated(t testing.TB) *dataset.Collection {
	t.Helper()
	dir := t.TempDir()
	index := "path,dataset,subject,activity,vehicle,placement,format,signals,steps\n"
	for i, plan := range []gait.Segment{
		{Activity: classifier.Still, Duration: 60 * time.Second},
		{Activity: classifier.Walk, Duration: 60 * time.Second, CadenceSPM: gait.Steady(110)},
		{Activity: classifier.Run, Duration: 60 * time.Second, CadenceSPM: gait.Steady(165)},
		{Activity: classifier.Cycle, Duration: 60 * time.Second, PedalRPM: gait.Steady(70)},
		{Activity: classifier.Transit, Duration: 60 * time.Second, Vehicle: gait.Bus},
	} {
		for person := range 2 {
			r, err := gait.Record(gait.Config{Seed: uint64(10*i + person), FixRateHz: 1}, gait.Plan{plan})
			if err != nil {
				t.Fatal(err)
			}
			name := fmt.Sprintf("%s-%d", plan.Activity, person)
			text := []byte("t,ax,ay,az\n")
			for _, s := range r.Samples {
				text = fmt.Appendf(text, "%.4f,%.4f,%.4f,%.4f\n", float64(s.SensorTime-r.Samples[0].SensorTime)*1e-9, s.X, s.Y, s.Z)
			}
			if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, name, "acceleration.csv"), text, 0o644); err != nil {
				t.Fatal(err)
			}
			index += fmt.Sprintf("%s,simulated,p%d,%s,,pocket,csv,acc,\n", name, person, plan.Activity)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, dataset.IndexName), []byte(index), 0o644); err != nil {
		t.Fatal(err)
	}
	c, err := dataset.OpenCollection(dir)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func quick() Options {
	return Options{Forest: ForestOptions{Trees: 10, Leaves: 20, Features: 8, Least: 3, Windows: 0.7, Seed: 1}, Most: 300}
}

func TestSameCollectionAndSeedSameBytes(t *testing.T) {
	c := simulated(t)
	train := func(seed uint64, processors int) []byte {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(processors))
		o := quick()
		o.Forest.Seed = seed
		m, err := Train(context.Background(), c, o, nil)
		if err != nil {
			t.Fatal(err)
		}
		return m.Append(nil)
	}
	one := train(1, 1)
	if !bytes.Equal(one, train(1, 2)) {
		t.Error("the number of processors changed the model")
	}
	if bytes.Equal(one, train(2, 2)) {
		t.Error("the seed changed nothing")
	}
}

// What is trained knows what it was trained on.
func TestTrainedModelKnowsItsCollection(t *testing.T) {
	c := simulated(t)
	m, err := Train(context.Background(), c, quick(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if m, err = model.Parse(m.Append(nil)); err != nil {
		t.Fatal(err)
	}
	for _, entry := range c.Entries {
		recordings, err := c.Read(entry)
		if err != nil {
			t.Fatal(err)
		}
		estimates, err := classifier.NewStream(classifier.Config{Model: m}).Push(nil, classifier.NewWorkspace(), recordings[0].Samples, nil)
		if err != nil {
			t.Fatal(err)
		}
		right := 0
		for _, e := range estimates[6:] {
			if e.Activity.String() == entry.Activity {
				right++
			}
		}
		if share := float64(right) / float64(len(estimates)-6); share < 0.9 {
			t.Errorf("%s: %.0f %% right", entry.Path, 100*share)
		}
	}
}

func TestCancelledTraining(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Train(ctx, simulated(t), quick(), nil); err == nil {
		t.Error("it went on")
	}
}

func TestWhatMayNotBeTrainedOn(t *testing.T) {
	entries := []dataset.Entry{
		{Path: "a", Dataset: "geolife", Signals: "acc"},
		{Path: "b", Dataset: "mine", Signals: "gps"},
		{Path: "c", Dataset: "mine", Signals: "acc+gps"},
		{Path: "d", Dataset: "mine"},
	}
	got := Trainable(entries)
	if len(got) != 2 || got[0].Path != "c" || got[1].Path != "d" {
		t.Errorf("%v", got)
	}
	if _, err := Train(context.Background(), &dataset.Collection{Entries: entries[:2]}, quick(), nil); err == nil {
		t.Error("trained on nothing")
	}
}

func TestLabelsThatAreNotBelieved(t *testing.T) {
	level := func(deviation float64) *feature.Motion {
		m := &feature.Motion{}
		m.Features[2] = math.Log(deviation*deviation + feature.FloorMPS2*feature.FloorMPS2)
		return m
	}
	tests := []struct {
		label     classifier.Activity
		deviation float64 // of the magnitude, m/s²
		want      bool
	}{
		{classifier.Walk, 2.5, true},
		{classifier.Walk, 0.2, false}, // waiting at a light
		{classifier.Run, 8, true},
		{classifier.Run, 1.5, false}, // catching breath
		{classifier.Cycle, 0.8, true},
		{classifier.Cycle, 0.05, false},
		{classifier.Still, 0, true},
		{classifier.Transit, 0, true}, // a train at a platform is still a ride
		{classifier.Unknown, 2, false},
	}
	for _, test := range tests {
		if got := trusted(test.label, level(test.deviation)); got != test.want {
			t.Errorf("%v at %v m/s²: %v", test.label, test.deviation, got)
		}
	}
	wrist := dataset.Recording{Labels: []dataset.Label{{Activity: classifier.Walk, Detail: "A"}, {Activity: classifier.Still, Detail: "R"}}}
	Distrust(dataset.Entry{Dataset: "wisdm", Subject: "1638"}, &wrist)
	if len(wrist.Labels) != 1 || wrist.Labels[0].Detail != "A" {
		t.Errorf("of the wrist: %v", wrist.Labels)
	}
}

func TestThinAndBalance(t *testing.T) {
	var examples []Example
	add := func(group string, class, n int) {
		for range n {
			examples = append(examples, Example{Group: group, Class: class})
		}
	}
	add("large", 0, 900)
	add("small", 0, 100)
	add("small", 1, 25)
	kept := thin(examples, 400)
	if len(kept) != 400+100+25 {
		t.Errorf("%d kept", len(kept))
	}
	weights := balance(examples)
	var class [2]float64
	for i, w := range weights {
		class[examples[i].Class] += w
	}
	if math.Abs(class[0]-class[1]) > 1e-9 {
		t.Errorf("classes weigh %v and %v", class[0], class[1])
	}
	// Nine times as many windows weigh three times as much.
	if ratio := 900 * weights[0] / (100 * weights[900]); math.Abs(ratio-3) > 1e-9 {
		t.Errorf("the large data set weighs %v times the small one", ratio)
	}
}

func TestVariants(t *testing.T) {
	samples := make([]classifier.Sample, 1000) // 100 Hz
	for i := range samples {
		samples[i] = classifier.Sample{SensorTime: int64(i) * 10_000_000, Z: 9.81}
	}
	random := rand.New(rand.NewPCG(1, 1))
	thinned := variant{thinTo: [2]float64{20, 20}}.apply(samples, random)
	if len(thinned) != 200 || thinned[1].SensorTime != 50_000_000 {
		t.Errorf("thinned from 100 to 20 Hz: %d of 1000", len(thinned))
	}
	if got := (variant{least: 200}).apply(samples, random); got != nil {
		t.Error("a slow source was used for a variant of fast ones")
	}
	noisy := variant{noise: 0.1}.apply(samples, random)
	if noisy[5].Z == 9.81 || samples[5].Z != 9.81 {
		t.Error("noise did not reach the copy, or reached the original")
	}
}

// A handled phone measures the same gravity, the same number of times, and
// ends in another pose.
func TestHandledPhone(t *testing.T) {
	samples := make([]classifier.Sample, 6000) // a minute at rest
	for i := range samples {
		samples[i] = classifier.Sample{SensorTime: int64(i) * 10_000_000, Z: 9.81}
	}
	handled := handle(samples, rand.New(rand.NewPCG(3, 3)))
	quiet, turned := 0, false
	for i, s := range handled {
		if s.SensorTime != samples[i].SensorTime {
			t.Fatal("the times changed")
		}
		if math.Abs(math.Sqrt(s.X*s.X+s.Y*s.Y+s.Z*s.Z)-9.81) < 1e-6 {
			quiet++
		}
		turned = turned || s.Z < 8
	}
	if !turned {
		t.Error("it was never turned")
	}
	// At most 2.5 s in 10.
	if quiet < len(handled)*3/4 || quiet == len(handled) {
		t.Errorf("nothing was done to it in %d of %d readings", quiet, len(handled))
	}
	if samples[5999].Z != 9.81 {
		t.Error("the recording itself was changed")
	}
}

// The table of speeds speaks for what it should.
func TestSpeedsWithoutRecordings(t *testing.T) {
	edges, table := speeds(nil)
	likeliest := func(speed float64) classifier.Activity {
		m := model.Model{SpeedEdges: edges, Speed: table}
		var s model.Scores
		m.SpeedLog(&s, speed)
		best := 0
		for k := range s {
			if s[k] > s[best] {
				best = k
			}
		}
		return classifier.ActivityAt(best)
	}
	for speed, want := range map[float64]classifier.Activity{
		0.1: classifier.Still, 1.3: classifier.Walk, 3: classifier.Run, 5: classifier.Cycle, 12: classifier.Transit, 40: classifier.Transit,
	} {
		if got := likeliest(speed); got != want {
			t.Errorf("at %v m/s: %v", speed, got)
		}
	}
	for class, row := range table {
		var sum float64
		for _, l := range row {
			sum += math.Exp(l)
		}
		if math.Abs(sum-1) > 1e-9 {
			t.Errorf("the shares of class %d sum to %v", class, sum)
		}
	}
	if len(edges) != 15 || signal.RateHz != 25 {
		t.Error("the table has other bins than its test")
	}
}
