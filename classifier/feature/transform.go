package feature

import (
	"math"
	"math/cmplx"

	"github.com/tempogate/tempogate/classifier/signal"
)

// half is the length of the one transform that all spectra are put together
// from.
const half = signal.WindowLength / 2

// points are the values of one transform, in time or by spectral line.
type points [half]complex128

// turns holds exp(-2πik/128), by which the two halves of a spectrum are put
// together; quarters holds exp(-2πipk/64) for k of 1, 2 and 3.
var turns, quarters = newTurns()

func newTurns() (turns [half]complex128, quarters [half / 4][3]complex128) {
	turn := func(part float64) complex128 { return cmplx.Rect(1, -2*math.Pi*part) }
	for k := range turns {
		turns[k] = turn(float64(k) / signal.WindowLength)
	}
	for p := range quarters {
		for k := range quarters[p] {
			quarters[p][k] = turn(float64(p*(k+1)) / half)
		}
	}
	return turns, quarters
}

// transform writes X(k) = Σ x(j) exp(-2πijk/64) to y, where the real part of x(j)
// is at place 2j and the imaginary part behind it. work is overwritten.
//
// Three passes take four points to four sums with the signs of a transform of
// four, and turn them. Where they are put down brings the result into order
// (Stockham's transform; Van Loan, Computational Frameworks for the Fast
// Fourier Transform, section 1.7).
func transform(y, work *points, x *[2 * half]float64) {
	for p := range half / 4 {
		a, b, c, d := four(
			complex(x[2*p], x[2*p+1]), complex(x[2*p+32], x[2*p+33]),
			complex(x[2*p+64], x[2*p+65]), complex(x[2*p+96], x[2*p+97]),
		)
		turn := &quarters[p]
		to := (*[4]complex128)(y[4*p:])
		to[0], to[1], to[2], to[3] = a, b*turn[0], c*turn[1], d*turn[2]
	}
	for p := range half / 16 {
		turn := &quarters[4*p]
		from, to := (*[52]complex128)(y[4*p:]), (*[16]complex128)(work[16*p:])
		for q := range 4 {
			a, b, c, d := four(from[q], from[q+16], from[q+32], from[q+48])
			to[q], to[q+4], to[q+8], to[q+12] = a, b*turn[0], c*turn[1], d*turn[2]
		}
	}
	for q := range half / 4 {
		y[q], y[q+16], y[q+32], y[q+48] = four(work[q], work[q+16], work[q+32], work[q+48])
	}
}

// four is the transform of four points.
func four(a, b, c, d complex128) (_, _, _, _ complex128) {
	s, t, u, v := a+c, a-c, b+d, b-d
	v = complex(imag(v), -real(v)) // -i·v
	return s + u, t + v, s - u, t - v
}

// sides returns the power of even + turn·odd and of even - turn·odd: line k
// and line k+64 of what has even and odd for the transforms of its values at
// even and at odd places.
func sides(even, odd, turn complex128) (lower, upper float64) {
	odd *= turn
	return square(even + odd), square(even - odd)
}

func square(c complex128) float64 { return real(c)*real(c) + imag(c)*imag(c) }
