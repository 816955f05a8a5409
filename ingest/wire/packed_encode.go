package wire

import (
	"encoding/binary"
	"math"
	"math/bits"
	"slices"

	"github.com/klauspost/compress/s2"

	"github.com/tempogate/tempogate/classifier"
)

// AppendPacked appends one packed frame (a binary message), of the version that
// EncoderConfig says.
//
// Accelerations are rounded to the stream's resolution (EncoderConfig says
// which), times to 0.1 ms, speeds to 0.01 m/s, displacements to 0.1 m, and
// accuracies up to the next metre. What is on these steps already comes back
// unchanged.
//
// It fails with an *Error for more than MaxSamples samples or MaxFixes fixes,
// for a value that the form cannot hold (NaN, infinite, beyond
// MaxAccelerationMPS2) and for sensor times more than 59 hours apart; dst is
// then returned as it was. 0 allocs once dst and the encoder have grown.
func (e *Encoder) AppendPacked(dst []byte, samples []classifier.Sample, fixes []classifier.Fix) ([]byte, error) {
	return e.checked(dst, func() ([]byte, *Error) {
		at := len(dst)
		out, form, err := e.appendPackedBody(append(dst, 0), samples, fixes)
		if err == nil {
			out[at] = form
		}
		return out, err
	})
}

// AppendPackedS2 is AppendPacked with the body compressed as an S2 block (a
// binary message). It seldom pays: packed bits hold little to compress.
func (e *Encoder) AppendPackedS2(dst []byte, samples []classifier.Sample, fixes []classifier.Fix) ([]byte, error) {
	return e.checked(dst, func() ([]byte, *Error) {
		var form byte
		var err *Error
		if e.body, form, err = e.appendPackedBody(e.body[:0], samples, fixes); err != nil {
			return nil, err
		}
		return appendS2(append(dst, form|formS2), e.body), nil
	})
}

// checked returns dst as it was when encode fails.
func (e *Encoder) checked(dst []byte, encode func() ([]byte, *Error)) ([]byte, error) {
	out, err := encode()
	if err != nil {
		return dst, err
	}
	return out, nil
}

// appendS2 appends one S2 block that holds body.
func appendS2(dst, body []byte) []byte {
	n := len(dst)
	dst = slices.Grow(dst, s2.MaxEncodedLen(len(body)))
	block := s2.EncodeBetter(dst[n:cap(dst)], body)
	return dst[:n+len(block)]
}

// appendPackedBody appends what follows the first byte, and returns that byte.
func (e *Encoder) appendPackedBody(dst []byte, samples []classifier.Sample, fixes []classifier.Fix) ([]byte, byte, *Error) {
	switch {
	case len(samples) > MaxSamples:
		return nil, 0, &Error{Code: CodeTooLarge, Detail: "more than 4096 samples in a frame: send more frames"}
	case len(fixes) > MaxFixes:
		return nil, 0, &Error{Code: CodeTooLarge, Detail: "more than 64 fixes in a frame: send more frames"}
	case e.config.Version < 0 || e.config.Version > 2:
		return nil, 0, malformed("versions of the packed form are 1 and 2")
	}
	h := packedHead{version: 1, flags: withFixes, samples: len(samples), fixes: len(fixes)}
	if err := e.plan(&h, samples, fixes); err != nil {
		return nil, 0, err
	}
	dst = binary.AppendUvarint(dst, uint64(h.samples))
	if h.flags&withFixes != 0 {
		dst = binary.AppendUvarint(dst, uint64(h.fixes))
	}
	switch {
	case h.flags&goesOn == 0:
		dst = binary.LittleEndian.AppendUint64(dst, uint64(h.base))
		if h.version == 2 && h.samples > 0 {
			dst = binary.AppendUvarint(dst, uint64(h.period))
		}
	case h.flags&onTime == 0:
		dst = binary.AppendUvarint(dst, zigzag((h.base-e.passage.due)/shiftNS))
		dst = binary.AppendUvarint(dst, zigzag((h.period-e.passage.period)/periodChangeNS))
	}
	var err *Error
	if h.fixes > 0 {
		if e.fixes, err = appendFixes(e.fixes[:0], fixes, ticks(h.base)); err != nil {
			return nil, 0, err
		}
		dst = binary.AppendUvarint(dst, uint64(len(e.fixes)))
		dst = append(dst, e.fixes...)
	}
	if h.samples > 0 {
		dst, err = e.appendSamples(dst, &h, samples)
	}
	if h.version == 1 {
		return dst, formPacked, err
	}
	return dst, form2(h.flags, h.count), err
}

