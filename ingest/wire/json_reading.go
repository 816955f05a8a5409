package wire

import "math"

// A reading holds the numbers of one entry of the payload.
type reading struct {
	time                int64
	x, y, z             float64
	latitude, longitude float64
	speed, accuracy     float64
}

// values reads the object of numbers at i.
func (r *batchReader) values(p *reading, kind sensor, i int) (int, fault) {
	if at(r.data, i) != '{' {
		return i, faultValues
	}
	if kind == sensorLocation {
		return r.location(p, i)
	}
	return r.axes(p, i)
}

// axes reads {"x":…,"y":…,"z":…}.
func (r *batchReader) axes(p *reading, i int) (int, fault) {
	data := r.data
	begin := i
	var axes [3]float64
	seen := 0
	i, more := opens(data, i, '}')
	for more {
		var axis int
		var f fault
		value := i + 4
		// The usual key is one letter, its colon and its value close behind.
		if value < len(data) && data[i] == '"' && data[i+1]-'x' <= 2 && data[i+2] == '"' && data[i+3] == ':' && data[value] > ' ' {
			axis = int(data[i+1]) - 'x'
		} else {
			var key []byte
			if key, value, f = scanKey(data, i, &r.names); f != faultNone {
				return value, f
			}
			axis = -1
			if len(key) == 1 {
				axis = int(key[0]) - 'x'
			}
		}
		if axis < 0 || axis > 2 {
			i, f = skipValue(data, value, 4)
		} else {
			if seen&(1<<axis) != 0 {
				return value, faultKeyTwice
			}
			seen |= 1 << axis
			var v float64
			v, i, f = parseNumber(data, value)
			if math.Abs(v) > MaxAccelerationMPS2 {
				return value, faultUnits
			}
			axes[axis] = v
		}
		if f != faultNone {
			return i, f
		}
		if i, more, f = afterValue(data, i, '}'); f != faultNone {
			return i, f
		}
	}
	if seen != 7 {
		return begin, faultAxis
	}
	p.x, p.y, p.z = axes[0], axes[1], axes[2]
	return i, faultNone
}

// location reads {"latitude":…,"longitude":…,"speed":…,"horizontalAccuracy":…}.
func (r *batchReader) location(p *reading, i int) (int, fault) {
	data := r.data
	begin := i
	seen := 0
	p.speed, p.accuracy = math.NaN(), math.NaN()
	i, more := opens(data, i, '}')
	for more {
		key, value, f := scanKey(data, i, &r.names)
		if f != faultNone {
			return value, f
		}
		var number *float64
		var least, most float64
		var beyond fault
		bit := 0
		switch string(key) {
		case "latitude":
			number, bit, least, most, beyond = &p.latitude, 1, -90, 90, faultLatitude
		case "longitude":
			number, bit, least, most, beyond = &p.longitude, 2, -180, 180, faultLongitude
		case "speed":
			number, bit, least, most, beyond = &p.speed, 4, math.Inf(-1), MaxSpeedMPS, faultSpeed
		case "horizontalAccuracy":
			number, bit, least, most, beyond = &p.accuracy, 8, math.Inf(-1), MaxAccuracyM, faultAccuracy
		}
		switch {
		case number == nil:
			i, f = skipValue(data, value, 4)
		case seen&bit != 0:
			return value, faultKeyTwice
		case bit >= 4 && at(data, value) == 'n': // null: unknown
			i, f = skipWord(data, value, "null")
		default:
			var v float64
			if v, i, f = parseNumber(data, value); f != faultNone {
				break
			}
			if v < least || v > most {
				return value, beyond
			}
			if bit >= 4 && v < 0 {
				v = math.NaN()
			}
			*number = v
		}
		seen |= bit
		if f != faultNone {
			return i, f
		}
		if i, more, f = afterValue(data, i, '}'); f != faultNone {
			return i, f
		}
	}
	if seen&3 != 3 {
		return begin, faultMissing
	}
	return i, faultNone
}
