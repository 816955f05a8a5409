package wire

import (
	"encoding/binary"
	"errors"
	"math"
	"math/bits"
	"strconv"
	"unsafe"
)

// skipNumber checks the number at i against the grammar of RFC 8259 section 6.
func skipNumber(data []byte, i int) (int, fault) {
	if at(data, i) == '-' {
		i++
	}
	switch c := at(data, i); {
	case c == '0':
		i++
	case c >= '1' && c <= '9':
		i = skipDigits(data, i)
	default:
		return i, faultNumber
	}
	if at(data, i) == '.' {
		first := i + 1
		if i = skipDigits(data, first); i == first {
			return i, faultNumber
		}
	}
	if c := at(data, i); c == 'e' || c == 'E' {
		i++
		if c := at(data, i); c == '+' || c == '-' {
			i++
		}
		first := i
		if i = skipDigits(data, first); i == first {
			return i, faultNumber
		}
	}
	return i, faultNone
}

func isDigit(c byte) bool { return c-'0' <= 9 }

func skipDigits(data []byte, i int) int {
	for isDigit(at(data, i)) {
		i++
	}
	return i
}

// leadingDigits returns how many of the eight bytes of w, from the lowest on,
// are ASCII digits. Adding 6 carries out of the low half-byte of anything
// above '9'.
func leadingDigits(w uint64) int {
	const high = 0xF0F0F0F0F0F0F0F0
	other := ((w & high) | ((w+0x0606060606060606)&high)>>4) ^ 0x3333333333333333
	return bits.TrailingZeros64(other) >> 3
}

// eightDigits returns the value of eight ASCII digits, first digit in the lowest
// byte: neighbours are joined into pairs, fours, and eight (Lemire, "Quickly
// parsing eight digits", 2018).
func eightDigits(w uint64) uint64 {
	w -= asciiZeros
	w = w*10 + w>>8
	const mask = 0x000000FF000000FF
	return ((w&mask)*(100+1000000<<32) + (w>>16&mask)*(1+10000<<32)) >> 32
}

const asciiZeros = 0x3030303030303030

var powersOf10 = [8]uint64{1, 10, 100, 1000, 10000, 100000, 1000000, 10000000}

// parseDigits appends the decimal digits at i to v. What is beyond 64 bits is
// lost; the caller counts.
func parseDigits(data []byte, i int, v uint64) (uint64, int) {
	for i+8 <= len(data) {
		w := binary.LittleEndian.Uint64(data[i:])
		n := leadingDigits(w)
		if n < 8 {
			// Fewer than eight move up behind zeros; none leave only zeros.
			w = w<<(64-8*uint(n)) | asciiZeros>>(8*uint(n))
			return v*powersOf10[n] + eightDigits(w), i + n
		}
		v = v*100000000 + eightDigits(w)
		i += 8
	}
	for ; isDigit(at(data, i)); i++ {
		v = v*10 + uint64(data[i]-'0')
	}
	return v, i
}

// maxTime bounds sensor times to 146 years around the epoch, which leaves room
// for differences and rounding in an int64.
const maxTime = 1 << 62

// parseTime reads the integer at i.
func parseTime(data []byte, i int) (t int64, next int, f fault) {
	negative := at(data, i) == '-'
	if negative {
		i++
	}
	first := i
	v, i := parseDigits(data, i, 0)
	digits := i - first
	switch c := at(data, i); {
	case digits == 0, c == '.', c == 'e', c == 'E':
		return 0, i, faultTime
	case digits > 19:
		return 0, first, faultTimeRange
	case digits > 1 && data[first] == '0':
		return 0, first, faultNumber
	case v > maxTime:
		return 0, first, faultTimeRange
	case negative:
		return -int64(v), i, faultNone
	}
	return int64(v), i, faultNone
}

