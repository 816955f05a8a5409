package cadence

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/tempogate/tempogate/bench/dataset"
	"github.com/tempogate/tempogate/bench/evaluation"
	"github.com/tempogate/tempogate/bench/training"
	"github.com/tempogate/tempogate/classifier"
	"github.com/tempogate/tempogate/classifier/feature"
	"github.com/tempogate/tempogate/classifier/model"
	"github.com/tempogate/tempogate/classifier/tempo"
)

// Config configures Run. The zero value measures the built-in model.
type Config struct {
	Protocol evaluation.Protocol // "" for Fixed
	Model    *model.Model        // for Fixed; nil for model.Default
	Merge    int                 // folds of the protocol subject, 0 for one each
	Seed     uint64              // of what is simulated and of training

	// Training is how the models of folds are trained; the zero value is
	// training.Defaults.
	Training training.Options

	Fit        bool // fit the constants of classifier/tempo anew, with people left out
	SkipBroken bool // list recordings that cannot be read, in place of ending with the first

	// Progress may be nil; it is told how far a stage is, from several
	// goroutines.
	Progress func(stage string, done, of int)

	scenarios []scenario // nil for all; tests simulate fewer
}

// Run measures the tempo on a collection and on simulated people. The same
// collection, config and processor architecture give the same report, whatever
// the number of cores.
func Run(ctx context.Context, collection *dataset.Collection, c Config) (*Report, error) {
	if c.Protocol == "" {
		c.Protocol = evaluation.Fixed
	}
	if c.Model == nil {
		c.Model = model.Default()
	}
	if c.Training == (training.Options{}) {
		c.Training = training.Defaults()
		c.Training.Forest.Seed = max(c.Seed, 1)
	}
	if c.Progress == nil {
		c.Progress = func(string, int, int) {}
	}
	if c.scenarios == nil {
		c.scenarios = scenarios(c.Seed)
	}
	folds, err := evaluation.Folds(collection.Entries, c.Protocol, c.Merge)
	if err != nil {
		return nil, err
	}
	r := &run{Config: c, collection: collection, results: make([]result, len(collection.Entries))}
	if err := r.watches(ctx); err != nil {
		return nil, err
	}
	if err := r.measure(ctx, folds); err != nil {
		return nil, err
	}
	simulated, err := r.simulate(ctx)
	if err != nil {
		return nil, err
	}
	return r.gather(ctx, folds, simulated)
}

// run is the state of one Run.
type run struct {
	Config
	collection *dataset.Collection
	results    []result // one an entry
	table      speedTable
	tableLock  sync.Mutex
	fit        fitData
}

// A result is what came of an entry.
type result struct {
	tested     bool
	err        error // why it could not be read, where that is passed over
	recordings []outcome
}

// An outcome is what came of a recording.
type outcome struct {
	name     string
	entry    *dataset.Entry
	activity classifier.Activity // Unknown where it is more than one, or none
	detail   string
	trace    Trace
	began    int64

	truth     Steps  // counted and mended, or of the reference
	source    source // where truth is from
	reference *Reference

	stream, known Tally
	raw           Tally // stream against contacts as they were recorded
	contacts      int   // as they were recorded

	otherwise []agreement // one each of otherwises; nil where it was not tried

	idle       map[idleKey]idleCounts // seconds without steps
	distrusted idleCount              // seconds that would be, were the label right
	why        string                 // it is not
}

// A source says where the truth of a recording is from.
type source int

const (
	unknownSteps   source = iota // nothing to compare with
	countedSteps                 // foot contacts
	referenceSteps               // the offline reference
)

// read reads an entry; with SkipBroken a broken one has no recordings.
func (r *run) read(i int) ([]dataset.Recording, error) {
	recordings, err := r.collection.Read(r.collection.Entries[i])
	var empty bool
	if errors.Is(err, dataset.ErrEmpty) {
		empty = true
	}
	if err != nil && (empty || r.SkipBroken) {
		r.results[i].err = err
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cadence: %w", err)
	}
	return recordings, nil
}

