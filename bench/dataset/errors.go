package dataset

import (
	"errors"
	"fmt"
)

// Errors that a caller may want to tell apart with errors.Is. They come
// wrapped in text that names the file, and never in text that holds a
// measured value.
var (
	// ErrEmpty means that the file is well formed and holds no acceleration,
	// no position, no speed and no cadence.
	ErrEmpty = errors.New("the recording is empty")

	// ErrUnknownFormat means that the content is none of Formats.
	ErrUnknownFormat = errors.New("unknown format")

	// ErrTooLarge means that a limit of Options was reached.
	ErrTooLarge = errors.New("the recording is too large")
)

// A LineError names a line that cannot be used. It prints as
// "path:line: what", the form that editors and compilers use.
type LineError struct {
	Path string // file, inside the directory that was given where it was one
	Line int    // counted from 1 after decompression; 0 when the file has no lines
	Err  error  // what is wrong, without any value of the line
}

// Error returns "path:line: what".
func (e *LineError) Error() string {
	if e.Line <= 0 {
		return fmt.Sprintf("%s: %v", e.Path, e.Err)
	}
	return fmt.Sprintf("%s:%d: %v", e.Path, e.Line, e.Err)
}

// Unwrap returns what is wrong.
func (e *LineError) Unwrap() error { return e.Err }

// What is wrong with a reading.
var (
	errNotFinite = errors.New("acceleration is not a finite number")
	errUnits     = errors.New("acceleration beyond 1000 m/s²: are the units right?")
	errTime      = errors.New("time is missing or out of range")
	errBackwards = errors.New("time runs backwards by more than a second")
	errPosition  = errors.New("latitude or longitude is out of range")
	errLongLine  = errors.New("the line is longer than 64 KiB")
)
