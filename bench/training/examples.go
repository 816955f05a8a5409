package training

import (
	"context"
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"runtime"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/tempogate/tempogate/bench/dataset"
	"github.com/tempogate/tempogate/classifier"
	"github.com/tempogate/tempogate/classifier/feature"
	"github.com/tempogate/tempogate/classifier/model"
)

// An Example is one described window with its true class.
type Example struct {
	Group     string // data set, for weights and for leaving it out
	Subject   string // data set and subject
	Recording int    // place of the entry in the collection
	Class     int    // classifier.Activity.Index
	Coarse    bool   // the source had fewer than model.CoarseBelowHz readings a second
	SpeedMPS  float64
	Features  feature.Vector
}

// variant is a way in which another phone could have recorded the same motion.
type variant struct {
	name   string
	thinTo [2]float64 // readings a second to thin out to, drawn between both; 0 keeps all
	noise  float64    // standard deviation of added noise at most, m/s²
	scale  float64    // error of the sensor's scale, as a standard deviation
	least  float64    // only for sources of at least so many readings a second
}

var variants = []variant{
	{name: "as recorded"},
	{name: "slower, another sensor", thinTo: [2]float64{18, 55}, noise: 0.06, scale: 0.02, least: 40},
	{name: "another sensor", noise: 0.08, scale: 0.03},
	{name: "coarse", thinTo: [2]float64{1.8, 5.5}, noise: 0.04, scale: 0.02, least: model.CoarseBelowHz},
}

// Collect describes every labelled window of the collection, as recorded and
// in variants. The result has the order of the collection, whatever the number
// of processors. progress may be nil; it is told how many entries are done.
func Collect(ctx context.Context, c *dataset.Collection, entries []dataset.Entry, seed uint64, progress func(done int)) ([]Example, error) {
	var done atomic.Int64
	parts := make([][]Example, len(entries))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i, entry := range entries {
		group.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			recordings, err := c.Read(entry)
			if err != nil {
				return fmt.Errorf("training: %w", err)
			}
			for j := range recordings {
				for _, v := range variants {
					random := rand.New(rand.NewPCG(seed, hash(recordings[j].Name, v.name)))
					parts[i] = append(parts[i], describe(&recordings[j], entry, i, v, random)...)
				}
			}
			if progress != nil {
				progress(int(done.Add(1)))
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	var all []Example
	for _, part := range parts {
		all = append(all, part...)
	}
	return all, nil
}

func hash(words ...string) uint64 {
	h := fnv.New64a()
	for _, w := range words {
		h.Write([]byte(w))
		h.Write([]byte{0})
	}
	return h.Sum64()
}

// describe runs one variant of a recording through the classifier's own front
// and keeps the windows whose label can be trusted.
func describe(r *dataset.Recording, entry dataset.Entry, number int, v variant, random *rand.Rand) []Example {
	samples := v.apply(r.Samples, random)
	if len(samples) == 0 {
		return nil
	}
	var examples []Example
	truth := newLabels(r.Labels)
	stream := classifier.NewStream(classifier.Config{
		Model: model.Blank(),
		Observe: func(o classifier.Observation) {
			if o.Motion == nil {
				return
			}
			// The label must hold for the whole window.
			from := o.SensorTime - int64(o.Motion.Length)*classifier.HopNS/25
			label, whole := truth.over(from, o.SensorTime)
			if !whole || !trusted(label, o.Motion) {
				return
			}
			examples = append(examples, Example{
				Group:     entry.Dataset,
				Subject:   entry.Dataset + "/" + entry.Subject,
				Recording: number,
				Class:     label.Index(),
				Coarse:    o.SourceHz < model.CoarseBelowHz,
				SpeedMPS:  o.SpeedMPS,
				Features:  o.Motion.Features,
			})
		},
	})
	workspace := classifier.NewWorkspace()
	fixes := append([]classifier.Fix(nil), r.Fixes...)
	var estimates []classifier.Estimate
	// Pushed in pieces of about a minute, a window begins anew now and then,
	// so that short windows are among the examples.
	for len(samples) > 0 {
		n := min(len(samples), 1+int(float64(len(samples))*random.Float64()*0.5)+2000)
		end := samples[n-1].SensorTime
		k := 0
		for k < len(fixes) && fixes[k].SensorTime <= end {
			k++
		}
		// A recording that the reader passed is in order and finite.
		estimates, _ = stream.Push(estimates[:0], workspace, samples[:n], fixes[:k])
		samples, fixes = samples[n:], fixes[k:]
		if v.name != "as recorded" {
			stream.Clear()
		}
	}
	return examples
}

// apply returns the samples as the variant's phone would have given them.
func (v variant) apply(samples []classifier.Sample, random *rand.Rand) []classifier.Sample {
	if len(samples) < 2 {
		return nil
	}
	seconds := float64(samples[len(samples)-1].SensorTime-samples[0].SensorTime) * 1e-9
	rate := float64(len(samples)-1) / seconds
	if rate < v.least {
		return nil
	}
	keep := 1
	if v.thinTo[1] > 0 {
		to := v.thinTo[0] + random.Float64()*(v.thinTo[1]-v.thinTo[0])
		keep = max(int(math.Round(rate/to)), 1)
	}
	noise := v.noise * random.Float64()
	var scale [3]float64
	for i := range scale {
		scale[i] = 1 + v.scale*random.NormFloat64()
	}
	thinned := make([]classifier.Sample, 0, len(samples)/keep+1)
	for i := 0; i < len(samples); i += keep {
		s := samples[i]
		s.X = s.X*scale[0] + noise*random.NormFloat64()
		s.Y = s.Y*scale[1] + noise*random.NormFloat64()
		s.Z = s.Z*scale[2] + noise*random.NormFloat64()
		thinned = append(thinned, s)
	}
	return thinned
}

// Least standard deviation of the magnitude, m/s², for a label to be believed.
// Recordings labelled walk, run or cycle contain pauses, and a phone that
// hardly moves is not on somebody walking.
var leastMotion = map[classifier.Activity]float64{
	classifier.Walk:  0.6,
	classifier.Run:   2.5,
	classifier.Cycle: 0.2,
}

func trusted(label classifier.Activity, m *feature.Motion) bool {
	if label == classifier.Unknown {
		return false
	}
	// Level magnitude: ln(variance + floor²).
	return math.Exp(m.Features[2]) >= leastMotion[label]*leastMotion[label]
}

// labels finds the activity at a time; it is asked in order of time.
type labels struct {
	list []dataset.Label
	next int
}

func newLabels(list []dataset.Label) *labels { return &labels{list: list} }

// over returns the activity that holds from one time to another, and false
// when no single label does.
func (l *labels) over(from, to int64) (classifier.Activity, bool) {
	for l.next < len(l.list) && l.list[l.next].ToTime < to {
		l.next++
	}
	if l.next == len(l.list) || l.list[l.next].FromTime > from {
		return classifier.Unknown, false
	}
	return l.list[l.next].Activity, true
}
