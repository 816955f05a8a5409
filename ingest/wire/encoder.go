package wire

import "github.com/tempogate/tempogate/classifier"

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
	// m/s², as Android's Sensor.getResolution states it. 0 lets the encoder
	// find it in the samples.
	ResolutionMPS2 float64

	// SessionID and DeviceID go into JSON batches as they are. The server
	// does not read them; leave them empty unless something else does.
	SessionID, DeviceID string
}

// An Encoder makes the frames of one stream. It is not safe for use by several
// goroutines at once.
type Encoder struct {
	config    EncoderConfig
	messageID uint64
}

// NewEncoder returns an encoder for one stream.
func NewEncoder(config EncoderConfig) *Encoder { return &Encoder{config: config} }

// AppendPacked appends one packed frame (a binary message). It fails with an
// *Error for more than MaxSamples samples or MaxFixes fixes, and for a value
// that the form cannot hold (NaN, infinite, beyond MaxAccelerationMPS2); dst
// is then returned as it was.
func (e *Encoder) AppendPacked(dst []byte, samples []classifier.Sample, fixes []classifier.Fix) ([]byte, error) {
	return dst, &Error{Code: CodeUnsupported, Detail: "not written yet"}
}

// AppendPackedS2 is AppendPacked with the body compressed as an S2 block (a
// binary message). It seldom pays: packed bits hold little to compress.
func (e *Encoder) AppendPackedS2(dst []byte, samples []classifier.Sample, fixes []classifier.Fix) ([]byte, error) {
	return dst, &Error{Code: CodeUnsupported, Detail: "not written yet"}
}

// AppendJSON appends one JSON batch (a text message) and counts messageId up.
// It fails as AppendPacked does, and for coordinates that are none.
func (e *Encoder) AppendJSON(dst []byte, samples []classifier.Sample, positions []Position) ([]byte, error) {
	return dst, &Error{Code: CodeUnsupported, Detail: "not written yet"}
}

// AppendJSONS2 is AppendJSON compressed as an S2 block (a binary message).
func (e *Encoder) AppendJSONS2(dst []byte, samples []classifier.Sample, positions []Position) ([]byte, error) {
	return dst, &Error{Code: CodeUnsupported, Detail: "not written yet"}
}

// AppendPositions turns fixes back into positions, for a client that has only
// fixes and wants to send JSON. Where the fixes were is not known, so the
// track starts at latitude 0, longitude 0 and is integrated from there over
// the life of the encoder: distances and speeds are right, the place is not.
func (e *Encoder) AppendPositions(dst []Position, fixes []classifier.Fix) []Position {
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
