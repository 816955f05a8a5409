package evaluation

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/tempogate/tempogate/bench/dataset"
	"github.com/tempogate/tempogate/bench/training"
	"github.com/tempogate/tempogate/classifier"
	"github.com/tempogate/tempogate/classifier/model"
)

// An ActivityConfig says how RunActivity measures. The zero value leaves one
// data set out at a time and trains as the built-in model was trained.
type ActivityConfig struct {
	Protocol   Protocol          // "" means LeaveOneDatasetOut
	Model      *model.Model      // for Fixed only; nil means the built-in one
	Merge      int               // for LeaveOneSubjectOut: folds to merge subjects into, 0 for a fold each
	Training   *training.Options // nil means training.Defaults
	Seed       uint64            // of the resampling and the choice of splices; training has its own
	Rounds     int               // of the bootstrap; 0 means DefaultRounds
	SkipBroken bool              // list recordings that cannot be read, instead of ending with their error
	Timelines  []string          // recordings, or entries, whose probabilities are kept over time
	Windows    string            // file for every window; "" for none, see windowLog

	// Progress may be nil. It is called from several goroutines.
	Progress training.Progress

	// Fit trains the model of a fold; nil means training.Fit.
	Fit func(context.Context, []training.Example, training.Options, func(done, of int)) (*model.Model, error)
}

// DefaultRounds of the bootstrap are enough for two digits of an interval.
const DefaultRounds = 1000

func (c *ActivityConfig) complete() error {
	if c.Protocol == "" {
		c.Protocol = LeaveOneDatasetOut
	}
	if c.Model != nil && c.Protocol != Fixed {
		return fmt.Errorf("evaluation: the protocol %q trains models of its own: a model goes with %q", c.Protocol, Fixed)
	}
	if c.Merge < 0 || c.Rounds < 0 {
		return errors.New("evaluation: the number of folds and of rounds cannot be negative")
	}
	if c.Model == nil {
		c.Model = model.Default()
	}
	if c.Training == nil {
		o := training.Defaults()
		c.Training = &o
	}
	if c.Rounds == 0 {
		c.Rounds = DefaultRounds
	}
	if c.Progress == nil {
		c.Progress = func(string, int, int) {}
	}
	if c.Fit == nil {
		c.Fit = training.Fit
	}
	return nil
}

// RunActivity measures how well activities are recognised in a collection. The
// same collection, config and processor architecture give the same result,
// whatever the number of cores, but for what a hop costs.
//
// It ends with the first recording that cannot be read, unless SkipBroken;
// with ctx's error when that is done; and when the collection cannot be split
// by the protocol.
func RunActivity(ctx context.Context, collection *dataset.Collection, c ActivityConfig) (*ActivityReport, error) {
	if err := c.complete(); err != nil {
		return nil, err
	}
	folds, err := Folds(collection.Entries, c.Protocol, c.Merge)
	if err != nil {
		return nil, err
	}
	for _, wanted := range c.Timelines {
		if !slices.ContainsFunc(collection.Entries, func(e dataset.Entry) bool { return concerns(wanted, e.Path) || concerns(e.Path, wanted) }) {
			return nil, fmt.Errorf("evaluation: no recording of the collection is called %q, so its timeline cannot be drawn", wanted)
		}
	}
	r := &activityRun{ActivityConfig: c, collection: collection, folds: folds, unread: map[int]error{}}
	if err := r.collect(ctx); err != nil {
		return nil, err
	}
	if c.Windows != "" {
		if r.log, err = newWindowLog(c.Windows); err != nil {
			return nil, err
		}
		defer r.log.abandon()
	}
	results, err := r.runFolds(ctx)
	if err != nil {
		return nil, err
	}
	if r.log != nil {
		if err := r.log.finish(); err != nil {
			return nil, err
		}
	}
	report := r.gather(results)
	report.Cost = measureCost(results[0].model)
	return report, ctx.Err()
}

// activityRun is the state of one RunActivity.
type activityRun struct {
	ActivityConfig
	collection *dataset.Collection
	folds      []Fold
	log        *windowLog // nil unless windows are written

	examples []training.Example
	unread   map[int]error // entries that could not be read for training
	steps    atomic.Int64  // done, in hundredths of a fold
}

// collect describes the windows of everything that some fold trains on. Each
// recording is read and described once, however many folds there are.
func (r *activityRun) collect(ctx context.Context) error {
	wanted := map[int]bool{}
	for _, f := range r.folds {
		for _, i := range f.Train {
			wanted[i] = true
		}
	}
	if len(wanted) == 0 {
		return nil
	}
	if r.SkipBroken {
		if err := r.probe(ctx, wanted); err != nil {
			return err
		}
	}
	var places []int // in the collection, of what is collected
	var entries []dataset.Entry
	for i, entry := range r.collection.Entries {
		if wanted[i] && r.unread[i] == nil {
			places = append(places, i)
			entries = append(entries, entry)
		}
	}
	examples, err := training.Collect(ctx, r.collection, entries, r.Training.Forest.Seed, func(done int) {
		// Once to read and once to describe.
		r.Progress("describing", done, 2*len(entries))
	})
	if err != nil {
		return fmt.Errorf("evaluation: %w", err)
	}
	var seen [classifier.Classes]bool
	for i := range examples {
		e := &examples[i]
		e.Recording = places[e.Recording]
		if e.Past >= 0 {
			e.Past = places[e.Past]
		}
		seen[e.Class] = true
	}
	r.examples = examples
	if n := count(seen); n < 2 {
		return fmt.Errorf("evaluation: the recordings that may be trained on hold %d of the five activities, and a model takes two; the protocol %q tests a model without training one", n, Fixed)
	}
	return nil
}

