package framing

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"
)

// pair returns both ends of a loopback connection.
func pair(t testing.TB) (here, there *net.TCPConn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	accepted, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []net.Conn{conn, accepted} {
		c.SetDeadline(time.Now().Add(time.Minute))
		t.Cleanup(func() { c.Close() })
	}
	return conn.(*net.TCPConn), accepted.(*net.TCPConn)
}

// Whatever the connection, a reader that waits holds no buffer, and the one that
// it had has been overwritten.
func TestNothingStaysBetweenMessages(t *testing.T) {
	here, there := pair(t)
	for name, conn := range map[string]net.Conn{"a socket": there, "a connection around one": struct{ net.Conn }{there}} {
		r := NewReader(NewSocket(conn), 1000, true)
		here.Write(client(0x81, "somebody's samples", 0x89, "", 0x81, "more"))
		var memory []byte
		for _, want := range []string{"somebody's samples", "", "more"} {
			_, payload, err := r.Next()
			if err != nil || string(payload) != want {
				t.Fatalf("%s: %q, %v", name, payload, err)
			}
			memory = r.buffer.Data[:cap(r.buffer.Data)]
		}
		conn.SetReadDeadline(time.Unix(1, 0))
		if _, _, err := r.Next(); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("%s: waiting ended with %v", name, err)
		}
		conn.SetReadDeadline(time.Now().Add(time.Minute))
		if r.buffer != nil {
			t.Errorf("%s: a reader that waits holds a buffer", name)
		}
		if !bytes.Equal(memory, make([]byte, len(memory))) || r.socket.first != [MaxHeader]byte{} {
			t.Errorf("%s: something is left in memory", name)
		}
	}
}

// A peer that announces much and sends little gets little.
func TestBufferGrowsWithWhatArrives(t *testing.T) {
	const limit = 1 << 20
	head := binary.BigEndian.AppendUint64([]byte{0x82, 0xff}, limit)
	data := append(append(head, key[:]...), make([]byte, 20_000)...)
	r := NewReader(NewSocket(&tape{rest: data, step: 1000}), limit, true)
	if _, _, err := r.Next(); err != io.ErrUnexpectedEOF {
		t.Fatal(err)
	}
	if n := cap(r.buffer.Data); n > 2*len(data) {
		t.Errorf("%d bytes were taken for the %d that came", n, len(data))
	}
	before := r.buffer.Data
	r.buffer.grow(limit)
	if !bytes.Equal(before, make([]byte, len(before))) {
		t.Error("growing leaves what it outgrew")
	}
}

func TestReadingDoesNotAllocate(t *testing.T) {
	here, there := pair(t)
	r := NewReader(NewSocket(there), 1000, true)
	sent := client(0x82, string(make([]byte, 400)))
	allocs := testing.AllocsPerRun(500, func() {
		here.Write(sent)
		if _, payload, err := r.Next(); err != nil || len(payload) != 400 {
			t.Fatal(err)
		}
	})
	if allocs > 0 {
		t.Errorf("%v allocations a message", allocs)
	}
}

func TestWritingDoesNotAllocate(t *testing.T) {
	here, there := pair(t)
	s := NewSocket(there)
	go io.Copy(io.Discard, here)
	var buffer []byte
	allocs := testing.AllocsPerRun(500, func() {
		buffer = Open(buffer[:0])
		buffer = append(buffer, "an estimate"...)
		buffer = Seal(buffer, 0, Text)
		if n, err := s.TryWrite(buffer, time.Time{}); err != nil || n != len(buffer) {
			t.Fatal(n, err)
		}
	})
	if allocs > 0 {
		t.Errorf("%v allocations a message", allocs)
	}
}

