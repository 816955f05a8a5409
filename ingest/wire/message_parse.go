package wire

import (
	"math"

	"github.com/tempogate/tempogate/classifier"
)

// ParseMessage reads a line of the server. Unknown members are ignored, so
// that a client outlives additions; an unknown type is an *Error with
// CodeUnsupported, which a client may skip. Members that are absent count as
// null. 0 allocs.
func ParseMessage(data []byte) (Message, error) {
	m := Message{Estimate: classifier.Estimate{CadenceSPM: math.NaN(), SpeedMPS: math.NaN()}}
	if i, f := m.parse(data); f != faultNone {
		return Message{}, f.in(data, i)
	}
	switch m.Type {
	case TypeEstimate:
		return m, nil
	case TypeRefused:
		return Message{Type: m.Type, Category: m.Category, Code: m.Code}, nil
	case TypeSlow:
		return Message{Type: m.Type, CloseAfterS: m.CloseAfterS}, nil
	case TypeDraining:
		return Message{Type: m.Type, ReconnectAfterS: m.ReconnectAfterS}, nil
	}
	return Message{}, &Error{Code: CodeUnsupported, Detail: "unknown type of message"}
}

func (m *Message) parse(data []byte) (int, fault) {
	i := skipSpace(data, 0)
	if at(data, i) != '{' {
		return i, faultTop
	}
	var names [maxName]byte
	i, more := opens(data, i, '}')
	for more {
		key, value, f := scanKey(data, i, &names)
		if f != faultNone {
			return value, f
		}
		i, f = m.member(data, key, value, &names)
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
	return i, faultNone
}

// member reads the value of one key.
func (m *Message) member(data, key []byte, i int, names *[maxName]byte) (next int, f fault) {
	e := &m.Estimate
	var v float64
	switch string(key) {
	case "type":
		m.Type, next, f = parseWord(data, i, names)
	case "category":
		m.Category, next, f = parseWord(data, i, names)
	case "code":
		m.Code, next, f = parseWord(data, i, names)
	case "activity":
		var word string
		if word, next, f = parseWord(data, i, names); f == faultNone {
			activity, err := classifier.ParseActivity(word)
			if err != nil {
				return i, faultActivity
			}
			e.Activity = activity
		}
	case "p":
		return m.probabilities(data, i, names)
	case "t":
		if v, next, f = parseNumberOrNull(data, i); f == faultNone {
			if !(math.Abs(v) < maxTime/1e9) {
				return i, faultTimeRange
			}
			m.T = v
			// Through milliseconds: a double cannot hold today in nanoseconds.
			e.SensorTime = int64(math.Round(v*1e3)) * 1e6
		}
	case "cadence_spm":
		e.CadenceSPM, next, f = parseNumberOrNull(data, i)
	case "cadence_confidence":
		if v, next, f = parseNumberOrNull(data, i); f == faultNone && !math.IsNaN(v) {
			if !(v >= 0 && v <= 1) {
				return i, faultConfidence
			}
			e.CadenceConfidence = v
		}
	case "bpm":
		if v, next, f = parseNumberOrNull(data, i); f == faultNone && !math.IsNaN(v) {
			if v != math.Trunc(v) || math.Abs(v) > 1e6 {
				return i, faultNumber
			}
			e.BPM = int(v)
		}
	case "speed_mps":
		e.SpeedMPS, next, f = parseNumberOrNull(data, i)
	case "reconnect_after_s":
		if v, next, f = parseNumberOrNull(data, i); f == faultNone && !math.IsNaN(v) {
			m.ReconnectAfterS = v
		}
	case "close_after_s":
		if v, next, f = parseNumberOrNull(data, i); f == faultNone && !math.IsNaN(v) {
			m.CloseAfterS = v
		}
	default:
		return skipValue(data, i, 1)
	}
	return next, f
}

// probabilities reads {"still":0,…}.
func (m *Message) probabilities(data []byte, i int, names *[maxName]byte) (int, fault) {
	if at(data, i) != '{' {
		return i, faultProbability
	}
	i, more := opens(data, i, '}')
	for more {
		key, value, f := scanKey(data, i, names)
		if f != faultNone {
			return value, f
		}
		index := -1
		for k := range classifier.Classes {
			if string(key) == classifier.ActivityAt(k).String() {
				index = k
			}
		}
		if index < 0 {
			i, f = skipValue(data, value, 2)
		} else {
			p := &m.Estimate.P[index]
			if *p, i, f = parseNumber(data, value); f == faultNone && !(*p >= 0 && *p <= 1) {
				return value, faultProbability
			}
		}
		if f != faultNone {
			return i, f
		}
		if i, more, f = afterValue(data, i, '}'); f != faultNone {
			return i, f
		}
	}
	return i, faultNone
}

// parseNumberOrNull reads a number, or NaN where null stands.
func parseNumberOrNull(data []byte, i int) (float64, int, fault) {
	if at(data, i) == 'n' {
		next, f := skipWord(data, i, "null")
		return math.NaN(), next, f
	}
	return parseNumber(data, i)
}

// knownWords are the strings that messages hold: they come without a copy.
var knownWords = [...]string{
	TypeEstimate, TypeRefused, TypeDraining, CodeNotGranted, "acceleration", "location",
	"unknown", "still", "walk", "run", "cycle", "transit",
}

// parseWord reads a short string.
func parseWord(data []byte, i int, names *[maxName]byte) (string, int, fault) {
	if at(data, i) != '"' {
		return "", i, faultSyntax
	}
	start, end, next, escaped, f := scanString(data, i)
	if f != faultNone {
		return "", next, f
	}
	word := plainName(data, start, end, escaped, names)
	for _, known := range knownWords {
		if string(word) == known {
			return known, next, faultNone
		}
	}
	return string(word), next, faultNone
}
