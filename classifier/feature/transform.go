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
// together; eighths holds exp(-2πipk/64) for p and k below 8.
var turns, eighths = newTurns()

func newTurns() (turns [half]complex128, eighths [8][8]complex128) {
	turn := func(part float64) complex128 { return cmplx.Rect(1, -2*math.Pi*part) }
	for k := range turns {
		turns[k] = turn(float64(k) / signal.WindowLength)
	}
	for p := range eighths {
		for k := range eighths[p] {
			eighths[p][k] = turn(float64(p*k) / half)
		}
	}
	return turns, eighths
}

// transform writes X(k) = Σ x(j) exp(-2πijk/64) to y, where the real part of x(j)
// is at place 2j and the imaginary part behind it. work is overwritten.
//
// Two passes transform eight times eight points: those that are eight apart,
// then, turned, those side by side (Cooley and Tukey 1965). Either is written
// out, because a call for every eight points costs as much as they do.
func transform(y, work *points, x *[2 * half]float64) {
	for p := range 8 {
		a0, a4 := two(complex(x[2*p], x[2*p+1]), complex(x[2*p+64], x[2*p+65]))
		a1, a5 := two(complex(x[2*p+16], x[2*p+17]), complex(x[2*p+80], x[2*p+81]))
		a2, a6 := two(complex(x[2*p+32], x[2*p+33]), complex(x[2*p+96], x[2*p+97]))
		a3, a7 := two(complex(x[2*p+48], x[2*p+49]), complex(x[2*p+112], x[2*p+113]))
		to, turn := (*[8]complex128)(work[8*p:]), &eighths[p]
		b0, b2, b4, b6 := four(a0, a1, a2, a3)
		to[0], to[2], to[4], to[6] = b0, b2*turn[2], b4*turn[4], b6*turn[6]
		b1, b3, b5, b7 := four(a4, eighth(a5), quarter(a6), quarter(eighth(a7)))
		to[1], to[3], to[5], to[7] = b1*turn[1], b3*turn[3], b5*turn[5], b7*turn[7]
	}
	for p := range 8 {
		a0, a4 := two(work[p], work[p+32])
		a1, a5 := two(work[p+8], work[p+40])
		a2, a6 := two(work[p+16], work[p+48])
		a3, a7 := two(work[p+24], work[p+56])
		y[p], y[p+16], y[p+32], y[p+48] = four(a0, a1, a2, a3)
		y[p+8], y[p+24], y[p+40], y[p+56] = four(a4, eighth(a5), quarter(a6), quarter(eighth(a7)))
	}
}

// four is the transform of four points, two that of two.
func four(a, b, c, d complex128) (_, _, _, _ complex128) {
	s, t, u, v := a+c, a-c, b+d, quarter(b-d)
	return s + u, t + v, s - u, t - v
}

func two(a, b complex128) (sum, difference complex128) { return a + b, a - b }

// quarter and eighth turn a number back by as much of a circle.
func quarter(c complex128) complex128 { return complex(imag(c), -real(c)) }

func eighth(c complex128) complex128 {
	return complex(math.Sqrt2/2*(real(c)+imag(c)), math.Sqrt2/2*(imag(c)-real(c)))
}

// sides returns the power of even + turn·odd and of even - turn·odd: line k
// and line k+64 of what has even and odd for the transforms of its values at
// even and at odd places.
func sides(even, odd, turn complex128) (lower, upper float64) {
	odd *= turn
	return square(even + odd), square(even - odd)
}

func square(c complex128) float64 { return real(c)*real(c) + imag(c)*imag(c) }
