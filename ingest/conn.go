package ingest

import (
	"bufio"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/tempogate/tempogate/ingest/framing"
)

// A clearingConn overwrites the buffer of each Read before it reads into it.
//
// bufio, crypto/tls and net/http keep what they have read in buffers that
// outlive the message: what is consumed is dead but still there. A buffered
// reader hands Read exactly the dead part of its buffer, so clearing that part
// first removes the frame before; and since a read loop always ends up waiting
// in such a call, nothing stays while a session idles.
type clearingConn struct {
	net.Conn
	http    *requestBuffer // nil where net/http does not read, or no longer
	reading atomic.Bool
}

// Read clears p and then reads into it.
func (c *clearingConn) Read(p []byte) (int, error) {
	if c.http == nil {
		erase(p)
		return c.Conn.Read(p)
	}
	c.reading.Store(true)
	defer c.reading.Store(false)
	c.http.take(p)
	erase(p)
	return c.Conn.Read(p)
}

// Close closes the connection and clears what it was read through.
func (c *clearingConn) Close() error {
	err := c.Conn.Close()
	// A shutdown closes connections that are being read from. Whoever reads comes
	// here too.
	if c.http != nil && !c.reading.Load() {
		c.http.leave()
	}
	return err
}

// SyscallConn gives out the descriptor of a plain connection, so that it can be
// waited for without a buffer. What is read in that way does not pass through
// Read: whoever does so clears for themselves (package framing). Over TLS there
// is none.
func (c *clearingConn) SyscallConn() (syscall.RawConn, error) {
	if plain, ok := c.Conn.(syscall.Conn); ok {
		return plain.SyscallConn()
	}
	return nil, errors.ErrUnsupported
}

// SetWriteBuffer sets the size of the kernel's buffer, where there is one.
func (c *clearingConn) SetWriteBuffer(bytes int) error {
	if plain, ok := c.Conn.(interface{ SetWriteBuffer(int) error }); ok {
		return plain.SetWriteBuffer(bytes)
	}
	if records := c.records(); records != nil {
		return records.SetWriteBuffer(bytes)
	}
	return errors.ErrUnsupported
}

// records returns the layer below TLS, nil where there is none.
func (c *clearingConn) records() *recordConn {
	secured, ok := c.Conn.(*tls.Conn)
	if !ok {
		return nil
	}
	records, _ := secured.NetConn().(*recordConn)
	return records
}

// Keep, Kept and Flush make a connection over TLS a framing.Keeper.
func (c *clearingConn) Keep() bool {
	records := c.records()
	return records != nil && records.keep()
}

// Kept returns how many encrypted bytes wait to be sent.
func (c *clearingConn) Kept() int { return c.records().kept() }

// Flush sends some of them.
func (c *clearingConn) Flush() (int, error) { return c.records().flush() }

// CloseWrite tells the peer that nothing more will come, where the transport
// can say so. net/http and the end of a session use it.
func (c *clearingConn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}

// A requestBuffer is the buffer that net/http reads a connection through. When the
// connection ends, it is put by for another one, with what was read last in it: a
// push, perhaps. Only then is the connection closed, so that by then it may be
// another one's already. owners tells.
//
// net/http has one store of buffers for all its servers, so every server of the
// process has to count its connections here.
type requestBuffer struct {
	whole []byte
}

var owners struct {
	mu sync.Mutex
	of map[*byte]*requestBuffer
}

// take notes the buffer, which is all that there is to read into at first.
func (b *requestBuffer) take(p []byte) {
	owners.mu.Lock()
	defer owners.mu.Unlock()
	if b.whole != nil || len(p) == 0 {
		return
	}
	b.whole = p
	if owners.of == nil {
		owners.of = make(map[*byte]*requestBuffer)
	}
	owners.of[&p[0]] = b
}

