package framing

import (
	"errors"
	"io"
	"net"
	"syscall"
	"time"
)

// A Keeper is a connection whose Write can be made never to wait, as the one
// below TLS has to be: of a record that is written in part the rest must follow,
// whatever becomes of the message in it.
type Keeper interface {
	// Keep has Write keep, from now on, what the network does not take. It
	// reports whether it can.
	Keep() bool

	// Kept returns how many bytes are kept.
	Kept() int

	// Flush waits until the network has taken some of what is kept, or until the
	// deadline of writing, and returns how much that was.
	Flush() (int, error)
}

// A Socket is a connection that can be waited for without a buffer, and written
// to without waiting, where the connection below allows it. One goroutine may
// read while another writes.
type Socket struct {
	conn   net.Conn
	raw    syscall.RawConn // nil where only conn itself can be used
	keeper Keeper          // nil where there is none

	// Of the call under way. The functions are made once: a closure for each
	// call would be an allocation.
	readable func(fd uintptr) bool
	into     *Buffer
	waited   bool
	arrived  func() // see OnArrival
	readErr  error
	writable func(fd uintptr) bool
	from     []byte
	written  int
	writeErr error
	first    [MaxHeader]byte // bytes of a message, where there is no raw

	// Of a Read under way.
	plainly func(fd uintptr) bool // nil before the first
	plain   []byte
	read    int
}

// NewSocket returns a socket for a connection. Where the connection has a
// method SyscallConn (as *net.TCPConn has), reading and writing go by it. Where it
// is a Keeper, writing relies on that.
func NewSocket(conn net.Conn) *Socket {
	s := &Socket{conn: conn}
	if !rawSupported {
		return s
	}
	if below, ok := conn.(syscall.Conn); ok {
		if raw, err := below.SyscallConn(); err == nil {
			s.raw = raw
			s.readable, s.writable = s.readNow, s.writeNow
			return s
		}
	}
	if keeper, ok := conn.(Keeper); ok && keeper.Keep() {
		s.keeper = keeper
	}
	return s
}

// Conn returns the connection.
func (s *Socket) Conn() net.Conn { return s.conn }

// OnArrival has a function called when input has come that was waited for, before
// it is read. The system call that follows takes a microsecond or two: time to
// fetch what will be needed next. It is not called where only the connection itself
// can be used, and has to be set before the first reading.
func (s *Socket) OnArrival(call func()) { s.arrived = call }

// Direct reports whether TryWrite never waits.
func (s *Socket) Direct() bool { return s.raw != nil || s.keeper != nil }

// Kept returns how many bytes of what TryWrite has taken the network has not: a
// part of a TLS record. Flush sends them on.
func (s *Socket) Kept() int {
	if s.keeper == nil {
		return 0
	}
	return s.keeper.Kept()
}

// Flush waits until the network has taken some of what is kept, or until the
// deadline of writing, and returns how much that was.
func (s *Socket) Flush() (int, error) {
	if s.Kept() == 0 {
		return 0, nil
	}
	return s.keeper.Flush()
}

// fill waits for input and appends it to b, which has room. With a nil b it
// takes a buffer once there is input, and returns it. The end of the input is
// io.EOF.
func (s *Socket) fill(b *Buffer) (*Buffer, error) {
	if s.raw != nil {
		s.into, s.readErr, s.waited = b, nil, false
		err := s.raw.Read(s.readable)
		b, s.into = s.into, nil
		if err == nil {
			err = s.readErr
		}
		return b, err
	}
	s.waited = true // as far as anybody knows
	if b == nil {
		n, err := s.conn.Read(s.first[:])
		if n > 0 {
			b = takeBuffer()
			b.Data = append(b.Data, s.first[:n]...)
			clear(s.first[:])
			err = nil // it comes again with the next Read
		}
		return b, err
	}
	n, err := s.conn.Read(b.Data[len(b.Data):cap(b.Data)])
	b.Data = b.Data[:len(b.Data)+n]
	if n > 0 {
		err = nil
	}
	return b, err
}

// readNow reads what is there into the buffer of the call. It returns false
// when nothing is, and then holds no buffer that the caller did not have.
func (s *Socket) readNow(fd uintptr) bool {
	if s.waited && s.arrived != nil {
		s.arrived()
	}
	b := s.into
	if b == nil {
		b = takeBuffer()
	}
	n, err := readFD(fd, b.Data[len(b.Data):cap(b.Data)])
	if n > 0 {
		b.Data = b.Data[:len(b.Data)+n]
		s.into = b
		return true
	}
	if s.into == nil {
		b.release()
	}
	return s.nothing(err)
}

// Read reads into p what is there, and waits where nothing is, as the
// connection's own Read does.
func (s *Socket) Read(p []byte) (int, error) {
	if s.raw == nil || len(p) == 0 {
		return s.conn.Read(p)
	}
	if s.plainly == nil {
		s.plainly = s.readPlain
	}
	s.plain, s.read, s.readErr = p, 0, nil
	err := s.raw.Read(s.plainly)
	s.plain = nil
	if err == nil {
		err = s.readErr
	}
	return s.read, err
}

// readPlain reads what is there. It returns false when nothing is.
func (s *Socket) readPlain(fd uintptr) bool {
	n, err := readFD(fd, s.plain)
	if n > 0 {
		s.read = n
		return true
	}
	return s.nothing(err)
}

// nothing takes note of why nothing was read, and returns false when the only
// reason is that nothing is there yet.
func (s *Socket) nothing(err error) bool {
	switch {
	case errors.Is(err, syscall.EAGAIN):
		s.waited = true
		return false
	case err != nil:
		s.readErr = &net.OpError{Op: "read", Net: "tcp", Err: err}
	default:
		s.readErr = io.EOF
	}
	return true
}

// TryWrite writes as much of p as the connection takes without waiting, and
// returns how much that was. Where the connection is not Direct, it waits, until
// the deadline at most.
func (s *Socket) TryWrite(p []byte, deadline time.Time) (int, error) {
	if s.keeper != nil {
		return s.tryKeeper(p)
	}
	if s.raw == nil {
		s.conn.SetWriteDeadline(deadline)
		return s.conn.Write(p)
	}
	s.from, s.written, s.writeErr = p, 0, nil
	err := s.raw.Write(s.writable)
	s.from = nil
	if err == nil {
		err = s.writeErr
	}
	return s.written, err
}

// keeperBytes is how much is handed to a Keeper at a time: what it has taken can
// not be dropped any more.
const keeperBytes = 4 << 10

// tryKeeper writes as much of p as the network takes, and a little more.
func (s *Socket) tryKeeper(p []byte) (written int, err error) {
	for written < len(p) && s.keeper.Kept() == 0 {
		n, err := s.conn.Write(p[written:min(len(p), written+keeperBytes)])
		written += n
		if err != nil {
			return written, err
		}
	}
	return written, nil
}

func (s *Socket) writeNow(fd uintptr) bool {
	for s.written < len(s.from) {
		n, err := writeFD(fd, s.from[s.written:])
		if n > 0 {
			s.written += n
			continue
		}
		if err != nil && !errors.Is(err, syscall.EAGAIN) {
			s.writeErr = &net.OpError{Op: "write", Net: "tcp", Err: err}
		}
		break
	}
	return true
}
