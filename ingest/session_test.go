package ingest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tempogate/tempogate/classifier"
	"github.com/tempogate/tempogate/consent"
	"github.com/tempogate/tempogate/ingest/client"
	"github.com/tempogate/tempogate/ingest/wire"
)

// sendWalk sends seconds of a walk and waits until they are in the window.
func sendWalk(t *testing.T, n *node, s *client.Stream, start int64, seconds int) {
	t.Helper()
	before := n.metric(`tempogate_frames_total{type="binary"}`)
	for i := range seconds {
		if err := s.Send(walking(start+int64(i)*1e9, 1), nil); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "the frames are read", func() bool {
		return n.metric(`tempogate_frames_total{type="binary"}`) >= before+float64(seconds)
	})
}

// Withdrawing ends every session of the person and of nobody else, however it
// is said, and leaves no sample behind.
func TestWithdraw(t *testing.T) {
	for _, test := range []struct {
		name     string
		withdraw func(*client.Client, *client.Stream) error
	}{
		{"over HTTP", func(c *client.Client, _ *client.Stream) error { return c.Withdraw(context.Background()) }},
		{"on the stream", func(_ *client.Client, s *client.Stream) error { return s.Withdraw() }},
		{"acceleration alone, without which there is nothing", func(c *client.Client, _ *client.Stream) error {
			return c.Withdraw(context.Background(), consent.Acceleration)
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			n := startNode(t, nil)
			anna, ben := n.person("anna", consent.Acceleration), n.person("ben", consent.Acceleration)
			first, second, other := n.stream(anna, client.StreamOptions{}), n.stream(anna, client.StreamOptions{}), n.stream(ben, client.StreamOptions{})
			for _, s := range []*client.Stream{first, second, other} {
				sendWalk(t, n, s, noon, 3)
			}
			if err := test.withdraw(anna, first); err != nil {
				t.Fatal(err)
			}
			for _, s := range []*client.Stream{first, second} {
				if code, reason := closeOf(t, s, nil); code != wire.CloseConsent || !strings.Contains(reason, "consent") {
					t.Errorf("closed with %d %q", code, reason)
				}
			}
			eventually(t, "only the other session is left", func() bool { return n.metric("tempogate_sessions") == 1 })
			if got := n.metric("tempogate_withdrawal_to_close_seconds_count"); got != 2 {
				t.Errorf("%v closings after a withdrawal were timed", got)
			}
			if err := other.End(); err != nil {
				t.Fatal(err)
			}
			if code, _ := closeOf(t, other, nil); code != wire.CloseDone {
				t.Errorf("the other person's session ended with %d", code)
			}
			if got := n.metric("tempogate_raw_samples_resident"); got != 0 {
				t.Errorf("%v samples are still in memory", got)
			}
			if _, err := anna.Stream(t.Context(), client.StreamOptions{}); err == nil {
				t.Error("after the withdrawal a new stream was opened")
			}
			if _, err := anna.Grant(t.Context(), n.ledger.Notice(), []consent.Category{consent.Acceleration}, nil); err != nil {
				t.Fatal(err)
			}
			n.stream(anna, client.StreamOptions{}) // and after a new yes, one is
		})
	}
}

// Four sessions send as fast as they can while consent is withdrawn. When the
// call returns, not one more sample is taken and none is held, though frames
// are still under way.
func TestNothingIsTakenAfterAWithdrawal(t *testing.T) {
	n := startNode(t, func(c *Config) { c.Limits.SamplesPerSecond, c.Limits.FramesPerSecond = 1e8, 1e6 })
	for round := range 3 {
		anna := n.person(fmt.Sprint("anna ", round), consent.Acceleration)
		var senders sync.WaitGroup
		for range 4 {
			s := n.stream(anna, client.StreamOptions{})
			senders.Go(func() {
				for i := int64(0); s.Send(walking(noon+i*1e9, 1), nil) == nil; i++ {
				}
			})
			senders.Go(func() {
				for {
					if _, err := s.Receive(); err != nil {
						s.Close()
						return
					}
				}
			})
		}
		const taken = `tempogate_samples_accepted_total{category="acceleration"}`
		start := n.metric(taken)
		eventually(t, "samples are taken", func() bool { return n.metric(taken) > start+1000 })
		if err := anna.Withdraw(t.Context()); err != nil {
			t.Fatal(err)
		}
		atAcknowledgement, held := n.metric(taken), n.metric("tempogate_raw_samples_resident")
		senders.Wait()
		if after := n.metric(taken); after != atAcknowledgement {
			t.Errorf("%v samples were taken after the withdrawal was acknowledged", after-atAcknowledgement)
		}
		if held != 0 {
			t.Errorf("%v samples were held when the withdrawal was acknowledged", held)
		}
	}
}

