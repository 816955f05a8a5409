package classifier

import "errors"

// ErrNotFinite is returned by Push for a sample or fix that is not a number,
// is infinite, or lies beyond what a phone can measure.
var ErrNotFinite = errors.New("classifier: acceleration is not a finite number of m/s²")

// ErrTimeBackwards is returned by Push when a batch begins long before what
// was already taken.
var ErrTimeBackwards = errors.New("classifier: sensor time runs backwards")

// Config configures a Stream. The zero value uses the embedded model.
type Config struct{}

// A Stream turns one person's samples into estimates, one a second of sensor
// time.
type Stream struct{}

// NewStream returns an empty stream.
func NewStream(Config) *Stream { return &Stream{} }

// A Workspace is the scratch memory of one goroutine.
type Workspace struct{}

// NewWorkspace returns a workspace that any number of streams can use in turn.
func NewWorkspace() *Workspace { return &Workspace{} }

// Push takes a batch, sorts both slices by sensor time in place, and appends
// the estimates that became due to dst.
func (s *Stream) Push(dst []Estimate, w *Workspace, samples []Sample, fixes []Fix) ([]Estimate, error) {
	return dst, nil
}

// Clear forgets everything: the window, the work space of the estimators, the
// filters over time.
func (s *Stream) Clear() {}

// Resident returns how many samples the stream holds at the moment, raw or
// resampled.
func (s *Stream) Resident() int { return 0 }
