package ingest

import (
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/tempogate/tempogate/consent"
	"github.com/tempogate/tempogate/ingest/client"
	"github.com/tempogate/tempogate/ingest/framing"
	"github.com/tempogate/tempogate/ingest/wire"
)

// What may come: so much ahead, and from then on as time passes.
func TestMeter(t *testing.T) {
	p := newPace(10, 5) // one each 100 ms, five ahead
	var m meter
	const ms = int64(time.Millisecond)
	for i, step := range []struct {
		at   int64 // ms
		n    int
		want bool
	}{
		{1000, 5, true},  // the burst
		{1000, 1, false}, // nothing is left
		{1099, 1, false}, // not quite
		{1100, 1, true},  // one more
		{1100, 0, true},  // nothing costs nothing
		{1350, 3, false}, // what is too much is not taken in part
		{1350, 2, true},
		{9000, 6, false}, // a long pause saves up the burst, not more
		{9000, 5, true},
	} {
		if got := m.take(step.at*ms, step.n, p); got != step.want {
			t.Errorf("step %d: %d at %d ms: %t, want %t", i, step.n, step.at, got, step.want)
		}
	}
}

// The streams of one person share what a person may send.
func TestPersonsStreamsShare(t *testing.T) {
	n := startNode(t, func(c *Config) { c.Limits = Limits{FramesPerSecond: 1, FrameBurst: 100, PersonMultiple: 2} })
	anna := n.person("anna", consent.Acceleration)
	var streams []*client.Stream
	for range 3 {
		s := n.stream(anna, client.StreamOptions{})
		streams = append(streams, s)
		for i := range 90 { // fewer than one stream may send
			s.Send(walking(noon+int64(i)*1e9, 1), nil)
		}
	}
	if code, reason := closeOf(t, streams[2], nil); code != wire.CloseTooMuch || !strings.Contains(reason, "of this person") {
		t.Errorf("closed with %d %q", code, reason)
	}
	// The others have sent what they may; they are not closed for the third.
	for _, s := range streams[:2] {
		s.Close()
	}
}

// Who is closed for sending too much does not begin anew by coming back, and is
// forgotten once time has made up for it.
func TestComingBackIsNoNewBeginning(t *testing.T) {
	n := startNode(t, func(c *Config) {
		c.Limits = Limits{FramesPerSecond: 20, FrameBurst: 60, PersonMultiple: 1, SessionsPerPerson: 10}
		c.WindowHold = 100 * time.Millisecond // the wheel turns faster
	})
	principal := n.principal("anna")
	r := n.server.registry
	used := func() meter { // by the person, whom the registry must still know
		r.mu.Lock()
		defer r.mu.Unlock()
		if p := r.persons[principal]; p != nil {
			return p.used.frames
		}
		return 0
	}
	if refused := r.admit(principal); refused != nil {
		t.Fatal(refused)
	}
	future := meter(time.Now().Add(ages).UnixNano())
	r.persons[principal].used.frames = future
	r.leave(principal)
	r.settle()
	if used() != future {
		t.Error("a person who owes is forgotten")
	}
	if refused := r.admit(principal); refused != nil {
		t.Fatal(refused)
	}
	r.settle()
	if used() != future {
		t.Error("a person who came back began anew")
	}
	r.persons[principal].used.frames = 1 // long ago
	r.leave(principal)
	if r.mu.Lock(); len(r.persons) != 0 {
		t.Error("a person who owes nothing is kept")
	}
	r.mu.Unlock()
}

// Overload ends slowly and begins slowly: one late moment is none.
func TestPressure(t *testing.T) {
	p := pressure{limit: 20 * time.Millisecond}
	// Where a probe comes half a second late there are two a second: as many
	// seconds have to do as with probes that are a little late.
	p.probe(500 * time.Millisecond)
	p.probe(500 * time.Millisecond)
	if !p.shedding.Load() {
		t.Errorf("after a second of great lateness %v", time.Duration(p.lateness.Load()))
	}
	p = pressure{limit: 20 * time.Millisecond}
	probes := func(n int, late time.Duration) bool {
		for range n {
			p.probe(late)
		}
		return p.shedding.Load()
	}
	for i, step := range []struct {
		n    int
		late time.Duration
		want bool
	}{
		{100, time.Millisecond, false},
		{1, 500 * time.Millisecond, false}, // a pause of half a second
		{100, time.Millisecond, false},
		{100, 50 * time.Millisecond, true}, // two seconds of lateness
		{20, 15 * time.Millisecond, true},  // better, and not yet good
		{200, 5 * time.Millisecond, false},
	} {
		if got := probes(step.n, step.late); got != step.want {
			t.Errorf("step %d: shedding %t, lateness %v", i, got, time.Duration(p.lateness.Load()))
		}
	}
}

