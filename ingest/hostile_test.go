package ingest

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	runtimemetrics "runtime/metrics"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"github.com/tempogate/tempogate/classifier"
	"github.com/tempogate/tempogate/consent"
	"github.com/tempogate/tempogate/consent/identity"
	"github.com/tempogate/tempogate/ingest/wire"
)

// TestHostileInput plays the cases of testdata/hostile against one server for
// plain connections, and those of them that are streams, floods apart, against one
// over TLS as well. Each case is bytes that a client sends and what comes back; the README
// beside them says how they are written. Run with -rewrite to write down what
// comes back now, and read the difference.
//
// Beside what a case says itself, each has to leave the server as it was: its
// session gone, no more memory taken than the bytes that it sent may cost, and
// another session, which goes on all the time, answered as if it were alone.
//
// The number of cases is printed as abuse_cases (make abuse-cases).
func TestHostileInput(t *testing.T) {
	files, err := filepath.Glob("testdata/hostile/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no cases", err)
	}
	plain, secure := startHostile(t, false), startHostile(t, true)
	slow := []func(*testing.T) int{plain.startSlow(t), secure.startSlow(t)} // go on meanwhile
	count := 0
	for i, h := range []*hostile{plain, secure} {
		t.Run([]string{"ws", "wss"}[i], func(t *testing.T) {
			for _, file := range files {
				datadriven.RunTest(t, file, func(t *testing.T, d *datadriven.TestData) string {
					if h.secure && (d.Cmd != "stream" || strings.HasPrefix(d.CmdArgs[0].Key, "flood.")) {
						return d.Expected
					}
					if !h.secure {
						count++
					}
					return h.play(t, d)
				})
			}
		})
	}
	for i, h := range []*hostile{plain, secure} {
		count += slow[i](t)
		h.finish(t)
	}
	t.Logf("abuse_cases %d", count)
	if count < casesAtLeast {
		t.Errorf("%d cases: some have gone", count)
	}
}

const (
	// casesAtLeast are there. A glob that finds too little must not pass.
	casesAtLeast = 250

	// A case may take so much memory, whatever it announces, and so many times
	// what it really sends: buffers that grow by doubling, what S2 and gzip
	// unfold to, the test's own end of the connection.
	caseMemory      = 4 << 20
	caseMemoryTimes = 6

	// The race detector has pools forget at random, so that what is used again
	// and again is allocated again and again.
	caseMemoryRace = 64 << 20
)

// A hostile is a server under attack.
type hostile struct {
	*node
	secure     bool
	roots      *x509.CertPool
	people     int
	member     string // token of somebody for the cases of HTTP
	capability string // path of a push link
	bystander  *bystander
}

func startHostile(t *testing.T, secure bool) *hostile {
	capabilities, err := identity.OpenCapabilities(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	h := &hostile{secure: secure}
	certificate, roots := selfSigned(t)
	h.roots = roots
	h.node = startNode(t, func(c *Config) {
		c.Capabilities = capabilities
		c.Origins = []string{"https://run.example.org"}
		// Not what is tested, and a loaded machine is late.
		c.ShedLateness, c.WindowHold, c.IdleTimeout = time.Hour, time.Hour, time.Hour
		c.Limits.FrameBurst = 1000 // floods wait between turns: three times as many take three times as long
		if secure {
			c.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}}
		}
	})
	h.member = h.newcomer(t)
	h.bystander = newBystander(t, h.open(t, h.newcomer(t)))
	return h
}

// newcomer returns the token of somebody who was never seen before, and has said
// yes to acceleration alone.
func (h *hostile) newcomer(t *testing.T) (token string) {
	t.Helper()
	h.people++
	name := fmt.Sprintf("case-%d", h.people)
	h.grant(t, name)
	return h.token(name)
}

// grant has somebody say yes to acceleration alone.
func (h *hostile) grant(t *testing.T, name string) {
	t.Helper()
	notice := h.ledger.Notice()
	_, err := h.ledger.Give(t.Context(), h.principal(name), consent.GiveRequest{
		NoticeVersion: notice.Version, NoticeSHA256: notice.SHA256,
		Categories: []consent.Category{consent.Acceleration}, Method: httpMethod,
	})
	if err != nil {
		t.Fatal(err)
	}
}

// dial opens a connection that fails rather than wait for ages.
func (h *hostile) dial(t *testing.T) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", h.server.PublicAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	if h.secure {
		conn = tls.Client(conn, &tls.Config{RootCAs: h.roots, ServerName: "127.0.0.1"})
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(3 * ages)) // floods take their time
	return conn
}

// A rawStream is a stream past its handshake, byte by byte.
type rawStream struct {
	conn net.Conn
	r    *bufio.Reader
}

// open opens a stream.
func (h *hostile) open(t *testing.T, token string) *rawStream {
	t.Helper()
	conn := h.dial(t)
	fmt.Fprintf(conn, "GET /v1/stream HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nAuthorization: Bearer %s\r\n\r\n", token)
	r := bufio.NewReader(conn)
	resp, err := http.ReadResponse(r, nil)
	if err != nil || resp.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("no upgrade: %v %v", resp, err)
	}
	return &rawStream{conn, r}
}

