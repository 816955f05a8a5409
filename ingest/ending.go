package ingest

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/gorilla/websocket"

	"github.com/tempogate/tempogate/classifier"
	"github.com/tempogate/tempogate/consent"
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
	if const123 := 123; len(reason) > const123 { // a close frame holds 125 bytes
		reason = reason[:const123]
	}
	return &ending{code: code, label: strconv.Itoa(code), reason: reason}
}

// endOfConsent is the ending for a reason of the gate.
func endOfConsent(reason consent.Reason) *ending {
	switch reason {
	case consent.LedgerUnavailable:
		return endWith(wire.CloseLedgerLost, "")
	case consent.Withdrawn:
		return endWith(wire.CloseConsent, "consent was withdrawn: nothing more is taken; ask again before you reconnect")
	case consent.Expired:
		return endWith(wire.CloseConsent, "consent has expired: ask again before you reconnect")
	case consent.NoticeChanged:
		return endWith(wire.CloseConsent, "the notice has changed: show it and ask again before you reconnect")
	case consent.CategoryNotGranted:
		return endWith(wire.CloseConsent, "consent no longer covers acceleration: ask again before you reconnect")
	}
	return endWith(wire.CloseConsent, "")
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

// endOfRead is the ending for an error of the WebSocket reader.
func endOfRead(err error) *ending {
	var (
		known  *ending
		closed *websocket.CloseError
		broken net.Error
	)
	switch {
	case errors.As(err, &known):
		return known
	case errors.As(err, &closed) && closed.Code != websocket.CloseAbnormalClosure:
		return &ending{code: closed.Code, label: "client", silent: true}
	case errors.Is(err, websocket.ErrReadLimit): // a length that no number can hold
		return endWith(wire.CloseTooLarge, "")
	case closed != nil, errors.As(err, &broken), errors.Is(err, net.ErrClosed):
		return &ending{code: websocket.CloseAbnormalClosure, label: "gone", silent: true, vanished: true}
	}
	// What is left breaks RFC 6455; the reader has answered with 1002.
	return &ending{code: websocket.CloseProtocolError, label: strconv.Itoa(websocket.CloseProtocolError), silent: true}
}
