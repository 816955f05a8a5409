package training

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/tempogate/tempogate/bench/dataset"
	"github.com/tempogate/tempogate/classifier"
	"github.com/tempogate/tempogate/classifier/feature"
	"github.com/tempogate/tempogate/classifier/model"
	"github.com/tempogate/tempogate/classifier/signal"
)

// An Example is one described window with its true class.
type Example struct {
	Group     string // data set, for weights and for leaving it out
	Subject   string // data set and subject
	Recording int    // place of the entry in the collection
	Past      int    // place of the entry that was put before it, -1 for none: its history knows of that entry
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

	// Each stretch of the recording comes after a stretch of another activity,
	// as in a day: the history and the window before a change are part of what
	// the model must not be misled by.
	spliced bool

	// The phone is handled now and then: see handle.
	handled bool
}

var variants = []variant{
	{name: "as recorded"},
	{name: "slower, another sensor", thinTo: [2]float64{18, 55}, noise: 0.06, scale: 0.02, least: 40, spliced: true},
	{name: "another sensor", noise: 0.08, scale: 0.03, spliced: true},
	{name: "handled", thinTo: [2]float64{40, 60}, noise: 0.03, scale: 0.01, handled: true, spliced: true},
	{name: "coarse", thinTo: [2]float64{1.8, 5.5}, noise: 0.04, scale: 0.02, least: model.CoarseBelowHz, spliced: true},
}

// Collect describes every labelled window of the collection, as recorded and
// in variants. The result has the order of the collection, whatever the number
// of processors. progress may be nil; it is told how many entries are done of
// two rounds.
func Collect(ctx context.Context, c *dataset.Collection, entries []dataset.Entry, seed uint64, progress func(done int)) ([]Example, error) {
	recordings := make([][]dataset.Recording, len(entries))
	var done atomic.Int64
	each := func(work func(i int) error) error {
		group, ctx := errgroup.WithContext(ctx)
		group.SetLimit(runtime.GOMAXPROCS(0))
		for i := range entries {
			group.Go(func() error {
				if err := ctx.Err(); err != nil {
					return err
				}
				if err := work(i); err != nil {
					return err
				}
				if progress != nil {
					progress(int(done.Add(1)))
				}
				return nil
			})
		}
		return group.Wait()
	}
	err := each(func(i int) (err error) {
		recordings[i], err = c.Read(entries[i])
		if errors.Is(err, dataset.ErrEmpty) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("training: %w", err)
		}
		for j := range recordings[i] {
			Distrust(entries[i], &recordings[i][j])
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	pasts := newPasts(entries, recordings)
	parts := make([][]Example, len(entries))
	err = each(func(i int) error {
		for j := range recordings[i] {
			for _, v := range variants {
				random := rand.New(rand.NewPCG(seed, hash(recordings[i][j].Name, v.name)))
				parts[i] = append(parts[i], describe(&recordings[i][j], entries[i], i, v, pasts, random)...)
			}
		}
		return nil
	})
	if err != nil {
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
func describe(r *dataset.Recording, entry dataset.Entry, number int, v variant, pasts *pasts, random *rand.Rand) []Example {
	samples := v.apply(r.Samples, random)
	if len(samples) == 0 {
		return nil
	}
	var examples []Example
	var truth *labels
	var began int64 // of what counts; before it lies the past
	past := -1      // the entry that it is from
	stream := classifier.NewStream(classifier.Config{
		Model: model.Blank(),
		Observe: func(o classifier.Observation) {
			if o.Motion == nil {
				return
			}
			// The label must hold for the whole window.
			from := o.SensorTime - int64(o.Motion.Length)*classifier.HopNS/signal.RateHz
			if from < began {
				return
			}
			label, whole := truth.over(from, o.SensorTime)
			if !whole || !trusted(label, o.Motion) {
				return
			}
			examples = append(examples, Example{
				Group:     entry.Dataset,
				Subject:   entry.Dataset + "/" + entry.Subject,
				Recording: number,
				Past:      past,
				Class:     label.Index(),
				Coarse:    o.SourceHz < model.CoarseBelowHz,
				SpeedMPS:  o.SpeedMPS,
				Features:  o.Motion.Features,
			})
		},
	})
	workspace := classifier.NewWorkspace()
	var estimates []classifier.Estimate
	push := func(samples []classifier.Sample, fixes []classifier.Fix) {
		// A recording that the reader passed is in order and finite.
		estimates, _ = stream.Push(estimates[:0], workspace, samples, fixes)
	}
	if !v.spliced {
		truth = newLabels(r.Labels)
		push(samples, slices.Clone(r.Fixes))
		return examples
	}
	for len(samples) > 0 {
		length := int64((40 + 200*random.Float64()) * 1e9)
		n := 1
		for n < len(samples) && samples[n].SensorTime-samples[0].SensorTime < length {
			n++
		}
		began = samples[0].SensorTime
		stream.Clear()
		truth = newLabels(r.Labels)
		var before []classifier.Sample
		before, past = pasts.draw(v, entry, r, began, random)
		push(before, nil)
		push(samples[:n], fixesBetween(r.Fixes, began, samples[n-1].SensorTime))
		samples = samples[n:]
	}
	return examples
}

// fixesBetween returns a copy of the fixes from one time to another.
func fixesBetween(fixes []classifier.Fix, from, to int64) []classifier.Fix {
	var between []classifier.Fix
	for _, f := range fixes {
		if f.SensorTime >= from && f.SensorTime <= to {
			between = append(between, f)
		}
	}
	return between
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
	if v.handled {
		thinned = handle(thinned, random)
	}
	return thinned
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
