package gait

import (
	"math"
	"math/rand/v2"

	"github.com/tempogate/tempogate/classifier"
)

// A pace is the speed and the turning over time. Like the stepper it depends
// on plan and seed alone: the motion, the fixes and the truth each run one.
//
// Speed is made of stretches. Within one it either goes over smoothly from
// one value to another (3u²-2u³, so that the acceleration has no jumps) or,
// along a ramp of the plan, in a straight line.
type pace struct {
	legs    []leg
	random  *rand.Rand
	leg     int
	stretch stretch
	stop    float64 // seconds: when the next halt begins, Cycle and Transit
	moving  bool    // Cycle and Transit: between a start and a halt

	bends   *rand.Rand // apart, so that how often somebody asks changes nothing
	bendLeg int
	bend    bend
}

type stretch struct {
	start, end float64 // seconds
	from, to   float64 // m/s
	even       bool    // a straight line
}

// A bend is a stretch of turning: a hump of lateral acceleration for what
// rolls, of turning rate for who walks.
type bend struct {
	start, end float64
	lateral    float64 // m/s² at the top
	turning    float64 // rad/s at the top
}

func newPace(legs []leg, seed uint64) pace {
	return pace{
		legs:   legs,
		random: rand.New(stream(seed, paceStream)),
		bends:  rand.New(stream(seed, bendStream)),
	}
}

// At returns speed (m/s), acceleration along the way (m/s²), acceleration to
// the left (m/s²) and turning rate (rad/s, left positive). Times must not
// decrease from call to call.
func (p *pace) at(t float64) (speed, along, left, turning float64) {
	for t >= p.stretch.end && p.leg < len(p.legs) {
		p.extend()
	}
	for t >= p.bend.end {
		p.turn()
	}
	speed, along = p.stretch.at(t)
	if b := &p.bend; b.lateral != 0 || b.turning != 0 {
		u := (t - b.start) / (b.end - b.start)
		hump := 16 * u * u * (1 - u) * (1 - u)
		// Nobody takes a bend at walking pace hard: lateral acceleration
		// fades below 5 m/s.
		left = b.lateral * hump * min(1, speed*speed/25)
		turning = b.turning * hump * min(1, speed)
		if speed > 1 {
			turning += left / speed
		}
	}
	return speed, along, left, turning
}

func (s *stretch) at(t float64) (speed, along float64) {
	long := s.end - s.start
	if long <= 0 || t >= s.end {
		return s.to, 0
	}
	u := max((t-s.start)/long, 0)
	if s.even {
		return s.from + (s.to-s.from)*u, (s.to - s.from) / long
	}
	return s.from + (s.to-s.from)*u*u*(3-2*u), (s.to - s.from) * 6 * u * (1 - u) / long
}

// Extend lays out the stretch that follows the present one.
func (p *pace) extend() {
	for p.leg < len(p.legs) && p.stretch.end >= p.legs[p.leg].end {
		p.leg++
		p.moving, p.stop = false, 0
	}
	if p.leg == len(p.legs) {
		p.stretch = stretch{start: p.stretch.end, end: math.Inf(1), from: p.stretch.to, to: p.stretch.to}
		return
	}
	l := &p.legs[p.leg]
	now, speed := p.stretch.end, p.stretch.to
	switch l.Activity {
	case classifier.Walk, classifier.Run:
		p.follow(l, now, speed, personMPS2)
	case classifier.Still:
		if speed > 0 {
			p.change(l, now, speed, 0, personMPS2)
		} else {
			p.hold(l.end, 0)
		}
	default:
		p.roll(l, now, speed)
	}
}

// PersonMPS2 is how quickly somebody on foot changes speed.
const personMPS2 = 1.3

// Follow keeps to a leg's speed, after going over to it.
func (p *pace) follow(l *leg, now, speed, mps2 float64) {
	target := l.SpeedMPS.At(l.part(now))
	if math.Abs(speed-target) < 1e-3 {
		p.stretch = stretch{start: now, end: l.end, from: target, to: l.SpeedMPS.To, even: true}
		return
	}
	long := 1.5 * math.Abs(target-speed) / mps2
	p.change(l, now, speed, l.SpeedMPS.At(l.part(now+long)), mps2)
}

