package ingest

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"runtime"
	"testing"
	"time"
	"unsafe"

	"github.com/tempogate/tempogate/classifier"
	"github.com/tempogate/tempogate/classifier/tempo"
	"github.com/tempogate/tempogate/consent"
	"github.com/tempogate/tempogate/ingest/client"
	"github.com/tempogate/tempogate/ingest/wire"
)

// encoded returns frames of a walk, a second each, from the start given. With S2
// the packed form is of version 2.
func encoded(tb testing.TB, form client.Form, start int64, frames int) [][]byte {
	tb.Helper()
	config := wire.EncoderConfig{}
	if form == client.PackedS2 {
		config.Version = 2
	}
	encoder := wire.NewEncoder(config)
	payloads := make([][]byte, frames)
	for i := range payloads {
		var err error
		samples := walking(start+int64(i)*1e9, 1)
		for k := range samples { // to what a sensor tells apart
			samples[k].X = math.Round(samples[k].X*1e5) / 1e5
			samples[k].Z = math.Round(samples[k].Z*1e5) / 1e5
		}
		samples[0].X, samples[0].Z = 3.814697265625e-06, 4.76837158203125e-07 // with an exponent
		fixes := []classifier.Fix{{SensorTime: samples[0].SensorTime, SpeedMPS: 1.4, NorthM: 1.4, AccuracyM: 5}}
		switch form {
		case client.JSON:
			payloads[i], err = encoder.AppendJSON(nil, samples, encoder.AppendPositions(nil, fixes))
		case client.JSONS2:
			payloads[i], err = encoder.AppendJSONS2(nil, samples, encoder.AppendPositions(nil, fixes))
		case client.PackedS2:
			payloads[i], err = encoder.AppendPackedS2(nil, samples, fixes)
		default:
			payloads[i], err = encoder.AppendPacked(nil, samples, fixes)
		}
		if err != nil {
			tb.Fatal(err)
		}
	}
	return payloads
}

// From the gate to the estimates, no frame allocates in the steady state.
func TestInferAllocatesNothing(t *testing.T) {
	n := startNode(t, func(c *Config) { c.Limits.SamplesPerSecond = 1e9 })
	n.person("anna", consent.Acceleration, consent.Location)
	for _, form := range []client.Form{client.Packed, client.JSON, client.PackedS2, client.JSONS2} {
		s := newSession(n.server, n.principal("anna"), tempo.Range{})
		grant, err := n.ledger.Grant(s.principal)
		if err != nil {
			t.Fatal(err)
		}
		s.learn(grant)
		w := workspaces.New().(*workspace)
		payloads := encoded(t, form, noon, 200)
		i, estimates := 0, 0
		infer := func() {
			if _, err := s.infer(w, form != client.JSON, payloads[i], time.Now()); err != nil {
				t.Fatal(err)
			}
			i++
			estimates += len(w.estimates)
			for e := range w.estimates {
				w.answer = wire.AppendEstimate(w.answer[:0], &w.estimates[e], 1)
			}
		}
		for range 90 { // until every buffer has its size
			infer()
		}
		if allocs := testing.AllocsPerRun(100, infer); allocs > 0 {
			t.Errorf("%v: %v allocations a frame", form, allocs)
		}
		if estimates < 180 {
			t.Errorf("%v: %d estimates for 190 frames", form, estimates)
		}
	}
}

// From the socket and back into it, no frame of a live session allocates in the
// steady state. What is left is what the rest of the process does meanwhile, less than
// one allocation for two frames.
func TestLiveFrameAllocatesNothing(t *testing.T) {
	if raceDetector {
		t.Skip("under the race detector pools drop what they hold at random")
	}
	n := startNode(t, func(c *Config) { c.Limits = unlimited })
	n.person("anna", consent.Acceleration, consent.Location)
	for _, form := range []client.Form{client.Packed, client.JSON, client.PackedS2, client.JSONS2} {
		w, r := upgraded(t, n, n.token("anna"))
		opcode := byte(0x82)
		if form == client.JSON {
			opcode = 0x81
		}
		payloads := encoded(t, form, noon, 1100)
		for i := range payloads {
			payloads[i] = masked(opcode, payloads[i])
		}
		var before, after runtime.MemStats
		for i, p := range payloads {
			if i == 100 {
				runtime.ReadMemStats(&before)
			}
			w.Write(p)
			if i > 0 { // the first second of a stream has no estimate yet
				skipMessage(t, r)
			}
		}
		runtime.ReadMemStats(&after)
		if allocs := float64(after.Mallocs-before.Mallocs) / float64(len(payloads)-100); allocs > 0.5 {
			t.Errorf("%v: %.2f allocations a frame", form, allocs)
		}
	}
}

