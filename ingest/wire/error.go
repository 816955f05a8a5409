package wire

// The codes of an Error.
const (
	CodeMalformed   = "malformed"           // the frame breaks the format; close with CloseMalformed
	CodeTooLarge    = "too_large"           // the frame is larger than a limit; close with CloseTooLarge
	CodeUnsupported = "unsupported_version" // a form or version this build does not know; close with CloseMalformed
)

// An Error says what is wrong with a frame. Neither of its texts ever holds a
// sample, a coordinate or anything else taken from the frame, so both are safe
// to log and to send back.
type Error struct {
	Code   string // one of the Code constants
	Detail string // what to mend, in at most 120 bytes: it fits a close reason
}

// Error returns "wire: code: detail".
func (e *Error) Error() string { return "wire: " + e.Code + ": " + e.Detail }

// CloseCode returns the WebSocket close code that answers such a frame.
func (e *Error) CloseCode() int {
	if e.Code == CodeTooLarge {
		return CloseTooLarge
	}
	return CloseMalformed
}

func malformed(detail string) *Error { return &Error{Code: CodeMalformed, Detail: detail} }
