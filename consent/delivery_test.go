package consent

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
)

// letting gives and names recipients.
func letting(t *testing.T, l *Ledger, principal string, recipients ...string) {
	t.Helper()
	request := yes(l, Acceleration)
	request.Recipients = recipients
	if _, err := l.Give(t.Context(), principal, request); err != nil {
		t.Fatal(err)
	}
}

// A listener is a recipient that takes what comes.
type listener struct {
	mu    sync.Mutex
	lines []string
}

// listen starts a recipient and returns when it listens.
func listen(t *testing.T, l *Ledger, name string) (*listener, func()) {
	t.Helper()
	r := &listener{}
	ctx, cancel := context.WithCancel(t.Context())
	listening, ended := make(chan struct{}), make(chan struct{})
	var once sync.Once
	go func() {
		defer close(ended)
		err := l.Receive(ctx, name, func(line []byte) error {
			once.Do(func() { close(listening) })
			if line != nil {
				r.mu.Lock()
				r.lines = append(r.lines, string(line))
				r.mu.Unlock()
			}
			return nil
		})
		if !errors.Is(err, context.Canceled) && !errors.Is(err, errClosed) {
			t.Error(err)
		}
	}()
	<-listening
	if err := l.store.tempo.Flush(); err != nil { // the server knows
		t.Fatal(err)
	}
	stop := sync.OnceFunc(func() { cancel(); <-ended })
	t.Cleanup(stop)
	return r, stop
}

func (r *listener) got() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string{}, r.lines...)
}

// people returns the names that a recipient knows people by.
func (r *listener) people(t *testing.T) (names []string) {
	t.Helper()
	for _, line := range r.got() {
		var read struct {
			Person string
			BPM    int
		}
		if err := json.Unmarshal([]byte(line), &read); err != nil || read.BPM != 163 {
			t.Fatalf("%s: %v", line, err)
		}
		names = append(names, read.Person)
	}
	return names
}

const estimate = `{"bpm":163}`

// Tempo goes to whom the grant names, under a name of its own for each, and to
// nobody else; and the person can see who got how much.
func TestTempoGoesToWhomTheGrantNames(t *testing.T) {
	dir := t.TempDir()
	config := LedgerConfig{Dir: dir, Notice: noticeOfVersion(t, "2026-12-01")}
	l := openTest(t, config)
	coach, _ := listen(t, l, "coach")
	race, stopRace := listen(t, l, "race")
	letting(t, l, ada, "coach", "race")
	letting(t, l, bea, "coach")
	letting(t, l, "cyd")
	for range 3 {
		for _, who := range []string{ada, bea, "cyd", "never asked"} {
			l.Deliver(who, []byte(estimate))
		}
	}
	counted := func(l *Ledger, want string) {
		t.Helper()
		eventually(t, want, func() bool {
			var all []string
			for _, who := range []string{ada, bea, "cyd"} {
				g, err := l.Grant(who)
				if err != nil {
					t.Fatal(err)
				}
				for _, d := range g.Deliveries {
					if d.Since.IsZero() != (d.Estimates == 0) || d.Last.Before(d.Since) {
						t.Fatalf("%+v", d)
					}
					all = append(all, who[:3], d.Recipient, string(rune('0'+d.Estimates)))
				}
			}
			return strings.Join(all, " ") == want
		})
	}
	counted(l, "ada coach 3 ada race 3 bea coach 3")
	if l.Delivers("cyd") || l.Delivers("never asked") || !l.Delivers(bea) {
		t.Error("somebody without recipients has some, or the other way round")
	}
	names := coach.people(t)
	if len(names) != 6 || len(race.people(t)) != 3 || names[0] == names[1] || names[0] != names[2] {
		t.Errorf("coach got %v, race %v", names, race.people(t))
	}
	p, err := l.person(ada)
	if err != nil {
		t.Fatal(err)
	}
	if known := race.people(t)[0]; known == names[0] || known == ada || known == p.who.record() || names[0] == p.who.record() {
		t.Error("two recipients can join what they know of a person")
	}

	// What nobody listens for is not counted as received.
	stopRace()
	if err := l.store.tempo.Flush(); err != nil {
		t.Fatal(err)
	}
	l.Deliver(ada, []byte(estimate))
	counted(l, "ada coach 4 ada race 3 bea coach 3")
	eventually(t, "it is known that race does not listen", func() bool { return l.DeliveryCounts()["race"].Unheard == 1 })
	if c := l.DeliveryCounts(); c["race"].Taken != 3 || c["coach"].Taken != 7 {
		t.Errorf("%+v", c)
	}

	// A renewal without race, and a withdrawal.
	letting(t, l, ada, "coach")
	withdraw(t, l, bea)
	l.Deliver(ada, []byte(estimate))
	l.Deliver(bea, []byte(estimate))
	counted(l, "ada coach 5 ada race 3 bea coach 3")
	if e, err := l.Export(t.Context(), ada); err != nil || len(e.Grant.Deliveries) != 2 {
		t.Errorf("the export says %+v, %v", e.Grant.Deliveries, err)
	}
	closeTest(t, l)

	l = openTest(t, config)
	counted(l, "ada coach 5 ada race 3 bea coach 3")
	if _, err := l.Erase(t.Context(), ada, "test"); err != nil {
		t.Fatal(err)
	}
	letting(t, l, ada, "coach")
	again, _ := listen(t, l, "coach")
	l.Deliver(ada, []byte(estimate))
	counted(l, "ada coach 1 bea coach 3")
	if again.people(t)[0] == names[0] {
		t.Error("the recipient knows whoever was erased by the name of before")
	}
}

