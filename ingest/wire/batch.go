package wire

import "github.com/tempogate/tempogate/classifier"

// Allowed says which categories a session may send right now. The zero value
// allows nothing.
type Allowed struct {
	Acceleration bool
	Location     bool
}

// A Control is what a control frame asks for.
type Control uint8

// The control frames. A frame of samples is ControlNone.
const (
	ControlNone     Control = iota
	ControlWithdraw         // {"type":"withdraw"}: the person takes consent back
	ControlEnd              // {"type":"end"}: the client says goodbye
)

// A Batch receives what one frame held. It belongs to the caller, who reuses
// it from frame to frame and calls Clear as soon as the samples have served.
type Batch struct {
	Samples []classifier.Sample // in the order sent, which need not be the order of time
	Fixes   []classifier.Fix    // in the order sent, coordinates already gone
	Control Control             // anything but ControlNone came without samples

	// GravityFree says that the samples of this frame lack gravity: the phone
	// sent only its accelerometer without gravity, and nothing to add.
	GravityFree bool

	// Readings of a category that the session may not send. They were
	// skipped: their values were never turned into numbers.
	RefusedAcceleration int
	RefusedLocation     int

	// Ignored counts readings that serve nothing here: other sensors, the
	// accelerometer without gravity where the one with gravity is there too,
	// fixes that are older than one already used.
	Ignored int
}

// Clear empties the batch for the next frame and overwrites what is in it, so that
// nothing of a sample stays: Decode leaves nothing behind the end of the slices
// (TestClearLeavesNothing), and nobody else may. It costs no more than what was
// decoded, however large a frame there was before.
func (b *Batch) Clear() {
	clear(b.Samples)
	clear(b.Fixes)
	*b = Batch{Samples: b.Samples[:0], Fixes: b.Fixes[:0]}
}
