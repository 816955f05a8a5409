package wire

import (
	"encoding/binary"
	"math"
	"strconv"

	"github.com/tempogate/tempogate/classifier"
)

// decodePacked reads the body of a packed frame, version 1. Nothing is read
// into anything but dst.
func (d *Decoder) decodePacked(dst *Batch, body []byte, allowed Allowed) *Error {
	r := byteReader{data: body}
	samples := int(r.uvarint(MaxSamples, "more than 4096 samples in a frame"))
	fixes := int(r.uvarint(MaxFixes, "more than 64 fixes in a frame"))
	if r.failed != "" && r.failed != "frame cut short" {
		return &Error{Code: CodeTooLarge, Detail: r.failed}
	}
	var base int64
	if b := r.take(8); b != nil {
		base = int64(binary.LittleEndian.Uint64(b))
	}
	if base > maxTime || base < -maxTime {
		r.fail("base time out of range")
	}
	if fixes > 0 {
		length := r.uvarint(uint64(len(body)), "fixes longer than the frame")
		block := byteReader{data: r.take(int(length)), failed: r.failed}
		switch {
		case r.failed != "":
		case allowed.Location:
			dst.Fixes = grow(dst.Fixes, fixes)
			dst.Fixes = block.fixes(dst.Fixes, fixes, ticks(base))
			if block.failed != "" {
				r.pos += block.pos - len(block.data)
				r.fail(block.failed)
			}
			d.Clear() // the next JSON location has nothing to be measured from
		default:
			dst.RefusedLocation += fixes
		}
	}
	switch {
	case r.failed != "":
	case samples == 0:
		if r.pos != len(body) {
			r.fail("something follows the frame")
		}
	case allowed.Acceleration:
		dst.Samples = grow(dst.Samples, samples)
		n := len(dst.Samples)
		dst.Samples = dst.Samples[:n+samples]
		r.samples(dst.Samples[n:], base)
	default:
		dst.RefusedAcceleration += samples
	}
	if r.failed != "" {
		return malformed("packed frame: " + r.failed + " (at byte " + strconv.Itoa(r.pos) + " of the body)")
	}
	return nil
}

// fixes appends n fixes; they have to fill the block. previous is in ticks.
func (r *byteReader) fixes(dst []classifier.Fix, n int, previous int64) []classifier.Fix {
	for range n {
		flags := byte(0)
		if b := r.take(1); b != nil {
			flags = b[0]
		}
		if flags&^fixKnown != 0 {
			r.fail("unknown flag of a fix")
		}
		previous += r.varint(maxDrift, "times of fixes more than 59 hours apart")
		fix := classifier.Fix{SensorTime: previous * tick, SpeedMPS: math.NaN(), EastM: math.NaN(), NorthM: math.NaN(), AccuracyM: math.NaN()}
		if flags&fixSpeed != 0 {
			fix.SpeedMPS = float64(r.uvarint(MaxSpeedMPS*speedUnits, "speed beyond 1000 m/s")) / speedUnits
		}
		if flags&fixDisplacement != 0 {
			const most = maxDisplacementM * displacementUnits
			fix.EastM = float64(r.varint(most, "displacement beyond the earth")) / displacementUnits
			fix.NorthM = float64(r.varint(most, "displacement beyond the earth")) / displacementUnits
		}
		if flags&fixAccuracy != 0 {
			fix.AccuracyM = float64(r.uvarint(MaxAccuracyM, "accuracy beyond 1000 km"))
		}
		dst = append(dst, fix)
	}
	if r.pos != len(r.data) {
		r.fail("fixes shorter than their length says")
	}
	return dst
}

// samples fills dst from the rest of the frame. base is in nanoseconds.
func (r *byteReader) samples(dst []classifier.Sample, base int64) {
	scale := r.scale()
	period := int64(r.uvarint(maxPeriod, "period beyond 18 minutes"))
	most := int64(0)
	if r.failed == "" {
		most = int64(MaxAccelerationMPS2 / scale)
	}
	var first [3]int64
	for axis := range first {
		first[axis] = r.varint(most, "acceleration beyond 1000 m/s2")
	}
	if r.failed != "" {
		return
	}
	stream := bitReader{data: r.data[r.pos:]}
	times := channel{}
	if len(dst) > 1 {
		times.open(&stream)
	}
	for i := range dst {
		if i > 0 && !times.next(&stream, maxDrift) {
			break
		}
		dst[i].SensorTime = (ticks(base+int64(i)*period) + times.value) * tick
	}
	bad := times.bad
	for axis := 0; axis < len(first) && !bad; axis++ {
		values := channel{value: first[axis], before: first[axis], before2: first[axis]}
		if len(dst) > 1 {
			values.open(&stream)
		}
		for i := range dst {
			if i > 0 && !values.next(&stream, most) {
				break
			}
			v := float64(values.value) * scale
			switch axis {
			case 0:
				dst[i].X = v
			case 1:
				dst[i].Y = v
			default:
				dst[i].Z = v
			}
		}
		bad = values.bad
	}
	r.pos += min(stream.pos>>3, len(stream.data))
	switch {
	case stream.over():
		r.fail("frame cut short")
	case bad:
		r.fail("a channel runs out of its range, or has an unknown parameter")
	case !stream.spent():
		r.fail("something follows the frame")
	}
}

// scale reads the scale of the axes.
func (r *byteReader) scale() float64 {
	b := r.take(1)
	if b == nil {
		return 0
	}
	if b[0] >= minScaleShift && b[0] <= maxScaleShift {
		return math.Ldexp(standardGravity, -int(b[0]))
	}
	if b[0] != scaleExplicit {
		r.fail("unknown scale")
		return 0
	}
	if b = r.take(4); b == nil {
		return 0
	}
	scale := float64(math.Float32frombits(binary.LittleEndian.Uint32(b)))
	if !(scale >= minScale && scale <= maxScale) { // NaN too
		r.fail("scale out of range")
	}
	return scale
}

// A channel turns residuals back into values: one of the fixed polynomial
// predictors of Shorten and FLAC (RFC 9639 section 9.2.5) plus the residual.
// Values before the first count as equal to it.
type channel struct {
	order, rice            int
	value, before, before2 int64 // the last value and the two before
	bad                    bool
}

// open reads what stands before the residuals.
func (c *channel) open(r *bitReader) {
	head := int(r.bits(7))
	c.order, c.rice = head&3, head>>2
	c.bad = c.rice > maxRice && c.rice != riceAllZero
}

// next moves on by one value. It reports false when the value leaves ±most, or
// the channel was bad before.
func (c *channel) next(r *bitReader, most int64) bool {
	if c.bad {
		return false
	}
	var v int64
	switch c.order {
	case 1:
		v = c.value
	case 2:
		v = 2*c.value - c.before
	case 3:
		v = 3*(c.value-c.before) + c.before2
	}
	if c.rice != riceAllZero {
		v += unzigzag(r.rice(c.rice))
	}
	c.value, c.before, c.before2 = v, c.value, c.before
	c.bad = v > most || v < -most
	return !c.bad
}
