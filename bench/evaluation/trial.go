package evaluation

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/tempogate/tempogate/bench/dataset"
	"github.com/tempogate/tempogate/classifier"
	"github.com/tempogate/tempogate/classifier/model"
	"github.com/tempogate/tempogate/classifier/signal"
)

// A Condition says what of a recording the classifier was given.
type Condition int

// The conditions. WithFixes and FixesWithheld are of the very same recordings,
// so that the difference is what fixes are worth. Acceleration that is too slow
// to show steps stands apart, because it answers another question.
const (
	AccelerationOnly   Condition = iota // recordings with acceleration, location not granted
	CoarseAcceleration                  // the same, with fewer than model.CoarseBelowHz readings a second
	WithFixes                           // recordings with both, both used
	FixesWithheld                       // recordings with both, acceleration only
	FixesOnly                           // recordings without acceleration; under Fixed only
	conditions
)

var conditionNames = [...]string{"acceleration", "coarse_acceleration", "with_fixes", "fixes_withheld", "fixes_only"}

// bare returns the condition of a recording with acceleration whose location
// was not granted.
func bare(samples []classifier.Sample) Condition {
	var time, steps float64
	for i := 1; i < len(samples); i++ {
		if step := samples[i].SensorTime - samples[i-1].SensorTime; step <= signal.MaxGapNS {
			time += float64(step) * 1e-9
			steps++
		}
	}
	if steps < model.CoarseBelowHz*time {
		return CoarseAcceleration
	}
	return AccelerationOnly
}

// String returns the name that reports use.
func (c Condition) String() string { return conditionNames[c] }

// MarshalText makes reports readable.
func (c Condition) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// An outcome is how well one recording was recognised.
type outcome struct {
	name    string // of the recording
	truth   classifier.Activity
	detail  string // of most seconds of that truth: a vehicle, a WISDM code
	tally   Tally
	details map[detail][classifier.Classes + 1]float64 // seconds by answer
	answers []Answer                                   // of a recording to be drawn, else nil
	began   int64                                      // time of the recording's first reading
	skip    int                                        // answers before the end of the first window
}

// A detail is a kind of an activity: a vehicle, a code of the source.
type detail struct {
	truth classifier.Activity
	name  string
}

// entryResult is what came of testing one entry.
type entryResult struct {
	err         error  // why it could not be read, where that is passed over
	fingerprint []byte // SHA-256 of what was read
	outcomes    [conditions][]outcome
	noMotion    int // recordings without acceleration that the protocol does not test
	nothing     int // recordings with no labelled second after the first window
	excerpts    []excerpt
	windows     []byte // CSV rows
}

