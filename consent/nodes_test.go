package consent_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tempogate/tempogate/consent"
	"github.com/tempogate/tempogate/ingest"
	"github.com/tempogate/tempogate/ingest/client"
	"github.com/tempogate/tempogate/ingest/wire"
)

// startNode starts a server with a ledger in a NATS cluster, and stops it when the
// test ends.
func startNode(t *testing.T, config consent.LedgerConfig) (url string) {
	t.Helper()
	config.Dir = t.TempDir()
	ledger, err := consent.OpenLedger(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	server, err := ingest.New(ingest.Config{
		Listen: "127.0.0.1:0", Ledger: ledger, Verifier: pseudonym{}, Logger: slog.New(slog.DiscardHandler),
		ShedLateness: time.Minute,
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Listen(); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	var serving sync.WaitGroup
	serving.Go(func() {
		if err := server.Serve(ctx); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() {
		stop()
		serving.Wait()
		if err := ledger.Close(); err != nil {
			t.Error(err)
		}
	})
	return server.URL()
}

// callerOf returns a client of a person for a node.
func callerOf(t *testing.T, url, person string) *client.Client {
	t.Helper()
	c, err := client.New(client.Config{URL: url, Token: person})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// streaming opens a stream, sees an answer on it, and goes on sending until it
// ends. The channel then has why.
func streaming(t *testing.T, person *client.Client) <-chan *client.Error {
	t.Helper()
	var stream *client.Stream
	soon(t, "a stream is let in", func() (err error) {
		stream, err = person.Stream(t.Context(), client.StreamOptions{})
		return err
	})
	var tasks sync.WaitGroup
	t.Cleanup(func() { stream.Close(); tasks.Wait() })
	ended, answered := make(chan *client.Error, 1), make(chan struct{})
	tasks.Go(func() {
		once := sync.OnceFunc(func() { close(answered) })
		for {
			_, err := stream.ReceiveLine()
			if err != nil {
				var why *client.Error
				errors.As(err, &why)
				ended <- why
				once()
				return
			}
			once()
		}
	})
	tasks.Go(func() {
		start := time.Now().UnixNano()
		for second := 0; stream.Send(motion(start, second), nil) == nil; second++ {
			time.Sleep(200 * time.Millisecond)
		}
	})
	<-answered
	return ended
}

// soon waits until something comes about.
func soon(t *testing.T, what string, try func() error) {
	t.Helper()
	var err error
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if err = try(); err == nil {
			return
		}
	}
	t.Fatalf("it did not come about that %s: %v", what, err)
}

// A withdrawal through any node ends the person's sessions on all of them, and
// nobody else's. A node that has lost the cluster ends the sessions that it has
// with 4503, lets nobody in and says to try another, and takes samples again once
// it has caught up: also with what was withdrawn meanwhile.
func TestAWithdrawalEndsSessionsOnAllNodes(t *testing.T) {
	t.Parallel() // mostly it waits
	const lease = 3 * time.Second
	cluster := consent.StartCluster(t, 3, "")
	consent.InitTest(t, consent.LedgerConfig{NATSURL: cluster.URL()})
	var urls []string
	var cut func(bool)
	for i := range 3 {
		config := consent.LedgerConfig{NATSURL: cluster.URL(i), Lease: lease}
		if i == 2 {
			config.NATSURL, cut = cluster.Link(i)
		}
		urls = append(urls, startNode(t, config))
	}
	say := func(node int, person string) {
		t.Helper()
		caller := callerOf(t, urls[node], person)
		notice, err := caller.Notice(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := caller.Grant(t.Context(), notice, []consent.Category{consent.Acceleration}, nil); err != nil {
			t.Fatal(err)
		}
	}
	for i, person := range []string{"ada", "bea", "cyd"} {
		say(i, person)
	}
	for through := range 3 {
		var ended []<-chan *client.Error
		for node := range 3 {
			ended = append(ended, streaming(t, callerOf(t, urls[node], "ada")))
		}
		other := streaming(t, callerOf(t, urls[through], "bea"))
		if err := callerOf(t, urls[through], "ada").Withdraw(t.Context()); err != nil {
			t.Fatal(err)
		}
		for node := range 3 {
			if why := <-ended[node]; why == nil || why.Close != wire.CloseConsent {
				t.Errorf("withdrawn through node %d, the session on node %d ended with %v", through, node, why)
			}
		}
		select {
		case why := <-other:
			t.Errorf("somebody else's session ended with %v", why)
		default:
		}
		say(through, "ada")
	}

	// The third node loses the cluster.
	bea, cyd := streaming(t, callerOf(t, urls[2], "bea")), streaming(t, callerOf(t, urls[2], "cyd"))
	elsewhere := streaming(t, callerOf(t, urls[0], "cyd"))
	cut(true)
	for _, ended := range []<-chan *client.Error{bea, cyd} {
		if why := <-ended; why == nil || why.Close != wire.CloseLedgerLost || !strings.Contains(why.Error(), "another") {
			t.Errorf("a session on a node that has lost the cluster ended with %v", why)
		}
	}
	_, err := callerOf(t, urls[2], "bea").Stream(t.Context(), client.StreamOptions{})
	var refused *client.Error
	if !errors.As(err, &refused) || refused.Status != http.StatusServiceUnavailable || refused.Code != "ledger_unavailable" || !strings.Contains(refused.Detail, "another node") {
		t.Errorf("a node that has lost the cluster says %v", err)
	}
	if err := callerOf(t, urls[1], "bea").Withdraw(t.Context()); err != nil {
		t.Fatal(err)
	}
	cut(false)
	back := streaming(t, callerOf(t, urls[2], "cyd"))
	_, err = callerOf(t, urls[2], "bea").Stream(t.Context(), client.StreamOptions{})
	if !errors.As(err, &refused) || refused.Status != http.StatusForbidden {
		t.Errorf("what was withdrawn meanwhile: %v", err)
	}
	for _, ended := range []<-chan *client.Error{elsewhere, back} {
		select {
		case why := <-ended:
			t.Errorf("a session that nothing was to end ended with %v", why)
		default:
		}
	}
}