// parseNumber reads the number at i and rounds it to the nearest double, as
// strconv.ParseFloat does.
func parseNumber(data []byte, i int) (v float64, next int, f fault) {
	start := i
	negative := at(data, i) == '-'
	if negative {
		i++
	}
	// The digits without the point are the mantissa, power counts the places
	// behind the point. Leading zeros count for nothing.
	var mantissa uint64
	power, digits := 0, 0
	switch c := at(data, i); {
	case c == '0':
		i++
	case c >= '1' && c <= '9':
		for ; isDigit(at(data, i)); i++ {
			mantissa = mantissa*10 + uint64(data[i]-'0')
			digits++
		}
	default:
		return 0, i, faultNumber
	}
	if at(data, i) == '.' {
		i++
		first := i
		if digits == 0 {
			for at(data, i) == '0' {
				i++
			}
		}
		significant := i
		mantissa, i = parseDigits(data, i, mantissa)
		if i == first {
			return 0, i, faultNumber
		}
		digits += i - significant
		power = i - first
	}
	if c := at(data, i); c == 'e' || c == 'E' {
		exponent, next, ok := parseExponent(data, i+1)
		if !ok {
			return parseSlow(data, start)
		}
		power, i = power-exponent, next
	}
	for ; power < 0 && mantissa <= math.MaxUint64/10; power++ {
		mantissa *= 10
		if mantissa == 0 {
			power = -1 // whatever the exponent
		}
	}
	if digits > 19 || power < 0 || power > maxPower {
		return parseSlow(data, start)
	}
	v = quotient(mantissa, power)
	if negative {
		v = -v
	}
	return v, i, faultNone
}

// parseExponent reads what stands behind the e of a number, if it has one or two
// digits. Phones write values below a thousandth so.
func parseExponent(data []byte, i int) (exponent, next int, ok bool) {
	negative := at(data, i) == '-'
	if negative || at(data, i) == '+' {
		i++
	}
	v, next := parseDigits(data, i, 0)
	if digits := next - i; digits == 0 || digits > 2 {
		return 0, next, false
	}
	if negative {
		return -int(v), next, true
	}
	return int(v), next, true
}

// maxPower is the largest n for which 5^n fits into 64 bits.
const maxPower = 27

var powersOf5 = func() (p [maxPower + 1]uint64) {
	p[0] = 1
	for i := 1; i < len(p); i++ {
		p[i] = p[i-1] * 5
	}
	return p
}()

// quotient returns mantissa / 10^power, rounded to the nearest double, ties to
// even. power is 0 to maxPower.
//
// With 10^p = 5^p·2^p only the division by 5^p is inexact. Both operands are
// shifted up until their highest bit is set; the 128 by 64 bit division then
// leaves 63 or 64 bits of quotient and a remainder. A double keeps 53 bits, so
// the bits below them, and whether the remainder is zero, decide the rounding
// exactly.
func quotient(mantissa uint64, power int) float64 {
	if mantissa == 0 {
		return 0
	}
	divisor := powersOf5[power]
	up := bits.LeadingZeros64(mantissa)
	divisorUp := bits.LeadingZeros64(divisor)
	// Half the mantissa keeps the quotient below 2^64.
	q, rest := bits.Div64(mantissa<<up>>1, mantissa<<up<<63, divisor<<divisorUp)
	if rest != 0 {
		q |= 1 // below the rounding bit it can only break a tie
	}
	// mantissa = q·(divisor<<divisorUp) / 2^(63+up), so the result is
	// q·2^(divisorUp-63-up-power). It is a normal double: at least 1e-27.
	exponent := divisorUp - 63 - up - power
	return float64(q) * math.Float64frombits(uint64(1023+exponent)<<52)
}

// parseSlow reads the numbers that parseNumber leaves: with more than 19 digits,
// very small, or large with an exponent. ParseFloat takes more stack than the rest
// of the way of a frame, and is for what sensors do not send.
func parseSlow(data []byte, start int) (float64, int, fault) {
	end, f := skipNumber(data, start)
	if f != faultNone {
		return 0, end, f
	}
	// The string may share the frame's memory: a copy would be a sample left on the
	// heap. An error holds one, which is overwritten.
	v, err := strconv.ParseFloat(unsafe.String(&data[start], end-start), 64)
	if err != nil {
		var e *strconv.NumError
		if errors.As(err, &e) && len(e.Num) > 0 {
			clear(unsafe.Slice(unsafe.StringData(e.Num), len(e.Num)))
		}
		return 0, start, faultRange
	}
	return v, end, faultNone
}
