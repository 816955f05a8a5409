package gait

import (
	"math/rand/v2"

	"github.com/tempogate/tempogate/classifier"
)

// The world's grid: all motion is worked out 200 times a second, whatever the
// phone's rate, and the phone reads between the points. So the same seed moves
// the same way at any rate, and an oscillation costs a few multiplications
// instead of a sine. At 12 Hz, a wheel's pitch, reading between the points
// loses 1.2 % of the amplitude.
const (
	gridHz = 200.0
	grid   = 1 / gridHz

	slowly = 16 // grid points between two steps of what changes over many seconds
	slow   = slowly * grid
)

// SetIn is how long an activity takes to set in fully, in seconds. Gait
// reaches its steady state within two or three steps of the first.
const setIn = 0.8

// A world is the simulated person on the way through the plan.
type world struct {
	legs  []leg
	who   person
	carry *carriage
	noise *rand.PCG
	pace  pace

	point int64 // grid points worked out so far
	leg   int

	// How far each activity has set in, 0 to 1. One fades into the next, as
	// the first and last steps of a walk are smaller than the others.
	levels [classifier.Classes]float64

	speed, along, side float64 // m/s; m/s² ahead and to the left

	stepping stepping
	rolling  rolling
	handling handling
}

func newWorld(legs []leg, who *person, cfg *Config) *world {
	w := &world{
		legs: legs, who: *who, carry: &carriages[cfg.Placement],
		noise:    stream(cfg.Seed, worldStream),
		pace:     newPace(legs, cfg.Seed),
		handling: newHandling(),
	}
	w.stepping = newStepping(w, cfg.stepper(legs, who))
	w.rolling = newRolling(w)
	w.levels[legs[0].Activity.Index()] = 1
	return w
}

// A motion is what the body part that carries the phone does at one moment:
// acceleration in m/s² forward, left and up, and the limb's angle from the
// vertical with its first and second derivative (rad, rad/s, rad/s²).
type motion struct {
	acceleration       vector
	angle, rate, twist float64
}

func (m *motion) add(v vector) { m.acceleration = m.acceleration.plus(v) }

// Next works out the specific force at the next grid point, the first being
// the plan's beginning: what an accelerometer feels, along the resting
// phone's forward, left and up.
func (w *world) next() vector {
	t := float64(w.point) * grid
	if w.point%slowly == 0 {
		w.wear()
		w.settle()
	}
	w.point++
	for w.leg+1 < len(w.legs) && t >= w.legs[w.leg].end {
		w.leg++
	}
	w.speed, w.along, w.side, _ = w.pace.at(t)
	w.advance(t)
	now := w.legs[w.leg].Activity.Index()
	var m motion
	for i := range w.levels {
		if i == now {
			w.levels[i] = min(w.levels[i]+grid/setIn, 1)
		} else {
			w.levels[i] = max(w.levels[i]-grid/setIn, 0)
		}
		level := w.levels[i]
		if level == 0 {
			continue
		}
		level *= level * (3 - 2*level)
		switch i {
		case walk:
			w.walk(&m, level)
		case run:
			w.run(&m, level)
		case cycle:
			w.cycle(&m, t, level)
		case transit:
			w.ride(&m, level)
		}
	}
	return w.felt(&m, w.handle(&m))
}

// Felt turns motion into specific force. The phone is fixed to a limb that
// hangs from a joint: gravity turns with the limb's angle, the twist pulls
// across the limb by the lever, the rate along it. For a free pendulum the
// first two cancel; a thigh's swing comes near to that.
func (w *world) felt(m *motion, roll float64) vector {
	lever := w.carry.lever * w.who.lever
	sin, cos := sinCos(m.angle)
	f, u := m.acceleration.forward, m.acceleration.up+gravity
	across := f*cos + u*sin + lever*m.twist
	along := u*cos - f*sin + lever*m.rate*m.rate
	sin, cos = sinCos(roll)
	l := m.acceleration.left
	return vector{across, l*cos + along*sin, along*cos - l*sin}
}

// Shake returns three independent numbers of mean 0 and deviation 1. They are
// uniform: what they drive rings long enough to make them bell-shaped.
func (w *world) shake() vector {
	const scale = 2 * 1.7320508075688772 / (1 << 21) // a uniform number's deviation is its range over 2√3
	u := w.noise.Uint64()
	return vector{
		(float64(u&(1<<21-1)) - (1<<20 - 0.5)) * scale,
		(float64(u>>21&(1<<21-1)) - (1<<20 - 0.5)) * scale,
		(float64(u>>42&(1<<21-1)) - (1<<20 - 0.5)) * scale,
	}
}

// Chance is true with the given probability.
func (w *world) chance(probability float64) bool {
	return float64(w.noise.Uint64()>>11)/(1<<53) < probability
}

// The streams of chance. Each part of the simulation has its own, so that a
// change in one (another rate, no fixes) leaves the others as they were. The
// numbers only have to differ.
const (
	personStream uint64 = 0x7465_6d70_6f00 + iota
	orientationStream
	clockStream
	worldStream
	stepStream
	paceStream
	bendStream
	sensorStream
	deliveryStream
	fixStream
)

// Stream starts one part's stream of chance.
func stream(seed, part uint64) *rand.PCG { return rand.NewPCG(seed, part) }
