package gait

import "math"

// Rolling is what a world keeps for bicycles and vehicles.
type rolling struct {
	crank     float64 // place of the pedals, turns, 0 to 1
	crankHz   float64 // turns a second
	pedalling float64 // how far pedalling has set in, 0 to 1
	rider     ring    // road under a bicycle: tyres, saddle and rider
	frame     ring    // road under a bicycle: frame and fork

	vehicle *vehicle // of the present Transit leg, or of the last
	bounce  ring
	seat    ring
	hop     ring
	engine  ring
	steer   ring

	surface   resonator // slow changes of the surface, in the logarithm of its roughness
	roughness float64   // against the usual
}

func newRolling(w *world) rolling {
	pitch := w.who.seat
	r := rolling{
		rider:   newRing(even(3.6*pitch), 0.5),
		frame:   newRing(even(9*pitch), 0.45),
		surface: newResonator(slow, 0.03, 0.7),
		steer:   newRing(even(0.5), 0.6),
	}
	for i := range w.legs {
		if v := w.legs[i].vehicle; v != nil {
			r.board(v, pitch)
			break
		}
	}
	return r
}

// Board sets what rings to a vehicle's pitches.
func (r *rolling) board(v *vehicle, pitch float64) {
	r.vehicle = v
	r.bounce = newRing(even(v.bounceHz*pitch), v.bounceDamping)
	r.seat = newRing(even(v.seatHz*pitch), v.seatDamping)
	r.hop = newRing(even(v.hopHz*pitch), v.hopDamping)
	r.engine = newRing(even(v.engineHz*pitch), 0.02)
}

// Wear moves the surface on: it is a third or so rougher or smoother than
// usual for some tens of seconds at a time.
func (w *world) wear() {
	r := &w.rolling
	r.roughness = w.who.road * math.Exp(r.surface.rumble(w.shake().up, 0.35))
}

// Pedalling is whether a cyclist's feet turn: not while standing, and not
// while braking.
func pedalling(speed, along float64) bool { return speed > 0.5 && along > -0.3 }

func (w *world) cycle(m *motion, t, level float64) {
	r, c, who := &w.rolling, w.carry, &w.who
	if l := &w.legs[w.leg]; l.Activity.Index() == cycle {
		r.crankHz = l.PedalRPM.At(l.part(t)) / 60
	}
	if pedalling(w.speed, w.along) {
		r.pedalling = min(r.pedalling+grid/0.5, 1)
		r.crank += r.crankHz * grid
		r.crank -= math.Floor(r.crank)
	} else {
		r.pedalling = max(r.pedalling-grid/0.5, 0)
	}
	omega := 2 * math.Pi * r.crankHz
	sin, cos := math.Sincos(2 * math.Pi * r.crank)
	cos2, sin2 := cos*cos-sin*sin, 2*sin*cos

	// Each leg's push drives on and rocks the frame: twice a turn ahead and
	// up, once a turn from side to side.
	work := level * r.pedalling
	m.add(vector{
		level*w.along + work*0.3*who.brake*cos2,
		work * 0.25 * who.sway * sin,
		work * 0.25 * who.rise * sin2,
	})

	// The thigh goes up and down with the pedal. Crank and knee make it no
	// pure sine: about a sixth at twice the rate.
	a, second := work*c.pedalSwing*who.swing, 0.16*who.second
	m.angle += level*c.seated + a*(cos+second*cos2)
	m.rate += a * omega * (-sin - 2*second*sin2)
	m.twist += a * omega * omega * (-cos - 4*second*cos2)

	// The road's vertical velocity is white noise whose power grows with
	// speed (ISO 8608, waviness 2), so vibration grows with its root.
	k := level * c.road * r.roughness * math.Sqrt(w.speed/usualCycleMPS)
	m.add(r.rider.hum(w.shake(), vector{0.65 * k, 0.65 * k, 1.1 * k}))
	m.add(r.frame.rumble(w.shake(), vector{0.8 * k, 0.8 * k, 1.05 * k}))
}

func (w *world) ride(m *motion, level float64) {
	r, c := &w.rolling, w.carry
	if v := w.legs[w.leg].vehicle; v != nil && v != r.vehicle {
		r.board(v, w.who.seat)
	}
	v := r.vehicle
	m.add(vector{level * w.along, level * w.side, 0})
	m.angle += level * c.seated

	k := level * r.roughness * math.Sqrt(w.speed/v.cruiseMPS)
	fast := c.fast * w.who.sharpness
	going := level * v.steer * min(w.speed/5, 1)
	m.add(r.steer.rumble(w.shake(), vector{going, going, 0}))
	m.add(r.bounce.hum(w.shake(), v.bounce.times(k)))
	m.add(r.seat.rumble(w.shake(), v.seat.times(k)))
	m.add(r.hop.rumble(w.shake(), v.hop.times(k*fast)))
	m.add(r.engine.hum(w.shake(), even(level*fast*v.engine)))
}
