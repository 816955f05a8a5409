package ingest

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"

	"github.com/gorilla/websocket"

	"github.com/tempogate/tempogate/consent"
	"github.com/tempogate/tempogate/ingest/client"
	"github.com/tempogate/tempogate/ingest/wire"
)

// jsonBatch returns a JSON batch of one acceleration.
func jsonBatch(time string, x string) []byte {
	return fmt.Appendf(nil, `{"messageId":1,"payload":[{"name":"totalacceleration","time":%s,"values":{"x":%s,"y":9.8,"z":0}}]}`, time, x)
}

// packed returns a packed frame of a second of walking.
func packed(t *testing.T) []byte {
	t.Helper()
	frame, err := wire.NewEncoder(wire.EncoderConfig{}).AppendPacked(nil, walking(noon, 1), nil)
	if err != nil {
		t.Fatal(err)
	}
	return frame
}

// What a client can get wrong after it was let in. Each ends its own session
// with a code and a reason that says what to mend, and nobody else's.
func TestBadFrames(t *testing.T) {
	n := startNode(t, nil)
	bystander := n.stream(n.person("ben", consent.Acceleration), client.StreamOptions{})
	sendWalk(t, n, bystander, noon, 2)
	anna := n.person("anna", consent.Acceleration)
	whole := packed(t)
	for _, test := range []struct {
		name   string
		binary bool
		frames [][]byte
		code   int
	}{
		{"text that is not JSON", false, [][]byte{[]byte("hello")}, wire.CloseMalformed},
		{"empty text", false, [][]byte{{}}, wire.CloseMalformed},
		{"text that is not UTF-8", false, [][]byte{{'{', '"', 0xff, 0xfe, '"', ':', '1', '}'}}, wire.CloseMalformed},
		{"JSON cut short", false, [][]byte{jsonBatch("1700000000000000000", "1")[:60]}, wire.CloseMalformed},
		{"JSON of another kind", false, [][]byte{[]byte(`[1,2,3]`)}, wire.CloseMalformed},
		{"NaN", false, [][]byte{jsonBatch("1700000000000000000", "NaN")}, wire.CloseMalformed},
		{"infinite", false, [][]byte{jsonBatch("1700000000000000000", "1e999")}, wire.CloseMalformed},
		{"the weight of a mountain", false, [][]byte{jsonBatch("1700000000000000000", "1e12")}, wire.CloseMalformed},
		{"a time with a fraction", false, [][]byte{jsonBatch("1.7e18", "1")}, wire.CloseMalformed},
		{"a time beyond 64 bits", false, [][]byte{jsonBatch("99999999999999999999", "1")}, wire.CloseMalformed},
		{"time running backwards", false, [][]byte{jsonBatch("1700000000000000000", "1"), jsonBatch("1600000000000000000", "1")}, wire.CloseMalformed},
		{"an unknown control frame", false, [][]byte{[]byte(`{"type":"dance"}`)}, wire.CloseMalformed},
		{"empty binary", true, [][]byte{{}}, wire.CloseMalformed},
		{"binary of nothing known", true, [][]byte{[]byte("hello")}, wire.CloseMalformed},
		{"a binary frame cut short", true, [][]byte{whole[:len(whole)/2]}, wire.CloseMalformed},
		{"a binary frame cut by one byte", true, [][]byte{whole[:len(whole)-1]}, wire.CloseMalformed},
		{"a binary frame with something behind it", true, [][]byte{append(whole[:len(whole):len(whole)], 0)}, wire.CloseMalformed},
		{"more than a frame may have", true, [][]byte{make([]byte, 256<<10+1)}, wire.CloseTooLarge},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := n.stream(anna, client.StreamOptions{})
			for _, frame := range test.frames {
				if err := s.SendRaw(test.binary, frame); err != nil {
					t.Fatal(err)
				}
			}
			if code, reason := closeOf(t, s, nil); code != test.code || len(reason) < 10 {
				t.Errorf("closed with %d %q, want %d", code, reason, test.code)
			}
			s.Close()
		})
	}
	sendWalk(t, n, bystander, noon+2e9, 5)
	if err := bystander.End(); err != nil {
		t.Fatal(err)
	}
	estimates := 0
	if code, _ := closeOf(t, bystander, func(wire.Message) { estimates++ }); code != wire.CloseDone || estimates < 6 {
		t.Errorf("the bystander got %d estimates and was closed with %d", estimates, code)
	}
	if got := n.metric("tempogate_raw_samples_resident"); got != 0 {
		t.Errorf("%v samples are still in memory", got)
	}
	if got := n.metric("tempogate_panics_total"); got != 0 {
		t.Errorf("%v panics", got)
	}
}