// watches learns which cadences are plausible at which speed.
func (r *run) watches(ctx context.Context) error {
	var watches []dataset.Recording
	for i := range r.collection.Entries {
		if !has(&r.collection.Entries[i], "cadence") {
			continue
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		recordings, err := r.read(i)
		if err != nil {
			return err
		}
		for _, one := range recordings {
			if len(one.Cadence) > 0 {
				watches = append(watches, one)
			}
		}
	}
	r.table = newSpeedTable(watches)
	return nil
}

// has tells whether the index says that an entry holds a signal.
func has(e *dataset.Entry, signal string) bool {
	return slices.Contains(strings.Split(e.Signals, "+"), signal)
}

// hasMotion believes an index that does not say.
func hasMotion(e *dataset.Entry) bool { return e.Signals == "" || has(e, "acc") }

// measure follows all recordings, each with the model of its fold.
func (r *run) measure(ctx context.Context, folds []evaluation.Fold) error {
	examples, err := r.examples(ctx, folds)
	if err != nil {
		return err
	}
	var total int
	for i := range folds {
		total += len(folds[i].Test)
	}
	var done, trained atomic.Int64
	for i := range folds {
		m := r.Model
		if r.Protocol != evaluation.Fixed {
			kept := without(examples, &folds[i])
			m, err = training.Fit(ctx, kept, r.Training, func(step, of int) {
				r.Progress("training", int(trained.Load())*of+step, of*len(folds))
			})
			if err != nil {
				return fmt.Errorf("cadence: without %s: %w", folds[i].Name, err)
			}
			trained.Add(1)
		}
		group, ctx := errgroup.WithContext(ctx)
		group.SetLimit(runtime.GOMAXPROCS(0))
		for _, place := range folds[i].Test {
			group.Go(func() error {
				if err := ctx.Err(); err != nil {
					return err
				}
				err := r.entry(m, place)
				r.Progress("measuring", int(done.Add(1)), total)
				return err
			})
		}
		if err := group.Wait(); err != nil {
			return err
		}
	}
	return nil
}

// examples describes what the folds train on; none for Fixed.
func (r *run) examples(ctx context.Context, folds []evaluation.Fold) ([]training.Example, error) {
	wanted := make([]bool, len(r.collection.Entries))
	for i := range folds {
		for _, place := range folds[i].Train {
			wanted[place] = true
		}
	}
	var places []int
	var entries []dataset.Entry
	for i, e := range r.collection.Entries {
		if wanted[i] {
			places = append(places, i)
			entries = append(entries, e)
		}
	}
	if len(entries) == 0 {
		return nil, nil
	}
	examples, err := training.Collect(ctx, r.collection, entries, r.Training.Forest.Seed, func(done int) {
		r.Progress("describing", done, 2*len(entries))
	})
	if err != nil {
		return nil, fmt.Errorf("cadence: %w", err)
	}
	for i := range examples {
		e := &examples[i]
		e.Recording = places[e.Recording]
		if e.Past >= 0 {
			e.Past = places[e.Past]
		}
	}
	return examples, nil
}

// without returns the examples that neither are of a fold's test nor remember
// anything of it.
func without(examples []training.Example, f *evaluation.Fold) []training.Example {
	trains := func(place int) bool {
		_, found := slices.BinarySearch(f.Train, place)
		return found
	}
	var kept []training.Example
	for _, e := range examples {
		if trains(e.Recording) && (e.Past < 0 || trains(e.Past)) {
			kept = append(kept, e)
		}
	}
	return kept
}

// entry follows the recordings of an entry.
func (r *run) entry(m *model.Model, place int) error {
	e := &r.collection.Entries[place]
	if !hasMotion(e) {
		return nil
	}
	recordings, err := r.read(place)
	if err != nil {
		return err
	}
	result := &r.results[place]
	result.tested = true
	for i := range recordings {
		one := &recordings[i]
		if len(one.Samples) == 0 {
			continue
		}
		o, err := r.recording(m, e, place, one)
		if err != nil {
			return fmt.Errorf("cadence: %s: %w", one.Name, err)
		}
		result.recordings = append(result.recordings, o)
	}
	return nil
}

// leastHz is the rate in readings a second below which steps cannot be told.
const leastHz = model.CoarseBelowHz

func (r *run) recording(m *model.Model, e *dataset.Entry, place int, one *dataset.Recording) (outcome, error) {
	labels := one.Labels
	why := distrust(e, one)
	o := outcome{why: why, name: one.Name, entry: e, began: one.Samples[0].SensorTime, contacts: len(one.Steps), idle: map[idleKey]idleCounts{}}
	o.activity, o.detail = only(one.Labels)
	seconds := float64(one.Samples[len(one.Samples)-1].SensorTime-o.began) * 1e-9
	hz := float64(len(one.Samples)-1) / seconds
	if hz >= leastHz {
		switch o.activity {
		case classifier.Walk:
			o.reference = NewReference(one.Samples, WalkBand)
		case classifier.Run:
			o.reference = NewReference(one.Samples, RunBand)
		}
	}
	switch {
	case len(one.Steps) > 0:
		o.source, o.truth = countedSteps, Mend(one.Steps)
	case o.reference != nil:
		o.source, o.truth = referenceSteps, o.reference.Steps()
	}
	activityAt := func(t int64) classifier.Activity {
		label, _ := one.LabelAt(t)
		return label.Activity
	}
	var look Look
	if r.Fit && o.reference != nil {
		exact := o.reference.Steps()
		look = func(t int64, a classifier.Activity, w *feature.Motion, measured tempo.Measurement) {
			spm, clean := exact.Cadence(t)
			if clean {
				r.fit.addChoice(place, a, w, spm)
			}
			// Where a rhythm only begins, confidence has to be low.
			if !math.IsNaN(spm) {
				r.fit.addVerdict(place, measured, spm)
			}
		}
	}
	var err error
	if o.trace, err = Follow(m, one.Samples, activityAt, look); err != nil {
		return o, err
	}
	if o.source != unknownSteps {
		o.stream, o.known = Compare(o.trace.Stream, &o.truth, true), Compare(o.trace.Known, &o.truth, true)
	}
	if o.source == countedSteps {
		raw := Counted(one.Steps)
		o.raw = Compare(o.trace.Stream, &raw, false)
	}
	if r.Fit && hz >= leastHz {
		r.fit.addPresence(place, one, &o)
	}
	if o.source == countedSteps || o.source == referenceSteps && o.activity == classifier.Run {
		if err := recordOtherwise(m, one.Samples, hz, &o); err != nil {
			return o, err
		}
	}
	o.countIdle(one, labels, o.trace.Stream, false)
	if len(one.Fixes) > 0 {
		located, err := stream(m, one.Samples, one.Fixes, nil)
		if err != nil {
			return o, err
		}
		o.countIdle(one, labels, located, true)
	}
	if len(one.Fixes) > 0 {
		r.tableLock.Lock()
		r.table.check(one, o.trace.Stream)
		r.tableLock.Unlock()
	}
	if o.source == unknownSteps {
		o.trace = Trace{} // nothing to draw
	}
	return o, nil
}

// only returns the activity and detail of all labels, Unknown where they
// differ.
func only(labels []dataset.Label) (classifier.Activity, string) {
	if len(labels) == 0 {
		return classifier.Unknown, ""
	}
	for _, l := range labels {
		if l.Activity != labels[0].Activity {
			return classifier.Unknown, ""
		}
	}
	return labels[0].Activity, labels[0].Detail
}

// simulate runs all scenarios with the model, or with the built-in one where
// each fold has its own: no simulated person was trained on.
func (r *run) simulate(ctx context.Context) ([]simulation, error) {
	list := r.scenarios
	results := make([]simulation, len(list))
	var done atomic.Int64
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i := range list {
		group.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			var err error
			if results[i], err = simulate(r.Model, &list[i]); err != nil {
				return fmt.Errorf("cadence: %s %s: %w", list[i].sweep, list[i].value, err)
			}
			r.Progress("simulating", int(done.Add(1)), len(list))
			return nil
		})
	}
	return results, group.Wait()
}