// plan decides of which form a frame is, and on which clock.
func (e *Encoder) plan(h *packedHead, samples []classifier.Sample, fixes []classifier.Fix) *Error {
	switch {
	case len(samples) > 0:
		h.base = samples[0].SensorTime
		h.period = regularPeriod(samples)
	case len(fixes) > 0:
		h.base = fixes[0].SensorTime
	}
	if h.base > maxTime || h.base < -maxTime {
		return malformed("sensor time out of range")
	}
	for i := range samples {
		if t := samples[i].SensorTime; t > maxTime || t < -maxTime {
			return malformed("sensor time out of range")
		}
	}
	h.step = e.resolution(samples)
	if len(samples) > 0 && !(h.step >= minScale && h.step <= maxScale) {
		return malformed("resolution must be 0.00001 to 1 m/s2")
	}
	if e.config.Version != 2 {
		return nil
	}
	h.version = 2
	if len(fixes) == 0 {
		h.flags = 0
	}
	if len(samples) == 0 {
		return nil
	}
	p := &e.passage
	h.count = (p.count + 1) % counts
	if p.step == 0 || exactScale(h.step) != p.step {
		return nil
	}
	if isOnTime(samples, p.due, p.period) {
		h.flags |= goesOn | onTime
		h.base, h.period = p.due, p.period
		return nil
	}
	shift := unitsOf(h.base-p.due, shiftNS)
	switch first, given := ticks(p.due+shift*shiftNS), ticks(h.base); {
	case first < given:
		shift++
	case first > given:
		shift--
	}
	change := unitsOf(h.period-p.period, periodChangeNS)
	base, period := p.due+shift*shiftNS, p.period+change*periodChangeNS
	if shift > maxShift || shift < -maxShift || base > maxTime || base < -maxTime || period < 0 || period > maxPeriod {
		return nil
	}
	h.flags |= goesOn
	h.base, h.period = base, period
	return nil
}

// isOnTime reports whether every sample is when a clock says, to 0.1 ms.
func isOnTime(samples []classifier.Sample, base, period int64) bool {
	for i := range samples {
		if ticks(samples[i].SensorTime) != ticks(base+int64(i)*period) {
			return false
		}
	}
	return true
}

// unitsOf returns v in units, to the nearest.
func unitsOf(v, unit int64) int64 {
	if v < 0 {
		return -((-v + unit/2) / unit)
	}
	return (v + unit/2) / unit
}

// appendFixes appends the fixes' numbers; previous is in ticks.
func appendFixes(dst []byte, fixes []classifier.Fix, previous int64) ([]byte, *Error) {
	for _, f := range fixes {
		var flags byte
		if !math.IsNaN(f.SpeedMPS) {
			flags |= fixSpeed
		}
		if !math.IsNaN(f.EastM) && !math.IsNaN(f.NorthM) {
			flags |= fixDisplacement
		}
		if !math.IsNaN(f.AccuracyM) {
			flags |= fixAccuracy
		}
		if f.SensorTime > maxTime || f.SensorTime < -maxTime {
			return nil, malformed("sensor time out of range")
		}
		t := ticks(f.SensorTime)
		if d := t - previous; d > maxDrift || d < -maxDrift {
			return nil, malformed("times of fixes more than 59 hours apart: send them in frames of their own")
		}
		dst = append(dst, flags)
		dst = binary.AppendUvarint(dst, zigzag(t-previous))
		previous = t
		if flags&fixSpeed != 0 {
			if !(f.SpeedMPS >= 0 && f.SpeedMPS <= MaxSpeedMPS) {
				return nil, malformed("speed must be 0 to 1000 m/s, or NaN when unknown")
			}
			dst = binary.AppendUvarint(dst, uint64(math.Round(f.SpeedMPS*speedUnits)))
		}
		if flags&fixDisplacement != 0 {
			for _, m := range [2]float64{f.EastM, f.NorthM} {
				if !(math.Abs(m) <= maxDisplacementM) {
					return nil, malformed("displacement beyond the earth")
				}
				dst = binary.AppendUvarint(dst, zigzag(int64(math.Round(m*displacementUnits))))
			}
		}
		if flags&fixAccuracy != 0 {
			if !(f.AccuracyM >= 0 && f.AccuracyM <= MaxAccuracyM) {
				return nil, malformed("accuracy must be 0 to 1000 km, or NaN when unknown")
			}
			dst = binary.AppendUvarint(dst, uint64(math.Ceil(f.AccuracyM)))
		}
	}
	return dst, nil
}

