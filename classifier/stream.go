package classifier

import (
	"errors"
	"math"
	"slices"

	"github.com/tempogate/tempogate/classifier/feature"
	"github.com/tempogate/tempogate/classifier/model"
	"github.com/tempogate/tempogate/classifier/signal"
	"github.com/tempogate/tempogate/classifier/tempo"
)

// ErrNotFinite is returned by Push for a value that is not a number, is
// infinite, or lies beyond what a phone can measure.
var ErrNotFinite = errors.New("classifier: acceleration is not a finite number of at most 1000 m/s²")

// ErrTimeBackwards is returned by Push for a batch that begins more than
// MaxBackwardsNS before what was already taken.
var ErrTimeBackwards = errors.New("classifier: sensor time runs backwards by more than 5 s")

const (
	// HopNS is the time between two estimates, in nanoseconds of sensor time.
	HopNS = 1_000_000_000

	// MaxBackwardsNS is how far a reading may lie behind the newest one. Up to
	// there it came late and is passed over; beyond, the clock was set back or
	// recordings were mixed up.
	MaxBackwardsNS = 5_000_000_000

	// maxMPS2 is beyond any phone's range (16 g, 157 m/s²) and any unit error.
	maxMPS2 = 1000

	// quietNS is how long without acceleration fixes alone drive the estimates.
	quietNS = 2_500_000_000

	// maxCatchUp bounds the estimates that one fix can cause after a pause.
	maxCatchUp = 30

	hopRows = HopNS / 1_000_000_000 * signal.RateHz
)

// An Observation is what the classifier saw at one hop, for training and
// study. Its pointers are valid during the call only.
type Observation struct {
	SensorTime int64           // nanoseconds
	SourceHz   float64         // readings a second
	SpeedMPS   float64         // NaN without a usable fix
	Motion     *feature.Motion // nil when the window is too short
	Posterior  *model.Scores   // of the window alone; nil when Motion is
	Belief     tempo.Belief    // that the tempo was found with
	Tempo      tempo.Tempo
}

// Config configures a Stream. The zero value uses the embedded model.
type Config struct {
	Model    *model.Model      // read-only and shared; nil for model.Default
	Observe  func(Observation) // called at every hop; may be nil
	BPMRange tempo.Range       // what Estimate.BPM is mapped to; the zero value leaves it as it is
}

// A Stream turns one person's readings into estimates, one a second of sensor
// time. Estimates use nothing newer than their SensorTime, and the same calls
// give the same estimates, bit for bit.
//
// A Stream is used by one goroutine at a time.
type Stream struct {
	model   *model.Model
	observe func(Observation)

	started    bool
	anchor     int64 // sensor time from which hops are counted
	newest     int64 // newest sample or fix used
	lastSample int64
	hop        int64 // hops are due at anchor + hop·HopNS
	sampling   bool  // a sample has been taken since the last gap
	late       int   // readings passed over

	resampler signal.Resampler
	window    signal.Window
	history   feature.History
	speed     speedometer
	filter    model.Filter
	tracker   tempo.Tracker
}

// NewStream returns an empty stream.
func NewStream(c Config) *Stream {
	if c.Model == nil {
		c.Model = model.Default()
	}
	return &Stream{model: c.Model, observe: c.Observe, tracker: tempo.Tracker{Range: c.BPMRange}}
}

// A Workspace is the scratch memory for Push, about 25 KiB. It serves any
// number of streams in turn, and one goroutine at a time.
type Workspace struct {
	features  *feature.Extractor
	values    model.Work
	posterior model.Scores
	speed     model.Scores
}

// NewWorkspace returns a workspace.
func NewWorkspace() *Workspace { return &Workspace{features: feature.NewExtractor()} }

// Clear overwrites every trace of the windows it was used for.
func (w *Workspace) Clear() {
	w.features.Clear()
	w.values, w.posterior, w.speed = model.Work{}, model.Scores{}, model.Scores{}
}

