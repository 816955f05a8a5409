package gait

import "math"

// A resonator is one damped oscillation: the exact solution, step by step, of
// z' = (-decay + i·omega)·z with kicks.
//
// Everything that rings in the simulator is one: soft tissue after a foot
// contact, a car body on its springs, a wheel, a hand. The imaginary part
// answers a kick by a damped sine, from 0 with a finite slope, as a body does
// that is struck through a leg.
type resonator struct {
	re, im   float64
	cr, ci   float64 // one step's turn and decay
	decay    float64 // 1/s
	omega    float64 // rad/s
	damping  float64 // decay over omega
	humming  float64 // kick by which unit noise makes a hum of unit deviation
	rumbling float64 // the same for a rumble
}

// NewResonator takes the time between two steps in seconds, the frequency in
// Hz and the damping ratio, 0 to 1.
func newResonator(step, hz, damping float64) resonator {
	r := resonator{omega: 2 * math.Pi * hz, decay: 2 * math.Pi * hz * damping, damping: damping}
	size := math.Exp(-r.decay * step)
	sin, cos := math.Sincos(r.omega * step)
	r.cr, r.ci = size*cos, size*sin
	// For z[n+1] = c·z[n] + k with unit noise k, E|z|² = 1/(1-|c|²) and
	// E z² = 1/(1-c²), which give the variances of the parts and what they
	// share.
	square := complex(r.cr, r.ci) * complex(r.cr, r.ci)
	all, turned := 1/(1-size*size), 1/(1-square)
	re, im, shared := (all+real(turned))/2, (all-real(turned))/2, imag(turned)/2
	r.humming = 1 / math.Sqrt(re-2*damping*shared+damping*damping*im)
	r.rumbling = 1 / math.Sqrt(im)
	return r
}

// Step moves one grid step on and adds a kick.
func (r *resonator) step(kick float64) {
	r.re, r.im = r.cr*r.re-r.ci*r.im+kick, r.ci*r.re+r.cr*r.im
}

// Hum steps under unit noise and returns a band of it about the frequency at
// the given deviation: 6 dB an octave are lost on either side, and nothing
// steady passes.
func (r *resonator) hum(noise, deviation float64) float64 {
	r.step(noise * deviation * r.humming)
	// The real part's steady answer is decay/omega times the imaginary one's.
	return r.re - r.damping*r.im
}

// Rumble does the same with all that lies below the frequency; above it
// 12 dB an octave are lost.
func (r *resonator) rumble(noise, deviation float64) float64 {
	r.step(noise * deviation * r.rumbling)
	return r.im
}

// Strike kicks from a moment the given seconds ago, between two grid points.
func (r *resonator) strike(kick, ago float64) {
	size := math.Exp(-r.decay * ago)
	sin, cos := math.Sincos(r.omega * ago)
	r.re += kick * size * cos
	r.im += kick * size * sin
}

// A ring is three resonators on the world's grid.
type ring struct{ forward, left, up resonator }

func newRing(hz vector, damping float64) ring {
	return ring{
		newResonator(grid, hz.forward, damping),
		newResonator(grid, hz.left, damping),
		newResonator(grid, hz.up, damping),
	}
}

// Strike kicks the three from a moment the given seconds ago.
func (r *ring) strike(kick vector, ago float64) {
	r.forward.strike(kick.forward, ago)
	r.left.strike(kick.left, ago)
	r.up.strike(kick.up, ago)
}

// Fade moves on without a kick and returns the imaginary parts.
func (r *ring) fade() vector {
	r.forward.step(0)
	r.left.step(0)
	r.up.step(0)
	return vector{r.forward.im, r.left.im, r.up.im}
}

// Hum lets the three hum under independent noise.
func (r *ring) hum(noise, deviation vector) vector {
	return vector{
		r.forward.hum(noise.forward, deviation.forward),
		r.left.hum(noise.left, deviation.left),
		r.up.hum(noise.up, deviation.up),
	}
}

// Rumble lets the three rumble under independent noise.
func (r *ring) rumble(noise, deviation vector) vector {
	return vector{
		r.forward.rumble(noise.forward, deviation.forward),
		r.left.rumble(noise.left, deviation.left),
		r.up.rumble(noise.up, deviation.up),
	}
}
