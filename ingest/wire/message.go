package wire

import (
	"math"

	"github.com/tempogate/tempogate/classifier"
)

// The types of a Message.
const (
	TypeEstimate = "estimate"
	TypeRefused  = "refused"
	TypeDraining = "draining"
	TypeSlow     = "slow"
)

// CodeNotGranted is the code of a refused message: the grant does not cover
// the category.
const CodeNotGranted = "not_granted"

// A Message is what the server says to a client.
type Message struct {
	Type string // one of the Type constants

	// Of an estimate. T is the sensor time in seconds as sent (3 decimals);
	// Estimate.SensorTime is T in nanoseconds.
	T        float64
	Estimate classifier.Estimate

	// Of a refusal.
	Category string // "acceleration" or "location"
	Code     string // CodeNotGranted

	// Of a slow client: seconds until it is closed.
	CloseAfterS float64

	// Of a drain: seconds to wait before connecting again.
	ReconnectAfterS float64
}

// AppendEstimate appends the line for an estimate:
//
//	{"type":"estimate","t":12.0,"activity":"run","p":{"still":0,"walk":0.02,"run":0.97,"cycle":0,"transit":0.01},
//	 "cadence_spm":163.4,"cadence_confidence":0.93,"bpm":163,"speed_mps":3.1}
//
// without any line break. t is in seconds and goes out in milliseconds,
// probabilities with 3 decimals, confidence with 2, cadence and speed with 1:
// the least that serves. NaN and a BPM of 0 go out as null. 0 allocs once dst
// has grown.
func AppendEstimate(dst []byte, e *classifier.Estimate, t float64) []byte {
	dst = append(dst, `{"type":"estimate","t":`...)
	dst = appendDecimal(dst, t, 3, 1)
	dst = append(dst, `,"activity":"`...)
	dst = append(dst, e.Activity.String()...)
	dst = append(dst, `","p":{`...)
	for i, p := range e.P {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, '"')
		dst = append(dst, classifier.ActivityAt(i).String()...)
		dst = append(dst, `":`...)
		dst = appendDecimal(dst, p, 3, 0)
	}
	dst = append(dst, `},"cadence_spm":`...)
	dst = appendDecimal(dst, e.CadenceSPM, 1, 0)
	dst = append(dst, `,"cadence_confidence":`...)
	dst = appendDecimal(dst, e.CadenceConfidence, 2, 0)
	return append(appendBeatAndSpeed(dst, e), '}')
}

// appendBeatAndSpeed appends the two fields that every estimate ends with, a BPM of
// 0 and a speed that is not a number as null.
func appendBeatAndSpeed(dst []byte, e *classifier.Estimate) []byte {
	dst = append(dst, `,"bpm":`...)
	if e.BPM == 0 {
		dst = append(dst, "null"...)
	} else {
		dst = appendDecimal(dst, float64(e.BPM), 0, 0)
	}
	dst = append(dst, `,"speed_mps":`...)
	return appendDecimal(dst, e.SpeedMPS, 1, 0)
}

// AppendRefused appends the line that tells that samples of a category were
// dropped: {"type":"refused","category":"location","code":"not_granted"}. Both
// arguments have to be plain words.
func AppendRefused(dst []byte, category, code string) []byte {
	dst = append(dst, `{"type":"refused","category":"`...)
	dst = append(dst, category...)
	dst = append(dst, `","code":"`...)
	dst = append(dst, code...)
	return append(dst, `"}`...)
}

// AppendDraining appends the line that tells that this node goes away:
// {"type":"draining","reconnect_after_s":4.2}.
func AppendDraining(dst []byte, reconnectAfterS float64) []byte {
	dst = append(dst, `{"type":"draining","reconnect_after_s":`...)
	dst = appendDecimal(dst, reconnectAfterS, 1, 0)
	return append(dst, '}')
}

// AppendSlow appends the line that tells a client that it does not read its
// answers: {"type":"slow","close_after_s":5}.
func AppendSlow(dst []byte, closeAfterS float64) []byte {
	dst = append(dst, `{"type":"slow","close_after_s":`...)
	dst = appendDecimal(dst, closeAfterS, 1, 0)
	return append(dst, '}')
}

// appendDecimal writes v rounded to so many places behind the point, without
// trailing zeros beyond keep of them, and null for what is no number.
func appendDecimal(dst []byte, v float64, places, keep int) []byte {
	unit := uint64(1)
	for range places {
		unit *= 10
	}
	scaled := math.Round(v * float64(unit))
	if !(math.Abs(scaled) < 1<<63) { // NaN and infinity too
		return append(dst, "null"...)
	}
	if scaled < 0 {
		dst = append(dst, '-')
		scaled = -scaled
	}
	n := uint64(scaled)
	dst = appendUint(dst, n/unit, 1)
	if n %= unit; n == 0 && keep == 0 {
		return dst
	}
	for places > max(keep, 1) && n%10 == 0 {
		n /= 10
		places--
	}
	return appendUint(append(dst, '.'), n, places)
}

// appendUint writes n with at least so many digits.
func appendUint(dst []byte, n uint64, digits int) []byte {
	var buf [20]byte
	i := len(buf)
	for ; n > 0 || digits > 0; digits-- {
		i--
		buf[i] = byte('0' + n%10)
		n /= 10
	}
	return append(dst, buf[i:]...)
}
