package ingest

import (
	"errors"
	"io"
	"math"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/tempogate/tempogate/consent"
	"github.com/tempogate/tempogate/ingest/client"
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
	p := pressure{limit: 20 * time.Millisecond, quota: math.Inf(1)}
	// Where a probe comes half a second late there are two a second: as many
	// seconds have to do as with probes that are a little late.
	p.probe(500*time.Millisecond, 500*time.Millisecond, 500*time.Millisecond, 0)
	p.probe(500*time.Millisecond, 500*time.Millisecond, 500*time.Millisecond, 0)
	if !p.shedding.Load() {
		t.Errorf("after a second of great lateness %v", time.Duration(p.lateness.Load()))
	}
	p = pressure{limit: 20 * time.Millisecond, quota: math.Inf(1)}
	probes := func(n int, late time.Duration) bool {
		for range n {
			p.probe(late, max(late, probeEvery), max(late, probeEvery), 0)
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
	// A node that does hardly anything waits for others.
	p = pressure{limit: 20 * time.Millisecond, quota: math.Inf(1)}
	p.probe(time.Second, 5*time.Second, 200*time.Millisecond, 1000)
	if p.shedding.Load() {
		t.Error("shedding at a twentieth of one processor")
	}
}

// What was too much once is not filled to the brim again, and doubted only
// slowly.
func TestReopening(t *testing.T) {
	const sessions = 1000
	p := pressure{limit: 20 * time.Millisecond, quota: 1}
	now := time.Now().UnixNano()
	come := func(sessions int) (n int) { // how many of 10,000 who come at once are let in
		for range 10_000 {
			if p.admits(now, sessions+n) {
				p.came()
				n++
			}
		}
		return n
	}
	probe := func(late time.Duration, own float64) {
		const since = 5 * time.Second
		p.probe(late, since, time.Duration(own*float64(since)), sessions)
	}
	if n := come(sessions); n != 10_000 {
		t.Errorf("%d of 10 000 were let in to a node that does nothing", n)
	}
	probe(time.Second, 0.5)
	if n := come(sessions); n != 0 {
		t.Errorf("%d were let in during the overload", n)
	}
	if n := come(shedsFrom / 2); n != shedsFrom/2 {
		t.Errorf("%d were let in where half as many are as can be an overload", n)
	}

	// The overload is over, and what the sessions take is 0.95 of what was too
	// much, or 0.6 of it: then there is room for half as many more.
	probe(0, 0.475)
	if n := come(sessions); n != 0 {
		t.Errorf("%d were let in at 0.95 of what was too much", n)
	}
	probe(0, 0.3)
	if n := come(sessions); n < 450 || n > 550 {
		t.Errorf("%d were let in at once where there is room for 500", n)
	}
	probe(0, 0.3)
	if n := come(sessions / 10); n < 400 {
		t.Errorf("%d were let in to a tenth of the sessions that there were", n)
	}

	// Calm at what is allowed makes one doubt it, within a minute.
	for seconds := 0; ; seconds += 5 {
		probe(0, 0.445)
		if n := come(sessions); n > 100 {
			if seconds < 10 || seconds > 60 {
				t.Errorf("after %d s of calm %d were let in", seconds, n)
			}
			break
		}
		if seconds > 100 {
			t.Fatal("it is never doubted")
		}
	}

	// Where it proves true, it is doubted half as fast the next time.
	probe(time.Second, 0.5)
	probe(0, 0.445)
	for seconds := 0; seconds < 30; seconds += 5 {
		probe(0, 0.445)
		if n := come(sessions); n > 100 {
			t.Errorf("after %d s of calm %d were let in, to a node that was overloaded twice", seconds, n)
		}
	}
	now += int64(forgotten + time.Minute)
	if n := come(sessions); n < 500 {
		t.Errorf("%d were let in when it was long over", n)
	}
}

// Who was let in shows in what a node takes only after some seconds. Until then
// they count as much as the others, or a crowd that comes within a second would be
// too many before anything is late.
func TestACrowdIsNotLetInAtOnce(t *testing.T) {
	const each = 0.0004 // processors of a session
	p := pressure{limit: 20 * time.Millisecond, quota: 1}
	now := time.Now().UnixNano()
	var let []int // in, by step of 100 ms
	for step := range 600 {
		n, own := len(let), 0.
		for _, at := range let { // the first frame comes within a second
			own += each * min(1, float64(step-at)/10)
		}
		p.probe(0, probeEvery, time.Duration(own*float64(probeEvery)), n)
		for range 50 { // 500 a second come
			if p.admits(now, len(let)) {
				p.came()
				let = append(let, step)
			}
		}
		if n := float64(len(let)); n*each > fills+0.01 {
			t.Fatalf("%g sessions after %d steps, where %g fit", n, step, fills/each)
		}
	}
	if n := float64(len(let)); n*each < fills-0.01 {
		t.Errorf("%g sessions in the end, where %g fit", n, fills/each)
	}
}

// Who knocks and is not let in takes nobody's room: else anybody without a token could
// keep those out who have one.
func TestStrangersTakeNoRoom(t *testing.T) {
	n := startNode(t, nil)
	coming := func() float64 {
		n.server.pressure.mu.Lock()
		defer n.server.pressure.mu.Unlock()
		return n.server.pressure.coming
	}
	n.get(n.url + "/v1/stream") // without a token
	if _, err := n.person("bert").Stream(t.Context(), client.StreamOptions{}); err == nil {
		t.Fatal("somebody without a yes was let in")
	}
	if c := coming(); c != 0 {
		t.Errorf("%g are believed to come, of whom nobody was let in", c)
	}
	n.stream(n.person("anna", consent.Acceleration), client.StreamOptions{}).Close()
	eventually(t, "who was let in is believed to come", func() bool { return coming() > 0 })
}

// A quota of processor time is what is too much before anything was late: a
// process that has used it up stands still.
func TestQuotaIsNotFilled(t *testing.T) {
	p := pressure{limit: 20 * time.Millisecond, quota: 0.4}
	for _, step := range []struct {
		own      float64
		sessions int
		want     bool
	}{
		{0.30, 1000, true},
		{0.33, 1000, false},
		{0.33, shedsFrom - 1, true}, // few sessions: not what it suffers from
		{0.30, 1000, true},
	} {
		p.probe(0, time.Minute, time.Duration(step.own*float64(time.Minute)), step.sessions)
		if got := p.admits(time.Now().UnixNano(), step.sessions); got != step.want {
			t.Errorf("%g processors of 0.4 for %d sessions: admits %t", step.own, step.sessions, got)
		}
	}
}

// A fifth of the machine stays idle, whoever takes the rest; but other programs push
// this one down to the share only that the system gives it beside them.
func TestOthersHaveTheirShare(t *testing.T) {
	machine := float64(runtime.NumCPU())
	for _, test := range []struct{ own, others, want float64 }{ // shares of the machine
		{0, 0, fills},
		{0.5, 0, fills},
		{0.3, 0.2, fills - 0.2},
		{0.1, 0.8, fills * fairShare},
	} {
		p := pressure{limit: 20 * time.Millisecond, quota: math.Inf(1)}
		used := func(share float64) time.Duration { return time.Duration(share * machine * float64(time.Minute)) }
		p.look(time.Minute, used(test.own), used(test.own+test.others))
		if got := p.usable() / machine; math.Abs(got-test.want) > 1e-6 {
			t.Errorf("%g beside %g: %g of the machine can be had, want %g", test.own, test.others, got, test.want)
		}
		p.look(time.Minute, used(test.own), 0) // nobody tells what is used
		if got := p.usable() / machine; math.Abs(got-fills) > 1e-6 {
			t.Errorf("%g beside nobody knows how much: %g", test.own, got)
		}
	}
}

// An overloaded node refuses new sessions, tells when to come back, and lets in
// again when it can.
func TestShedding(t *testing.T) {
	n := startNode(t, func(c *Config) { c.ShedLateness = time.Nanosecond }) // every probe is later
	anna := n.person("anna", consent.Acceleration)
	go func() {
		for !n.server.pressure.shedding.Load() && t.Context().Err() == nil {
		}
	}()
	eventually(t, "the node is late and does much", n.server.pressure.shedding.Load)
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

// A node that has let in too much sends sessions away until answers are no
// longer late, and no more of them than that takes.
func TestRelief(t *testing.T) {
	var r relief
	for i, step := range []struct {
		lateness time.Duration
		shedding bool
		sessions int
		want     int
	}{
		{150 * time.Millisecond, true, 1000, 0}, // the door is closed: that may do
		{200 * time.Millisecond, true, 1000, 0},
		{100 * time.Millisecond, true, 1000, 0},
		{150 * time.Millisecond, true, 1000, 0},
		{200 * time.Millisecond, true, 1000, 0},
		{200 * time.Millisecond, true, 1000, 0},
		{200 * time.Millisecond, true, 1000, 0},
		{200 * time.Millisecond, true, 1000, 40}, // it does not
		{250 * time.Millisecond, true, 960, 39},  // worse still
		{200 * time.Millisecond, true, 921, 0},   // better: it may be enough
		{195 * time.Millisecond, true, 921, 37},  // hardly better any more
		{100 * time.Millisecond, true, 884, 0},
		{95 * time.Millisecond, true, 884, 36}, // not over before the door opens
		{5 * time.Millisecond, false, 848, 0},
		{200 * time.Millisecond, true, 848, 0}, // the next overload begins as the first
		{250 * time.Millisecond, true, shedsFrom + 1, 0},
		{250 * time.Millisecond, true, shedsFrom + 1, 0},
		{250 * time.Millisecond, true, shedsFrom + 1, 0},
		{250 * time.Millisecond, true, shedsFrom + 1, 1},
		{250 * time.Millisecond, true, shedsFrom, 0}, // few sessions: not what is late
	} {
		if got := r.step(step.lateness, 25*time.Millisecond, step.shedding, step.sessions); got != step.want {
			t.Errorf("step %d: %d have to go, want %d", i, got, step.want)
		}
	}
}

// Those who came last go first, and are told as in a drain when to come back.
func TestTheNewestAreSentAway(t *testing.T) {
	n := startNode(t, nil)
	anna := n.person("anna", consent.Acceleration)
	first := n.stream(anna, client.StreamOptions{})
	defer first.Close()
	second := n.stream(anna, client.StreamOptions{})
	defer second.Close()
	eventually(t, "both are there", func() bool { return n.server.registry.count() == 2 })
	n.server.sendAway(1)
	told := 0.0
	code, _ := closeOf(t, second, func(m wire.Message) { told = max(told, m.ReconnectAfterS) })
	if code != wire.CloseGoingAway || told == 0 {
		t.Errorf("closed with %d, and told to come back after %g s", code, told)
	}
	eventually(t, "the older one is left", func() bool { return n.server.registry.count() == 1 })
	if n.metric(`tempogate_sessions_sent_away_total`) != 1 {
		t.Error("it was not counted")
	}
}

// The errand comes as late as what waits before it.
func TestErrand(t *testing.T) {
	var e errand
	defer e.end()
	if e.late(time.Now()) != 0 {
		t.Error("late before it began")
	}
	e.begin()
	e.late(time.Now())
	eventually(t, "it is done", func() bool { return e.sent.Load() == 0 })
	if took := e.late(time.Now()); took <= 0 {
		t.Errorf("the first took %v", took)
	}
	eventually(t, "the second is done", func() bool { return e.sent.Load() == 0 })
	e.sent.Store(time.Now().Add(-time.Minute).UnixNano()) // one that is under way for a minute
	if late := e.late(time.Now()); late < time.Minute {
		t.Errorf("one under way for a minute is %v late", late)
	}
}
