package wire

import (
	"encoding/binary"
	"math"
	"strconv"

	"github.com/tempogate/tempogate/classifier"
)

// A packedHead is what stands before the readings of a packed frame. Version 1
// is read as if it had the flag withFixes, and no other.
type packedHead struct {
	version        int
	flags, count   byte
	samples, fixes int
	base, period   int64   // nanoseconds; the period of version 1 stands further behind
	step           float64 // m/s², for the encoder
}

// decodePacked reads the body of a packed frame. Nothing is read into anything
// but dst.
func (d *Decoder) decodePacked(dst *Batch, h packedHead, body []byte, allowed Allowed) *Error {
	r := byteReader{data: body}
	if tooMany := d.head(&r, &h); tooMany != nil {
		return tooMany
	}
	if h.fixes > 0 {
		length := r.uvarint(uint64(len(body)), "fixes longer than the frame")
		block := byteReader{data: r.take(int(length)), failed: r.failed}
		switch {
		case r.failed != "":
		case allowed.Location:
			dst.Fixes = grow(dst.Fixes, h.fixes)
			dst.Fixes = block.fixes(dst.Fixes, h.fixes, ticks(h.base))
			if block.failed != "" {
				r.pos += block.pos - len(block.data)
				r.fail(block.failed)
			}
			d.Clear() // the next JSON location has nothing to be measured from
		default:
			dst.RefusedLocation += h.fixes
		}
	}
	switch {
	case r.failed != "":
	case h.samples == 0:
		if r.pos != len(body) {
			r.fail("something follows the frame")
		}
	case allowed.Acceleration:
		dst.Samples = grow(dst.Samples, h.samples)
		n := len(dst.Samples)
		dst.Samples = dst.Samples[:n+h.samples]
		d.samples(&r, &h, dst.Samples[n:])
	default:
		dst.RefusedAcceleration += h.samples
		d.passage = passage{} // nothing can go on from what was not read
	}
	if r.failed != "" {
		return malformed("packed frame: " + r.failed + " (at byte " + strconv.Itoa(r.pos) + " of the body)")
	}
	return nil
}