// Frames that a client may send and that are easy to get wrong: each session
// goes on.
func TestUnusualFrames(t *testing.T) {
	n := startNode(t, nil)
	anna := n.person("anna", consent.Acceleration)
	for _, test := range []struct {
		name   string
		binary bool
		frame  []byte
	}{
		{"an empty batch", false, []byte(`{"payload":[]}`)},
		{"sensors that serve nothing here", false, []byte(`{"payload":[{"name":"barometer","time":1700000000000000000,"values":{"pressure":1013}}]}`)},
		{"a sample", false, jsonBatch("1700000000000000000", "0.5")},
		{"the same sample again", false, jsonBatch("1700000000000000000", "0.5")},
		{"white space", false, append([]byte("\n\t "), jsonBatch("1700000000000000001", "0.5")...)},
	} {
		s := n.stream(anna, client.StreamOptions{})
		if err := s.SendRaw(test.binary, test.frame); err != nil {
			t.Fatal(err)
		}
		if err := s.End(); err != nil {
			t.Fatal(err)
		}
		if code, reason := closeOf(t, s, nil); code != wire.CloseDone {
			t.Errorf("%s: closed with %d %q", test.name, code, reason)
		}
		s.Close()
	}
}

// upgraded opens a stream by hand, so that raw frames can be sent on it.
func upgraded(t testing.TB, n *node, token string) (io.ReadWriter, *bufio.Reader) {
	t.Helper()
	conn := rawDial(t, n.url)
	return conn, upgrade(t, conn, token)
}

// upgrade opens a session on a connection, and returns a reader of its answers.
func upgrade(t testing.TB, conn net.Conn, token string) *bufio.Reader {
	t.Helper()
	fmt.Fprintf(conn, "GET /v1/stream HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nAuthorization: Bearer %s\r\n\r\n", token)
	reader := bufio.NewReader(conn)
	resp, err := http.ReadResponse(reader, nil)
	if err != nil || resp.StatusCode != 101 {
		t.Fatalf("no upgrade: %v %v", resp, err)
	}
	return reader
}

// readClose reads server frames up to the close frame and returns its code.
func readClose(t *testing.T, r *bufio.Reader) int {
	t.Helper()
	for {
		var head [2]byte
		if _, err := io.ReadFull(r, head[:]); err != nil {
			t.Fatalf("no close frame: %v", err)
		}
		size := uint64(head[1])
		if size == 126 {
			var wide [2]byte
			io.ReadFull(r, wide[:])
			size = uint64(binary.BigEndian.Uint16(wide[:]))
		}
		payload := make([]byte, size)
		if _, err := io.ReadFull(r, payload); err != nil {
			t.Fatalf("a frame cut short: %v", err)
		}
		if head[0]&0x0f == websocket.CloseMessage {
			return int(binary.BigEndian.Uint16(payload))
		}
	}
}

// masked returns one client frame. The mask is zero, so that the payload is
// what it is.
func masked(first byte, payload []byte) []byte {
	frame := []byte{first}
	switch n := len(payload); {
	case n < 126:
		frame = append(frame, 0x80|byte(n))
	default:
		frame = append(frame, 0x80|126, byte(n>>8), byte(n))
	}
	frame = append(frame, 0, 0, 0, 0)
	return append(frame, payload...)
}

