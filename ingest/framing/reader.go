package framing

import (
	"errors"
	"io"
	"unicode/utf8"
)

// ErrTooLarge is returned by Next for a message beyond the limit. Nothing more
// can be read then.
var ErrTooLarge = errors.New("framing: message too large")

// ErrTooManyFragments is returned by Next for a message in more than MaxFragments
// pieces. Nothing more can be read then.
var ErrTooManyFragments = errors.New("framing: too many fragments")

// MaxFragments is the most frames that a message may be cut into. Without a most,
// fragments without a byte could come for ever: no message, and so none of the
// limits that count messages, would ever come of them. It leaves 64 bytes a
// fragment to a message of 256 KiB; libraries cut at a kilobyte and more.
const MaxFragments = 4096

// A ProtocolError is a frame that RFC 6455 does not allow. Nothing more can be
// read then; the answer is to close with 1002.
type ProtocolError struct {
	Reason string // for the developer at the other end
}

// Error returns the reason.
func (e *ProtocolError) Error() string { return "framing: " + e.Reason }

var (
	errReserved     = &ProtocolError{"reserved bits or opcode: no extension was agreed on"}
	errNotMasked    = &ProtocolError{"frames of a client have to be masked"}
	errMasked       = &ProtocolError{"frames of a server must not be masked"}
	errControl      = &ProtocolError{"a control frame in fragments, or of more than 125 bytes"}
	errContinuation = &ProtocolError{"a continuation of nothing"}
	errNested       = &ProtocolError{"a new message within the fragments of another"}
	errCloseFrame   = &ProtocolError{"a close frame with an invalid code or text"}
)

// A Reader takes messages from a socket. It is used by one goroutine.
type Reader struct {
	socket     *Socket
	limit      int
	fromClient bool

	buffer *Buffer // nil while nothing has been read that was not handed on
	next   int     // where the next frame begins in it

	// A message in fragments is put together at the start of the buffer.
	whole    int  // bytes of it that are there already
	fragment byte // its opcode, 0 where there is none
	pieces   int  // fragments of it that are there already

	handed struct{ from, to int } // what the last Next returned
	waited bool
}

// NewReader returns a reader for messages of at most limit bytes. Frames from a
// client have to be masked, those from a server must not be.
func NewReader(socket *Socket, limit int, fromClient bool) *Reader {
	return &Reader{socket: socket, limit: limit, fromClient: fromClient}
}

// Waited reports whether the last Next had to wait for its message. A peer for
// whom it never has to is ahead of everybody else: let them have a turn.
func (r *Reader) Waited() bool { return r.waited }

// Feed gives the reader bytes that something else has read from the connection
// before, such as a handshake. It is for the time before the first Next.
func (r *Reader) Feed(p []byte) {
	if len(p) == 0 {
		return
	}
	r.buffer = takeBuffer()
	r.buffer.Data = append(r.buffer.Data, p...)
}

// Next waits for the next message: Text, Binary, Close, Ping or Pong. The
// payload is valid, and the caller's to change, until the next call; then it is
// overwritten. A connection that ends within a frame gives
// io.ErrUnexpectedEOF, between frames io.EOF.
func (r *Reader) Next() (op byte, payload []byte, err error) {
	r.letGo()
	r.waited = false
	for {
		op, payload, err = r.parse()
		if op != 0 || err != nil {
			return op, payload, err
		}
		if r.buffer != nil && len(r.buffer.Data) == cap(r.buffer.Data) {
			r.makeRoom()
		}
		r.buffer, err = r.socket.fill(r.buffer)
		r.waited = r.waited || r.socket.waited
		if err != nil {
			if err == io.EOF && r.buffer != nil {
				err = io.ErrUnexpectedEOF
			}
			return 0, nil, err
		}
	}
}