// What sweep looks at of a session that needs nothing lies in the first 64 bytes, which
// is a line of most processors' caches.
func TestSweepLooksAtOneLine(t *testing.T) {
	var s session
	for name, end := range map[string]uintptr{
		"server": unsafe.Offsetof(s.server) + unsafe.Sizeof(s.server), "lastFrame": unsafe.Offsetof(s.lastFrame) + unsafe.Sizeof(s.lastFrame),
		"resident": unsafe.Offsetof(s.resident) + unsafe.Sizeof(s.resident), "lapse": unsafe.Offsetof(s.lapse) + unsafe.Sizeof(s.lapse),
		"answers.since": unsafe.Offsetof(s.answers) + unsafe.Offsetof(s.answers.since) + unsafe.Sizeof(s.answers.since),
	} {
		if end > 64 {
			t.Errorf("%s ends at byte %d", name, end)
		}
	}
}

// The stack of a session is 4 KiB, whatever form its frames have: thousands of
// sessions have one each. What makes it larger is a function on the way of a frame
// whose variables take hundreds of bytes, and doubles it for all.
//
// A push stands on what net/http needs for a request, on a connection that the app
// keeps for the next one: 8 KiB there, and as much again where the line from the
// gate to the classifier does not fit in any more.
func TestStackOfASession(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector has larger stacks")
	}
	const (
		sessions, rounds = 300, 5
		begin, each      = 10, 3 // frames of a session at first, and in each round
	)
	for _, form := range []client.Form{client.Packed, client.JSON, client.PackedS2, client.JSONS2} {
		t.Run(form.String(), func(t *testing.T) {
			n := startNode(t, func(c *Config) { c.Limits = unlimited })
			n.person("anna", consent.Acceleration, consent.Location)
			opcode := byte(0x82)
			if form == client.JSON {
				opcode = 0x81
			}
			payloads := encoded(t, form, noon, begin+each*rounds)
			for i := range payloads {
				payloads[i] = masked(opcode, payloads[i])
			}
			var writers [sessions]io.Writer
			var readers [sessions]*bufio.Reader
			stack := stackOfEach(sessions, rounds, func() {
				for i := range sessions {
					writers[i], readers[i] = upgraded(t, n, n.token("anna"))
				}
			}, func(round int) {
				from, to := 0, begin
				if round >= 0 {
					from, to = begin+each*round, begin+each*(round+1)
				}
				for i := range sessions {
					for k := from; k < to; k++ {
						writers[i].Write(payloads[k])
						if k > 0 {
							skipMessage(t, readers[i])
						}
					}
				}
			})
			// Doubled, all of them have 8 KiB. In between is what the runtime keeps
			// of stacks that are not used any more.
			if stack > 7500 {
				t.Errorf("%d bytes of stack a session", stack)
			}
		})
	}
	t.Run("push", func(t *testing.T) {
		n := startPushNode(t, func(c *Config) { c.Limits = unlimited })
		n.person("anna", consent.Acceleration, consent.Location)
		path := n.pushLink("anna")
		payloads := encoded(t, client.JSON, noon, begin+each*rounds)
		var conns [sessions]net.Conn
		var readers [sessions]*bufio.Reader
		stack := stackOfEach(sessions, rounds, func() {
			for i := range sessions {
				conns[i] = rawDial(t, n.url)
				readers[i] = bufio.NewReader(conns[i])
			}
		}, func(round int) {
			for i := range sessions {
				// All of them push for one person: the same batch again is no news,
				// but goes down the whole line.
				body := payloads[max(round, 0)]
				fmt.Fprintf(conns[i], "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", path, len(body), body)
				resp, err := http.ReadResponse(readers[i], nil)
				if err != nil || resp.StatusCode != http.StatusOK {
					t.Fatalf("not taken: %v %v", resp, err)
				}
				io.Copy(io.Discard, resp.Body)
			}
		})
		if stack > 15_000 {
			t.Errorf("%d bytes of stack a connection that pushes", stack)
		}
	})
}

