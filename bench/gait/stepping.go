package gait

import "math"

// Stepping is what a world keeps for walking and running.
type stepping struct {
	stepper      stepper
	last, coming footfall
	more         bool    // coming is a contact and not the end of the plan
	weight       float64 // this step's strength, about 1

	walkMPS, runMPS float64 // of the present leg, or of the last of its kind
	contact         float64 // part of the present step that a runner's foot stays down

	smooth      [6][2]float64 // cosine and sine of the person's phases
	limb        [5][2]float64 // cosine and sine parts of the carrying limb's swing, once to five times a stride, of amplitude 1
	sideOf      float64       // +1 when the phone is on the side of the left foot
	stride      float64       // part of the stride, and of the step, in the smooth vertical motion
	step        float64       // (the squares add up to 1)
	struck      ring          // what rings after a walker's contact
	pounded     ring          // what rings after a runner's
	rattle      ring          // what is carried loosely
	part        float64       // the moment's part of the present step, 0 to 1
	cos, sin    [6]float64    // of the stride's phase, 0 at a left contact, and of its multiples
	strideOmega float64       // rad/s of the stride
}

func newStepping(w *world, steps stepper) stepping {
	c, who := w.carry, &w.who
	s := stepping{
		stepper: steps, weight: 1, sideOf: 1, contact: 0.7,
		last:    footfall{at: longAgo, period: 0.5},
		stride:  math.Sqrt(who.strideShare),
		step:    math.Sqrt(1 - who.strideShare),
		struck:  newRing(c.strikeHz.times(who.strikePitch), c.strikeDamping),
		pounded: newRing(c.runStrikeHz.times(who.strikePitch), c.strikeDamping),
		rattle:  newRing(even(6*who.strikePitch), 0.4),
	}
	s.coming, s.more = s.stepper.next()
	for i, phase := range who.phases {
		s.smooth[i][1], s.smooth[i][0] = math.Sincos(phase)
	}
	for i, share := range limbShares {
		s.limb[i][1], s.limb[i][0] = math.Sincos(who.limbPhases[i])
		s.limb[i][0] *= share
		s.limb[i][1] *= share
	}
	if who.side == Right {
		s.sideOf = -1
	}
	return s
}

// Advance moves to the time: contacts that have come are felt, and the place
// within the stride is worked out.
func (w *world) advance(t float64) {
	s, l := &w.stepping, &w.legs[w.leg]
	switch {
	case l.Activity.Index() == walk:
		s.walkMPS = l.SpeedMPS.At(l.part(t))
	case l.Activity.Index() == run:
		s.runMPS = l.SpeedMPS.At(l.part(t))
	case w.levels[walk] == 0 && w.levels[run] == 0:
		return
	}
	for s.more && t >= s.coming.at {
		s.last = s.coming
		w.land(t - s.last.at)
		s.coming, s.more = s.stepper.next()
	}
	since := (t - s.last.at) / s.last.period
	steps, foot := since, s.last.side // the last step: carry on while it fades
	s.strideOmega = math.Pi / s.last.period
	if s.more {
		between := s.coming.at - s.last.at
		switch {
		case between < 1.6*s.coming.period:
			s.strideOmega, steps = math.Pi/between, (t-s.last.at)/between
		case since > 2: // the first step: lead up to the first contact
			s.strideOmega = math.Pi / s.coming.period
			steps, foot = 1+(t-s.coming.at)/s.coming.period, 1-s.coming.side
		}
	}
	s.part = steps - math.Floor(steps)
	sin, cos := math.Sincos(math.Pi * (steps + float64(foot)))
	s.cos[0], s.sin[0] = 1, 0
	for i := 1; i < len(s.cos); i++ {
		s.cos[i], s.sin[i] = s.cos[i-1]*cos-s.sin[i-1]*sin, s.sin[i-1]*cos+s.cos[i-1]*sin
	}
}

// LongAgo is a time before every plan, in seconds.
const longAgo = -1000

// LimbShares is how strongly a thigh swings at one to five times the stride
// rate: bent quickly after the foot leaves the ground, straightened slowly
// while it bears.
var limbShares = [5]float64{1, 0.22, 0.06, 0.03, 0.018}

// Land feels a contact the given seconds ago: it strikes through the leg, up
// and back, and sideways towards the middle.
func (w *world) land(ago float64) {
	s, c, who := &w.stepping, w.carry, &w.who
	n := w.shake()
	s.weight = 1 + 0.06*n.forward
	s.contact = runContact(s.runMPS, s.last.period) * who.contact
	s.contact = min(max(s.contact, 0.3), 0.97)
	hard := who.strike * (1 + 0.1*n.left)
	inward, limp := -1.0, 1+who.limp
	if s.last.side == Right {
		inward, limp = 1, 1-who.limp
	}
	near := c.other
	if s.last.side == who.side {
		near = c.own
	}
	hard *= near * limp
	if k := hard * s.walkMPS * w.levels[walk]; k > 0 {
		s.struck.strike(c.strike.by(vector{-k, inward * k, k}), ago)
	}
	if k := hard * s.runMPS * w.levels[run]; k > 0 {
		s.pounded.strike(c.runStrike.by(vector{-k, inward * k, k}), ago)
	}
}

