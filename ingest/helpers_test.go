package ingest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/tempogate/tempogate/classifier"
	"github.com/tempogate/tempogate/consent"
	"github.com/tempogate/tempogate/consent/identity"
	"github.com/tempogate/tempogate/ingest/client"
	"github.com/tempogate/tempogate/ingest/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// ages is longer than any machine needs for what a test waits for. Reaching it
// is a failure; nothing is ever measured against it.
const ages = 30 * time.Second

// A node is a server with its own ledger, as it would run, on loopback ports.
type node struct {
	t      testing.TB
	server *Server
	ledger *faultyLedger
	issuer *identity.Issuer
	log    *safeBuffer
	url    string
	admin  string
	stop   func() // shuts down and waits
}

// startNode starts a node. change may adapt its configuration.
func startNode(t testing.TB, change func(*Config)) *node {
	t.Helper()
	return startNodeIn(t, consent.LedgerConfig{Dir: t.TempDir()}, change)
}

// startNodeIn starts a node on a ledger that is configured otherwise.
func startNodeIn(t testing.TB, book consent.LedgerConfig, change func(*Config)) *node {
	t.Helper()
	dir := book.Dir
	issuer, err := identity.OpenIssuer(dir)
	if err != nil {
		t.Fatal(err)
	}
	log := &safeBuffer{}
	logger := slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	book.Logger = logger
	ledger, err := consent.OpenLedger(t.Context(), book)
	if err != nil {
		t.Fatal(err)
	}
	n := &node{t: t, ledger: &faultyLedger{Ledger: ledger}, issuer: issuer, log: log}
	config := Config{
		Listen: "127.0.0.1:0", Admin: "127.0.0.1:0",
		Ledger: n.ledger, Verifier: issuer, Recipients: issuer, Logger: logger,
	}
	if change != nil {
		change(&config)
	}
	if n.server, err = New(config); err != nil {
		t.Fatal(err)
	}
	if err := n.server.Listen(); err != nil {
		t.Fatal(err)
	}
	n.url = n.server.URL()
	n.admin = "http://" + n.server.AdminAddr().String()

	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- n.server.Serve(ctx) }()
	n.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-served; err != nil {
			t.Errorf("Serve: %v", err)
		}
		if err := ledger.Close(); err != nil {
			t.Errorf("closing the ledger: %v", err)
		}
	})
	t.Cleanup(n.stop)
	return n
}

// token returns a bearer token for a person of the test.
func (n *node) token(name string) string {
	n.t.Helper()
	token, err := n.issuer.Token(name, time.Hour)
	if err != nil {
		n.t.Fatal(err)
	}
	return token
}

// principal returns the pseudonym of a person.
func (n *node) principal(name string) string {
	n.t.Helper()
	who, err := n.issuer.Verify(n.t.Context(), n.token(name))
	if err != nil {
		n.t.Fatal(err)
	}
	return who.Principal
}

// person returns a client that has said yes to the given categories.
func (n *node) person(name string, categories ...consent.Category) *client.Client {
	n.t.Helper()
	c, err := client.New(client.Config{URL: n.url, Token: n.token(name)})
	if err != nil {
		n.t.Fatal(err)
	}
	n.t.Cleanup(c.Close)
	if len(categories) == 0 {
		return c
	}
	notice, err := c.Notice(n.t.Context())
	if err != nil {
		n.t.Fatal(err)
	}
	if _, err := c.Grant(n.t.Context(), notice, categories, nil); err != nil {
		n.t.Fatal(err)
	}
	return c
}

// stream opens a session that fails the test when it waits for ages.
func (n *node) stream(c *client.Client, options client.StreamOptions) *client.Stream {
	n.t.Helper()
	s, err := c.Stream(n.t.Context(), options)
	if err != nil {
		n.t.Fatal(err)
	}
	n.t.Cleanup(func() { s.Close() })
	s.SetReceiveDeadline(time.Now().Add(ages))
	return s
}

// metric returns the value of a series as /metrics shows it, 0 where it does
// not.
func (n *node) metric(series string) float64 {
	n.t.Helper()
	for line := range strings.Lines(n.get(n.admin + "/metrics")) {
		if rest, ok := strings.CutPrefix(line, series+" "); ok {
			var v float64
			if _, err := fmt.Sscan(rest, &v); err != nil {
				n.t.Fatalf("%s is %q", series, rest)
			}
			return v
		}
	}
	return 0
}

