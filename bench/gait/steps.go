package gait

import (
	"fmt"
	"math"
	"math/rand/v2"
)

// A Side is a foot.
type Side uint8

// The feet.
const (
	Left Side = iota
	Right
)

// String returns "left" or "right".
func (s Side) String() string {
	switch s {
	case Left:
		return "left"
	case Right:
		return "right"
	}
	return fmt.Sprintf("Side(%d)", uint8(s))
}

// A stepper tells when the feet touch the ground, one contact after the
// other. It depends on the plan and the seed alone, so the motion and the
// truth each run their own and agree to the last bit.
type stepper struct {
	legs   []leg
	random *rand.Rand
	spread float64 // deviation of a contact's offset, in steps
	offset float64 // the last contact's offset, in steps
	leg    int
	at     float64 // seconds: how far the steps have been laid out
	last   float64 // seconds: the last contact
	need   float64 // steps still to go until the next even contact
	side   Side    // of the next contact
}

// A footfall is one contact of a foot with the ground.
type footfall struct {
	at     float64 // seconds from the plan's beginning
	period float64 // seconds a step takes at that moment's cadence
	side   Side
}

// OffsetMemory is how much of a contact's offset the next one keeps. Steps
// that come late are followed by steps that come late, less each time.
const offsetMemory = 0.6

// NewStepper takes the coefficient of variation of step times.
func newStepper(legs []leg, variation float64, first Side, random *rand.Rand) stepper {
	// Step time is one period plus the difference of two offsets, whose
	// variance is 2·spread²·(1-memory).
	return stepper{
		legs: legs, random: random, side: first, need: firstStep,
		spread: variation / math.Sqrt(2*(1-offsetMemory)), last: math.Inf(-1),
	}
}

// FirstStep is how long after setting off the first foot lands, in steps.
const firstStep = 0.5

// Next returns the next contact, and false when the plan has no more.
//
// Contacts are laid out evenly by the integral of the cadence and then moved
// by an offset that does not add up, so the count over any stretch is the
// plan's, give or take one.
func (s *stepper) next() (footfall, bool) {
	for s.leg < len(s.legs) {
		l := &s.legs[s.leg]
		if !l.stepping() {
			s.leg++
			s.at, s.need = l.end, firstStep
			continue
		}
		rate := l.CadenceSPM.At(l.part(s.at)) / 60
		slope := (l.CadenceSPM.To - l.CadenceSPM.From) / 60 / (l.end - l.start)
		// rate·t + slope·t²/2 = need, in the form that is exact for slope 0.
		left := l.end - s.at
		if toEnd := left * (rate + 0.5*slope*left); toEnd <= s.need {
			s.need -= toEnd
			s.at = l.end
			s.leg++
			continue
		}
		s.at += 2 * s.need / (rate + math.Sqrt(rate*rate+2*slope*s.need))
		s.need = 1
		return s.land(l), true
	}
	return footfall{}, false
}

func (s *stepper) land(l *leg) footfall {
	period := 60 / l.CadenceSPM.At(l.part(s.at))
	draw := min(max(s.random.NormFloat64(), -3), 3)
	s.offset = offsetMemory*s.offset + math.Sqrt(1-offsetMemory*offsetMemory)*s.spread*draw
	at := s.at + s.offset*period
	// A contact stays in its own leg and a fair while after the one before.
	at = max(at, l.start, s.last+0.3*period)
	at = min(at, l.end-1e-6)
	s.last = at
	f := footfall{at: at, period: period, side: s.side}
	s.side = 1 - s.side
	return f
}
