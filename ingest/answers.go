package ingest

import (
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tempogate/tempogate/ingest/framing"
	"github.com/tempogate/tempogate/ingest/wire"
)

// answers is the way of a session's answers to its client. The session never
// waits on it: what does not fit into the connection is kept, and a goroutine
// that lives as long as there is something writes it as the client reads. Beyond
// keptBytes answers are dropped, because an estimate that comes late is worth
// nothing, and the client is told. When it has read nothing for the timeout, the
// session ends. A connection that can only be waited for, which is neither TCP nor
// TLS over it, is waited for instead, for as long.
//
// What is kept is whole messages, of which the first may be on its way: whatever
// else is dropped, that one is finished, so that a stream always ends between two.
//
// All methods but overdue and cut are for the session's goroutine.
type answers struct {
	socket  *framing.Socket
	timeout time.Duration
	since   atomic.Int64 // when the client last took something, Unix nanoseconds; 0 when nothing is kept

	mu      sync.Mutex
	kept    []byte        // whole messages that the connection did not take
	written int           // bytes of the first of them that it did take
	told    bool          // that some were dropped
	busy    bool          // a goroutine writes, or was cut off from it
	flushed chan struct{} // closed when nobody writes what is kept any more; nil when nobody began
}

// keptBytes is beyond which answers are dropped. It is what a backlog as long as
// is allowed at once (Limits.SampleBurst) gives, so that a client that reads gets
// all of it.
const keptBytes = 512 << 10

// flushBytes is how much is handed to a waiting connection at a time. Each is a
// sign that the client reads.
const flushBytes = 4 << 10

// send sends whole messages. It returns false when they were dropped.
func (a *answers) send(p []byte, now time.Time) (sent bool, err error) {
	if !a.socket.Direct() {
		return a.sendWaiting(p)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.busy {
		n, err := a.socket.TryWrite(p, time.Time{})
		if err == nil && (n < len(p) || a.socket.Kept() > 0) {
			a.kept, a.written, a.told, a.busy = append([]byte(nil), p...), n, false, true
			a.letGo()
			a.since.Store(now.UnixNano())
			a.flushed = make(chan struct{})
			go a.flush(a.flushed)
		}
		return err == nil, err
	}
	if len(a.kept)+len(p) <= keptBytes {
		a.kept = append(a.kept, p...)
		return true, nil
	}
	if !a.told {
		a.told = true
		at := len(a.kept)
		a.kept = wire.AppendSlow(framing.Open(a.kept), a.timeout.Seconds())
		a.kept = framing.Seal(a.kept, at, framing.Text)
	}
	return false, nil
}

// sendWaiting is send for a connection that can only be waited for.
func (a *answers) sendWaiting(p []byte) (sent bool, err error) {
	for len(p) > 0 {
		n, err := a.socket.TryWrite(p[:min(len(p), flushBytes)], time.Now().Add(a.timeout))
		if err != nil {
			if slow, ok := err.(net.Error); ok && slow.Timeout() {
				end := endOfUnread()
				end.silent, end.vanished = true, true // nothing gets through any more
				return false, end
			}
			return false, err
		}
		p = p[n:]
	}
	return true, nil
}

// flush writes what is kept until there is nothing more, or until it is cut off.
func (a *answers) flush(done chan<- struct{}) {
	defer close(done)
	for {
		n, err := a.flushSome()
		if n > 0 {
			a.since.Store(time.Now().UnixNano())
		}
		if err != nil || a.atRest() {
			return
		}
	}
}

// flushSome waits until the client has taken some of what is on its way.
func (a *answers) flushSome() (int, error) {
	if a.socket.Kept() > 0 {
		return a.socket.Flush()
	}
	a.mu.Lock()
	p := a.kept[a.written:min(len(a.kept), a.written+flushBytes)]
	a.mu.Unlock()
	n, err := a.socket.Conn().Write(p) // meanwhile kept only grows
	a.mu.Lock()
	defer a.mu.Unlock()
	a.written += n
	a.letGo()
	return n, err
}

// atRest ends the writing when nothing is left to be written.
func (a *answers) atRest() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.kept) > 0 || a.socket.Kept() > 0 {
		return false
	}
	a.kept, a.busy = nil, false
	a.since.Store(0)
	return true
}

// letGo clears and drops the messages of which nothing is left to be written.
func (a *answers) letGo() {
	for {
		n := framing.Length(a.kept)
		if n == 0 || n > a.written {
			return
		}
		clear(a.kept[:n])
		a.kept, a.written = a.kept[n:], a.written-n
	}
}

// wait waits until the client has taken all that is kept, or that is cut off.
func (a *answers) wait() {
	if a.flushed != nil {
		<-a.flushed
	}
}

// cut has what is not written yet stay so. It may be called from any goroutine.
func (a *answers) cut() {
	if a.socket.Direct() { // otherwise it could break a record that is on its way
		a.socket.Conn().SetWriteDeadline(past)
	}
}

// overdue reports whether the client has read nothing for too long.
func (a *answers) overdue(now time.Time) bool {
	since := a.since.Load()
	return since != 0 && now.Sub(time.Unix(0, since)) > a.timeout
}

// sendLast sends the last messages, behind the rest of the one that is on its
// way. What else is kept is dropped. For a client that does not read, room is
// made in the kernel, which keeps them for it beyond the session.
func (a *answers) sendLast(p []byte) {
	conn := a.socket.Conn()
	if !a.socket.Direct() {
		a.socket.TryWrite(p, time.Now().Add(a.timeout)) // who hears nothing sees the connection end
		return
	}
	a.cut()
	a.wait()
	conn.SetWriteDeadline(time.Now().Add(lingerTime))
	if a.busy {
		if wider, ok := conn.(interface{ SetWriteBuffer(int) error }); ok {
			wider.SetWriteBuffer(lastWriteBuffer)
		}
		if a.written > 0 {
			p = append(a.kept[a.written:framing.Length(a.kept)], p...)
		}
	}
	conn.Write(p) // as above
	for a.socket.Kept() > 0 {
		if _, err := a.socket.Flush(); err != nil {
			break
		}
	}
	clear(a.kept)
	a.kept = nil
	a.since.Store(0)
}

// The kernel's buffers of a connection. What a client may have sent ahead, and
// what it may leave unread, would else grow to megabytes for each session.
const (
	kernelReadBuffer  = 64 << 10
	kernelWriteBuffer = 16 << 10
	lastWriteBuffer   = 64 << 10
)
