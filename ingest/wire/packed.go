package wire

import "math"

// The packed form. docs/protocol.md describes it bit by bit; this file holds what
// encoder and decoder share.

// The first byte of a binary frame.
const (
	formPacked  = 0x01 // packed form, version 1
	formJSON    = 0x02 // a JSON text, as a text frame holds it
	formPacked2 = 0x10 // packed form, version 2: added are flags and a count
	formS2      = 0x80 // added: what follows is one S2 block of the body
)

// What the first byte of version 2 says beside the version.
const (
	withFixes = 1 << 0 // fixes follow
	goesOn    = 1 << 1 // clock, step and codes are those of the frame before, or changed from there
	onTime    = 1 << 2 // every sample is when it was due; only with goesOn
	flagBits  = 3
	counts    = 8 // frames are counted modulo this, so that one that is missing shows
)

// form2 returns the first byte of a frame of version 2.
func form2(flags, count byte) byte { return formPacked2 + flags + count<<flagBits }

// split2 takes a first byte, without formS2, apart. ok is false when it is none
// of version 2.
func split2(form byte) (flags, count byte, ok bool) {
	if form < formPacked2 || form >= form2(0, counts) {
		return 0, 0, false
	}
	form -= formPacked2
	flags, count = form&(1<<flagBits-1), form>>flagBits
	return flags, count, flags&(goesOn|onTime) != onTime
}

// Units in which a frame of version 2 that goes on changes its clock. A tick is a
// whole number of shifts, so that every tick can be hit.
const (
	shiftNS        = tick / 16
	periodChangeNS = 100
	maxShift       = 1 << 48 // 55 years
	maxChange      = 1 << 40
)

// A passage is what a frame of version 2 leaves to the next one of its stream. It
// holds no reading.
type passage struct {
	due    int64     // when the next sample is due, nanoseconds
	period int64     // nanoseconds
	step   float64   // m/s²; 0 where no frame has come
	count  byte      // of that frame
	codes  [4]coding // of the channels, where one was sent
}

// A coding is how the residuals of a channel are made and written.
type coding struct {
	order, rice uint8
}

// tick is the unit of time of the packed form, 0.1 ms in nanoseconds.
const tick = 100_000

// ticks rounds nanoseconds to ticks, halves up.
func ticks(ns int64) int64 {
	ns += tick / 2
	t := ns / tick
	if ns%tick < 0 {
		t--
	}
	return t
}

const (
	maxPeriod = 1 << 40   // ns between samples, 18 minutes
	maxDrift  = 1<<31 - 1 // ticks that a sample may lie beside its regular time, 59 hours
)

// Residuals are Rice codes: the quotient by 2^k in unary, the remainder in k
// bits. A quotient of escapeQuotient or more is replaced by as many zeros and
// the whole residual in 32 bits, which bounds every code to 52 bits.
const (
	escapeQuotient = 20
	escapeBits     = 32
	maxRice        = 25
	riceAllZero    = 31 // in the place of k: every residual is zero and none is sent
)

// What is sent before the fix's numbers, one bit for each that is known.
const (
	fixSpeed        = 1 << 0
	fixDisplacement = 1 << 1
	fixAccuracy     = 1 << 2
	fixKnown        = fixSpeed | fixDisplacement | fixAccuracy
)

// Units of a fix in the packed form.
const (
	speedUnits        = 100        // per m/s
	displacementUnits = 10         // per metre
	maxDisplacementM  = 20_100_000 // half around the earth
)

// standardGravity is g in m/s² (CGPM 1901, exact by definition).
const standardGravity = 9.80665

// The scale byte: b from minScaleShift to maxScaleShift stands for
// standardGravity/2^b, the steps of nearly every phone; scaleExplicit says
// that a float32 follows.
const (
	scaleExplicit = 0
	minScaleShift = 4
	maxScaleShift = 19
	minScale      = 1e-5 // m/s²
	maxScale      = 1
)

// zigzag maps integers to naturals so that small ones stay small: 0, -1, 1, -2…
func zigzag(v int64) uint64 { return uint64(v<<1) ^ uint64(v>>63) }

func unzigzag(u uint64) int64 { return int64(u>>1) ^ -int64(u&1) }

// exactScale returns the step that a decoder will read for a step.
func exactScale(step float64) float64 {
	if b := scaleByte(step); b != scaleExplicit {
		return math.Ldexp(standardGravity, -int(b))
	}
	return float64(float32(step))
}

// scaleByte returns the byte that stands for a scale, or scaleExplicit.
func scaleByte(scale float64) byte {
	shift := math.Round(math.Log2(standardGravity / scale))
	if shift < minScaleShift || shift > maxScaleShift {
		return scaleExplicit
	}
	if float32(math.Ldexp(standardGravity, -int(shift))) != float32(scale) {
		return scaleExplicit
	}
	return byte(shift)
}
