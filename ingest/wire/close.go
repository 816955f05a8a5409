package wire

// Subprotocol is the WebSocket subprotocol of this version of the stream.
const Subprotocol = "tempogate.v1"

// BPMRangeParameter is the query parameter of the handshake that says which
// tempos music is wanted in, such as "80-100".
const BPMRangeParameter = "bpm_range"

// BearerPrefix starts the second subprotocol by which a browser, which cannot
// set headers on a WebSocket, hands over its token: "bearer.<token>". The
// server never selects it in its answer.
const BearerPrefix = "bearer."

// Close codes that the server sends. 1000 and 1001 are those of RFC 6455
// section 7.4.1, the others lie in the range 4000 to 4999 that it leaves to
// applications and repeat the HTTP status of the same meaning.
const (
	CloseDone       = 1000 // the client said end
	CloseGoingAway  = 1001 // the node goes away; reconnect after the time in the draining message
	CloseMalformed  = 4400 // a frame broke the format
	CloseConsent    = 4403 // consent was withdrawn or has expired
	CloseIdle       = 4408 // no frame for too long
	CloseTooLarge   = 4413 // a frame was larger than allowed
	CloseTooMuch    = 4429 // more frames, bytes or samples than allowed, or answers not read
	CloseLedgerLost = 4503 // the node cannot ask the ledger any more
)

// CloseReason returns the general reason for a close code, a sentence that a
// developer can act on and that fits a close frame (at most 123 bytes). It
// returns "" for a code that the server does not send. Where an Error says
// more, its Detail is the better reason.
func CloseReason(code int) string {
	switch code {
	case CloseDone:
		return "done"
	case CloseGoingAway:
		return "this node goes away: reconnect after the time given in the draining message"
	case CloseMalformed:
		return "a frame broke the format: see docs/protocol.md"
	case CloseConsent:
		return "consent was withdrawn or has expired: ask again before you reconnect"
	case CloseIdle:
		return "nothing came for too long: send a frame a second, or end the stream"
	case CloseTooLarge:
		return "frame too large: send one second of samples a frame"
	case CloseTooMuch:
		return "too much: send one frame a second and read the answers"
	case CloseLedgerLost:
		return "this node cannot check consent right now: reconnect to another one, or later, with growing pauses"
	}
	return ""
}