// An overloaded node refuses new sessions, tells when to come back, and lets in
// again when it can.
func TestShedding(t *testing.T) {
	n := startNode(t, func(c *Config) { c.ShedLateness = time.Nanosecond }) // every probe is later
	anna := n.person("anna", consent.Acceleration)
	eventually(t, "the node is late", n.server.pressure.shedding.Load)
	n.stream(anna, client.StreamOptions{}).Close() // few sessions: not what is late
	n.server.registry.live.Add(shedsFrom)
	var refused *client.Error
	if _, err := anna.Stream(t.Context(), client.StreamOptions{}); !errors.As(err, &refused) ||
		refused.Status != 429 || refused.Code != CodeTooManySessions || refused.Reason != "load" {
		t.Errorf("refused with %v", err)
	}
	n.server.registry.live.Add(-shedsFrom)
	n.stream(anna, client.StreamOptions{}).Close()
	if n.metric(`tempogate_admissions_total{result="too_many_sessions"}`) != 1 {
		t.Error("the refusal was not counted")
	}
}

func TestAdmissionsAreSpread(t *testing.T) {
	n := startNode(t, func(c *Config) { c.Limits.AdmissionsPerSecond, c.Limits.SessionsPerPerson = 1, 100 })
	anna := n.person("anna", consent.Acceleration)
	for range 50 {
		s, err := anna.Stream(t.Context(), client.StreamOptions{})
		var refused *client.Error
		switch {
		case err == nil:
			s.Close()
		case errors.As(err, &refused) && refused.Status == 429 && refused.Reason == "admissions":
			return
		default:
			t.Fatal(err)
		}
	}
	t.Error("50 sessions were let in within moments, where one a second is allowed")
}

// backlog is a packed frame of 4000 samples at 2 Hz, masked: 2000 seconds, which
// give about as many answers at once, more than a connection takes.
func backlog(t *testing.T, start int64) []byte {
	t.Helper()
	samples := walking(start, 40)
	for i := range samples {
		samples[i].SensorTime = start + int64(i)*5e8
	}
	payload, err := wire.NewEncoder(wire.EncoderConfig{}).AppendPacked(nil, samples, nil)
	if err != nil {
		t.Fatal(err)
	}
	return masked(0x82, payload)
}

// readAll reads messages to the close frame and returns its code, and how many
// estimates and messages that the client is slow there were before.
func readAll(t *testing.T, r io.Reader) (code, estimates, slow int) {
	t.Helper()
	for {
		op, payload, err := readMessage(r)
		if err != nil {
			t.Fatalf("no close frame after %d estimates: %v", estimates, err)
		}
		switch {
		case op == 8:
			return int(payload[0])<<8 | int(payload[1]), estimates, slow
		case strings.Contains(string(payload), `"type":"slow"`):
			slow++
		default:
			estimates++
		}
	}
}

// backlogAnswers is how many answers a backlog has at least: one a second, and
// none for the first few.
const backlogAnswers = 1990

// A client that reads gets all answers, however many come at once, and is never
// called slow. A withdrawal cuts them off, between two messages.
func TestManyAnswersAtOnce(t *testing.T) {
	end := masked(0x81, []byte(`{"type":"end"}`))
	for _, test := range []struct {
		name string
		then []byte // sent right behind the backlog
		late bool   // and read only once the server has taken both
		code int
		all  bool // the answers
	}{
		{"and the end", end, false, wire.CloseDone, true},
		{"and the end, read later", end, true, wire.CloseDone, true},
		{"and a close frame", masked(0x88, []byte{0x03, 0xe8}), false, wire.CloseDone, true},
		{"and a malformed frame", masked(0x81, []byte("hello")), true, wire.CloseMalformed, true},
		{"and a withdrawal", masked(0x81, []byte(`{"type":"withdraw"}`)), false, wire.CloseConsent, false},
		{"and a withdrawal, read later", masked(0x81, []byte(`{"type":"withdraw"}`)), true, wire.CloseConsent, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			n := startNode(t, func(c *Config) { c.WriteTimeout = ages })
			n.person("anna", consent.Acceleration)
			w, r := upgraded(t, n, n.token("anna"))
			w.Write(append(backlog(t, noon), test.then...))
			switch {
			case test.late && test.all:
				eventually(t, "the frame is answered", func() bool { return n.metric("tempogate_estimates_total") > 0 })
			case test.late:
				eventually(t, "the session is over", func() bool { return n.metric("tempogate_sessions") == 0 })
			}
			code, estimates, slow := readAll(t, r)
			if code != test.code || slow != 0 || test.all && estimates < backlogAnswers {
				t.Errorf("closed with %d after %d estimates, called slow %d times", code, estimates, slow)
			}
		})
	}
}

