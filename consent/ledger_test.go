package consent

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	runChild() // see child_test.go
	goleak.VerifyTestMain(m)
}

// A clock stands still until it is told to go on.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func newClock() *clock { return &clock{at: time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// noticeOfVersion is the built-in notice under another version, with two
// recipients that may be named.
func noticeOfVersion(t testing.TB, version string) *Notice {
	t.Helper()
	source := string(current(t).Source())
	source = strings.Replace(source, `"version": "2026-11-01"`, `"version": "`+version+`"`, 1)
	source = strings.Replace(source, `"recipients": []`,
		`"recipients": [{"name": "coach", "why": "Plans your training."}, {"name": "race", "why": "Shows your tempo to the crowd."}]`, 1)
	n, err := ParseNotice([]byte(source))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// testNotice is noticeOfVersion in any language, which states whether it needs
// a fresh consent. Only the purpose is put differently in each version.
func testNotice(t testing.TB, version, language string, fresh bool) *Notice {
	t.Helper()
	source := string(noticeOfVersion(t, version).Source())
	source = strings.Replace(source, `"language": "en"`, `"language": "`+language+`"`, 1)
	source = strings.Replace(source, `"purpose": "To work out`, `"purpose": "As of `+version+`, to work out`, 1)
	if !fresh {
		source = strings.Replace(source, `"language"`, `"fresh_consent": false, "language"`, 1)
	}
	n, err := ParseNotice([]byte(source))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// openTest opens a ledger and closes it when the test ends.
func openTest(t testing.TB, config LedgerConfig) *Ledger {
	t.Helper()
	if config.Dir == "" {
		config.Dir = t.TempDir()
	}
	if config.Logger == nil {
		config.Logger = slog.New(slog.NewTextHandler(testLog{t}, nil))
	}
	l, err := OpenLedger(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeTest(t, l) })
	return l
}

func closeTest(t testing.TB, l *Ledger) {
	t.Helper()
	if err := l.Close(); err != nil {
		t.Error(err)
	}
}

// A testLog passes log lines to the test.
type testLog struct{ t testing.TB }

func (l testLog) Write(line []byte) (int, error) {
	l.t.Log(strings.TrimSpace(string(line)))
	return len(line), nil
}

// yes is a request that fits the ledger's notice.
func yes(l *Ledger, categories ...Category) GiveRequest {
	return GiveRequest{
		NoticeVersion: l.notice.Version, NoticeSHA256: l.notice.SHA256,
		Categories: categories, Method: "test",
	}
}

func no(l *Ledger) RefuseRequest {
	return RefuseRequest{NoticeVersion: l.notice.Version, NoticeSHA256: l.notice.SHA256, Method: "test"}
}

func give(t testing.TB, l *Ledger, principal string, categories ...Category) *Receipt {
	t.Helper()
	r, err := l.Give(t.Context(), principal, yes(l, categories...))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func withdraw(t testing.TB, l *Ledger, principal string, categories ...Category) Grant {
	t.Helper()
	g, err := l.Withdraw(t.Context(), principal, "test", categories...)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func wantReason(t testing.TB, l *Ledger, principal string, c Category, want Reason) {
	t.Helper()
	got := l.Decide(principal, c)
	if got != (Decision{Allowed: want == Allowed, Reason: want}) {
		t.Errorf("%s of %s: %+v, want %s", c, principal, got, want)
	}
	permit := l.Permit(principal)
	if inOne, ok := map[Category]Decision{Acceleration: permit.Acceleration, Location: permit.Location}[c]; ok && inOne != got {
		t.Errorf("%s of %s in a permit: %+v, want %s", c, principal, inOne, want)
	}
}

func wantCode(t testing.TB, err error, want string) {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) || e.Code != want {
		t.Errorf("error %v, want the code %s", err, want)
	}
}

// eventually waits for something that another goroutine brings about.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("it did not come about that %s", what)
		}
	}
}

func TestAYesAndANoAreKeptThroughARestart(t *testing.T) {
	dir, time := t.TempDir(), newClock()
	l := openTest(t, LedgerConfig{Dir: dir, Now: time.now})
	receipt := give(t, l, "ada", Acceleration, Location)
	withdraw(t, l, "ada", Location)
	give(t, l, "bea", Acceleration)
	withdraw(t, l, "bea")
	if _, err := l.Refuse(t.Context(), "cyd", no(l)); err != nil {
		t.Fatal(err)
	}
	before := map[string]Grant{}
	for _, who := range []string{"ada", "bea", "cyd"} {
		g, err := l.Grant(who)
		if err != nil {
			t.Fatal(err)
		}
		before[who] = g
	}
	keys := l.Keys()
	closeTest(t, l)

	l = openTest(t, LedgerConfig{Dir: dir, Now: time.now})
	for who, want := range before {
		got, err := l.Grant(who)
		if err != nil {
			t.Fatal(err)
		}
		if !equalJSON(t, got, want) {
			t.Errorf("%s: %+v after the restart, %+v before", who, got, want)
		}
	}
	wantReason(t, l, "ada", Acceleration, Allowed)
	wantReason(t, l, "ada", Location, CategoryNotGranted)
	wantReason(t, l, "bea", Acceleration, Withdrawn)
	wantReason(t, l, "cyd", Acceleration, Refused)
	wantReason(t, l, "dot", Acceleration, NeverAsked)
	if err := receipt.Verify(l.Keys()); err != nil {
		t.Errorf("a receipt from before the restart: %v", err)
	}
	if !equalJSON(t, keys, l.Keys()) {
		t.Error("the restart changed the keys")
	}
}