// head reads what stands before the readings, and fails at once when there are
// too many of them.
func (d *Decoder) head(r *byteReader, h *packedHead) *Error {
	h.samples = int(r.uvarint(MaxSamples, "more than 4096 samples in a frame"))
	if h.flags&withFixes != 0 {
		h.fixes = int(r.uvarint(MaxFixes, "more than 64 fixes in a frame"))
	}
	if r.failed != "" && r.failed != "frame cut short" {
		return &Error{Code: CodeTooLarge, Detail: r.failed}
	}
	switch p := &d.passage; {
	case h.flags&goesOn == 0:
		if b := r.take(8); b != nil {
			h.base = int64(binary.LittleEndian.Uint64(b))
		}
		if h.version == 2 && h.samples > 0 {
			h.period = int64(r.uvarint(maxPeriod, "period beyond 18 minutes"))
		}
	case h.samples == 0 || p.step == 0:
		r.fail("goes on from no frame, or without samples")
	case h.count != (p.count+1)%counts:
		r.fail("goes on from a frame that is missing: send all of them, in order, or begin anew")
	default:
		h.base, h.period = p.due, p.period
		if h.flags&onTime == 0 {
			h.base += shiftNS * r.varint(maxShift, "a shift of more than 55 years")
			h.period += periodChangeNS * r.varint(maxChange, "period beyond 18 minutes")
		}
		if h.period < 0 || h.period > maxPeriod {
			r.fail("period beyond 18 minutes")
		}
	}
	if h.base > maxTime || h.base < -maxTime {
		r.fail("base time out of range")
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

// samples fills dst from the rest of the frame.
func (d *Decoder) samples(r *byteReader, h *packedHead, dst []classifier.Sample) {
	scale := d.passage.step
	if h.flags&goesOn == 0 {
		scale = r.scale()
	}
	if h.version == 1 {
		h.period = int64(r.uvarint(maxPeriod, "period beyond 18 minutes"))
	}
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
	codes := d.passage.codes
	good := true
	if len(dst) == 1 || h.flags&onTime != 0 {
		for i := range dst {
			dst[i].SensorTime = ticks(h.base+int64(i)*h.period) * tick
		}
	} else {
		good = stream.open(h.flags, &codes[0])
		good = good && stream.times(dst, codes[0], h.base, h.period)
	}
	for axis := 0; axis < len(first) && good; axis++ {
		if len(dst) > 1 {
			good = stream.open(h.flags, &codes[1+axis])
		}
		good = good && stream.axis(dst, axis, codes[1+axis], first[axis], most, scale)
	}
	r.pos += min(stream.pos>>3, len(stream.data))
	switch {
	case stream.over():
		r.fail("frame cut short")
	case !good:
		r.fail("a channel runs out of its range, or has an unknown parameter")
	case !stream.spent():
		r.fail("something follows the frame")
	case h.version == 2:
		d.passage = passage{h.base + int64(len(dst))*h.period, h.period, scale, h.count, codes}
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

// open reads what stands before the residuals of a channel. In a frame that goes
// on, that may be one bit for the codes of the frame before; they are brought up
// to date. It reports whether they are known.
func (r *bitReader) open(flags byte, codes *coding) bool {
	if flags&goesOn == 0 || r.bits(1) == 0 {
		head := r.bits(7)
		*codes = coding{uint8(head & 3), uint8(head >> 2)}
	}
	return codes.rice <= maxRice || codes.rice == riceAllZero
}

// residualsAtOnce is how many residuals are read before they are made values of.
// They lie on the stack, of which a session has little.
const residualsAtOnce = 16

// times reads the channel of times into all of dst, and reports whether they are
// within their range.
func (r *bitReader) times(dst []classifier.Sample, c coding, base, period int64) bool {
	dst[0].SensorTime = ticks(base) * tick
	p := predictor{order: c.order}
	var room [residualsAtOnce]int64
	for from := 1; from < len(dst); from += len(room) {
		part := dst[from:min(from+len(room), len(dst))]
		residuals := room[:len(part)]
		r.residuals(residuals, c.rice)
		for i, residual := range residuals {
			late := p.next(residual)
			if late > maxDrift || late < -maxDrift {
				return false
			}
			part[i].SensorTime = (ticks(base+int64(from+i)*period) + late) * tick
		}
	}
	return true
}

// axis reads the channel of an axis into all of dst, and reports whether its
// values, in steps, are within ±most.
func (r *bitReader) axis(dst []classifier.Sample, axis int, c coding, first, most int64, step float64) bool {
	set := func(s *classifier.Sample, v int64) {
		switch axis {
		case 0:
			s.X = float64(v) * step
		case 1:
			s.Y = float64(v) * step
		default:
			s.Z = float64(v) * step
		}
	}
	set(&dst[0], first)
	p := predictor{order: c.order, value: first}
	var room [residualsAtOnce]int64
	for from := 1; from < len(dst); from += len(room) {
		part := dst[from:min(from+len(room), len(dst))]
		residuals := room[:len(part)]
		r.residuals(residuals, c.rice)
		for i, residual := range residuals {
			v := p.next(residual)
			if v > most || v < -most {
				return false
			}
			set(&part[i], v)
		}
	}
	return true
}

// A predictor turns residuals back into values: one of the fixed polynomial
// predictors of Shorten and FLAC (RFC 9639 section 9.2.5) plus the residual.
// Values before the first count as equal to it. The residual of order p is the
// p-th difference of the values, so summing it up p times gives them back.
type predictor struct {
	order                uint8
	value, slope, change int64 // the last value, and its first and second difference
}

// next returns the value that a residual stands for.
func (p *predictor) next(e int64) int64 {
	switch p.order {
	case 0:
		return e
	case 3:
		p.change += e
		e = p.change
		fallthrough
	case 2:
		p.slope += e
		e = p.slope
	}
	p.value += e
	return p.value
}