// Ten gigabytes of one sample: announced as one frame, sent as far as the
// server reads. It must not be believed, nor be held in memory, and the sender
// must be told.
func TestEndlessFrame(t *testing.T) {
	n := startNode(t, nil)
	n.person("anna", consent.Acceleration)
	w, r := upgraded(t, n, n.token("anna"))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	head := []byte{0x81, 0x80 | 127}
	head = binary.BigEndian.AppendUint64(head, 10<<30)
	head = append(head, 0, 0, 0, 0)
	sample := []byte(`{"name":"totalacceleration","time":1700000000000000000,"values":{"x":0.1,"y":9.8,"z":0.4}},`)
	go func() {
		w.Write(head)
		w.Write([]byte(`{"payload":[`))
		for {
			if _, err := w.Write(sample); err != nil {
				return
			}
		}
	}()
	if code := readClose(t, r); code != wire.CloseTooLarge {
		t.Errorf("closed with %d", code)
	}
	runtime.ReadMemStats(&after)
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 64<<20 {
		t.Errorf("%d bytes were allocated for it", grown)
	}
	eventually(t, "the session is gone", func() bool { return n.server.registry.count() == 0 })
}

// The same sample over and over, in frames that are each allowed.
func TestOneSampleForEver(t *testing.T) {
	n := startNode(t, nil)
	s := n.stream(n.person("anna", consent.Acceleration), client.StreamOptions{})
	still := walking(noon, 10)
	for i := range still {
		still[i] = still[0]
	}
	for s.Send(still, nil) == nil {
	}
	if code, reason := closeOf(t, s, nil); code != wire.CloseTooMuch || !strings.Contains(reason, "1000 a second") {
		t.Errorf("closed with %d %q", code, reason)
	}
}

// Whatever goes wrong, what is said about it holds no value, no token and no
// person: not the log, not the answers, not the metrics.
func TestNothingInWords(t *testing.T) {
	n := startNode(t, nil)
	const name = "anna.of.the.canaries@example.org"
	anna := n.person(name, consent.Acceleration, consent.Location)
	secrets := []string{name, n.principal(name), n.token(name), "6172635", "52.3741", "1712345678"}
	var said strings.Builder
	note := func(_ int, reason string) { fmt.Fprintln(&said, reason) }
	for _, frame := range []string{
		`{"payload":[{"name":"totalacceleration","time":1712345678000000000,"values":{"x":6172635,"y":1,"z":1}}]}`,
		`{"payload":[{"name":"totalacceleration","time":1712345678000000000,"values":{"x":6.172635,"y":1,"z":"6172635"}}]}`,
		`{"payload":[{"name":"location","time":1712345678000000000,"values":{"latitude":52.3741e9,"longitude":6.172635}}]}`,
		`{"payload":[{"name":"totalacceleration","time":1712345678.6172635,"values":{"x":1,"y":1,"z":1}}]}`,
		`{"payload":[{"name":"6172635"`,
		`{"type":"6172635"}`,
		`6172635`,
	} {
		s := n.stream(anna, client.StreamOptions{})
		if err := s.SendRaw(false, []byte(frame)); err != nil {
			t.Fatal(err)
		}
		note(closeOf(t, s, nil))
		s.Close()
	}
	s := n.stream(anna, client.StreamOptions{})
	sendWalk(t, n, s, 1712345678e9, 8)
	if err := anna.Withdraw(t.Context()); err != nil {
		t.Fatal(err)
	}
	note(closeOf(t, s, nil))
	_, err := anna.Stream(t.Context(), client.StreamOptions{})
	fmt.Fprintln(&said, err)
	_, err = n.person("x").Consent(t.Context())
	fmt.Fprintln(&said, err)

	for where, text := range map[string]string{
		"the answers":    said.String(),
		"the log":        n.log.String(),
		"the metrics":    n.get(n.admin + "/metrics"),
		"the goroutines": n.get(n.admin + "/debug/pprof/goroutine?debug=2"),
	} {
		for _, secret := range secrets {
			if strings.Contains(text, secret) {
				shown, _ := json.Marshal(secret)
				t.Errorf("%s hold %s", where, shown)
			}
		}
	}
	if !strings.Contains(n.log.String(), "session ended") {
		t.Error("the log says nothing at all, so this test shows nothing")
	}
}