func TestAClosedLedgerSaysNo(t *testing.T) {
	l := openTest(t, LedgerConfig{})
	give(t, l, "ada", Acceleration)
	closeTest(t, l)
	closeTest(t, l) // again does nothing

	wantReason(t, l, "ada", Acceleration, LedgerUnavailable)
	wantCode(t, l.Healthy(), CodeLedgerUnavailable)
	_, err := l.Give(t.Context(), "ada", yes(l, Acceleration))
	wantCode(t, err, CodeLedgerUnavailable)
	_, err = l.Withdraw(t.Context(), "ada", "test")
	wantCode(t, err, CodeLedgerUnavailable)
	_, err = l.Grant("ada")
	wantCode(t, err, CodeLedgerUnavailable)
	_, err = l.History(t.Context(), "ada")
	wantCode(t, err, CodeLedgerUnavailable)
	_, err = l.Receipt(t.Context(), "ada")
	wantCode(t, err, CodeLedgerUnavailable)
	_, err = l.Audit(t.Context())
	wantCode(t, err, CodeLedgerUnavailable)
}

// A client that hangs up in the middle of a withdrawal has still withdrawn, and
// one that has hung up before its turn has not.
func TestAClientThatHangsUp(t *testing.T) {
	l := openTest(t, LedgerConfig{})
	give(t, l, "ada", Acceleration)

	gone, cancel := context.WithCancel(t.Context())
	l.Watch("ada", func(Grant) { cancel() }) // hangs up before the answer
	if _, err := l.Withdraw(gone, "ada", "test"); err != nil {
		t.Fatal(err)
	}
	wantReason(t, l, "ada", Acceleration, Withdrawn)

	l.putting <- struct{}{} // somebody else's change takes long
	_, err := l.Give(gone, "bea", yes(l, Acceleration))
	wantCode(t, err, CodeLedgerUnavailable)
	<-l.putting
	wantReason(t, l, "bea", Acceleration, NeverAsked)
}

// The order that a session relies on: when told is called the gate is shut
// already, and nobody has heard yet that the withdrawal is done.
func TestWatchersAreToldBeforeTheAnswer(t *testing.T) {
	l := openTest(t, LedgerConfig{})
	give(t, l, "ada", Acceleration, Location)

	var told []string
	answered := false
	stop := l.Watch("ada", func(g Grant) {
		if answered {
			t.Error("the answer came first")
		}
		told = append(told, string(g.State)+" "+string(l.Decide("ada", Location).Reason))
	})
	l.Watch("bea", func(Grant) { t.Error("told of somebody else") })
	withdraw(t, l, "ada", Location)
	withdraw(t, l, "ada")
	withdraw(t, l, "ada") // changes nothing and tells nothing
	answered = true
	stop()
	stop() // again does nothing
	give(t, l, "ada", Acceleration)

	if got, want := strings.Join(told, ", "), "given category_not_granted, withdrawn withdrawn"; got != want {
		t.Errorf("told %q, want %q", got, want)
	}
	l.watching.Lock()
	defer l.watching.Unlock()
	if len(l.watchers) != 1 {
		t.Errorf("%d people are watched, want bea alone", len(l.watchers))
	}
}

// A watcher may stop itself and others while it is being told.
func TestAWatcherMayStopWhileTold(t *testing.T) {
	l := openTest(t, LedgerConfig{})
	calls := 0
	var stops []func()
	for range 3 {
		stops = append(stops, l.Watch("ada", func(Grant) {
			calls++
			for _, stop := range stops {
				stop()
			}
		}))
	}
	give(t, l, "ada", Acceleration)
	withdraw(t, l, "ada")
	if calls != 3 {
		t.Errorf("%d calls, want 3: the round that had begun, and none after", calls)
	}
}

// A clock that was never set, or a time to live without end, must not lead to an
// entry that the ledger itself refuses to read.
func TestNothingIsWrittenThatCannotBeRead(t *testing.T) {
	for name, config := range map[string]LedgerConfig{
		"the year 1":         {Now: func() time.Time { return time.Time{} }},
		"1970":               {Now: func() time.Time { return time.Unix(0, 0) }, GrantTTL: time.Hour},
		"for 290 years":      {GrantTTL: 290 * 365 * 24 * time.Hour},
		"from the year 3000": {Now: func() time.Time { return time.Date(3000, 1, 1, 0, 0, 0, 0, time.UTC) }},
	} {
		t.Run(name, func(t *testing.T) {
			config.Dir = t.TempDir()
			l := openTest(t, config)
			_, err := l.Give(t.Context(), "ada", yes(l, Acceleration))
			wantCode(t, err, CodeLedgerUnavailable)
			wantReason(t, l, "ada", Acceleration, NeverAsked)
			closeTest(t, l)
			l = openTest(t, LedgerConfig{Dir: config.Dir})
			give(t, l, "ada", Acceleration)
			wantReason(t, l, "ada", Acceleration, Allowed)
		})
	}
}