// A grant for acceleration does not cover location: fixes are dropped and the
// client is told, once. When location is granted and then taken back, the
// session goes on and the same happens.
func TestLocationAlone(t *testing.T) {
	n := startNode(t, nil)
	anna := n.person("anna", consent.Acceleration, consent.Location)
	s := n.stream(anna, client.StreamOptions{})
	fix := func(i int64) []classifier.Fix {
		return []classifier.Fix{{SensorTime: noon + i*1e9, SpeedMPS: 3, NorthM: 3, AccuracyM: 5}}
	}
	send := func(from, to int64) {
		t.Helper()
		for i := from; i < to; i++ {
			if err := s.Send(walking(noon+i*1e9, 1), fix(i)); err != nil {
				t.Fatal(err)
			}
		}
	}
	const taken, refused = `tempogate_samples_accepted_total{category="location"}`,
		`tempogate_samples_refused_total{category="location",reason="category_not_granted"}`

	send(0, 3)
	eventually(t, "three fixes are taken", func() bool { return n.metric(taken) == 3 })
	if err := anna.Withdraw(t.Context(), consent.Location); err != nil {
		t.Fatal(err)
	}
	if got := n.metric("tempogate_raw_samples_resident"); got == 0 {
		t.Error("the window of acceleration, which is still granted, was cleared too")
	}
	send(3, 10)
	eventually(t, "the others are refused", func() bool { return n.metric(refused) == 7 })
	if got := n.metric(taken); got != 3 {
		t.Errorf("%v fixes were taken, 3 were allowed", got)
	}
	if err := s.End(); err != nil {
		t.Fatal(err)
	}
	told, late, speeds := 0, 0, 0
	code, _ := closeOf(t, s, func(m wire.Message) {
		switch {
		case m.Type == wire.TypeRefused && m.Category == "location" && m.Code == wire.CodeNotGranted:
			told++
		case told > 0 && m.Type == wire.TypeEstimate:
			late++
			if m.Estimate.SpeedMPS == m.Estimate.SpeedMPS { // not NaN
				speeds++
			}
		}
	})
	if code != wire.CloseDone || told != 1 || late < 5 || speeds != 0 {
		t.Errorf("closed with %d, told %d times, then %d estimates, %d of them with a speed", code, told, late, speeds)
	}
}

// A ledger that cannot answer: nobody gets in, and live sessions end though
// they send nothing.
func TestLedgerLost(t *testing.T) {
	n := startNode(t, func(c *Config) { c.WindowHold = 100 * time.Millisecond }) // sweeps often
	anna := n.person("anna", consent.Acceleration)
	s := n.stream(anna, client.StreamOptions{})
	sendWalk(t, n, s, noon, 2)
	n.ledger.down.Store(true)
	if code, _ := closeOf(t, s, nil); code != wire.CloseLedgerLost {
		t.Errorf("closed with %d", code)
	}
	_, err := anna.Stream(t.Context(), client.StreamOptions{})
	checkProblem(t, "a new stream", err, 503, "ledger_unavailable")
	if body := n.get(n.admin + "/readyz"); !strings.Contains(body, "ledger") {
		t.Errorf("/readyz says %q", body)
	}
	n.ledger.down.Store(false)
	n.stream(anna, client.StreamOptions{})
}

// A withdrawal on the stream that cannot be written down: the stream stops all
// the same, and says that the consent still stands.
func TestWithdrawOnStreamWithFullDisk(t *testing.T) {
	n := startNode(t, nil)
	anna := n.person("anna", consent.Acceleration)
	s := n.stream(anna, client.StreamOptions{})
	sendWalk(t, n, s, noon, 2)
	n.ledger.diskFull.Store(true)
	if err := s.Withdraw(); err != nil {
		t.Fatal(err)
	}
	if code, reason := closeOf(t, s, nil); code != wire.CloseLedgerLost || !strings.Contains(reason, "DELETE /v1/consent") {
		t.Errorf("closed with %d %q", code, reason)
	}
	if grant, err := anna.Consent(t.Context()); err != nil || grant.State != consent.Given {
		t.Errorf("the grant is %q, %v", grant.State, err)
	}
}

