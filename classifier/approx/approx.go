// Package approx has the logarithm and the exponential to eight digits, in a
// third of the time that package math takes for sixteen.
//
// A hop takes some seventy of them, of values that a phone measures to three
// digits. TestLog and TestExp hold the stated errors, over every exponent.
package approx

import "math"

// Log returns the natural logarithm of x, off by at most 1e-8, or by rounding
// where |ln x| is beyond 100. x must be a positive normal number; for others
// the result means nothing.
//
// With x = m·2^e and m between √½ and √2, ln x = ln m + e·ln 2, and
//
//	ln m = 2 artanh s = 2 (s + s³/3 + s⁵/5 + …),  s = (m-1)/(m+1)
//
// (Abramowitz and Stegun, 4.1.27). |s| is at most 0.172. The factor of s⁷ is
// 2/7, raised to make up for the terms that are left out.
func Log(x float64) float64 {
	const (
		rootHalf = 0x3fe6a09e667f3bcd // bits of √½
		seventh  = 0.291964
	)
	bits := math.Float64bits(x)
	e := int64(bits-rootHalf) >> 52
	m := math.Float64frombits(bits - uint64(e)<<52)
	s := (m - 1) / (m + 1)
	z := s * s
	return s*(2+z*(2./3+z*(2./5+z*seventh))) + float64(e)*math.Ln2
}

// Exp returns e to the power of x with a relative error of at most 1e-8. x
// must lie between -700 and 700.
//
// With k the integer nearest to x/ln 2, exp x = 2^k · exp(x - k ln 2), and of
// the rest, at most 0.347, Taylor's series is taken up to the seventh power.
func Exp(x float64) float64 {
	// Next to 1.5·2^52 a float64 is an integer, in its lowest bits.
	const integer = 3 << 51
	shifted := x*(1/math.Ln2) + integer
	r := x - (shifted-integer)*math.Ln2
	p := 1 + r*(1+r*(1./2+r*(1./6+r*(1./24+r*(1./120+r*(1./720+r*(1./5040)))))))
	return p * math.Float64frombits((math.Float64bits(shifted)+1023)<<52)
}