// stackOfEach returns how much stack there is for each of so many connections,
// once they are open and have sent: first in round -1, then in rounds from 0.
func stackOfEach(connections, rounds int, open func(), send func(round int)) int64 {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	open()
	send(-1)
	// A collection halves stacks of which little is in use, however large the
	// runtime made them at first. What they need they take again. What else runs
	// in the process, such as the end of a handshake, only adds: the least counts.
	stack := int64(math.MaxInt64)
	for round := range rounds {
		for range 4 {
			runtime.GC()
		}
		send(round)
		runtime.ReadMemStats(&after)
		stack = min(stack, (int64(after.StackInuse)-int64(before.StackInuse))/int64(connections))
	}
	return stack
}

// unlimited lets a client do as much as it can.
var unlimited = Limits{SessionsPerPerson: 1e6, AdmissionsPerSecond: 1e6, SamplesPerSecond: 1e9, BytesPerSecond: 1e9, FramesPerSecond: 1e9}

// BenchmarkFrame is a frame of one second, packed, through a live session over
// the loopback: from the client's write to the estimate in its hands. The
// client is as bare as can be, but its work is in the figures.
func BenchmarkFrame(b *testing.B) {
	for _, form := range []client.Form{client.Packed, client.JSON} {
		b.Run(form.String(), func(b *testing.B) {
			n := startNode(b, func(c *Config) { c.Limits = unlimited })
			n.person("anna", consent.Acceleration, consent.Location)
			w, r := upgraded(b, n, n.token("anna"))
			opcode := byte(0x82)
			if form == client.JSON {
				opcode = 0x81
			}
			payloads := encoded(b, form, noon, b.N+10)
			for i := range payloads {
				payloads[i] = masked(opcode, payloads[i])
			}
			var before, after runtime.MemStats
			allocs := func() {
				b.StopTimer()
				runtime.ReadMemStats(&after)
			}
			for i, p := range payloads {
				if i == 10 { // the steady state
					runtime.ReadMemStats(&before)
					b.ResetTimer()
				}
				w.Write(p)
				if i > 0 { // the first second of a stream has no estimate yet
					skipMessage(b, r)
				}
			}
			allocs()
			b.ReportMetric(float64(after.Mallocs-before.Mallocs)/float64(b.N), "allocs/frame")
		})
	}
}

// skipMessage reads one unmasked message of less than 64 KiB and drops it. It
// allocates nothing.
func skipMessage(b testing.TB, r *bufio.Reader) {
	head, err := r.Peek(2)
	if err != nil {
		b.Fatal(err)
	}
	size := int(head[1]) + 2
	if size == 126+2 {
		if head, err = r.Peek(4); err != nil {
			b.Fatal(err)
		}
		size = int(head[2])<<8 | int(head[3]) + 4
	}
	if _, err := r.Discard(size); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkGate is what a request without a grant costs.
func BenchmarkGate(b *testing.B) {
	n := startNode(b, nil)
	r, err := http.NewRequest("GET", n.url+"/v1/stream", nil)
	if err != nil {
		b.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+n.token("anna"))
	b.ReportAllocs()
	for b.Loop() {
		if _, refused := n.server.gate(r); refused == nil || refused.Code != CodeNoGrant {
			b.Fatal(fmt.Sprint(refused))
		}
	}
}

// BenchmarkSessionMemory is what a live session with a full window weighs in
// heap and stacks, the bare connection of its client included.
func BenchmarkSessionMemory(b *testing.B) {
	const sessions = 1000
	n := startNode(b, func(c *Config) { c.Limits = unlimited })
	n.person("anna", consent.Acceleration)
	token := n.token("anna")
	payloads := encoded(b, client.Packed, noon, 8)
	for b.Loop() {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		conns := make([]io.ReadWriter, sessions)
		for i := range conns {
			var r *bufio.Reader
			conns[i], r = upgraded(b, n, token)
			for _, p := range payloads {
				conns[i].Write(masked(0x82, p))
			}
			for range len(payloads) - 1 {
				skipMessage(b, r)
			}
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		grown := after.HeapInuse + after.StackInuse - before.HeapInuse - before.StackInuse
		b.ReportMetric(float64(grown)/sessions/1024, "KiB/session")
		for _, conn := range conns {
			conn.(io.Closer).Close()
		}
	}
}
