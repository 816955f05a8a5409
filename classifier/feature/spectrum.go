package feature

import (
	"math"

	"gonum.org/v1/gonum/blas/gonum"

	"github.com/tempogate/tempogate/classifier/signal"
)

// spectra fills VerticalPower and HorizontalPower, from three transforms of
// half the length: one takes v with its odd places as imaginary parts, two
// take the even and the odd places of c = north + i·east, of which
//
//	|C(k)|² + |C(-k)|² = 2(|N(k)|² + |E(k)|²).
func (e *Extractor) spectra(n int) {
	if e.tapered != n {
		e.gain = 0
		clear(e.taper[n:])
		for i := range n {
			e.taper[i] = 0.5 - 0.5*math.Cos(2*math.Pi*(float64(i)+0.5)/float64(n))
			e.gain += e.taper[i] * e.taper[i]
		}
		e.tapered = n
	}
	// Scaled so that the lines of a signal add up to its variance.
	scale := 2 / (e.gain * signal.WindowLength)
	e.verticalSpectrum(scale)
	e.horizontalSpectrum(scale)
}

func (e *Extractor) verticalSpectrum(scale float64) {
	v, power := &e.vertical, &e.power[0]
	for i := range e.values {
		e.values[i] = complex(e.taper[2*i]*v[2*i], e.taper[2*i+1]*v[2*i+1])
	}
	transform(&e.even, &e.values)
	for k := range half/2 + 1 {
		// What stems from the real parts has a symmetric spectrum, what stems
		// from the imaginary parts an antisymmetric one. Both are doubled.
		z, mirror := e.even[k], e.even[(half-k)%half]
		even := complex(real(z)+real(mirror), imag(z)-imag(mirror))
		odd := complex(imag(z)+imag(mirror), real(mirror)-real(z))
		lower, upper := sides(even, odd, turns[k])
		power[k], power[half-k] = scale/4*lower, scale/4*upper
	}
}

func (e *Extractor) horizontalSpectrum(scale float64) {
	north, east, power := &e.north, &e.east, &e.power[1]
	for i := range e.values {
		e.values[i] = complex(e.taper[2*i]*north[2*i], e.taper[2*i]*east[2*i])
	}
	transform(&e.even, &e.values)
	for i := range e.values {
		e.values[i] = complex(e.taper[2*i+1]*north[2*i+1], e.taper[2*i+1]*east[2*i+1])
	}
	transform(&e.odd, &e.values)
	clear(power[:])
	for k := range half {
		lower, upper := sides(e.even[k], e.odd[k], turns[k])
		power[k] += scale / 2 * lower
		power[half-k] += scale / 2 * upper // line k+64 mirrors line 64-k
	}
	power[0] *= 2
	power[half] *= 2
}

// correlate fills Correlation: for each lag the covariance of v with itself
// over the rows that overlap, against the variance of the same rows, so that a
// perfect rhythm gives 1 at every multiple of its period.
//
// The products are added up in single precision, which a processor does four
// at a time: the result is good to six digits.
func (e *Extractor) correlate() {
	m := &e.motion
	v := m.Vertical
	n := len(v)
	for i, x := range v {
		e.single[i] = float32(x)
	}
	clear(e.single[n:])
	// Mean energy of the first and of the last n-lag rows, kept by taking rows
	// off.
	energy := (m.Variance + quietRow) * float64(n)
	for lag := 1; lag <= MaxLag; lag++ {
		energy -= 0.5 * (v[lag-1]*v[lag-1] + v[n-lag]*v[n-lag])
		if lag < LeastLag {
			continue
		}
		// Whole blocks: there are zeros behind the last row.
		rows := (n - lag + block - 1) / block * block
		product := kernels.Sdot(rows, e.single[lag:lag+rows], 1, e.single[:rows], 1)
		m.Correlation[lag] = float64(product) / energy
	}
}

// kernels are what is behind gonum's blas32, which would find them anew at
// every call.
var kernels gonum.Implementation

const (
	// block is how many products at a time are added up.
	block = 16

	// quietRow is added to the energy of a row, (m/s²)², so that nothing
	// moving has no rhythm.
	quietRow = 1e-6
)