// What was not read when consent ends elsewhere does not hold the session, not
// even one whose client has said goodbye.
func TestWithdrawalCutsAnswersOff(t *testing.T) {
	for name, then := range map[string][]byte{"live": nil, "after the end": masked(0x81, []byte(`{"type":"end"}`))} {
		t.Run(name, func(t *testing.T) {
			n := startNode(t, func(c *Config) { c.WriteTimeout = ages })
			anna := n.person("anna", consent.Acceleration)
			w, r := upgraded(t, n, n.token("anna"))
			w.(*net.TCPConn).SetReadBuffer(1 << 12)
			w.Write(append(backlog(t, noon), then...))
			eventually(t, "the frame is answered", func() bool { return n.metric("tempogate_estimates_total") > 0 })
			if err := anna.Withdraw(t.Context()); err != nil {
				t.Fatal(err)
			}
			eventually(t, "the session is over", func() bool { return n.metric("tempogate_sessions") == 0 })
			if code, _, _ := readAll(t, r); code != wire.CloseConsent {
				t.Errorf("closed with %d", code)
			}
		})
	}
}

// A client that does not read is closed. One that lets more pile up than is kept
// for it is told that some were dropped, and goes on once it reads. Nothing waits
// for either.
func TestSlowReader(t *testing.T) {
	lenient := Limits{FramesPerSecond: 1e6, SamplesPerSecond: 1e6, SampleBurst: 1e9, BytesPerSecond: 1e8}
	connect := func(t *testing.T, timeout time.Duration) (*node, *net.TCPConn, io.Reader) {
		n := startNode(t, func(c *Config) {
			c.WriteTimeout, c.Limits = timeout, lenient
			c.WindowHold = 2 * time.Second // the wheel turns faster
		})
		n.person("anna", consent.Acceleration)
		w, r := upgraded(t, n, n.token("anna"))
		conn := w.(*net.TCPConn)
		conn.SetReadBuffer(1 << 12)
		return n, conn, r
	}
	empty := func(t *testing.T, n *node) {
		eventually(t, "nothing is held any more", func() bool { return n.metric("tempogate_raw_samples_resident") == 0 })
	}
	t.Run("for too long", func(t *testing.T) {
		n, conn, r := connect(t, 50*time.Millisecond)
		conn.Write(backlog(t, noon))
		eventually(t, "the session is closed", func() bool { return n.metric("tempogate_sessions") == 0 })
		empty(t, n)
		if code, _, _ := readAll(t, r); code != wire.CloseTooMuch {
			t.Errorf("closed with %d", code)
		}
	})
	t.Run("for a while", func(t *testing.T) {
		n, conn, r := connect(t, ages)
		// Three are more than is kept.
		for i := range 3 {
			conn.Write(backlog(t, noon+int64(i)*2000e9))
		}
		eventually(t, "answers are dropped", func() bool { return n.metric("tempogate_estimates_dropped_total") > 0 })
		conn.Write(masked(0x81, []byte(`{"type":"end"}`)))
		code, estimates, slow := readAll(t, r)
		if code != wire.CloseDone || slow != 1 || estimates < backlogAnswers {
			t.Errorf("closed with %d after %d estimates, told %d times", code, estimates, slow)
		}
		empty(t, n)
	})
}

// Over TLS nothing can be written in part: writing waits, and then the session
// ends.
func TestSlowReaderOverTLS(t *testing.T) {
	_, there := net.Pipe() // whose other end reads nothing
	defer there.Close()
	a := answers{socket: framing.NewSocket(there), timeout: time.Millisecond}
	var end *ending
	if _, err := a.send([]byte("an answer"), time.Now()); !errors.As(err, &end) || end.code != wire.CloseTooMuch || !end.vanished {
		t.Errorf("ended with %v", err)
	}
}

// readMessage reads one unmasked message of less than 64 KiB.
func readMessage(r io.Reader) (op byte, payload []byte, err error) {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:2]); err != nil {
		return 0, nil, err
	}
	size := int(head[1])
	if size == 126 {
		io.ReadFull(r, head[2:])
		size = int(head[2])<<8 | int(head[3])
	}
	payload = make([]byte, size)
	_, err = io.ReadFull(r, payload)
	return head[0] & 0xf, payload, err
}

// A node that goes away answers what has arrived, then says when to come back.
func TestDrainAnswersFirst(t *testing.T) {
	n := startNode(t, nil)
	n.person("anna", consent.Acceleration)
	w, r := upgraded(t, n, n.token("anna"))
	payloads := encoded(t, client.Packed, noon, 6)
	for _, p := range payloads {
		w.Write(masked(0x82, p))
	}
	go n.stop()
	estimates, draining := 0, 0
	for {
		op, payload, err := readMessage(r)
		if err != nil {
			t.Fatal(err)
		}
		if op == 8 {
			if code := int(payload[0])<<8 | int(payload[1]); code != wire.CloseGoingAway {
				t.Errorf("closed with %d", code)
			}
			break
		}
		if strings.Contains(string(payload), "reconnect_after_s") {
			draining++
		} else {
			estimates++
		}
	}
	if estimates < len(payloads)-1 || draining != 1 {
		t.Errorf("%d estimates for %d frames, told of the drain %d times", estimates, len(payloads), draining)
	}
}