// Shifted returns the cosine of a multiple of the stride's phase, less one of
// the person's phases.
func (s *stepping) shifted(multiple, phase int) float64 {
	return s.cos[multiple]*s.smooth[phase][0] + s.sin[multiple]*s.smooth[phase][1]
}

// The inverted pendulum: a leg of length l that swings over a step of length
// L lifts the hip by L²/8l, so at f steps a second the vertical motion has
// the amplitude (L²/16l)·(2πf)² = (π²/4)·v²/l. Knee, ankle and pelvis flatten
// the arc; about two thirds of it remain.
const (
	legLength = 0.9 // metres
	arcLeft   = 0.66
	walkRise  = arcLeft * math.Pi * math.Pi / 4 / legLength // amplitude over speed squared, 1/m
)

// WalkLimit is where a walk's vertical amplitude levels off: a leg that swings
// over the foot cannot pull the hip down faster than gravity does.
const walkLimit = 0.75 * gravity

// SwayM is the usual sideways amplitude of the trunk, metres.
const swayM = 0.022

func (w *world) walk(m *motion, level float64) {
	s, c, who := &w.stepping, w.carry, &w.who
	v := s.walkMPS
	rise := who.rise * walkRise * v * v
	rise = level * s.weight * rise / math.Sqrt(1+rise*rise/(walkLimit*walkLimit))
	sway := level * swayM * s.strideOmega * s.strideOmega

	m.add(vector{
		// Braked after a contact, pushed on before the next.
		c.forward * who.brake * rise * (0.5*s.shifted(2, 3) + 0.22*s.shifted(4, 4)),
		// From leg to leg: the trunk sways at the stride rate.
		c.left * who.sway * (sway*s.shifted(1, 5) + 0.1*rise*s.shifted(3, 4) + 0.12*rise*s.shifted(5, 2)),
		// Lowest in double support, just after a contact; on one side of the
		// body one of the two steps is felt more.
		c.up * rise * (s.step*s.shifted(2, 0) + s.stride*s.sideOf*s.shifted(1, 1) +
			c.lopsided*who.lopsided*s.sideOf*s.shifted(3, 1) + 0.2*who.second*s.shifted(4, 2)),
	})
	m.add(s.struck.fade())
	m.add(s.rattle.hum(w.shake(), even(level*v*c.loose*who.looseness)))
	w.swing(m, level*c.walkSwing*min(v/1.4, 1.3))
}

// Swing adds the limb that carries the phone, which swings once a stride and
// is furthest forward when its own foot lands.
func (w *world) swing(m *motion, amplitude float64) {
	s := &w.stepping
	var angle, rate, twist float64
	side := 1.0
	for i := range s.limb {
		n := float64(i + 1)
		side *= s.sideOf // the other side is half a stride away: odd multiples change sign
		a, b := side*s.limb[i][0], side*s.limb[i][1]
		cos, sin := s.cos[i+1], s.sin[i+1]
		angle += a*cos + b*sin
		rate += n * (b*cos - a*sin)
		twist -= n * n * (a*cos + b*sin)
	}
	a, omega := amplitude*w.who.swing, s.strideOmega
	m.angle += a * angle
	m.rate += a * omega * rate
	m.twist += a * omega * omega * twist
}

// RunContact is the part of a step that a runner's foot is on the ground.
// Contact time falls with speed, from about a third of a second at a slow jog
// to half of that in a fast run.
func runContact(mps, period float64) float64 {
	return 0.55 * math.Pow(min(max(mps, 1), 5), -0.75) / period
}

// The spring-mass runner: the foot pushes for a part of the step, nearly as
// half a sine, and the runner flies for the rest. Over a step the push must
// carry the weight, so its peak is π/2 · gravity over that part.
func (w *world) run(m *motion, level float64) {
	s, c, who := &w.stepping, w.carry, &w.who
	v := s.runMPS
	push, brake := 0.0, 0.0
	if s.part < s.contact {
		sin, cos := math.Sincos(math.Pi * s.part / s.contact)
		push, brake = sin, -2*sin*cos
	}
	bounce := who.bounce * gravity * s.weight * (math.Pi/2/s.contact*push - 1)
	sway := 0.5 * swayM * s.strideOmega * s.strideOmega
	m.add(vector{
		level * c.forward * who.brake * (1 + 0.9*v) * brake,
		level * c.left * who.sway * (sway*s.shifted(1, 5) + 0.15*gravity*push*s.cos[1]),
		level * c.runUp * (s.step*bounce + runStep*s.sideOf*(0.6*s.stride*s.shifted(1, 1)+0.4*c.lopsided*who.lopsided*s.shifted(3, 1))),
	})
	m.add(s.pounded.fade())
	m.add(s.rattle.hum(w.shake(), even(level*v*c.loose*who.looseness)))
	w.swing(m, level*c.runSwing)
}

// RunStep is the amplitude of a runner's step in the vertical, m/s²: half a
// sine over two thirds of the time has a first harmonic of 1.25 times its mean.
const runStep = 1.25 * gravity