// leave clears the buffer, unless it is another connection's, which has cleared it
// then.
func (b *requestBuffer) leave() {
	owners.mu.Lock()
	defer owners.mu.Unlock()
	if b.whole == nil {
		return
	}
	if first := &b.whole[0]; owners.of[first] == b {
		erase(b.whole)
		delete(owners.of, first)
	}
	b.whole = nil
}

// A recordConn is a clearingConn below TLS. It hands over one TLS record at a
// time: first its header, then its body. And it can be told to keep what the
// network does not take of the records that are written.
//
// crypto/tls decrypts where it has read. Were the next record read along with
// the one before, growing the buffer for it would leave the decrypted one
// behind in the buffer that was outgrown, and a record that ends the
// connection would end all reading before the buffer is cleared. This way each
// header is read into the whole, empty and cleared buffer. It costs a system
// call for each record.
type recordConn struct {
	clearingConn
	head [recordHeader]byte
	have int // bytes of head
	left int // bytes of the body that are still to come

	mu     sync.Mutex
	socket *framing.Socket // nil as long as Write waits
	unsent []byte          // encrypted, and the network did not take it
}

const recordHeader = 5 // type, version (2), length (2): RFC 8446, section 5.1

// Read clears p and reads into it, at most up to the end of the header or of
// the body.
func (c *recordConn) Read(p []byte) (int, error) {
	below := io.Reader(c.Conn)
	if c.socket != nil { // set before the session that reads begins
		below = c.socket
	}
	if !clears {
		return below.Read(p)
	}
	clear(p)
	if c.left > 0 {
		n, err := below.Read(p[:min(len(p), c.left)])
		c.left -= n
		return n, err
	}
	n, err := below.Read(p[:min(len(p), recordHeader-c.have)])
	c.have += copy(c.head[c.have:], p[:n])
	if c.have == recordHeader {
		c.have, c.left = 0, int(c.head[3])<<8|int(c.head[4])
	}
	return n, err
}

// keep has Write never wait from now on. It reports whether that can be.
//
// crypto/tls takes a write that ends in a deadline for the end of all writing, so
// a client that reads nothing could not be told why its session ends. Kept here,
// what TLS has written is written, and deadlines are for flush alone.
func (c *recordConn) keep() bool {
	socket := framing.NewSocket(c.Conn)
	if !socket.Direct() {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.socket = socket
	return true
}

// Write writes p, or as much of it as the network takes, and keeps the rest.
func (c *recordConn) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.socket == nil {
		return c.Conn.Write(p)
	}
	n := 0
	if len(c.unsent) == 0 {
		var err error
		if n, err = c.socket.TryWrite(p, time.Time{}); err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
			return n, err
		}
	}
	c.unsent = append(c.unsent, p[n:]...)
	return len(p), nil
}

// kept returns how many bytes are kept.
func (c *recordConn) kept() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.unsent)
}

// flush waits until the network has taken some of what is kept, or until the
// deadline of writing, and returns how much that was.
func (c *recordConn) flush() (int, error) {
	c.mu.Lock()
	p := c.unsent[:min(len(c.unsent), flushBytes)]
	c.mu.Unlock()
	n, err := c.Conn.Write(p) // meanwhile unsent only grows
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.unsent = c.unsent[n:]; len(c.unsent) == 0 {
		c.unsent = nil
	}
	return n, err
}

// A clearingListener accepts connections and wraps them.
type clearingListener struct {
	net.Listener
	wrap func(net.Conn) net.Conn
}

// Accept waits for the next connection and wraps it.
func (l clearingListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return l.wrap(conn), nil
}

// boundedListener accepts connections whose buffers in the kernel are bounded.
type boundedListener struct {
	net.Listener
}

// Accept waits for the next connection and bounds its buffers.
func (l boundedListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if tcp, ok := conn.(*net.TCPConn); ok {
		// A connection that is gone already shows at the first use.
		tcp.SetReadBuffer(kernelReadBuffer)
		tcp.SetWriteBuffer(kernelWriteBuffer)
	}
	return conn, err
}