// probe finds the entries that cannot be read.
func (r *activityRun) probe(ctx context.Context, wanted map[int]bool) error {
	var done atomic.Int64
	wrong := make([]error, len(r.collection.Entries))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i := range wrong {
		if !wanted[i] {
			continue
		}
		group.Go(func() error {
			_, wrong[i] = r.collection.Read(r.collection.Entries[i])
			r.Progress("probing", int(done.Add(1)), len(wanted))
			return ctx.Err()
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for i, err := range wrong {
		if err != nil {
			r.unread[i] = err
		}
	}
	return nil
}

func count(seen [classifier.Classes]bool) (n int) {
	for _, s := range seen {
		if s {
			n++
		}
	}
	return n
}

// passes tells whether a reading that failed is listed in the report instead
// of ending the run. An empty recording always is.
func (r *activityRun) passes(err error) bool {
	return err != nil && (errors.Is(err, dataset.ErrEmpty) || r.SkipBroken)
}

// foldResult is what came of one fold.
type foldResult struct {
	model   *model.Model
	sha256  string // of the model's text
	learned learned
	tests   []entryResult // in the order of Fold.Test
	changes [conditions][]Change
}

// learned counts what a fold's model learned from.
type learned struct {
	examples, subjects int
	missing            []classifier.Activity // without an example
}

// stepsAFold are the progress of one fold, of which fitSteps for the fit.
const (
	stepsAFold = 100
	fitSteps   = 30
)

// runFolds trains and tests, as many folds at a time as there are processors.
func (r *activityRun) runFolds(ctx context.Context) ([]foldResult, error) {
	results := make([]foldResult, len(r.folds))
	group, ctx := errgroup.WithContext(ctx)
	processors := runtime.GOMAXPROCS(0)
	group.SetLimit(processors)
	// Where there are fewer folds than processors, a fold's recordings are
	// tested side by side.
	abreast := max(1, processors/len(r.folds))
	for i := range r.folds {
		group.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			err := r.runFold(ctx, i, abreast, &results[i])
			if err != nil && len(r.folds) > 1 && ctx.Err() == nil {
				return fmt.Errorf("evaluation: leaving out %s: %w", r.folds[i].inWords(r.Protocol, i), err)
			}
			return err
		})
	}
	return results, group.Wait()
}

func (r *activityRun) runFold(ctx context.Context, number, abreast int, result *foldResult) error {
	fold := &r.folds[number]
	result.model = r.Model
	if r.Protocol != Fixed {
		examples := r.withoutTest(fold)
		result.learned = about(examples)
		var shown atomic.Int64
		m, err := r.Fit(ctx, examples, *r.Training, func(done, of int) {
			now := int64(fitSteps * done / of)
			r.step(now - shown.Swap(now))
		})
		if err != nil {
			return err
		}
		// Trees that finish side by side may report out of order.
		r.step(fitSteps - shown.Load())
		result.model = m
	}
	sum := sha256.Sum256(result.model.Append(nil))
	result.sha256 = hex.EncodeToString(sum[:])
	return r.test(ctx, number, abreast, result)
}

// withoutTest returns the examples that a fold may learn from: all but those
// of the recordings that it tests, and those whose past is one of these. Folds
// has made sure that what is left shares no group with them.
func (r *activityRun) withoutTest(fold *Fold) []training.Example {
	train := map[int]bool{}
	for _, i := range fold.Train {
		train[i] = true
	}
	var kept []training.Example
	for i := range r.examples {
		if e := &r.examples[i]; train[e.Recording] && (e.Past < 0 || train[e.Past]) {
			kept = append(kept, *e)
		}
	}
	return kept
}

func about(examples []training.Example) learned {
	t := learned{examples: len(examples)}
	var seen [classifier.Classes]bool
	subjects := map[string]bool{}
	for i := range examples {
		seen[examples[i].Class] = true
		subjects[examples[i].Subject] = true
	}
	t.subjects = len(subjects)
	for k, s := range seen {
		if !s {
			t.missing = append(t.missing, classifier.ActivityAt(k))
		}
	}
	return t
}

// step reports progress.
func (r *activityRun) step(n int64) {
	r.Progress("folds", int(r.steps.Add(n)), len(r.folds)*stepsAFold)
}
