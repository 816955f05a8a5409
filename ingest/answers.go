package ingest

import (
	"net"
	"sync/atomic"
	"time"

	"github.com/tempogate/tempogate/ingest/framing"
	"github.com/tempogate/tempogate/ingest/wire"
)

// answers is the way of a session's answers to its client. It never waits for a
// client that does not read, where the connection allows that: what does not fit
// into the connection is kept, and what comes after it is dropped, because an
// estimate that comes late is worth nothing. The client is told, and the session
// ends if that does not help. Over TLS, where nothing can be written in part,
// writing waits instead, for as long.
//
// All methods but overdue are for the session's goroutine.
type answers struct {
	socket  *framing.Socket
	timeout time.Duration

	kept  []byte       // what the connection did not take
	since atomic.Int64 // when that began, Unix nanoseconds; 0 when there is nothing
}

// send sends whole messages. It returns false when they were dropped.
func (a *answers) send(p []byte, now time.Time) (sent bool, err error) {
	if len(a.kept) > 0 {
		if err := a.flush(); err != nil {
			return false, err
		}
		if len(a.kept) > 0 {
			return false, nil
		}
	}
	n, err := a.socket.TryWrite(p, now.Add(a.timeout))
	if err != nil {
		if slow, ok := err.(net.Error); ok && slow.Timeout() { // over TLS
			end := endOfUnread()
			end.silent, end.vanished = true, true // nothing gets through any more
			return false, end
		}
		return false, err
	}
	if n < len(p) {
		a.keep(p[n:], now)
	}
	return true, nil
}

// keep keeps what the connection did not take, and behind it the news that this
// has happened.
func (a *answers) keep(rest []byte, now time.Time) {
	a.kept = append(make([]byte, 0, len(rest)+64), rest...)
	at := len(a.kept)
	a.kept = wire.AppendSlow(framing.Open(a.kept), a.timeout.Seconds())
	a.kept = framing.Seal(a.kept, at, framing.Text)
	a.since.Store(now.UnixNano())
}

// flush sends what was kept, as far as it goes.
func (a *answers) flush() error {
	n, err := a.socket.TryWrite(a.kept, time.Now().Add(a.timeout))
	clear(a.kept[:n])
	if a.kept = a.kept[n:]; len(a.kept) == 0 {
		a.kept = nil
		a.since.Store(0)
	}
	return err
}

// overdue reports whether the client has read nothing for too long.
func (a *answers) overdue(now time.Time) bool {
	since := a.since.Load()
	return since != 0 && now.Sub(time.Unix(0, since)) > a.timeout
}

// sendLast sends the last messages. For a client that does not read it makes
// room in the kernel, which keeps them for it beyond the session.
func (a *answers) sendLast(p []byte, conn net.Conn) {
	if len(a.kept) > 0 {
		if wider, ok := conn.(interface{ SetWriteBuffer(int) error }); ok {
			wider.SetWriteBuffer(lastWriteBuffer)
		}
		p = append(a.kept, p...)
	}
	a.socket.TryWrite(p, time.Now().Add(a.timeout)) // who hears nothing sees the connection end
	clear(a.kept)
	a.kept = nil
}

// The kernel's buffers of a connection. What a client may have sent ahead, and
// what it may leave unread, would else grow to megabytes for each session.
const (
	kernelReadBuffer  = 64 << 10
	kernelWriteBuffer = 16 << 10
	lastWriteBuffer   = 64 << 10
)
