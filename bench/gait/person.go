package gait

import (
	"math"
	"math/rand/v2"
)

// A person is one simulated person, phone and road: factors that stay the
// same for a whole plan and differ from seed to seed as people do.
type person struct {
	walkRatio   float64 // step length over step rate, m per step a minute
	rise        float64 // vertical motion of a walk, against the usual
	bounce      float64 // vertical motion of a run, against the usual
	brake       float64 // fore and aft motion
	sway        float64 // sideways motion
	second      float64 // twice the step rate, against the step
	strike      float64 // how hard the foot comes down
	strikePitch float64 // of what rings then
	limp        float64 // part by which one foot comes down harder than the other
	contact     float64 // part of a step that a running foot stays down, against the usual
	strideShare float64 // of stride in stride and step, vertical
	swing       float64 // of the limb that carries the phone
	lever       float64
	looseness   float64
	phases      [6]float64 // rad: when in the stride each smooth part peaks
	limbPhases  [5]float64 // rad: the same for the carrying limb's swing
	lopsided    float64    // how much more one of two steps is felt on one side of the body
	first       Side       // the foot that steps first
	side        Side       // the side that carries the phone
	pedalRPM    float64
	road        float64 // roughness of roads and rails
	seat        float64 // of the vehicle's own tuning: pitch of what rings
	restless    float64 // motion while doing nothing
	sharpness   float64 // of the phone's hold on a vehicle
}

// WalkRatio is the usual step length over step rate in metres per step a
// minute (Sekiya and Nagasaki 1998 report 0.0065 or so for adults).
const walkRatio = 0.0065

func newPerson(strideShare float64, random *rand.Rand) person {
	// Around draws a factor about 1 with the given spread in its logarithm,
	// held within two and a half spreads: nobody is a monster.
	around := func(spread float64) float64 {
		return math.Exp(spread * min(max(random.NormFloat64(), -2.5), 2.5))
	}
	p := person{
		walkRatio: walkRatio * around(0.08), rise: around(0.16), bounce: around(0.12), brake: around(0.25),
		sway: around(0.3), second: around(0.4), strike: around(0.25), strikePitch: around(0.15),
		limp: 0.12 * random.NormFloat64(), contact: around(0.09), swing: around(0.15), lever: around(0.2),
		looseness: around(0.3), lopsided: around(0.4), first: Side(random.IntN(2)), side: Side(random.IntN(2)),
		pedalRPM: min(max(66*around(0.13), 45), 110), road: around(0.35), seat: around(0.15),
		restless: around(0.9), sharpness: around(0.3),
	}
	p.limp = min(max(p.limp, -0.35), 0.35)
	p.strideShare = min(strideShare*around(1), 0.6)
	for i, middle := range [...]float64{0.9, 0.5, 4.9, 4.7, 2.5, 1} {
		p.phases[i] = middle + 0.5*random.NormFloat64()
	}
	for i, middle := range [...]float64{0, math.Pi / 2, 0, 0, 0} {
		p.limbPhases[i] = middle + 0.35*float64(i)*random.NormFloat64()
	}
	return p
}
