package wire

import (
	"encoding/json"
	"math"
	"strconv"

	"github.com/tempogate/tempogate/classifier"
)

// A Position is one reading of a location service with its coordinates, as
// only the JSON form carries them.
type Position struct {
	SensorTime          int64   // nanoseconds on the phone's own clock
	Latitude, Longitude float64 // degrees
	SpeedMPS            float64 // m/s, NaN when unknown
	AccuracyM           float64 // metres, NaN when unknown
}

// An EncoderConfig says how a client encodes. The zero value works.
type EncoderConfig struct {
	// ResolutionMPS2 is the smallest step of the phone's accelerometer in
	// m/s², as Android's Sensor.getResolution states it: accelerations of
	// packed frames are rounded to it. 0 lets the encoder find it in the
	// samples, or fall back to DefaultResolutionMPS2.
	ResolutionMPS2 float64

	// Version is that of the packed form, 1 or 2. Frames of version 1, which 0
	// stands for too, each stand alone. Those of version 2 are smaller, most of
	// all below 60 readings a second, and go on from the one before: a server has
	// to get every frame of an encoder, in order, on one stream.
	Version int

	// SessionID and DeviceID go into JSON batches as they are. The server
	// does not read them; leave them empty unless something else does.
	SessionID, DeviceID string
}

// An Encoder makes the frames of one stream. What it keeps between frames is
// the step found in the samples, when the next one is due, the number of the last
// JSON batch, and for AppendPositions the place reached. It is not safe for use by
// several goroutines at once.
type Encoder struct {
	config    EncoderConfig
	step      float64 // found in the samples, m/s²; 0 for none yet
	tries     int     // frames searched in vain since
	messageID uint64
	middle    []byte // of a JSON batch, from messageId to payload

	latitude, longitude float64 // where AppendPositions has got to

	passage passage // to the next frame of version 2

	body, fixes []byte   // work space
	values      []int64  // the four channels
	residuals   []uint64 // of one channel
}

// NewEncoder returns an encoder for one stream.
func NewEncoder(config EncoderConfig) *Encoder {
	e := &Encoder{config: config}
	for _, field := range [...]struct{ name, value string }{{"sessionId", config.SessionID}, {"deviceId", config.DeviceID}} {
		value, err := json.Marshal(field.value)
		if err != nil {
			panic("wire: a string that is no JSON: " + err.Error()) // cannot happen
		}
		e.middle = append(e.middle, `,"`+field.name+`":`...)
		e.middle = append(e.middle, value...)
	}
	e.middle = append(e.middle, `,"payload":[`...)
	return e
}

// Clear overwrites the work space, so that nothing of a sample stays in it.
// The stream goes on as before.
func (e *Encoder) Clear() {
	clear(e.body[:cap(e.body)])
	clear(e.fixes[:cap(e.fixes)])
	clear(e.values[:cap(e.values)])
	clear(e.residuals[:cap(e.residuals)])
}

// AppendJSON appends one JSON batch (a text message), samples as
// totalacceleration, positions as location, and counts messageId up from 0.
//
// It fails with an *Error for more than MaxSamples samples or MaxFixes
// positions, for a number that JSON or the server does not take, and for
// coordinates that are none; dst is then returned as it was.
func (e *Encoder) AppendJSON(dst []byte, samples []classifier.Sample, positions []Position) ([]byte, error) {
	return e.checked(dst, func() ([]byte, *Error) { return e.appendBatch(dst, samples, positions) })
}

// AppendJSONS2 is AppendJSON compressed as an S2 block (a binary message).
func (e *Encoder) AppendJSONS2(dst []byte, samples []classifier.Sample, positions []Position) ([]byte, error) {
	return e.checked(dst, func() ([]byte, *Error) {
		var err *Error
		if e.body, err = e.appendBatch(e.body[:0], samples, positions); err != nil {
			return nil, err
		}
		if len(e.body) > MaxBlock {
			return nil, &Error{Code: CodeTooLarge, Detail: "more than 262144 bytes of JSON: send more frames"}
		}
		return appendS2(append(dst, formJSON|formS2), e.body), nil
	})
}