// Push takes a batch and appends the estimates that it completes to dst, one
// for each second of sensor time, which it returns.
//
// Both slices are sorted by sensor time, in place. Readings that come late (up
// to MaxBackwardsNS behind the newest) and those with the time of the one
// before are passed over and counted in Late. After a gap of more than
// signal.MaxGapNS the window begins anew. A batch that is refused with an
// error has not been taken, not even in part.
//
// 0 allocations when dst has room and the slices are already in order.
func (s *Stream) Push(dst []Estimate, w *Workspace, samples []Sample, fixes []Fix) ([]Estimate, error) {
	if err := s.check(samples, fixes); err != nil {
		return dst, err
	}
	for _, f := range fixes {
		before := 0
		for before < len(samples) && samples[before].SensorTime < f.SensorTime {
			before++
		}
		dst = s.takeSamples(dst, w, samples[:before])
		samples = samples[before:]
		dst = s.takeFix(dst, w, &f)
	}
	return s.takeSamples(dst, w, samples), nil
}

func bySampleTime(a, b Sample) int { return compare(a.SensorTime, b.SensorTime) }
func byFixTime(a, b Fix) int       { return compare(a.SensorTime, b.SensorTime) }

func compare(a, b int64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// check brings both slices into order and refuses what must not be taken.
func (s *Stream) check(samples []Sample, fixes []Fix) error {
	inOrder, before := true, int64(math.MinInt64)
	// Its sign is set when one of the values is beyond.
	var left int64
	for i := range samples {
		a := &samples[i]
		left |= leftTo(a.X) | leftTo(a.Y) | leftTo(a.Z)
		if a.SensorTime < before {
			inOrder = false
		}
		before = a.SensorTime
	}
	if left < 0 {
		return ErrNotFinite
	}
	if !inOrder {
		slices.SortStableFunc(samples, bySampleTime)
	}
	if !slices.IsSortedFunc(fixes, byFixTime) {
		slices.SortStableFunc(fixes, byFixTime)
	}
	if !s.started {
		return nil
	}
	if len(samples) > 0 && samples[0].SensorTime < s.newest-MaxBackwardsNS ||
		len(fixes) > 0 && fixes[0].SensorTime < s.newest-MaxBackwardsNS {
		return ErrTimeBackwards
	}
	return nil
}

// leftTo returns how far a value is from maxMPS2, negative when it is beyond.
// Without their sign numbers are in the order of their bits; behind them come
// infinity and what is not a number.
func leftTo(x float64) int64 {
	return int64(math.Float64bits(maxMPS2)) - int64(math.Float64bits(x)&^(1<<63))
}

// start anchors the hops at the first reading of all.
func (s *Stream) start(time int64) {
	if s.started {
		return
	}
	s.started = true
	s.anchor, s.newest, s.hop = time, time, 1
	s.resampler.Start(time)
}

// takeSamples puts samples into the window row by row, which is a hop a second.
// It passes over what came late or twice, and begins anew after gaps.
func (s *Stream) takeSamples(dst []Estimate, w *Workspace, samples []Sample) []Estimate {
	for len(samples) > 0 {
		first := samples[0].SensorTime
		s.start(first)
		if gap := first - s.lastSample; s.sampling && gap > signal.MaxGapNS {
			s.pause(first, int(gap/HopNS))
		}
		taken := 0
		if first >= s.anchor {
			dst, taken = s.resample(dst, w, samples)
		}
		if taken == 0 {
			s.late++
			taken = 1
		}
		samples = samples[taken:]
	}
	return dst
}

// resample takes samples up to the first that came late or after a gap, and
// returns their number.
func (s *Stream) resample(dst []Estimate, w *Workspace, samples []Sample) (_ []Estimate, taken int) {
	var row signal.Row
	for {
		more, complete := s.resampler.Read(samples[taken:], &row)
		if more > 0 {
			taken += more
			s.sampling = true
			s.lastSample = samples[taken-1].SensorTime
			s.newest = max(s.newest, s.lastSample)
		}
		if !complete {
			return dst, taken
		}
		s.window.Push(row)
		if index := s.resampler.Index(); index%hopRows == 0 && index/hopRows >= s.hop {
			s.hop = index / hopRows
			dst = append(dst, s.step(w, s.newest))
		}
	}
}

// pause begins the window anew after a gap in the acceleration, in which no hop
// was due for so many seconds. A long one also ends what was believed before
// it.
func (s *Stream) pause(now int64, silent int) {
	s.resampler.Restart()
	s.window.Clear()
	s.tracker.Pause(silent)
	s.sampling = false
	if now-s.newest > maxCatchUp*HopNS {
		s.filter = model.Filter{}
		s.history.Clear()
	}
}

func (s *Stream) takeFix(dst []Estimate, w *Workspace, f *Fix) []Estimate {
	s.start(f.SensorTime)
	if f.SensorTime < s.anchor || !s.speed.take(f) {
		s.late++
		return dst
	}
	gap := f.SensorTime - s.newest
	s.newest = max(s.newest, f.SensorTime)
	if s.sampling && f.SensorTime-s.lastSample <= quietNS {
		return dst
	}
	// No acceleration: fixes alone move the time on.
	if s.sampling {
		s.pause(f.SensorTime, 0)
	}
	due := (f.SensorTime - s.anchor) / HopNS
	if due-s.hop >= maxCatchUp {
		s.hop = due
	}
	if gap > maxCatchUp*HopNS {
		s.filter = model.Filter{}
	}
	for s.hop <= due {
		dst = append(dst, s.step(w, s.anchor+s.hop*HopNS))
	}
	return dst
}

// step makes the estimate of one hop, which is due at the given time.
func (s *Stream) step(w *Workspace, now int64) Estimate {
	s.hop++
	e := Estimate{SensorTime: now, SpeedMPS: s.speed.at(now)}

	var posterior, speed *model.Scores
	motion := w.features.ExtractAfter(&s.window, &s.history)
	if motion != nil {
		posterior = &w.posterior
		s.model.Posterior(posterior, &w.values, &motion.Features, s.resampler.SourceHz())
	}
	if !math.IsNaN(e.SpeedMPS) && len(s.model.SpeedEdges) > 0 {
		speed = &w.speed
		s.model.SpeedLog(speed, e.SpeedMPS)
	}
	if posterior != nil || speed != nil {
		s.filter.Step(s.model, posterior, speed)
		e.P = Probabilities(s.filter.P)
		if class, ok := s.filter.Decide(s.model); ok {
			e.Activity = ActivityAt(class)
		}
	}
	belief := tempo.Belief{Walk: e.P.Of(Walk), Run: e.P.Of(Run)}
	if posterior != nil {
		belief.WindowWalk, belief.WindowRun = posterior[Walk.Index()], posterior[Run.Index()]
	}
	if speed != nil {
		belief.Speed = onFoot(speed, belief.Walking())
	}
	t := s.tracker.Step(motion, belief)
	e.CadenceSPM, e.CadenceConfidence, e.BPM = t.CadenceSPM, t.Confidence, t.BPM
	if s.observe != nil {
		s.tell(&e, motion, posterior, &belief, &t)
	}
	return e
}

// tell hands an observation on. It is apart from step for the stack that step
// would need for one.
func (s *Stream) tell(e *Estimate, m *feature.Motion, posterior *model.Scores, belief *tempo.Belief, t *tempo.Tempo) {
	s.observe(Observation{e.SensorTime, s.resampler.SourceHz(), e.SpeedMPS, m, posterior, *belief, *t})
}

// onFoot returns ln of how much less likely a speed is on foot than otherwise,
// 0 at most, given ln of its likelihoods and the share of walking.
func onFoot(speed *model.Scores, walking float64) float64 {
	foot := walking*math.Exp(speed[Walk.Index()]) + (1-walking)*math.Exp(speed[Run.Index()])
	return min(math.Log(foot)-max(speed[Still.Index()], speed[Cycle.Index()], speed[Transit.Index()]), 0)
}

// Late returns how many readings were passed over because they came late or
// twice.
func (s *Stream) Late() int { return s.late }

// Resident returns how many readings the stream holds at the moment, as rows
// of its window.
func (s *Stream) Resident() int { return s.window.Len() }

// ForgetLocation forgets the fixes that were taken, for a stream that may go
// on without them. The window of acceleration stays.
func (s *Stream) ForgetLocation() { s.speed = speedometer{} }

// Clear forgets everything: the window, the beliefs over time, the clock.
func (s *Stream) Clear() {
	*s = Stream{model: s.model, observe: s.observe, tracker: tempo.Tracker{Range: s.tracker.Range}}
}
