package gait

import (
	"math"
	"math/rand/v2"
	"testing"
)

// Unit noise gives the deviation that was asked for, whatever the pitch and
// the damping; a hum has no steady part.
func TestResonatorDeviations(t *testing.T) {
	for _, test := range []struct{ step, hz, damping float64 }{
		{grid, 0.5, 0.6}, {grid, 1.5, 0.2}, {grid, 5, 0.35}, {grid, 12, 0.2}, {grid, 26, 0.02}, {slow, 0.03, 0.7},
	} {
		random := rand.New(rand.NewPCG(1, 2))
		hum, rumble := newResonator(test.step, test.hz, test.damping), newResonator(test.step, test.hz, test.damping)
		n := max(400_000, 2000/test.hz/test.step) // long against the slowest memory
		var hums, rumbles float64
		for range int(n) {
			h, r := hum.hum(random.NormFloat64(), 0.3), rumble.rumble(random.NormFloat64(), 0.3)
			hums, rumbles = hums+h*h, rumbles+r*r
		}
		for name, sum := range map[string]float64{"hum": hums, "rumble": rumbles} {
			if got := math.Sqrt(sum / n); math.Abs(got-0.3) > 0.03 {
				t.Errorf("%g Hz, damping %g: a %s of deviation 0.3 has %.3f", test.hz, test.damping, name, got)
			}
		}
		steady := newResonator(test.step, test.hz, test.damping)
		var last float64
		for range int(50 / test.hz / test.damping / test.step) {
			last = steady.hum(1, 1)
		}
		// 0 for small steps; the grid leaves a little. The real part alone would
		// pass 28 at 0.5 Hz.
		if passes := math.Abs(last) / steady.humming; passes > 0.6 {
			t.Errorf("%g Hz: a steady push of 1 hums on at %.3f", test.hz, passes)
		}
	}
}

// A kick rings at the pitch, from 0, and dies as fast as the damping says,
// whether it came on a grid point or between two.
func TestResonatorRings(t *testing.T) {
	const hz, damping, ago = 7.0, 0.25, 0.003
	r := newResonator(grid, hz, damping)
	r.strike(2, ago)
	for i := range 100 {
		at := ago + float64(i)*grid
		want := 2 * math.Exp(-2*math.Pi*hz*damping*at) * math.Sin(2*math.Pi*hz*at)
		if math.Abs(r.im-want) > 1e-12 {
			t.Fatalf("%.3f s after a kick: %g, want %g", at, r.im, want)
		}
		r.step(0)
	}
}

func TestSinCos(t *testing.T) {
	for a := -2.0; a <= 2; a += 0.01 {
		sin, cos := sinCos(a)
		if math.Abs(sin-math.Sin(a)) > 1e-4 || math.Abs(cos-math.Cos(a)) > 1e-4 {
			t.Errorf("at %.2f rad: %g, %g, want %g, %g", a, sin, cos, math.Sin(a), math.Cos(a))
		}
	}
}