func (e *Encoder) appendBatch(dst []byte, samples []classifier.Sample, positions []Position) ([]byte, *Error) {
	switch {
	case len(samples) > MaxSamples:
		return nil, &Error{Code: CodeTooLarge, Detail: "more than 4096 samples in a frame: send more frames"}
	case len(positions) > MaxFixes:
		return nil, &Error{Code: CodeTooLarge, Detail: "more than 64 positions in a frame: send more frames"}
	}
	dst = append(dst, `{"messageId":`...)
	dst = strconv.AppendUint(dst, e.messageID, 10)
	dst = append(dst, e.middle...)
	comma := false
	for i := range samples {
		s := &samples[i]
		if !(math.Abs(s.X) <= MaxAccelerationMPS2 && math.Abs(s.Y) <= MaxAccelerationMPS2 && math.Abs(s.Z) <= MaxAccelerationMPS2) {
			return nil, malformed("acceleration must be a number of at most 1000 m/s2")
		}
		dst = appendReading(dst, &comma, "totalacceleration", s.SensorTime)
		dst = appendNumber(dst, `"x":`, s.X)
		dst = appendNumber(dst, `,"y":`, s.Y)
		dst = appendNumber(dst, `,"z":`, s.Z)
		dst = append(dst, "}}"...)
	}
	for i := range positions {
		p := &positions[i]
		switch {
		case !(math.Abs(p.Latitude) <= 90 && math.Abs(p.Longitude) <= 180):
			return nil, malformed("latitude must be -90 to 90, longitude -180 to 180 degrees")
		case p.SpeedMPS < 0 || p.SpeedMPS > MaxSpeedMPS:
			return nil, malformed("speed must be 0 to 1000 m/s, or NaN when unknown")
		case p.AccuracyM < 0 || p.AccuracyM > MaxAccuracyM:
			return nil, malformed("accuracy must be 0 to 1000 km, or NaN when unknown")
		}
		dst = appendReading(dst, &comma, "location", p.SensorTime)
		dst = appendNumber(dst, `"latitude":`, p.Latitude)
		dst = appendNumber(dst, `,"longitude":`, p.Longitude)
		dst = appendNumber(dst, `,"speed":`, knownOr(p.SpeedMPS, -1))
		dst = appendNumber(dst, `,"horizontalAccuracy":`, knownOr(p.AccuracyM, -1))
		dst = append(dst, "}}"...)
	}
	e.messageID++
	return append(dst, "]}"...), nil
}

func appendReading(dst []byte, comma *bool, name string, time int64) []byte {
	if *comma {
		dst = append(dst, ',')
	}
	*comma = true
	dst = append(dst, `{"name":"`...)
	dst = append(dst, name...)
	dst = append(dst, `","time":`...)
	dst = strconv.AppendInt(dst, time, 10)
	return append(dst, `,"values":{`...)
}

// appendNumber writes a number with as few digits as tell it from every other,
// in the style of JavaScript.
func appendNumber(dst []byte, key string, v float64) []byte {
	format := byte('f')
	if v != 0 && math.Abs(v) < 1e-6 {
		format = 'e'
	}
	return strconv.AppendFloat(append(dst, key...), v, format, -1, 64)
}

// knownOr returns v, or other where v is NaN.
func knownOr(v, other float64) float64 {
	if math.IsNaN(v) {
		return other
	}
	return v
}

// AppendPositions turns fixes back into positions, for a client that has only
// fixes and wants to send JSON. Where the fixes were is not known, so the
// track starts at latitude 0, longitude 0 and is integrated from there over
// the life of the encoder: distances and speeds are right, the place is not.
// A fix without displacement repeats the place before it.
func (e *Encoder) AppendPositions(dst []Position, fixes []classifier.Fix) []Position {
	for _, f := range fixes {
		if !math.IsNaN(f.EastM) && !math.IsNaN(f.NorthM) {
			latitude, longitude := moved(e.latitude, e.longitude, f.EastM, f.NorthM)
			// The cosine of a pole would send the longitude anywhere.
			e.latitude = min(max(latitude, -80), 80)
			e.longitude = math.Remainder(longitude, 360)
		}
		dst = append(dst, Position{SensorTime: f.SensorTime, Latitude: e.latitude, Longitude: e.longitude, SpeedMPS: f.SpeedMPS, AccuracyM: f.AccuracyM})
	}
	return dst
}

// AppendControl appends a control frame (a text message). It panics for
// ControlNone, which is none.
func AppendControl(dst []byte, c Control) []byte {
	switch c {
	case ControlWithdraw:
		return append(dst, `{"type":"withdraw"}`...)
	case ControlEnd:
		return append(dst, `{"type":"end"}`...)
	}
	panic("wire: no such control frame")
}