// play plays one case and returns what came back.
func (h *hostile) play(t *testing.T, d *datadriven.TestData) string {
	t.Helper()
	var run func() string
	sent := 0
	switch d.Cmd {
	case "stream":
		p := h.parseStream(t, d)
		stream := h.open(t, p.token)
		sent, run = p.size(), func() string { return p.play(t, stream) }
	case "http":
		p := h.parseHTTP(t, d)
		sent, run = p.size(), func() string { return p.play(t, h.dial(t)) }
	default:
		d.Fatalf(t, "no such command: %s", d.Cmd)
	}
	before := allocated()
	meanwhile := make(chan error, 1)
	go func() { meanwhile <- h.bystander.step() }()
	result := run()
	for _, err := range []error{<-meanwhile, h.bystander.step()} {
		if err != nil {
			d.Fatalf(t, "the bystander: %v", err)
		}
	}
	most := uint64(caseMemory + caseMemoryTimes*sent)
	if raceDetector {
		most += caseMemoryRace
	}
	if n := allocated() - before; n > most {
		t.Errorf("%s: %d bytes were allocated for the %d that were sent", d.Pos, n, sent)
	}
	eventually(t, d.Pos+": its session is gone", func() bool { return h.server.registry.count() <= 1+h.pushing() })
	return result
}

// pushing is the number of sessions without a connection.
func (h *hostile) pushing() int {
	h.server.pushers.mu.Lock()
	defer h.server.pushers.mu.Unlock()
	return len(h.server.pushers.byID)
}

// finish ends the bystander, and looks what is left.
func (h *hostile) finish(t *testing.T) {
	t.Helper()
	if got := h.metric("tempogate_panics_total"); got != 0 {
		t.Errorf("%v panics", got)
	}
	if h.bystander.estimates < h.people/2 {
		t.Errorf("the bystander got %d estimates", h.bystander.estimates)
	}
	h.bystander.conn.Close()
	eventually(t, "everybody is gone", func() bool { return h.server.registry.count() <= h.pushing() })
}

// allocated returns how many bytes this process has ever allocated.
func allocated() uint64 {
	sample := []runtimemetrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	runtimemetrics.Read(sample)
	return sample[0].Value.Uint64()
}

// A bystander is a session that does nothing wrong: it sends a second of walking
// at a time, and knows each byte that has to come back.
type bystander struct {
	*rawStream
	encoder   *wire.Encoder
	motion    []classifier.Sample
	frame     []byte
	estimates int

	// What the server should do with it.
	decoder   wire.Decoder
	batch     wire.Batch
	scratch   wire.Scratch
	classify  *classifier.Stream
	workspace *classifier.Workspace
	want      []classifier.Estimate
}

func newBystander(t *testing.T, stream *rawStream) *bystander {
	t.Helper()
	b := &bystander{
		rawStream: stream, encoder: wire.NewEncoder(wire.EncoderConfig{}), motion: slowWalk(noon, 1),
		classify: classifier.NewStream(classifier.Config{}), workspace: classifier.NewWorkspace(),
	}
	for range 8 { // until there is an estimate each second
		if err := b.step(); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

// step sends one second and reads what there is to be for it. Whatever came beside
// it would show in the next step.
func (b *bystander) step() error {
	b.conn.SetDeadline(time.Now().Add(ages))
	payload, err := b.encoder.AppendPacked(nil, b.motion, nil)
	if err != nil {
		return err
	}
	for i := range b.motion {
		b.motion[i].SensorTime += 1e9
	}
	b.batch.Clear()
	if err := b.decoder.Decode(&b.batch, &b.scratch, true, payload, wire.Allowed{Acceleration: true}); err != nil {
		return err
	}
	if b.want, err = b.classify.Push(b.want[:0], b.workspace, b.batch.Samples, nil); err != nil {
		return err
	}
	b.frame = appendFrame(b.frame[:0], shape{first: 0x82}, payload)
	if _, err := b.conn.Write(b.frame); err != nil {
		return err
	}
	for i := range b.want {
		e := &b.want[i]
		line := wire.AppendEstimate(nil, e, float64(e.SensorTime)/1e9)
		op, got, err := b.next()
		if err != nil || op != 1 || string(got) != string(line) {
			return fmt.Errorf("got %d %s, %v, want %s", op, got, err, line)
		}
		b.estimates++
	}
	return nil
}

// slowWalk is a walk at 25 Hz: many steps of it stay below every limit.
func slowWalk(start int64, seconds int) []classifier.Sample {
	var some []classifier.Sample
	for i, s := range walking(start, seconds) {
		if i%4 == 0 {
			some = append(some, s)
		}
	}
	return some
}

// walkJSON returns a walk as a JSON batch.
func walkJSON(seconds int) string {
	var text strings.Builder
	text.WriteString(`{"payload":[`)
	for i, s := range slowWalk(noon, seconds) {
		if i > 0 {
			text.WriteByte(',')
		}
		fmt.Fprintf(&text, `{"name":"totalacceleration","time":%d,"values":{"x":%.4f,"y":%.4f,"z":%.4f}}`, s.SensorTime, s.X, s.Y, s.Z)
	}
	return text.String() + "]}"
}
