package wire

import "github.com/tempogate/tempogate/classifier"

// A sensor is what the name of a reading says.
type sensor uint8

const (
	sensorUnread sensor = iota // no name seen yet
	sensorOther                // nothing that is used here
	sensorTotal                // acceleration with gravity
	sensorLinear               // acceleration without gravity
	sensorGravity
	sensorLocation
)

// sensorOf knows the names that Sensor Logger gives, in any case.
func sensorOf(name []byte) sensor {
	switch len(name) {
	case 7:
		if equalFold(name, "gravity") {
			return sensorGravity
		}
	case 8:
		if equalFold(name, "location") {
			return sensorLocation
		}
	case 13:
		if equalFold(name, "accelerometer") {
			return sensorLinear
		}
	case 17:
		if equalFold(name, "totalacceleration") {
			return sensorTotal
		}
	}
	return sensorOther
}

// equalFold compares ASCII of the same length; lower has to be lower-case
// letters.
func equalFold(name []byte, lower string) bool {
	if string(name) == lower {
		return true
	}
	for i, c := range name {
		if c|0x20 != lower[i] {
			return false
		}
	}
	return true
}

// A batchReader reads one JSON text frame into a batch.
type batchReader struct {
	data    []byte
	dst     *Batch
	scratch *Scratch
	track   *lastPosition
	allowed Allowed
	names   [maxName]byte // room for a key or name with escapes
	total   int           // readings of totalacceleration appended
	fixes   int           // locations read, those that were dropped too
}

// read reads the whole text.
func (r *batchReader) read() (int, fault) {
	data := r.data
	i := skipSpace(data, 0)
	if at(data, i) != '{' {
		return i, faultTop
	}
	var payload, kind bool
	i, more := opens(data, i, '}')
	for more {
		key, value, f := scanKey(data, i, &r.names)
		if f != faultNone {
			return value, f
		}
		switch string(key) {
		case "payload":
			if payload {
				return value, faultKeyTwice
			}
			payload = true
			i, f = r.payload(value)
		case "type":
			if kind {
				return value, faultKeyTwice
			}
			kind = true
			i, f = r.control(value)
		default:
			i, f = skipValue(data, value, 1)
		}
		if f != faultNone {
			return i, f
		}
		if i, more, f = afterValue(data, i, '}'); f != faultNone {
			return i, f
		}
	}
	if i = skipSpace(data, i); i != len(data) {
		return i, faultTrailing
	}
	if kind && payload {
		return 0, faultControlPayload
	}
	return r.combine(i)
}

// control reads the value of "type".
func (r *batchReader) control(i int) (int, fault) {
	if at(r.data, i) != '"' {
		return i, faultType
	}
	start, end, next, escaped, f := scanString(r.data, i)
	if f != faultNone {
		return next, f
	}
	switch string(plainName(r.data, start, end, escaped, &r.names)) {
	case "withdraw":
		r.dst.Control = ControlWithdraw
	case "end":
		r.dst.Control = ControlEnd
	default:
		return i, faultUnknownType
	}
	return next, faultNone
}

// payload reads the array of readings; null stands for an empty one.
func (r *batchReader) payload(i int) (int, fault) {
	data := r.data
	switch at(data, i) {
	case '[':
	case 'n':
		return skipWord(data, i, "null")
	default:
		return i, faultPayload
	}
	i, more := opens(data, i, ']')
	var f fault
	for more {
		if i, f = r.reading(i); f != faultNone {
			return i, f
		}
		if i, more, f = afterValue(data, i, ']'); f != faultNone {
			return i, f
		}
	}
	return i, faultNone
}

