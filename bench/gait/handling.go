package gait

import "math"

// Handling is what a world keeps for a phone that is held, lies or is handled
// while nothing else moves it.
type handling struct {
	tremor ring
	idle   ring // slow sway
	fumble ring // the phone being handled

	slump, lean resonator  // slow pitch and roll
	put         [2]float64 // rad: pitch and roll where handling has put them
	aim         [2]float64 // rad: what pitch and roll go to
	tilt        [2]float64 // rad: pitch and roll now
}

func newHandling() handling {
	return handling{
		tremor: newRing(even(3.5), 0.6),
		idle:   newRing(even(0.5), 0.6),
		fumble: newRing(even(1.8), 0.3),
		slump:  newResonator(slow, 0.02, 0.7),
		lean:   newResonator(slow, 0.02, 0.7),
	}
}

// How the phone lies changes by a few degrees over a minute, and by some more
// when it is handled, within half a second or so.
const (
	slackRad  = 0.04
	handleRad = 0.1
	tiltS     = 0.5
)

// Idle is how far somebody stands, sits or rides with hands free for the
// phone: 0 to 1.
func (w *world) idle() float64 { return w.levels[still] + w.levels[transit] }

// Settle moves what is slow in how the phone lies, and lets idle hands handle
// it now and then. What is tied tight is left alone.
func (w *world) settle() {
	h, c, who := &w.handling, w.carry, &w.who
	if c.tremor == 0 {
		return
	}
	n := w.shake()
	if w.chance(slow * w.idle() * c.fidgets * who.restless) {
		kick := w.shake()
		size := 3 * math.Exp(0.8*n.up)
		h.fumble.strike(kick.by(vector{size, size, 0.7 * size}), 0)
		h.put = [2]float64{handleRad * kick.forward, handleRad * kick.left}
	}
	h.aim[0] = h.put[0] + h.slump.rumble(n.forward, slackRad)
	h.aim[1] = h.put[1] + h.lean.rumble(n.left, slackRad)
}

// Handle adds what a resting body and idle hands do, and returns the phone's
// roll in rad.
func (w *world) handle(m *motion) (roll float64) {
	h, c := &w.handling, w.carry
	if c.tremor == 0 {
		return 0
	}
	if idle := w.idle(); idle > 0 {
		k := idle * c.tremor * w.who.restless
		m.add(h.tremor.hum(w.shake(), vector{k, k, 0.9 * k}))
		m.add(h.idle.hum(w.shake(), vector{k, k, 0.2 * k}))
		m.add(h.fumble.fade())
	}
	for i := range h.tilt {
		h.tilt[i] += (h.aim[i] - h.tilt[i]) * (grid / tiltS)
	}
	m.angle += h.tilt[0]
	return h.tilt[1]
}
