package framing

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// A tape is a connection that plays what was recorded, at most so many bytes a
// Read, and keeps what is written.
type tape struct {
	net.Conn
	rest    []byte
	step    int
	written bytes.Buffer
}

func (t *tape) Read(p []byte) (int, error) {
	if len(t.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(p[:min(len(p), t.step)], t.rest)
	t.rest = t.rest[n:]
	return n, nil
}

func (t *tape) Write(p []byte) (int, error)      { return t.written.Write(p) }
func (t *tape) SetWriteDeadline(time.Time) error { return nil }
func (t *tape) SetDeadline(time.Time) error      { return nil }
func (t *tape) SetReadDeadline(time.Time) error  { return nil }
func (t *tape) Close() error                     { return nil }

var key = [4]byte{1, 2, 3, 4}

// client returns frames as a client sends them. Each is a first byte and a
// payload.
func client(frames ...any) []byte {
	var all []byte
	for i := 0; i < len(frames); i += 2 {
		one := AppendMasked(nil, 0, []byte(frames[i+1].(string)), key)
		one[0] = byte(frames[i].(int))
		all = append(all, one...)
	}
	return all
}

// readAll returns what a reader makes of a tape, one line a message, and how it
// ends.
func readAll(data []byte, step, limit int) ([]string, error) {
	r := NewReader(NewSocket(&tape{rest: data, step: step}), limit, true)
	defer r.Release()
	var got []string
	for {
		op, payload, err := r.Next()
		if err != nil {
			return got, err
		}
		got = append(got, string(rune('0'+op))+string(payload))
		if op == Close {
			return got, nil
		}
	}
}

func TestReader(t *testing.T) {
	const limit = 6000
	long := strings.Repeat("long", limit/4)
	for _, test := range []struct {
		name string
		data []byte
		want []string
		err  error // io.EOF for a clean end
	}{
		{"nothing", nil, nil, io.EOF},
		{"a text and a binary", client(0x81, "text", 0x82, "binary"), []string{"1text", "2binary"}, io.EOF},
		{"an empty one", client(0x81, ""), []string{"1"}, io.EOF},
		{"length in two bytes", client(0x81, long[:200]), []string{"1" + long[:200]}, io.EOF},
		{"larger than a buffer", client(0x81, long, 0x81, "x"), []string{"1" + long, "1x"}, io.EOF},
		{"beyond the limit", client(0x81, long+"!"), nil, ErrTooLarge},
		{"fragments", client(0x01, "frag", 0x00, "men", 0x80, "ts", 0x81, "x"), []string{"1fragments", "1x"}, io.EOF},
		{"empty fragments", client(0x01, "", 0x00, "", 0x80, ""), []string{"1"}, io.EOF},
		{"fragments beyond the limit", client(0x01, long, 0x80, "!"), nil, ErrTooLarge},
		{"as many fragments as there may be", slices.Concat(client(0x01, "x"), bytes.Repeat(client(0x00, ""), MaxFragments-2), client(0x80, "y")), []string{"1xy"}, io.EOF},
		{"one more", slices.Concat(client(0x01, "x"), bytes.Repeat(client(0x00, ""), MaxFragments-1), client(0x80, "y")), nil, ErrTooManyFragments},
		{"a ping between fragments", client(0x02, "frag", 0x89, "?", 0x80, "ments"), []string{"9?", "2fragments"}, io.EOF},
		{"a close", client(0x88, "\x03\xe8bye"), []string{"8\x03\xe8bye"}, nil},
		{"a close without a code", client(0x88, ""), []string{"8"}, nil},
		{"a close with half a code", client(0x88, "\x03"), nil, errCloseFrame},
		{"a close with a code that nobody may send", client(0x88, "\x03\xee"), nil, errCloseFrame},
		{"a close that is not UTF-8", client(0x88, "\x03\xe8\xff"), nil, errCloseFrame},
		{"not masked", []byte{0x81, 0x01, 'x'}, nil, errNotMasked},
		{"reserved bits", client(0xc1, "x"), nil, errReserved},
		{"an unknown opcode", client(0x83, "x"), nil, errReserved},
		{"a continuation of nothing", client(0x80, "x"), nil, errContinuation},
		{"a message within another", client(0x01, "x", 0x81, "y"), nil, errNested},
		{"a ping in fragments", client(0x09, "x"), nil, errControl},
		{"a ping too long", client(0x89, long[:126]), nil, errControl},
		{"an end within a header", client(0x81, long[:200])[:3], nil, io.ErrUnexpectedEOF},
		{"an end within a payload", client(0x81, "text")[:8], nil, io.ErrUnexpectedEOF},
		{"an end within fragments", client(0x01, "text"), nil, io.ErrUnexpectedEOF},
		// 2^63 and more bytes announced: no number holds them.
		{"a length beyond all", []byte{0x82, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4}, nil, ErrTooLarge},
	} {
		for _, step := range []int{1, 3, 1 << 20} {
			got, err := readAll(bytes.Clone(test.data), step, limit)
			if strings.Join(got, "|") != strings.Join(test.want, "|") || !errors.Is(err, test.err) {
				t.Errorf("%s, %d bytes at a time: %q, %v, want %q, %v", test.name, step, got, err, test.want, test.err)
			}
		}
	}
}

// gorillaReadAll is readAll with the reader of gorilla/websocket.
func gorillaReadAll(data []byte, limit int) (got []string, failed bool) {
	conn := &tape{rest: data, step: 1 << 20}
	ws := gorillaServer(conn)
	ws.SetReadLimit(int64(limit))
	ws.SetPingHandler(func(p string) error { got = append(got, "9"+p); return nil })
	ws.SetPongHandler(func(p string) error { got = append(got, ":"+p); return nil })
	ended := false
	ws.SetCloseHandler(func(code int, reason string) error {
		payload := ""
		if code != NoStatus {
			payload = string(AppendClose(nil, code, reason))
		}
		got, ended = append(got, "8"+payload), true
		return nil
	})
	for {
		kind, payload, err := ws.ReadMessage()
		if err != nil {
			return got, !ended
		}
		got = append(got, string(rune('0'+kind))+string(payload))
	}
}

// What gorilla/websocket makes of any bytes, this reader makes of them too,
// however they are cut into pieces.
func FuzzReaderAgreesWithGorilla(f *testing.F) {
	f.Add(client(0x81, "text", 0x89, "ping", 0x88, "\x03\xe8bye"), 3)
	f.Add(client(0x01, "frag", 0x8a, "pong", 0x80, "ments"), 1)
	f.Add(client(0x82, strings.Repeat("x", 70000)), 100)
	f.Add([]byte{0x81, 0xfe, 0x00, 0x01, 1, 2, 3, 4, 5}, 1) // one byte, its length in two
	f.Add([]byte{0x88, 0xfe, 0, 0, 0, 0, 2, 0}, 120)        // a close whose length, 0, stands in two bytes
	f.Fuzz(func(t *testing.T, data []byte, step int) {
		const limit = 1000
		want, wantFailed := gorillaReadAll(bytes.Clone(data), limit)
		got, err := readAll(bytes.Clone(data), max(step, 1), limit)
		if err == errCloseFrame && len(want) > 0 && want[len(want)-1] == "8" {
			return // a close with half a code: gorilla is lenient there, RFC 6455 (5.5.1) is not
		}
		if err == ErrTooManyFragments {
			return // gorilla counts none
		}
		if wantFailed != (err != nil) {
			t.Fatalf("error %v, gorilla's reader fails: %t", err, wantFailed)
		}
		if strings.Join(got, "|") != strings.Join(want, "|") {
			t.Fatalf("%q, gorilla's reader: %q", got, want)
		}
	})
}

// gorillaServer returns gorilla's server end of a connection, past its handshake.
// What can be is made once: a fuzz test makes millions of them.
func gorillaServer(conn net.Conn) *websocket.Conn {
	ws, err := gorillaUpgrader.Upgrade(hijacked{httptest.NewRecorder(), conn}, gorillaHandshake(), nil)
	if err != nil {
		panic(err)
	}
	return ws
}

var (
	gorillaUpgrader  = websocket.Upgrader{WriteBufferSize: 256}
	gorillaHandshake = sync.OnceValue(func() *http.Request {
		r := httptest.NewRequest("GET", "/", nil)
		for name, value := range map[string]string{
			"Connection": "Upgrade", "Upgrade": "websocket",
			"Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
		} {
			r.Header.Set(name, value)
		}
		return r
	})
)

type hijacked struct {
	http.ResponseWriter
	conn net.Conn
}

func (h hijacked) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	const small = 512
	return h.conn, bufio.NewReadWriter(bufio.NewReaderSize(h.conn, small), bufio.NewWriterSize(h.conn, small)), nil
}
