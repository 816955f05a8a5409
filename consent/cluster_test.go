package consent

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// An external server, as an operator would run it beside several nodes.
func startServer(t *testing.T, dir string, port int) *server.Server {
	t.Helper()
	s, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: port, NoSigs: true, NoLog: true,
		JetStream: true, StoreDir: dir, SyncAlways: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	if !s.ReadyForConnections(10 * time.Second) {
		t.Fatal("the server did not start")
	}
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	return s
}

func portOf(t *testing.T, address string) int {
	t.Helper()
	parsed, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(parsed.Port())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

func TestAWithdrawalReachesTheOtherNode(t *testing.T) {
	s := startServer(t, t.TempDir(), server.RANDOM_PORT)
	one := openTest(t, LedgerConfig{NATSURL: s.ClientURL()})
	two := openTest(t, LedgerConfig{NATSURL: s.ClientURL()})

	told := make(chan Grant, 2)
	two.Watch("ada", func(g Grant) { told <- g })
	give(t, one, "ada", Acceleration)
	if g := <-told; g.State != Given {
		t.Errorf("the other node was told of %s", g.State)
	}
	wantReason(t, two, "ada", Acceleration, Allowed)

	withdraw(t, one, "ada")
	wantReason(t, one, "ada", Acceleration, Withdrawn)
	if g := <-told; g.State != Withdrawn {
		t.Errorf("the other node was told of %s", g.State)
	}
	wantReason(t, two, "ada", Acceleration, Withdrawn)
}

// Who says yes on one node and goes to another right away is let in there: a no to
// somebody who comes in is not said from memory either.
func TestAYesOfAMomentAgoCountsOnTheOtherNode(t *testing.T) {
	s := startServer(t, t.TempDir(), server.RANDOM_PORT)
	one := openTest(t, LedgerConfig{NATSURL: s.ClientURL()})
	two := openTest(t, LedgerConfig{NATSURL: s.ClientURL()})
	behind := 0
	for range 50 {
		give(t, one, "ada", Acceleration)
		if !two.Decide("ada", Acceleration).Allowed {
			behind++
		}
		if d := two.DecideAnew(t.Context(), "ada", Acceleration); !d.Allowed {
			t.Fatalf("a yes that was acknowledged does not count: %s", d.Reason)
		}
		withdraw(t, one, "ada")
		if d := two.DecideAnew(t.Context(), "bea", Acceleration); d.Reason != NeverAsked {
			t.Fatalf("somebody who was never asked: %+v", d)
		}
	}
	t.Logf("in memory the other node was behind %d times of 50", behind)
	s.Shutdown()
	if d := two.DecideAnew(t.Context(), "bea", Acceleration); d.Allowed {
		t.Error("without a store somebody is let in")
	}
}

// While the connection to the store moves on to another server nothing can be sent.
// A question waits for that.
func TestAQuestionWaitsForTheNextServer(t *testing.T) {
	t.Parallel() // mostly it waits
	var s store
	tries := 0
	if err := s.ask(t.Context(), func(context.Context) error {
		if tries++; tries < 3 {
			return fmt.Errorf("asking: %w", nats.ErrReconnectBufExceeded)
		}
		return nil
	}); err != nil || tries != 3 {
		t.Errorf("%v after %d tries", err, tries)
	}
	if err := s.ask(t.Context(), func(context.Context) error { return nats.ErrReconnectBufExceeded }); !errors.Is(err, nats.ErrReconnectBufExceeded) {
		t.Errorf("where no server is found: %v", err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.ask(gone, func(context.Context) error { return nats.ErrReconnectBufExceeded }); !errors.Is(err, nats.ErrReconnectBufExceeded) {
		t.Errorf("when nobody waits any more: %v", err)
	}
}

// A node that answers "nothing to change" has asked the store first: what it
// holds in memory may be behind.
func TestNothingToChangeIsNotSaidFromMemory(t *testing.T) {
	s := startServer(t, t.TempDir(), server.RANDOM_PORT)
	one := openTest(t, LedgerConfig{NATSURL: s.ClientURL()})
	two := openTest(t, LedgerConfig{NATSURL: s.ClientURL()})
	for range 50 {
		give(t, one, "ada", Acceleration)
		if g := withdraw(t, two, "ada"); g.State != Withdrawn {
			t.Fatalf("%s", g.State)
		}
		g, err := two.Grant("ada")
		if err != nil || g.State != Withdrawn {
			t.Fatalf("a withdrawal was answered and did not happen: %+v, %v", g, err)
		}
		if g := withdraw(t, one, "ada"); g.State != Withdrawn {
			t.Fatalf("%s", g.State)
		}
	}
	history, err := one.History(t.Context(), "ada")
	if err != nil || len(history) != 100 {
		t.Errorf("%d changes, want 100 (%v)", len(history), err)
	}
}

func TestTwoNodesRaceForOnePerson(t *testing.T) {
	s := startServer(t, t.TempDir(), server.RANDOM_PORT)
	one := openTest(t, LedgerConfig{NATSURL: s.ClientURL()})
	two := openTest(t, LedgerConfig{NATSURL: s.ClientURL()})
	raceForOnePerson(t, 200, one, two)
}

// A node that has lost its store goes on for the lease, because it would hear
// of nothing within that time; then it says no, and yes again once it has
// caught up.
func TestALostStoreEndsTheLease(t *testing.T) {
	const lease = 400 * time.Millisecond
	dir := t.TempDir()
	s := startServer(t, dir, server.RANDOM_PORT)
	address := s.ClientURL()
	l := openTest(t, LedgerConfig{NATSURL: address, Lease: lease})
	give(t, l, "ada", Acceleration, Location)
	give(t, l, "bea", Acceleration)

	s.Shutdown()
	s.WaitForShutdown()
	lost := time.Since(l.opened)
	eventually(t, "the ledger says no", func() bool {
		return l.Decide("ada", Acceleration).Reason == LedgerUnavailable
	})
	if until := time.Duration(l.heardUntil.Load()); until > lost+lease {
		t.Errorf("the lease was renewed %v after the store was lost", until-lost-lease)
	}
	wantReason(t, l, "nobody", Acceleration, LedgerUnavailable)
	wantCode(t, l.Healthy(), CodeLedgerUnavailable)
	impatient, cancel := context.WithTimeout(t.Context(), lease)
	defer cancel()
	_, err := l.History(impatient, "ada")
	wantCode(t, err, CodeLedgerUnavailable)

	startServer(t, dir, portOf(t, address))
	eventually(t, "the ledger answers again", func() bool {
		return l.Healthy() == nil && l.Decide("ada", Location).Allowed
	})
	withdraw(t, l, "ada", Location)
	eventually(t, "the ledger answers by the change", func() bool {
		return l.Decide("ada", Acceleration).Allowed && l.Decide("ada", Location).Reason == CategoryNotGranted
	})
	if _, err := l.Audit(t.Context()); err != nil {
		t.Error(err)
	}
}

// A withdrawal that cannot be kept is not acknowledged, and still nothing of
// that person is let in: they said no. Others are not touched by it.
func TestAWithdrawalThatCannotBeKept(t *testing.T) {
	dir := t.TempDir()
	s := startServer(t, dir, server.RANDOM_PORT)
	l := openTest(t, LedgerConfig{NATSURL: s.ClientURL(), Lease: time.Minute})
	give(t, l, "ada", Acceleration)
	give(t, l, "bea", Acceleration)
	give(t, l, "cyd", Acceleration)
	address := s.ClientURL()
	s.Shutdown()
	s.WaitForShutdown()

	l.patience = 100 * time.Millisecond
	_, err := l.Withdraw(t.Context(), "ada", "test")
	wantCode(t, err, CodeLedgerUnavailable)
	// With a key it could not even be seen whether it is the first time.
	_, err = l.Withdraw(WithRequestKey(t.Context(), "key"), "cyd", "test")
	wantCode(t, err, CodeLedgerUnavailable)
	wantReason(t, l, "cyd", Acceleration, LedgerUnavailable)
	l.patience = putTimeout
	wantReason(t, l, "ada", Acceleration, LedgerUnavailable)
	wantReason(t, l, "bea", Acceleration, Allowed)
	if g, err := l.Grant("ada"); err != nil || g.State != Given {
		t.Errorf("memory says %s although no change was kept (%v)", g.State, err)
	}

	startServer(t, dir, portOf(t, address))
	eventually(t, "the withdrawal is kept", func() bool {
		_, err := l.Withdraw(t.Context(), "ada", "test")
		return err == nil
	})
	wantReason(t, l, "ada", Acceleration, Withdrawn)
	give(t, l, "ada", Acceleration)
	wantReason(t, l, "ada", Acceleration, Allowed)
}

func TestAServerThatIsNotThere(t *testing.T) {
	_, err := OpenLedger(t.Context(), LedgerConfig{Dir: t.TempDir(), NATSURL: "nats://127.0.0.1:1"})
	wantCode(t, err, CodeLedgerUnavailable)
	var e *Error
	if errors.As(err, &e) && e.Unwrap() == nil {
		t.Error("the cause is not told")
	}
}

// An address may hold a password, so no error quotes one.
func TestAnAddressThatIsNone(t *testing.T) {
	_, err := OpenLedger(t.Context(), LedgerConfig{Dir: t.TempDir(), NATSURL: "nats://127.0.0.1:1, nats://me:secret@[::1"})
	wantCode(t, err, CodeLedgerUnavailable)
	if err == nil || strings.Contains(err.Error(), "secret") || !strings.Contains(err.Error(), "server 2") {
		t.Errorf("error %v", err)
	}
}