// reading reads one entry of the payload. Its keys come in any order: what
// comes before the name is passed over, remembered by its position, and read
// once it is known whether it may be read.
func (r *batchReader) reading(i int) (int, fault) {
	data := r.data
	if at(data, i) != '{' {
		return i, faultReading
	}
	if next, ok := r.usual(i); ok {
		return next, faultNone
	}
	begin := i
	kind := sensorUnread
	wanted := false
	timeAt, valuesAt := 0, 0             // position 0 is the text's own bracket, so 0 is "not there"
	timeRead, valuesRead := false, false // already turned into numbers
	var p reading
	i, more := opens(data, i, '}')
	for more {
		key, value, f := scanKey(data, i, &r.names)
		if f != faultNone {
			return value, f
		}
		switch string(key) {
		case "name":
			if kind != sensorUnread {
				return value, faultKeyTwice
			}
			if at(data, value) != '"' {
				return value, faultName
			}
			var start, end int
			var escaped bool
			if start, end, i, escaped, f = scanString(data, value); f == faultNone {
				kind = sensorOf(plainName(data, start, end, escaped, &r.names))
				wanted = r.wants(kind)
			}
		case "time":
			if timeAt != 0 {
				return value, faultKeyTwice
			}
			timeAt = value
			if wanted {
				p.time, i, f = parseTime(data, value)
				timeRead = true
			} else {
				i, f = skipValue(data, value, 3)
			}
		case "values":
			if valuesAt != 0 {
				return value, faultKeyTwice
			}
			valuesAt = value
			if wanted {
				i, f = r.values(&p, kind, value)
				valuesRead = true
			} else {
				i, f = skipValue(data, value, 3)
			}
		default:
			i, f = skipValue(data, value, 3)
		}
		if f != faultNone {
			return i, f
		}
		if i, more, f = afterValue(data, i, '}'); f != faultNone {
			return i, f
		}
	}
	if kind == sensorUnread {
		return begin, faultNoName
	}
	if !wanted {
		r.count(kind)
		return i, faultNone
	}
	if timeAt == 0 {
		return begin, faultNoTime
	}
	if valuesAt == 0 {
		return begin, faultNoValues
	}
	var f fault
	if !timeRead {
		var at int
		if p.time, at, f = parseTime(data, timeAt); f != faultNone {
			return at, f
		}
	}
	if !valuesRead {
		var at int
		if at, f = r.values(&p, kind, valuesAt); f != faultNone {
			return at, f
		}
	}
	if f = r.take(&p, kind); f != faultNone {
		return begin, f
	}
	return i, faultNone
}

// usual reads an entry that looks as nearly all do: totalacceleration, keys in
// the order in which the app writes them, no white space. It reports false,
// and has done nothing, for any other.
func (r *batchReader) usual(i int) (next int, ok bool) {
	const head, middle = `{"name":"totalacceleration","time":`, `,"values":`
	if !r.allowed.Acceleration || !hasPrefix(r.data, i, head) {
		return i, false
	}
	var p reading
	var f fault
	if p.time, i, f = parseTime(r.data, i+len(head)); f != faultNone || !hasPrefix(r.data, i, middle+"{") {
		return i, false
	}
	if i, f = r.axes(&p, i+len(middle)); f != faultNone || at(r.data, i) != '}' {
		return i, false
	}
	return i + 1, r.take(&p, sensorTotal) == faultNone
}

func hasPrefix(data []byte, i int, prefix string) bool {
	return len(data)-i >= len(prefix) && string(data[i:i+len(prefix)]) == prefix
}

// wants reports whether a reading is read at all.
func (r *batchReader) wants(kind sensor) bool {
	switch kind {
	case sensorTotal, sensorLinear, sensorGravity:
		return r.allowed.Acceleration
	case sensorLocation:
		return r.allowed.Location
	}
	return false
}

// count counts a reading that was passed over.
func (r *batchReader) count(kind sensor) {
	switch kind {
	case sensorTotal, sensorLinear, sensorGravity:
		r.dst.RefusedAcceleration++
	case sensorLocation:
		r.dst.RefusedLocation++
	default:
		r.dst.Ignored++
	}
}

// take puts a complete reading where it belongs.
func (r *batchReader) take(p *reading, kind sensor) fault {
	s := classifier.Sample{SensorTime: p.time, X: p.x, Y: p.y, Z: p.z}
	switch kind {
	case sensorTotal:
		if r.total == MaxSamples {
			return faultTooManySamples
		}
		r.total++
		r.dst.Samples = appendOne(r.dst.Samples, s)
	case sensorLinear:
		if len(r.scratch.linear) == MaxSamples {
			return faultTooManySamples
		}
		r.scratch.linear = appendOne(r.scratch.linear, s)
	case sensorGravity:
		if len(r.scratch.gravity) == MaxSamples {
			return faultTooManySamples
		}
		r.scratch.gravity = appendOne(r.scratch.gravity, s)
	case sensorLocation:
		if r.fixes == MaxFixes {
			return faultTooManyFixes
		}
		r.fixes++
		fix := classifier.Fix{SensorTime: p.time, SpeedMPS: p.speed, AccuracyM: p.accuracy}
		if !r.track.step(&fix, p.latitude, p.longitude) {
			r.dst.Ignored++
			break
		}
		r.dst.Fixes = appendOne(r.dst.Fixes, fix)
	}
	return faultNone
}