// A peer that does not read costs no waiting: what does not fit is not written.
func TestTryWriteDoesNotWait(t *testing.T) {
	_, there := pair(t)
	there.SetWriteBuffer(1 << 14)
	s := NewSocket(there)
	if !s.Direct() {
		t.Skip("sockets cannot be written to without waiting here")
	}
	p := make([]byte, 1<<16)
	for range 1000 {
		n, err := s.TryWrite(p, time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		if n < len(p) {
			return
		}
	}
	t.Error("64 MB went to a peer that does not read")
}

func TestWritingToAClosedConnectionFails(t *testing.T) {
	_, there := pair(t)
	s := NewSocket(there)
	there.Close()
	if _, err := s.TryWrite([]byte("x"), time.Time{}); err == nil {
		t.Error("no error")
	}
	if _, err := s.fill(nil); err == nil {
		t.Error("no error of reading")
	}
}

// Frames of each length, as a server writes them, are what a reader for a
// client's side takes.
func TestSeal(t *testing.T) {
	for _, n := range []int{0, 1, 125, 126, 1 << 10, 1<<16 - 1, 1 << 16, 1 << 18} {
		payload := bytes.Repeat([]byte("x"), n)
		message := Open([]byte("before"))
		message = append(message, payload...)
		message = Seal(message, len("before"), Binary)
		frame := message[len("before"):]
		if got := Length(append(frame[:len(frame):len(frame)], "behind"...)); got != len(frame) || Length(frame[:1]) != 0 {
			t.Errorf("%d bytes: a length of %d", n, got)
		}
		r := NewReader(NewSocket(&tape{rest: message[len("before"):], step: 1 << 20}), 1<<20, false)
		op, got, err := r.Next()
		if op != Binary || !bytes.Equal(got, payload) || err != nil || string(message[:6]) != "before" {
			t.Errorf("%d bytes: opcode %d, %d bytes, %v", n, op, len(got), err)
		}
		if _, _, err := r.Next(); err != io.EOF {
			t.Errorf("%d bytes: something follows: %v", n, err)
		}
	}
	if _, _, err := NewReader(NewSocket(&tape{rest: client(0x81, "x"), step: 9}), 100, false).Next(); err != errMasked {
		t.Errorf("a masked frame of a server: %v", err)
	}
}

// A reader knows whether there was something to wait for, and says so when it comes.
func TestWaited(t *testing.T) {
	here, there := pair(t)
	s := NewSocket(there)
	if !s.Direct() {
		t.Skip("nothing is known of waiting here")
	}
	arrivals := 0
	s.OnArrival(func() { arrivals++ })
	r := NewReader(s, 1000, true)
	here.Write(client(0x81, "one", 0x81, "two"))
	r.Next() // perhaps it waited for the two
	arrivals = 0
	if _, payload, err := r.Next(); err != nil || string(payload) != "two" || r.Waited() || arrivals > 0 {
		t.Errorf("%q, %v, waited: %t, arrivals: %d", payload, err, r.Waited(), arrivals)
	}
	go func() {
		time.Sleep(50 * time.Millisecond)
		here.Write(client(0x81, "three"))
	}()
	if _, payload, err := r.Next(); err != nil || string(payload) != "three" || !r.Waited() || arrivals == 0 {
		t.Errorf("%q, %v, waited: %t, arrivals: %d", payload, err, r.Waited(), arrivals)
	}
}

// Read is the connection's own Read, whatever the connection: it waits for bytes,
// and its errors are those that TLS goes on after.
func TestSocketReads(t *testing.T) {
	for _, name := range []string{"a socket", "a connection around one"} {
		here, there := pair(t)
		conn := net.Conn(there)
		if name != "a socket" {
			conn = struct{ net.Conn }{there}
		}
		s := NewSocket(conn)
		p := make([]byte, 3)
		if n, err := s.Read(nil); n != 0 || err != nil {
			t.Errorf("%s: reading nothing: %d, %v", name, n, err)
		}
		go here.Write([]byte("later")) // while the other end waits
		if _, err := io.ReadFull(s, p); err != nil || string(p) != "lat" {
			t.Errorf("%s: read %q, %v", name, p, err)
		}
		if n, err := io.ReadFull(s, p[:2]); err != nil || string(p[:n]) != "er" {
			t.Errorf("%s: then %q, %v", name, p[:n], err)
		}
		conn.SetReadDeadline(time.Unix(1, 0))
		// crypto/tls goes on only after what calls itself temporary.
		var failed interface {
			Timeout() bool
			Temporary() bool
		}
		if _, err := s.Read(p); !errors.As(err, &failed) || !failed.Timeout() || !failed.Temporary() {
			t.Errorf("%s: beyond the deadline: %v", name, err)
		}
		conn.SetReadDeadline(time.Now().Add(time.Minute))
		here.Close()
		if n, err := s.Read(p); n != 0 || err != io.EOF {
			t.Errorf("%s: the end: %d, %v", name, n, err)
		}
	}
}
