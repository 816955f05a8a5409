package wire

import (
	"encoding/binary"
	"math"
	"math/bits"
	"slices"

	"github.com/klauspost/compress/s2"

	"github.com/tempogate/tempogate/classifier"
)

// AppendPacked appends one packed frame (a binary message).
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
		return e.appendPackedBody(append(dst, formPacked), samples, fixes)
	})
}

// AppendPackedS2 is AppendPacked with the body compressed as an S2 block (a
// binary message). It seldom pays: packed bits hold little to compress.
func (e *Encoder) AppendPackedS2(dst []byte, samples []classifier.Sample, fixes []classifier.Fix) ([]byte, error) {
	return e.checked(dst, func() ([]byte, *Error) {
		var err *Error
		if e.body, err = e.appendPackedBody(e.body[:0], samples, fixes); err != nil {
			return nil, err
		}
		return appendS2(append(dst, formPacked|formS2), e.body), nil
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

// appendPackedBody appends what follows the first byte.
func (e *Encoder) appendPackedBody(dst []byte, samples []classifier.Sample, fixes []classifier.Fix) ([]byte, *Error) {
	switch {
	case len(samples) > MaxSamples:
		return nil, &Error{Code: CodeTooLarge, Detail: "more than 4096 samples in a frame: send more frames"}
	case len(fixes) > MaxFixes:
		return nil, &Error{Code: CodeTooLarge, Detail: "more than 64 fixes in a frame: send more frames"}
	}
	var base int64
	switch {
	case len(samples) > 0:
		base = samples[0].SensorTime
	case len(fixes) > 0:
		base = fixes[0].SensorTime
	}
	if base > maxTime || base < -maxTime {
		return nil, malformed("sensor time out of range")
	}
	dst = binary.AppendUvarint(dst, uint64(len(samples)))
	dst = binary.AppendUvarint(dst, uint64(len(fixes)))
	dst = binary.LittleEndian.AppendUint64(dst, uint64(base))
	var err *Error
	if len(fixes) > 0 {
		if e.fixes, err = appendFixes(e.fixes[:0], fixes, ticks(base)); err != nil {
			return nil, err
		}
		dst = binary.AppendUvarint(dst, uint64(len(e.fixes)))
		dst = append(dst, e.fixes...)
	}
	if len(samples) > 0 {
		return e.appendSamples(dst, samples)
	}
	return dst, nil
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

// appendSamples appends scale, period, first values and the four channels.
func (e *Encoder) appendSamples(dst []byte, samples []classifier.Sample) ([]byte, *Error) {
	scale := e.resolution(samples)
	if !(scale >= minScale && scale <= maxScale) {
		return nil, malformed("resolution must be 0.00001 to 1 m/s2")
	}
	if b := scaleByte(scale); b != scaleExplicit {
		dst = append(dst, b)
		scale = math.Ldexp(standardGravity, -int(b))
	} else {
		dst = append(dst, scaleExplicit)
		dst = binary.LittleEndian.AppendUint32(dst, math.Float32bits(float32(scale)))
		scale = float64(float32(scale))
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
	period := regularPeriod(samples)
	base := samples[0].SensorTime
	for i, s := range samples {
		if s.SensorTime > maxTime || s.SensorTime < -maxTime {
			return nil, malformed("sensor time out of range")
		}
		e.values[i] = ticks(s.SensorTime) - ticks(base+int64(i)*period)
		if e.values[i] > maxDrift || e.values[i] < -maxDrift {
			return nil, malformed("sensor times more than 59 hours apart: send them in frames of their own")
		}
	}
	dst = binary.AppendUvarint(dst, uint64(period))
	for axis := 1; axis <= 3; axis++ {
		dst = binary.AppendUvarint(dst, zigzag(e.values[axis*n]))
	}
	if n == 1 {
		return dst, nil
	}
	w := bitWriter{dst: dst}
	for c := range 4 {
		e.appendChannel(&w, e.values[c*n:(c+1)*n])
	}
	return w.close(), nil
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

// appendChannel writes order, Rice parameter and residuals of one channel,
// choosing both for the fewest bits.
func (e *Encoder) appendChannel(w *bitWriter, values []int64) {
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
	order := 0
	for o := 1; o < len(sums); o++ {
		if sums[o] < sums[order] && all[o]>>escapeBits == 0 {
			order = o
		}
	}
	if all[order] == 0 {
		w.bits(uint64(order|riceAllZero<<2), 7)
		return
	}
	e.residuals = slices.Grow(e.residuals[:0], len(values)-1)[:len(values)-1]
	before = [4]int64{values[0]}
	for i, v := range values[1:] {
		d := v
		for o := range order {
			d, before[o] = d-before[o], d
		}
		e.residuals[i] = zigzag(d)
	}
	// The parameter: near the logarithm of the mean, then by trying.
	guess := bits.Len64(sums[order] / uint64(len(e.residuals)))
	best, rice := math.MaxInt, 0
	for k := max(0, guess-2); k <= min(guess+1, maxRice); k++ {
		total := 0
		for _, u := range e.residuals {
			total += riceBits(u, k)
		}
		if total < best {
			best, rice = total, k
		}
	}
	if best == math.MaxInt { // values so large that no parameter was tried
		rice = maxRice
	}
	w.bits(uint64(order|rice<<2), 7)
	for _, u := range e.residuals {
		w.rice(u, rice)
	}
}