// clearing returns a listener whose connections leave nothing in the buffers
// that they are read through. With a TLS configuration there are two layers:
// one below TLS, for the records, and one above it, for the plaintext.
func clearing(l net.Listener, config *tls.Config) net.Listener {
	if config != nil {
		l = tls.NewListener(clearingRecords(l), config)
	}
	return clearingListener{l, func(c net.Conn) net.Conn { return &clearingConn{Conn: c, http: &requestBuffer{}} }}
}

// clearingRecords is the layer below TLS.
func clearingRecords(l net.Listener) net.Listener {
	return clearingListener{l, func(c net.Conn) net.Conn { return &recordConn{clearingConn: clearingConn{Conn: c}} }}
}

// hijacking takes the connection for the upgrade over from the HTTP server, and
// clears the buffer that the request was read through, which held the token.
type hijacking struct {
	http.ResponseWriter
	conn net.Conn
}

// Hijack takes the connection over from the HTTP server.
func (h *hijacking) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, buffered, err := http.NewResponseController(h.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	early := buffered.Reader.Buffered() > 0
	wipe(buffered.Reader)
	if c, ok := conn.(*clearingConn); ok {
		c.http.leave()
		c.http = nil
	}
	if early {
		conn.Close()
		return nil, nil, errors.New("ingest: client sent frames before the handshake was complete")
	}
	h.conn = conn
	return conn, buffered, nil
}

// wipe overwrites the buffer of a buffered reader and leaves the reader at the
// end of its input.
func wipe(r *bufio.Reader) {
	r.Reset(clearingEOF{})
	r.Peek(1) // fills the buffer, from its start to its end, with zeros
}

// clearingEOF is an input that is at its end and clears what it is given.
type clearingEOF struct{}

func (clearingEOF) Read(p []byte) (int, error) {
	clear(p)
	return 0, io.EOF
}

// The limits of waiting for a peer to take note of a close. One that goes on
// sending is read from a little at a time, so that it costs nobody anything.
const (
	lingerTime  = time.Second
	lingerLong  = 20 * time.Second // for one that has not read for a while, and is told so
	lingerStep  = 64 << 10
	lingerPause = 50 * time.Millisecond
)

// linger ends a connection in such a way that the peer can read what was last
// written to it. Closing a socket with unread input resets it, and a reset
// throws away the close frame that says why. So: say that nothing more comes,
// read what is still coming, unlooked at, until the peer hangs up or patience runs
// out, and close.
func linger(conn net.Conn, patience time.Duration) {
	if half, ok := conn.(interface{ CloseWrite() error }); ok {
		half.CloseWrite()
	}
	conn.SetReadDeadline(time.Now().Add(patience))
	for discard(conn, lingerStep) {
		time.Sleep(lingerPause)
	}
	abandon(conn)
}

// abandon closes a connection at once and clears what its buffers hold.
func abandon(conn net.Conn) {
	// A read that fails at once still passes through the clearing layers, and
	// takes out what TLS has decrypted and nobody has read.
	conn.SetReadDeadline(past)
	discard(conn, 2*tlsRecordMax)
	conn.Close()
	clearStack() // and the registers, where decrypting has left something
	clearInterrupts()
}

// discard reads up to about most bytes, until there is nothing to read, and
// keeps nothing of them. It reports whether there may be more.
func discard(conn net.Conn, most int) (more bool) {
	p := make([]byte, discardBytes)
	defer clear(p)
	for n := 0; n < most; {
		k, err := conn.Read(p)
		n += k
		if err != nil {
			return false
		}
	}
	return true
}

const discardBytes = 1024

// tlsRecordMax is the most plaintext that a TLS connection can have decrypted
// in advance: one record (RFC 8446, section 5.1). abandon allows for two.
const tlsRecordMax = 16 << 10

// past is a deadline that has passed for every clock.
var past = time.Unix(1, 0)
