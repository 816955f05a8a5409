package tempo

import (
	"math"

	"github.com/tempogate/tempogate/classifier/feature"
	"github.com/tempogate/tempogate/classifier/signal"
)

const (
	// LowestSPM and HighestSPM bound the cadence.
	LowestSPM, HighestSPM = 60.0, 220.0

	// edge is how far beyond the bounds a cadence still counts as lying on them.
	edge = 0.02

	// BridgeHops is how many seconds an unclear rhythm is bridged while the
	// activity is still believed.
	BridgeHops = 2

	leastConfident = 0.55 // confidence below which there is no cadence

	// Who takes steps and has had no cadence yet gets the likeliest at a lower
	// confidence, if there is some rhythm at all.
	leastFirst = 0.3
	someRhythm = 0.2

	// Steps that were there a second ago and whose cadence is sure are believed in
	// down to this.
	holdsOn = 0.3
)

// What confidence is made of; see the package comment.
const (
	confidenceBase   = -1.9
	confidenceMargin = 0.52
	confidenceNoise  = 2.5
	mostMargin       = 6.0
	leastNoise       = 0.02
	bridgedShare     = 0.8 // of the confidence that is left for each second bridged
)

// Tempo is what one window gave.
type Tempo struct {
	CadenceSPM float64 // NaN when there is no stepping
	Confidence float64 // 0 to 1: how likely CadenceSPM is right within 3; 0 without one
	BPM        int     // mapped to the Tracker's Range; 0 when there is none

	Measured Measurement
}

// A Measurement is what the window alone and what is carried from those before
// say, whether or not a cadence is said: for study. The zero value means that
// nothing was looked for.
type Measurement struct {
	CadenceSPM float64 // of the most likely candidate, made exact
	Rhythm     float64 // correlation of the newest steps with those one stride before, -1 to 1
	Margin     float64 // lead of the candidate over all that are not its neighbours, in ln of belief
	Steps      float64 // ln of the odds that there are steps, by all seconds up to now
	Presence   float64 // how likely it is that there are steps
}

// A Tracker follows the cadence of one stream. The zero value is ready.
type Tracker struct {
	// Range is what BPM is mapped to; the zero value leaves it as it is. To be
	// set before the first Step.
	Range Range

	scores  scores
	length  int     // of the window before, which scores are of; 0 for none
	steps   chain   // whether there are steps
	cadence float64 // said last, steps a minute
	sure    float64 // its confidence, 0 for none
	bridged int     // seconds since it was measured
	heard   bool    // the steps that there are have had a cadence
	beat    beat
	fold    fold
}

// Clear forgets everything but Range.
func (t *Tracker) Clear() { *t = Tracker{Range: t.Range} }

// Pause forgets the evidence, for a gap of so many seconds in the readings. The
// tempo for music is held through it as through any other silence.
func (t *Tracker) Pause(seconds int) {
	t.forget()
	t.beat.pause(seconds)
}

// forget forgets the evidence, and with it the cadence that was said last.
func (t *Tracker) forget() {
	t.scores, t.length, t.steps, t.sure, t.heard = scores{}, 0, 0, 0, false
}

// Step takes one window and the belief that it is a walk or a run. A nil
// motion means that there is none to look at. 0 allocations.
func (t *Tracker) Step(m *feature.Motion, b Belief) Tempo {
	if m == nil {
		t.forget()
		return t.none()
	}
	walking := b.Walking()
	best, margin := t.scores.weigh(m, t.length > 0, walking, 1-walking)
	cut := m.Length < t.length
	t.length = m.Length
	period, rhythm := exact(m, grid[best].period)
	cadence := 60 * signal.RateHz / period
	sure := confidence(rhythm, margin)
	lead := min(margin, mostMargin)
	t.steps.step(&b, lead, cut)
	presence, least := t.steps.presence(&b, lead), leastConfident
	if presence >= 0.5 && !t.heard && rhythm >= someRhythm {
		least = leastFirst
	}
	present := presence >= 0.5 || t.sure > 0 && sure >= leastConfident && presence >= holdsOn
	within := cadence >= LowestSPM*(1-edge) && cadence <= HighestSPM*(1+edge)
	var said Tempo
	switch {
	case present && sure >= least && within:
		t.cadence, t.sure, t.bridged = min(max(cadence, LowestSPM), HighestSPM), sure, 0
		said = t.says()
	case present && t.sure > 0 && t.bridged < BridgeHops:
		t.bridged++
		t.sure *= bridgedShare
		said = t.says()
	default:
		t.sure = 0
		said = t.none()
	}
	t.heard = present && (t.heard || t.sure > 0)
	said.Measured = Measurement{cadence, rhythm, margin, float64(t.steps), presence}
	return said
}

func (t *Tracker) says() Tempo {
	return Tempo{CadenceSPM: t.cadence, Confidence: t.sure, BPM: t.fold.step(t.Range, t.beat.step(t.cadence))}
}

// none is the answer without a cadence.
func (t *Tracker) none() Tempo {
	return Tempo{CadenceSPM: math.NaN(), BPM: t.fold.step(t.Range, t.beat.step(math.NaN()))}
}
