package ingest

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/gorilla/websocket"

	"github.com/tempogate/tempogate/classifier"
	"github.com/tempogate/tempogate/consent"
	"github.com/tempogate/tempogate/ingest/framing"
	"github.com/tempogate/tempogate/ingest/wire"
)

// An ending is why a session ends. It travels as an error from where it was
// found to the one place that closes the connection.
type ending struct {
	code   int    // of the close frame
	label  string // in metrics
	reason string // for the developer at the other end, at most 123 bytes

	silent   bool      // the close frame has been sent already, or nobody is there
	vanished bool      // nobody is there: do not wait for a reaction
	draining bool      // say when to come back, first
	cuts     bool      // at once: answers that are not written yet are dropped
	unread   bool      // the client does not read: give it time to
	since    time.Time // when a withdrawal was told; zero for other endings
}

// Error returns the code and the reason.
func (e *ending) Error() string { return fmt.Sprintf("ingest: %d %s", e.code, e.reason) }

// internalError is the code for a fault of the server (RFC 6455, 7.4.1).
const internalError = websocket.CloseInternalServerErr

// endWith returns an ending with a close code and a reason, or the general
// reason of the code when none is given.
func endWith(code int, reason string) *ending {
	if reason == "" {
		reason = wire.CloseReason(code)
	}
	if n := framing.MaxControl - 2; len(reason) > n {
		for !utf8.RuneStart(reason[n]) { // not within a character: it has to be UTF-8
			n--
		}
		reason = reason[:n]
	}
	return &ending{code: code, label: strconv.Itoa(code), reason: reason}
}

// endOfConsent is the ending for a reason of the gate.
func endOfConsent(reason consent.Reason) *ending {
	end := endWith(consentClose(reason))
	end.cuts = true
	return end
}

// consentClose is the close code for a reason of the gate, and what to say.
func consentClose(reason consent.Reason) (code int, why string) {
	switch reason {
	case consent.LedgerUnavailable:
		return wire.CloseLedgerLost, ""
	case consent.Withdrawn:
		return wire.CloseConsent, "consent was withdrawn: nothing more is taken; ask again before you reconnect"
	case consent.Expired:
		return wire.CloseConsent, "consent has expired: ask again before you reconnect"
	case consent.NoticeChanged:
		return wire.CloseConsent, "the notice has changed: show it and ask again before you reconnect"
	case consent.CategoryNotGranted:
		return wire.CloseConsent, "consent no longer covers acceleration: ask again before you reconnect"
	}
	return wire.CloseConsent, ""
}

// endOfPush is the ending for a batch that the classifier does not take.
func endOfPush(err error) *ending {
	switch {
	case errors.Is(err, classifier.ErrNotFinite):
		return endWith(wire.CloseMalformed, "a reading is not a finite number of m/s²: drop such readings before you send")
	case errors.Is(err, classifier.ErrTimeBackwards):
		return endWith(wire.CloseMalformed, "sensor time runs backwards: send one device's samples in order, or open a new stream")
	}
	return endWith(wire.CloseMalformed, "")
}

// endOfDecode is the ending for a frame that cannot be decoded.
func endOfDecode(err error) *ending {
	var e *wire.Error
	if errors.As(err, &e) {
		return endWith(e.CloseCode(), e.Detail)
	}
	return endWith(wire.CloseMalformed, "")
}

// endOfRead is the ending for an error on the way to a frame.
func endOfRead(err error) *ending {
	var (
		known    *ending
		protocol *framing.ProtocolError
		broken   net.Error
	)
	switch {
	case errors.As(err, &known):
		return known
	case errors.As(err, &protocol): // breaks RFC 6455
		return endWith(websocket.CloseProtocolError, protocol.Reason)
	case errors.As(err, &broken), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed):
		return &ending{code: websocket.CloseAbnormalClosure, label: "gone", silent: true, vanished: true}
	}
	return endWith(internalError, "")
}

// endOfClient is the ending for a close frame of the client. It is answered with
// the same code (RFC 6455, 5.5.1).
func endOfClient(payload []byte) *ending {
	code, _, _ := framing.ParseClose(payload)
	if code == framing.NoStatus {
		code = websocket.CloseNormalClosure
	}
	return &ending{code: code, label: "client"}
}

// endOfUnread is the ending for a client that does not read its answers.
func endOfUnread() *ending {
	end := endWith(wire.CloseTooMuch, "answers are not read: read them as they come, or reconnect when you can")
	end.cuts, end.unread = true, true
	return end
}

// patience is how long to wait for the client to take note of the ending. Until
// then a client that goes on sending does not have its connection reset, which
// would throw away what it has not read yet.
func (e *ending) patience() time.Duration {
	if e.unread {
		return lingerLong
	}
	return lingerTime
}

// endOfDrain is the ending of a session on a node that goes away.
func endOfDrain() *ending {
	end := endWith(wire.CloseGoingAway, "")
	end.draining = true
	return end
}

// reconnectAfter is spread over ten seconds, so that the sessions of a node
// that goes away do not all knock at the next one at once.
func reconnectAfter() float64 { return float64(10+rand.IntN(91)) / 10 }