// Consent that runs out while somebody runs.
func TestGrantExpiresInMidSession(t *testing.T) {
	n := startNode(t, func(c *Config) { c.WindowHold = 100 * time.Millisecond })
	s := n.stream(n.person("anna", consent.Acceleration), client.StreamOptions{})
	sendWalk(t, n, s, noon, 2)
	expired := consent.Reason(consent.Expired)
	n.ledger.decided.Store(&expired)
	if code, reason := closeOf(t, s, nil); code != wire.CloseConsent || !strings.Contains(reason, "expired") {
		t.Errorf("closed with %d %q", code, reason)
	}
}

// A client that goes quiet is told after the idle timeout; one that only pings
// is quiet too.
func TestIdle(t *testing.T) {
	n := startNode(t, func(c *Config) { c.IdleTimeout = 200 * time.Millisecond })
	s := n.stream(n.person("anna", consent.Acceleration), client.StreamOptions{})
	stop := make(chan struct{})
	var pinging sync.WaitGroup
	pinging.Go(func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(20 * time.Millisecond):
				s.Ping()
			}
		}
	})
	code, reason := closeOf(t, s, nil)
	close(stop)
	pinging.Wait()
	if code != wire.CloseIdle || reason == "" {
		t.Errorf("closed with %d %q", code, reason)
	}
}

// A client that pauses keeps its session and loses its window.
func TestWindowIsNotHeld(t *testing.T) {
	n := startNode(t, func(c *Config) { c.WindowHold = 50 * time.Millisecond })
	s := n.stream(n.person("anna", consent.Acceleration), client.StreamOptions{})
	sendWalk(t, n, s, noon, 5)
	eventually(t, "the window is cleared", func() bool {
		return n.metric("tempogate_windows_cleared_total") > 0 && n.metric("tempogate_raw_samples_resident") == 0
	})
	sendWalk(t, n, s, noon+60e9, 5)
	if err := s.End(); err != nil {
		t.Fatal(err)
	}
	estimates := 0
	if code, _ := closeOf(t, s, func(wire.Message) { estimates++ }); code != wire.CloseDone || estimates < 5 {
		t.Errorf("closed with %d after %d estimates", code, estimates)
	}
}

func TestLimits(t *testing.T) {
	send := func(frames int, samples int) func(*client.Stream) {
		return func(s *client.Stream) {
			for i := range frames {
				if s.Send(walking(noon+int64(i*samples)*1e9, samples), nil) != nil {
					return // it has been closed; the reason is received
				}
			}
		}
	}
	for _, test := range []struct {
		name   string
		limits Limits
		do     func(*client.Stream)
		code   int
		reason string
	}{
		{"samples", Limits{SamplesPerSecond: 1, SampleBurst: 1000}, send(50, 1), wire.CloseTooMuch, "readings"},
		{"frames", Limits{FramesPerSecond: 1, FrameBurst: 10}, send(50, 1), wire.CloseTooMuch, "frames"},
		{"pings", Limits{FramesPerSecond: 1, FrameBurst: 10}, func(s *client.Stream) {
			for range 100 {
				s.Ping()
			}
		}, wire.CloseTooMuch, "pings"},
		{"bytes", Limits{BytesPerSecond: 1, ByteBurst: 2000}, send(50, 1), wire.CloseTooMuch, "bytes"},
		// One session may send less than that; together they may send no more.
		{"frames of a person", Limits{FramesPerSecond: 1, FrameBurst: 10, PersonMultiple: 1}, send(11, 1), wire.CloseTooMuch, "frames"},
		{"a frame", Limits{FrameBytes: 1000}, func(s *client.Stream) { s.SendRaw(true, make([]byte, 1001)) }, wire.CloseTooLarge, "1000"},
		{"within all of them", Limits{SamplesPerSecond: 1, SampleBurst: 100_000, FramesPerSecond: 1, FrameBurst: 51}, func(s *client.Stream) {
			send(50, 1)(s)
			s.End()
		}, wire.CloseDone, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			n := startNode(t, func(c *Config) { c.Limits = test.limits })
			s := n.stream(n.person("anna", consent.Acceleration), client.StreamOptions{})
			test.do(s)
			if code, reason := closeOf(t, s, nil); code != test.code || !strings.Contains(reason, test.reason) {
				t.Errorf("closed with %d %q, want %d %q", code, reason, test.code, test.reason)
			}
		})
	}
}

