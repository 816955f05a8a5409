package wire

import "github.com/tempogate/tempogate/classifier"

// The types of a Message.
const (
	TypeEstimate = "estimate"
	TypeRefused  = "refused"
	TypeDraining = "draining"
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

	// Of a drain: seconds to wait before connecting again.
	ReconnectAfterS float64
}

// AppendEstimate appends the line for an estimate:
//
//	{"type":"estimate","t":12.0,"activity":"run","p":{"still":0,"walk":0.02,"run":0.97,"cycle":0,"transit":0.01},
//	 "cadence_spm":163.4,"cadence_confidence":0.93,"bpm":163,"speed_mps":3.1}
//
// without the line break. t is in seconds. 0 allocs once dst has grown.
func AppendEstimate(dst []byte, e *classifier.Estimate, t float64) []byte { return dst }

// AppendRefused appends the line that tells that samples of a category were
// dropped.
func AppendRefused(dst []byte, category, code string) []byte { return dst }

// AppendDraining appends the line that tells that this node goes away.
func AppendDraining(dst []byte, reconnectAfterS float64) []byte { return dst }

// ParseMessage reads a line of the server. Unknown members are ignored, so
// that a client outlives additions; an unknown type is an error.
func ParseMessage(data []byte) (Message, error) {
	return Message{}, &Error{Code: CodeUnsupported, Detail: "not written yet"}
}