// A withdrawal that is acknowledged while estimates are queued stops them.
func TestAWithdrawalStopsWhatIsQueued(t *testing.T) {
	l := openTest(t, LedgerConfig{Notice: noticeOfVersion(t, "2026-12-01")})
	coach, _ := listen(t, l, "coach")
	letting(t, l, ada, "coach")
	l.deliveries.stop()
	<-l.deliveries.done
	for range outboxSize + 5 {
		l.Deliver(ada, []byte(estimate)) // never waits
	}
	if c := l.DeliveryCounts()["coach"]; c.Dropped != 5 {
		t.Errorf("%+v, want 5 dropped", c)
	}
	withdraw(t, l, ada)
	for range outboxSize {
		l.handOver(<-l.deliveries.outbox)
	}
	if err := l.store.tempo.Flush(); err != nil {
		t.Fatal(err)
	}
	if lines := coach.got(); len(lines) > 0 {
		t.Errorf("%d estimates were handed over after the withdrawal", len(lines))
	}
}

// Recipients hear of everybody on whichever node they are, and what two nodes
// count adds up.
func TestTempoFromTheOtherNode(t *testing.T) {
	s := startServer(t, t.TempDir(), server.RANDOM_PORT)
	config := LedgerConfig{NATSURL: s.ClientURL(), Notice: noticeOfVersion(t, "2026-12-01")}
	one, two := openTest(t, config), openTest(t, config)
	coach, _ := listen(t, one, "coach")
	letting(t, one, ada, "coach")
	eventually(t, "the other node knows", func() bool { return two.Delivers(ada) })
	for range 3 {
		one.Deliver(ada, []byte(estimate))
		two.Deliver(ada, []byte(estimate))
	}
	eventually(t, "all of it is received", func() bool {
		return one.DeliveryCounts()["coach"].Taken == 3 && two.DeliveryCounts()["coach"].Taken == 3
	})
	if names := coach.people(t); len(names) != 6 || names[0] != names[5] {
		t.Errorf("%v", names)
	}
	one.keepReceived(t.Context())
	two.keepReceived(t.Context())
	for i, l := range []*Ledger{one, two} {
		eventually(t, "both nodes know of both", func() bool {
			g, err := l.Grant(ada)
			if err != nil {
				t.Fatal(i, err)
			}
			return len(g.Deliveries) == 1 && g.Deliveries[0].Estimates == 6
		})
	}
}

func TestReceiveNeedsANamedRecipient(t *testing.T) {
	l := openTest(t, LedgerConfig{Notice: noticeOfVersion(t, "2026-12-01")})
	for _, name := range []string{"", "insurance", "*", ">"} {
		wantCode(t, l.Receive(t.Context(), name, func([]byte) error { return nil }), CodeUnknownRecipient)
	}
	broken := errors.New("broken")
	if err := l.Receive(t.Context(), "coach", func([]byte) error { return broken }); !errors.Is(err, broken) {
		t.Error(err)
	}
}

// What nobody answers for is given up, in bounded memory.
func TestUnheardEstimatesAreGivenUp(t *testing.T) {
	d := &deliveries{waiting: map[uint64]handed{}, counts: map[string]*DeliveryCounts{}}
	for range maxUnheard + 10 {
		d.wait("coach", "p")
	}
	if len(d.waiting) != maxUnheard || d.of("coach").Unheard != 10 {
		t.Errorf("%d wait, %+v", len(d.waiting), d.of("coach"))
	}
	d.expire(d.waiting[d.next].at.Add(takenWithin))
	if len(d.waiting) != 0 || d.of("coach").Unheard != maxUnheard+10 {
		t.Errorf("%d wait, %+v", len(d.waiting), d.of("coach"))
	}
}

// Everybody without recipients costs a look-up and nothing else.
func TestDeliversDoesNotAllocate(t *testing.T) {
	l, principals := loaded(t, 100)
	if n := testing.AllocsPerRun(100, func() { l.Deliver(principals[7], []byte(estimate)) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