// get returns the body at an address.
func (n *node) get(url string) string {
	n.t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		n.t.Fatal(err)
	}
	defer resp.Body.Close()
	defer http.DefaultClient.CloseIdleConnections()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		n.t.Fatal(err)
	}
	return string(body)
}

// eventually waits until a condition holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(ages); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited for ages: %s", what)
		}
	}
}

// closeOf receives until the stream ends and returns the close code and its
// reason. Messages on the way are handed to seen, which may be nil.
func closeOf(t *testing.T, s *client.Stream, seen func(wire.Message)) (int, string) {
	t.Helper()
	for {
		m, err := s.Receive()
		var closed *client.Error
		switch {
		case errors.As(err, &closed):
			return closed.Close, closed.Detail
		case err != nil:
			t.Fatalf("the stream ended without a close code: %v", err)
		case seen != nil:
			seen(m)
		}
	}
}

// walking returns seconds of an invented walk at 100 Hz: gravity along one
// axis, and two bounces a second on it.
func walking(start int64, seconds int) []classifier.Sample {
	samples := make([]classifier.Sample, 0, 100*seconds)
	for i := range 100 * seconds {
		t := float64(i) / 100
		samples = append(samples, classifier.Sample{
			SensorTime: start + int64(i)*10_000_000,
			X:          0.4 * math.Sin(2*math.Pi*t),
			Y:          9.81 + 2.5*math.Sin(2*math.Pi*2*t),
			Z:          0.3 * math.Cos(2*math.Pi*t),
		})
	}
	return samples
}

// noon is a sensor time as phones send it: nanoseconds since the epoch.
const noon = int64(1_700_000_000_000_000_000)

// faultyLedger is a real ledger that can be told to fail.
type faultyLedger struct {
	*consent.Ledger
	down     atomic.Bool // nothing can be asked
	diskFull atomic.Bool // nothing can be written
	decided  atomic.Pointer[consent.Reason]
}

var errDiskFull = &consent.Error{Code: consent.CodeLedgerUnavailable, Message: "the ledger cannot write: free some space"}

func (l *faultyLedger) DecideAnew(_ context.Context, principal string, c consent.Category) consent.Decision {
	return l.Decide(principal, c)
}

func (l *faultyLedger) Decide(principal string, c consent.Category) consent.Decision {
	if l.down.Load() {
		return consent.Decision{Reason: consent.LedgerUnavailable}
	}
	if reason := l.decided.Load(); reason != nil {
		return consent.Decision{Allowed: *reason == consent.Allowed, Reason: *reason}
	}
	return l.Ledger.Decide(principal, c)
}

func (l *faultyLedger) Permit(principal string) consent.Permit {
	permit := l.Ledger.Permit(principal)
	permit.Acceleration = l.Decide(principal, consent.Acceleration)
	permit.Location = l.Decide(principal, consent.Location)
	return permit
}

func (l *faultyLedger) Healthy() error {
	if l.down.Load() {
		return errors.New("down")
	}
	return l.Ledger.Healthy()
}

func (l *faultyLedger) Give(ctx context.Context, principal string, req consent.GiveRequest) (*consent.Receipt, error) {
	if l.diskFull.Load() {
		return nil, errDiskFull
	}
	return l.Ledger.Give(ctx, principal, req)
}

func (l *faultyLedger) Refuse(ctx context.Context, principal string, req consent.RefuseRequest) (*consent.Receipt, error) {
	if l.diskFull.Load() {
		return nil, errDiskFull
	}
	return l.Ledger.Refuse(ctx, principal, req)
}

func (l *faultyLedger) Withdraw(ctx context.Context, principal, method string, categories ...consent.Category) (consent.Grant, error) {
	if l.diskFull.Load() {
		return consent.Grant{}, errDiskFull
	}
	return l.Ledger.Withdraw(ctx, principal, method, categories...)
}

// safeBuffer is a bytes.Buffer for several goroutines.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// rawDial opens a TCP connection that fails rather than wait for ages.
func rawDial(t testing.TB, url string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(ages))
	return conn
}