// letGo overwrites what the last Next returned, and gives the buffer back when
// nothing is left in it.
func (r *Reader) letGo() {
	if r.buffer == nil {
		return
	}
	erase(r.buffer.Data[r.handed.from:r.handed.to])
	r.handed.from, r.handed.to = 0, 0
	if r.next == len(r.buffer.Data) && r.whole == 0 && r.fragment == 0 {
		r.Release()
	}
}

// Release overwrites and gives back what has been read. It is for the end.
func (r *Reader) Release() {
	if r.buffer != nil {
		r.buffer.release()
		r.buffer, r.next, r.whole, r.fragment, r.pieces = nil, 0, 0, 0, 0
		r.handed.from, r.handed.to = 0, 0
	}
}

// makeRoom moves what is unread to the front, or grows the buffer.
func (r *Reader) makeRoom() {
	data := r.buffer.Data
	if r.next > r.whole {
		n := r.whole + copy(data[r.whole:], data[r.next:])
		clear(data[n:])
		r.buffer.Data, r.next = data[:n], r.whole
		return
	}
	r.buffer.grow(r.limit + 2*MaxHeader + MaxControl)
}

// parse takes a message out of the buffer. It returns opcode 0 when there is
// none yet.
func (r *Reader) parse() (op byte, payload []byte, err error) {
	for r.buffer != nil {
		data := r.buffer.Data
		h, n := parseHeader(data[r.next:])
		if len(data)-r.next >= 2 {
			// Faults show before the rest of the header is there.
			if err := r.check(data[r.next], h); err != nil {
				return 0, nil, err
			}
		}
		if n == 0 {
			return 0, nil, nil
		}
		if !isControl(h.op) && h.length > uint64(r.limit-r.whole) {
			return 0, nil, ErrTooLarge
		}
		from := r.next + n
		to := from + int(h.length)
		if to > len(data) {
			return 0, nil, nil
		}
		payload = data[from:to]
		if h.masked {
			Mask(payload, h.key)
		}
		r.next = to
		switch {
		case isControl(h.op):
			r.handed.from, r.handed.to = from, to
			if h.op == Close && !closeIsFine(payload) {
				return 0, nil, errCloseFrame
			}
			return h.op, payload, nil
		case h.fin && r.fragment == 0:
			r.handed.from, r.handed.to = from, to
			return h.op, payload, nil
		}
		// A fragment: to the ones before it.
		if r.pieces++; r.pieces > MaxFragments {
			return 0, nil, ErrTooManyFragments
		}
		moved := copy(data[r.whole:], payload)
		clear(data[max(from, r.whole+moved):to])
		r.whole += moved
		if h.op != Continuation {
			r.fragment = h.op
		}
		if h.fin {
			op, payload = r.fragment, data[:r.whole]
			r.handed.from, r.handed.to = 0, r.whole
			r.whole, r.fragment, r.pieces = 0, 0, 0
			return op, payload, nil
		}
	}
	return 0, nil, nil
}

// check finds what RFC 6455 forbids. The length of h counts only where it is
// in the second byte.
func (r *Reader) check(first byte, h header) error {
	switch {
	case first&rsvBits != 0:
		return errReserved
	case h.masked != r.fromClient && r.fromClient:
		return errNotMasked
	case h.masked != r.fromClient:
		return errMasked
	}
	switch h.op {
	case Close, Ping, Pong:
		if !h.fin || h.wide || h.length > MaxControl { // RFC 6455, 5.5
			return errControl
		}
	case Text, Binary:
		if r.fragment != 0 {
			return errNested
		}
	case Continuation:
		if r.fragment == 0 {
			return errContinuation
		}
	default:
		return errReserved
	}
	return nil
}

// closeIsFine reports whether a close frame may look like this.
func closeIsFine(payload []byte) bool {
	if len(payload) == 0 {
		return true
	}
	_, _, ok := ParseClose(payload[:min(len(payload), 2)])
	return ok && utf8.Valid(payload[2:])
}