// Change goes over smoothly to another speed, at most at the given
// acceleration unless the leg ends before.
func (p *pace) change(l *leg, now, from, to, mps2 float64) {
	long := max(1.5*math.Abs(to-from)/mps2, 0.3)
	p.stretch = stretch{start: now, end: min(now+long, l.end), from: from, to: to}
}

func (p *pace) hold(until, speed float64) {
	p.stretch = stretch{start: p.stretch.end, end: until, from: speed, to: speed}
}

// Roll drives: start, cruise with small changes, brake, halt. It comes to a
// halt before the leg ends unless the next leg rolls the same way.
func (p *pace) roll(l *leg, now, speed float64) {
	brakes, cruise, change := cycleMPS2, l.SpeedMPS.At(l.part(now)), cycleChange
	halt := 12.0
	if l.vehicle != nil {
		brakes, change, halt = l.vehicle.brakeMPS2, l.vehicle.change, l.vehicle.haltS
	}
	last, worth := l.end, 1.0 // when to be at a halt, and how long a ride must be to set off for it
	if p.leg+1 < len(p.legs) && !p.legs[p.leg+1].follows(l) {
		last -= 1.5*cruise*(1+change)/brakes + 1
		worth = 3 * cruise / brakes
	}
	if p.stop == 0 {
		p.stop = last
		if l.StopEvery > 0 {
			p.stop = min(last, now+l.StopEvery.Seconds()*(0.5+p.random.ExpFloat64()*0.5))
		}
	}
	switch {
	case now >= p.stop && speed > 0:
		p.change(l, now, speed, 0, brakes*(0.7+0.3*p.random.Float64()))
	case speed == 0 && now+worth >= last:
		p.hold(l.end, 0)
	case speed == 0 && (p.moving || now == l.start):
		// A halt; the first one is only the moment of getting going.
		long := halt * (0.4 + 1.2*p.random.Float64())
		if !p.moving {
			long = 1 + 2*p.random.Float64()
		}
		p.moving, p.stop = false, 0
		p.hold(min(now+long, last), 0)
		if p.stretch.end <= now {
			p.hold(l.end, 0)
		}
	case !p.moving:
		p.moving = true
		p.change(l, now, speed, cruise*(1+change*(2*p.random.Float64()-1)), brakes*(0.6+0.4*p.random.Float64()))
	default:
		to := cruise * (1 + change*(2*p.random.Float64()-1))
		long := max(4+8*p.random.Float64(), 1.5*math.Abs(to-speed)/(0.6*brakes))
		if now+long > p.stop {
			p.hold(max(p.stop, now+0.1), speed)
			return
		}
		p.stretch = stretch{start: now, end: now + long, from: speed, to: to}
	}
}

// Follows is whether somebody can roll from one leg into the next.
func (l *leg) follows(before *leg) bool {
	return l.Activity == before.Activity && l.vehicle == before.vehicle
}

// A bicycle's brakes, and how much its speed wanders about the cruise.
const (
	cycleMPS2   = 0.9
	cycleChange = 0.06
)

// Turn lays out the next bend.
func (p *pace) turn() {
	now := p.bend.end
	p.bend = bend{start: now, end: now + 2 + 6*p.bends.Float64()}
	for p.bendLeg < len(p.legs) && now >= p.legs[p.bendLeg].end {
		p.bendLeg++
	}
	sharp, sign := p.bends.Float64(), 1.0
	if p.bends.Uint64()&1 == 0 {
		sign = -1
	}
	if sharp < 0.45 || p.bendLeg == len(p.legs) {
		return // straight on
	}
	l := &p.legs[p.bendLeg]
	switch {
	case l.vehicle != nil:
		p.bend.lateral = sign * l.vehicle.bendMPS2 * sharp
	case l.Activity == classifier.Cycle:
		// A rider leans into the bend: along the rider's own axes nothing
		// pulls sideways, so only the heading changes.
		p.bend.turning = sign * 0.25 * sharp * sharp
	case l.stepping():
		p.bend.turning = sign * 0.4 * sharp * sharp
	}
}