// appendSamples appends scale, period, first values and the four channels, or
// what of them is not known from the frame before.
func (e *Encoder) appendSamples(dst []byte, h *packedHead, samples []classifier.Sample) ([]byte, *Error) {
	scale := exactScale(h.step)
	if h.flags&goesOn == 0 {
		b := scaleByte(scale)
		dst = append(dst, b)
		if b == scaleExplicit {
			dst = binary.LittleEndian.AppendUint32(dst, math.Float32bits(float32(scale)))
		}
	}
	n := len(samples)
	e.values = slices.Grow(e.values[:0], 4*n)[:4*n]
	most := int64(MaxAccelerationMPS2 / scale)
	for i, s := range samples {
		for axis, v := range [3]float64{s.X, s.Y, s.Z} {
			if !(math.Abs(v) <= MaxAccelerationMPS2) {
				return nil, malformed("acceleration must be a number of at most 1000 m/s2")
			}
			e.values[(1+axis)*n+i] = min(max(int64(math.Round(v/scale)), -most), most)
		}
	}
	for i, s := range samples {
		e.values[i] = ticks(s.SensorTime) - ticks(h.base+int64(i)*h.period)
		if e.values[i] > maxDrift || e.values[i] < -maxDrift {
			return nil, malformed("sensor times more than 59 hours apart: send them in frames of their own")
		}
	}
	if h.version == 1 {
		dst = binary.AppendUvarint(dst, uint64(h.period))
	}
	for axis := 1; axis <= 3; axis++ {
		dst = binary.AppendUvarint(dst, zigzag(e.values[axis*n]))
	}
	next := passage{h.base + int64(n)*h.period, h.period, scale, h.count, e.passage.codes}
	if n > 1 {
		w := bitWriter{dst: dst}
		for c := range 4 {
			if c == 0 && h.flags&onTime != 0 {
				continue
			}
			e.appendChannel(&w, e.values[c*n:(c+1)*n], h.flags&goesOn != 0, &next.codes[c])
		}
		dst = w.close()
	}
	if h.version == 2 {
		e.passage = next
	}
	return dst, nil
}

// regularPeriod returns the mean time between samples in nanoseconds, 0 where
// they do not go forward.
func regularPeriod(samples []classifier.Sample) int64 {
	gaps := int64(len(samples) - 1)
	if gaps == 0 {
		return 0
	}
	span := samples[gaps].SensorTime - samples[0].SensorTime
	return min(max((span+gaps/2)/gaps, 0), maxPeriod)
}

// appendChannel writes the codes and the residuals of one channel. It chooses the
// codes for the fewest bits; in a frame that goes on, those of the frame before,
// given in last, cost but one.
func (e *Encoder) appendChannel(w *bitWriter, values []int64, goesOn bool, last *coding) {
	code, size := e.choose(values)
	if goesOn {
		if again, ok := e.sizeWith(values, *last); ok && again <= size+codingBits {
			w.bits(1, 1)
			code = *last
		} else {
			w.bits(0, 1)
			w.bits(uint64(code.order)|uint64(code.rice)<<2, codingBits)
		}
	} else {
		w.bits(uint64(code.order)|uint64(code.rice)<<2, codingBits)
	}
	*last = code
	if code.rice == riceAllZero {
		return
	}
	for _, u := range e.residualsOf(values, code.order) {
		w.rice(u, int(code.rice))
	}
}

// codingBits is what the order and the Rice parameter of a channel take.
const codingBits = 7

// residualsOf returns the residuals of a channel, valid until the next call. Those
// of the higher orders may be too large to be written.
func (e *Encoder) residualsOf(values []int64, order uint8) []uint64 {
	e.residuals = slices.Grow(e.residuals[:0], len(values)-1)[:len(values)-1]
	before := [4]int64{values[0]}
	for i, v := range values[1:] {
		d := v
		for o := range order {
			d, before[o] = d-before[o], d
		}
		e.residuals[i] = zigzag(d)
	}
	return e.residuals
}

// sizeWith returns the bits of a channel's residuals with given codes. ok is false
// where they cannot be written so.
func (e *Encoder) sizeWith(values []int64, c coding) (size int, ok bool) {
	for _, u := range e.residualsOf(values, c.order) {
		if u>>escapeBits != 0 || u != 0 && c.rice == riceAllZero {
			return 0, false
		}
		if c.rice != riceAllZero {
			size += riceBits(u, int(c.rice))
		}
	}
	return size, true
}

// choose returns the codes for a channel, and the bits of its residuals.
func (e *Encoder) choose(values []int64) (c coding, size int) {
	// The order: smallest sum of residuals, as FLAC's encoder decides. An
	// order whose residuals need more than 32 bits is out; order 0 never is.
	var sums, all [4]uint64
	var before [4]int64
	before[0] = values[0]
	for _, v := range values[1:] {
		d := v
		for order := range sums {
			u := zigzag(d)
			sums[order] += u
			all[order] |= u
			d, before[order] = d-before[order], d
		}
	}
	for o := uint8(1); int(o) < len(sums); o++ {
		if sums[o] < sums[c.order] && all[o]>>escapeBits == 0 {
			c.order = o
		}
	}
	if all[c.order] == 0 {
		c.rice = riceAllZero
		return c, 0
	}
	// The parameter: near the logarithm of the mean, then by trying.
	residuals := e.residualsOf(values, c.order)
	guess := bits.Len64(sums[c.order] / uint64(len(residuals)))
	c.rice, size = maxRice, math.MaxInt // values so large that no parameter is tried
	for k := max(0, guess-2); k <= min(guess+1, maxRice); k++ {
		total := 0
		for _, u := range residuals {
			total += riceBits(u, k)
		}
		if total < size {
			c.rice, size = uint8(k), total
		}
	}
	return c, size
}