func TestTooManySessions(t *testing.T) {
	n := startNode(t, func(c *Config) { c.Limits.Sessions, c.Limits.SessionsPerPerson = 3, 2 })
	anna, ben, eva := n.person("anna", consent.Acceleration), n.person("ben", consent.Acceleration), n.person("eva", consent.Acceleration)
	first := n.stream(anna, client.StreamOptions{})
	n.stream(anna, client.StreamOptions{})
	_, err := anna.Stream(t.Context(), client.StreamOptions{})
	checkProblem(t, "a third of one person", err, 429, "too_many_sessions")
	n.stream(ben, client.StreamOptions{})
	_, err = eva.Stream(t.Context(), client.StreamOptions{})
	checkProblem(t, "a fourth on the node", err, 429, "too_many_sessions")

	if err := first.End(); err != nil {
		t.Fatal(err)
	}
	closeOf(t, first, nil)
	eventually(t, "the place is free", func() bool { return n.metric("tempogate_sessions") == 2 })
	n.stream(eva, client.StreamOptions{})
}

// SIGTERM, seen from a session: the draining message, then 1001. Seen from the
// operator: not ready, no new session, nothing left in memory.
func TestDrain(t *testing.T) {
	n := startNode(t, nil)
	anna := n.person("anna", consent.Acceleration)
	s := n.stream(anna, client.StreamOptions{})
	sendWalk(t, n, s, noon, 3)
	if err := n.server.Ready(); err != nil {
		t.Errorf("not ready before: %v", err)
	}
	stopped := make(chan struct{})
	go func() { n.stop(); close(stopped) }()
	var wait float64
	code, _ := closeOf(t, s, func(m wire.Message) {
		if m.Type == wire.TypeDraining {
			wait = m.ReconnectAfterS
		}
	})
	if code != wire.CloseGoingAway || wait <= 0 {
		t.Errorf("closed with %d, told to come back after %v s", code, wait)
	}
	s.Close()
	<-stopped
	if n.server.Ready() == nil {
		t.Error("still ready")
	}
	if held := n.server.metrics.resident.Load(); held != 0 {
		t.Errorf("%d samples are still in memory", held)
	}
	if _, err := anna.Stream(t.Context(), client.StreamOptions{}); err == nil {
		t.Error("a new stream was opened")
	}
}

// A client that never hangs up does not keep the server from shutting down.
func TestDrainCutsOffAtTheEndOfGrace(t *testing.T) {
	n := startNode(t, func(c *Config) { c.Grace = 10 * time.Millisecond })
	s := n.stream(n.person("anna", consent.Acceleration), client.StreamOptions{})
	sendWalk(t, n, s, noon, 3)
	n.stop() // nobody reads the close frame
	if held := n.server.metrics.resident.Load(); held != 0 {
		t.Errorf("%d samples are still in memory", held)
	}
}

// A fault of ours in one session: that one ends, the other goes on.
func TestPanicEndsOneSession(t *testing.T) {
	n := startNode(t, func(c *Config) {
		c.decode = func(d *wire.Decoder, dst *wire.Batch, scratch *wire.Scratch, binary bool, payload []byte, allowed wire.Allowed) error {
			if !binary {
				panic(errors.New("canary: " + string(payload)))
			}
			return d.Decode(dst, scratch, binary, payload, allowed)
		}
	})
	bad, good := n.stream(n.person("anna", consent.Acceleration), client.StreamOptions{}), n.stream(n.person("ben", consent.Acceleration), client.StreamOptions{})
	sendWalk(t, n, good, noon, 2)
	if err := bad.SendRaw(false, []byte(`{"x":1234567.891}`)); err != nil {
		t.Fatal(err)
	}
	if code, reason := closeOf(t, bad, nil); code != 1011 || strings.Contains(reason, "canary") {
		t.Errorf("closed with %d %q", code, reason)
	}
	sendWalk(t, n, good, noon+2e9, 5)
	log := n.log.String()
	if !strings.Contains(log, "session failed") || !strings.Contains(log, "TestPanicEndsOneSession") {
		t.Errorf("the log does not say where it happened:\n%s", log)
	}
	if strings.Contains(log, "canary") || strings.Contains(log, "1234567") {
		t.Error("the log holds the value of the panic")
	}
}