// test streams everything that a fold leaves out through its model.
func (r *activityRun) test(ctx context.Context, number, abreast int, result *foldResult) error {
	fold := &r.folds[number]
	result.tests = make([]entryResult, len(fold.Test))
	place := 0 // of the fold's first entry in the order of all folds
	for i := range number {
		place += len(r.folds[i].Test)
	}
	group, tests := errgroup.WithContext(ctx)
	group.SetLimit(abreast)
	for i, entry := range fold.Test {
		group.Go(func() error {
			if err := tests.Err(); err != nil {
				return err
			}
			t := &result.tests[i]
			if err := r.testEntry(result.model, number, entry, t); err != nil {
				return err
			}
			if r.log != nil {
				if err := r.log.add(place+i, t.windows); err != nil {
					return err
				}
				t.windows = nil
			}
			rest := int64(stepsAFold)
			if r.Protocol != Fixed {
				rest -= fitSteps
			}
			n := int64(len(fold.Test))
			r.step(rest*int64(i+1)/n - rest*int64(i)/n)
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	var all []excerpt
	for i := range result.tests {
		all = append(all, result.tests[i].excerpts...)
		result.tests[i].excerpts = nil
	}
	for _, s := range splices(all, r.Seed) {
		if err := ctx.Err(); err != nil {
			return err
		}
		without, err := s.listen(result.model, false)
		if err != nil {
			return err
		}
		condition := bare(s.before.samples)
		result.changes[condition] = append(result.changes[condition], without)
		if !s.hasFixes() {
			continue
		}
		with, err := s.listen(result.model, true)
		if err != nil {
			return err
		}
		result.changes[WithFixes] = append(result.changes[WithFixes], with)
		result.changes[FixesWithheld] = append(result.changes[FixesWithheld], without)
	}
	return nil
}

// testEntry reads an entry and streams its recordings.
func (r *activityRun) testEntry(m *model.Model, fold, place int, t *entryResult) error {
	entry := &r.collection.Entries[place]
	if err := r.unread[place]; err != nil {
		t.err = err
		return nil
	}
	recordings, err := r.collection.Read(*entry)
	switch {
	case r.passes(err):
		t.err = err
		return nil
	case err != nil:
		return fmt.Errorf("evaluation: %w", err)
	}
	digest := sha256.New()
	windows := newWindowRows(r.log != nil, entry, r.folds[fold].Name)
	for i := range recordings {
		recording := &recordings[i]
		addToFingerprint(digest, recording)
		if err := r.testRecording(m, entry, recording, windows, t); err != nil {
			return fmt.Errorf("evaluation: %s: %w", recording.Name, err)
		}
		t.excerpts = append(t.excerpts, excerpts(recording, entry)...)
	}
	t.fingerprint = digest.Sum(nil)
	t.windows, err = windows.bytes()
	r.forget(t)
	return err
}

func (r *activityRun) testRecording(m *model.Model, entry *dataset.Entry, recording *dataset.Recording, windows *windowRows, t *entryResult) error {
	listen := func(c Condition) error {
		withFixes := c == WithFixes || c == FixesOnly
		answers, err := answer(classifier.Config{Model: m, Observe: windows.observer()}, recording, withFixes)
		if err != nil {
			return err
		}
		o := newOutcome(recording, answers, withFixes)
		if err := windows.add(recording, &o, answers, withFixes); err != nil {
			return err
		}
		if o.tally.Confusion.Total() == 0 && o.tally.Other == [classifier.Classes + 1]float64{} {
			if c != WithFixes {
				t.nothing++
			}
			return nil
		}
		t.outcomes[c] = append(t.outcomes[c], o)
		return nil
	}
	switch {
	case len(recording.Samples) > 0:
		c := bare(recording.Samples)
		if err := listen(c); err != nil || len(recording.Fixes) == 0 {
			return err
		}
		if n := len(t.outcomes[c]); n > 0 && t.outcomes[c][n-1].name == recording.Name {
			withheld := t.outcomes[c][n-1]
			withheld.answers = nil // drawn once
			t.outcomes[FixesWithheld] = append(t.outcomes[FixesWithheld], withheld)
		}
		return listen(WithFixes)
	case r.Protocol == Fixed && len(recording.Fixes) > 0:
		return listen(FixesOnly)
	}
	t.noMotion++
	return nil
}

func newOutcome(recording *dataset.Recording, answers []Answer, withFixes bool) outcome {
	o := outcome{name: recording.Name, answers: answers}
	o.began, _, _ = recording.Span()
	o.skip = firstWindow(answers, recording, withFixes)
	o.tally.Add(answers, o.skip)
	most := 0.0
	for _, a := range everything {
		if s := o.tally.Confusion.Seconds(a); s > most {
			o.truth, most = a, s
		}
	}
	o.details = map[detail][classifier.Classes + 1]float64{}
	for i := min(o.skip, len(answers)); i < len(answers); i++ {
		if a := &answers[i]; a.Truth != classifier.Unknown {
			row := o.details[detail{a.Truth, a.Detail}]
			row[column(a.Activity)]++
			o.details[detail{a.Truth, a.Detail}] = row
		}
	}
	o.detail = mostFrequent(o.details, o.truth)
	return o
}

// mostFrequent returns the detail of most seconds of an activity, of several
// the first by name.
func mostFrequent(details map[detail][classifier.Classes + 1]float64, truth classifier.Activity) string {
	name, most := "", 0.0
	for d, row := range details {
		if n := sum(row[:]); d.truth == truth && (n > most || n == most && d.name < name) {
			name, most = d.name, n
		}
	}
	return name
}

func sum(values []float64) (all float64) {
	for _, v := range values {
		all += v
	}
	return all
}

// shortestDrawn is how many seconds a recording needs for being the worst of
// its activity to mean something.
const shortestDrawn = 60

// worse compares recordings by the share of seconds that were right.
func worse(a, b *outcome) bool {
	return a.tally.Confusion.Right() < b.tally.Confusion.Right()
}

// forget lets go of all answers but those of recordings to be drawn: what was
// asked for, or, where nothing was, the worst of each activity and condition.
func (r *activityRun) forget(t *entryResult) {
	for c := range t.outcomes {
		var worst [classifier.Classes + 1]*outcome
		for i := range t.outcomes[c] {
			o := &t.outcomes[c][i]
			if o.tally.Confusion.Total() >= shortestDrawn && len(r.Timelines) == 0 {
				if w := &worst[o.truth]; *w == nil || worse(o, *w) {
					*w = o
				}
			}
		}
		for i := range t.outcomes[c] {
			o := &t.outcomes[c][i]
			if worst[o.truth] != o && !r.asked(o.name) {
				o.answers = nil
			}
		}
	}
}

// asked tells whether a recording is one whose timeline was asked for, by its
// own name or by that of its entry.
func (r *activityRun) asked(name string) bool {
	return slices.ContainsFunc(r.Timelines, func(wanted string) bool { return concerns(wanted, name) })
}

// concerns tells whether a name that was asked for means a recording: its own
// name, or the path of its entry or of a folder. The names of the recordings
// in an entry begin with its path.
func concerns(wanted, name string) bool {
	return name == wanted || len(name) > len(wanted) && name[:len(wanted)] == wanted && (name[len(wanted)] == '#' || name[len(wanted)] == '/')
}

// addToFingerprint adds what was read of a recording to a hash.
func addToFingerprint(h io.Writer, r *dataset.Recording) {
	fmt.Fprintf(h, "%s\x00%s\x00%d %d %d\n", r.Name, r.Format, len(r.Samples), len(r.Fixes), len(r.Labels))
	var buffer []byte
	number := func(values ...float64) {
		for _, v := range values {
			buffer = binary.LittleEndian.AppendUint64(buffer, math.Float64bits(v))
		}
		if len(buffer) > 1<<15 {
			_, _ = h.Write(buffer) // a hash takes everything
			buffer = buffer[:0]
		}
	}
	time := func(t int64) { buffer = binary.LittleEndian.AppendUint64(buffer, uint64(t)) }
	for i := range r.Samples {
		s := &r.Samples[i]
		time(s.SensorTime)
		number(s.X, s.Y, s.Z)
	}
	for i := range r.Fixes {
		f := &r.Fixes[i]
		time(f.SensorTime)
		number(f.SpeedMPS, f.EastM, f.NorthM, f.AccuracyM)
	}
	for _, l := range r.Labels {
		time(l.FromTime)
		time(l.ToTime)
		buffer = append(append(buffer, byte(l.Activity)), l.Detail...)
	}
	_, _ = h.Write(buffer)
}

// isEmpty tells an empty recording from a broken one.
func isEmpty(err error) bool { return errors.Is(err, dataset.ErrEmpty) }
