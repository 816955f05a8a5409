package consent

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
)

// tempoCluster is a server with the account that NATSAccount writes, its streams,
// and the users by name.
func tempoCluster(t *testing.T, more string, recipients ...string) (*natsCluster, map[string]NATSUser) {
	t.Helper()
	users, err := NATSUsers(t.TempDir(), recipients)
	if err != nil {
		t.Fatal(err)
	}
	account, err := AppendNATSAccount([]byte(more), DefaultAccount, users)
	if err != nil {
		t.Fatal(err)
	}
	named := map[string]NATSUser{}
	for _, u := range users {
		named[u.Name] = u
	}
	c := startCluster(t, 1, string(account))
	initCluster(t, LedgerConfig{NATSURL: c.url(), NATS: NATSAccess{NKey: named["setup"].Seed}})
	return c, named
}

// tempoNode opens a ledger there, with a notice that names coach and race.
func tempoNode(t *testing.T, c *natsCluster, users map[string]NATSUser) *Ledger {
	t.Helper()
	return openTest(t, LedgerConfig{
		NATSURL: c.url(), NATS: NATSAccess{NKey: users["node"].Seed}, Notice: noticeOfVersion(t, "2026-12-01"),
	})
}

// A recipient with credentials of its own hears its own tempo, which is counted as
// delivered, and nothing else that goes on: no other recipient's, nothing of the
// ledger, no answers to anybody. It can say nothing to anybody.
func TestRecipientsHearOnlyTheirOwn(t *testing.T) {
	c, users := tempoCluster(t, "", "coach", "race")
	l := tempoNode(t, c, users)
	letting(t, l, "ada", "coach", "race")
	letting(t, l, "bea", "race")

	coach := NATSAccess{NKey: users["recipient coach"].Seed}
	ctx, stop := context.WithCancel(t.Context())
	var mu sync.Mutex
	var lines []string
	listening, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		ended <- ReceiveTempo(ctx, c.url(), coach, "coach", func(line []byte) error {
			mu.Lock()
			defer mu.Unlock()
			if line == nil {
				close(listening)
			} else {
				lines = append(lines, string(line))
			}
			return nil
		}, nil)
	}()
	<-listening
	l.Deliver("ada", []byte(estimate))
	l.Deliver("bea", []byte(estimate))
	eventually(t, "coach has heard of ada, and race was not there", func() bool {
		counts := l.DeliveryCounts()
		return counts["coach"].Taken == 1 && counts["race"].Unheard == 2
	})
	stop()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	p, err := l.person("ada")
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"person":"` + p.who.pseudonym("coach") + `",` + estimate[1:]; len(lines) != 1 || lines[0] != want {
		t.Errorf("heard %q, want %s", lines, want)
	}
	err = ReceiveTempo(t.Context(), c.url(), coach, "race", func([]byte) error { return errors.New("listens") }, nil)
	wantCode(t, err, CodeLedgerUnavailable)
	wantCode(t, ReceiveTempo(t.Context(), c.url(), coach, "*", nil, nil), CodeUnknownRecipient)

	conn, err := nats.Connect(c.url(), mustNKey(t, coach.NKey), nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	heard := make(chan *nats.Msg, 100)
	for _, subject := range []string{
		"tempo.race", "tempo.*", "tempo.>", ">", "*.*", "consent.*", "consent.>", "notice.*.*", "person.*", "received.*.*",
		"_INBOX.>", "_INBOX.*.*", "$JS.>", "$JS.API.>", "$JS.EVENT.>", "$SYS.>",
	} {
		if _, err := conn.ChanSubscribe(subject, heard); err != nil {
			t.Fatal(err)
		}
		if err := conn.Flush(); err != nil {
			t.Fatal(err)
		}
		if err := conn.LastError(); !errors.Is(err, nats.ErrPermissionViolation) || !strings.Contains(err.Error(), fmt.Sprintf("Subscription to %q", subject)) {
			t.Errorf("coach may subscribe to %s: %v", subject, err)
		}
	}
	for _, subject := range []string{
		"tempo.coach", "tempo.race", "consent.ada", "person.ada", "received.coach.x", "notice.1.en", "anything", "_INBOX.x",
		"$JS.API.INFO", "$JS.API.STREAM.LIST", "$JS.API.STREAM.INFO.CONSENT", "$JS.API.STREAM.MSG.GET.CONSENT_PEOPLE",
		"$JS.API.DIRECT.GET.CONSENT_PEOPLE", "$JS.API.CONSUMER.CREATE.CONSENT.x", "$JS.API.STREAM.DELETE.CONSENT", "$SYS.REQ.USER.INFO",
	} {
		if !mayNotPublish(t, conn, subject) {
			t.Errorf("coach may publish to %s", subject)
		}
	}
	// All of that goes on, and nothing of it is heard.
	withdraw(t, l, "ada")
	letting(t, l, "ada", "race")
	l.Deliver("ada", []byte(estimate))
	eventually(t, "race's was handed over", func() bool { return l.DeliveryCounts()["race"].Unheard == 3 })
	if err := conn.Flush(); err != nil {
		t.Fatal(err)
	}
	if len(heard) > 0 {
		t.Errorf("coach heard %s", (<-heard).Subject)
	}
}

// A recipient that does not read what it is sent is the server's trouble and its
// own: sessions hand over what they have and go on, changes are kept, and other
// recipients get theirs.
func TestASlowRecipientHoldsUpNobody(t *testing.T) {
	// The server gives up on a connection with so much unread.
	c, users := tempoCluster(t, "max_payload: 600KB\nmax_pending: 600KB\n", "coach", "race")
	l := tempoNode(t, c, users)
	letting(t, l, "ada", "coach")
	letting(t, l, "bea", "race")
	race, _ := listen(t, l, "race")

	stuck := stuckRecipient(t, c, users["recipient coach"])
	long := []byte(`{"bpm":163,"padding":"` + strings.Repeat("x", 4000) + `"}`)
	const many = 5000
	for i := range many {
		l.Deliver("ada", long) // returns, or this test does not end
		if i%100 == 0 {
			l.Deliver("bea", []byte(estimate))
		}
	}
	give(t, l, "cyd", Acceleration)
	withdraw(t, l, "cyd")
	l.Deliver("bea", []byte(estimate))
	eventually(t, "race gets what it is sent", func() bool { return len(race.got()) > 0 })
	eventually(t, "all has been handed over or dropped", func() bool {
		l.deliveries.expire(time.Now().Add(time.Minute))
		counts := l.DeliveryCounts()["coach"]
		if counts.Taken > 0 {
			t.Fatalf("%+v", counts)
		}
		return counts.Missed() == many
	})
	select {
	case <-stuck: // the server has hung up
	case <-time.After(30 * time.Second):
		t.Error("the server keeps what nobody reads")
	}
	if err := l.Healthy(); err != nil {
		t.Error(err)
	}
}

// stuckRecipient connects as a recipient, and never reads again. The channel is
// closed when the server has had enough of that.
func stuckRecipient(t *testing.T, c *natsCluster, user NATSUser) <-chan struct{} {
	t.Helper()
	conn, err := net.Dial("tcp", c.servers[0].Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	lines := bufio.NewReader(conn)
	expect := func(word string) string {
		line, err := lines.ReadString('\n')
		if rest, ok := strings.CutPrefix(line, word); err == nil && ok {
			return rest
		}
		t.Fatalf("the server says %q, want %s (%v)", line, word, err)
		return ""
	}
	var info struct{ Nonce string }
	if err := json.Unmarshal([]byte(expect("INFO ")), &info); err != nil {
		t.Fatal(err)
	}
	seed, err := os.ReadFile(user.Seed)
	if err != nil {
		t.Fatal(err)
	}
	pair, err := nkeys.FromSeed(bytes.TrimSpace(seed))
	if err != nil {
		t.Fatal(err)
	}
	signature, err := pair.Sign([]byte(info.Nonce))
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(conn, "CONNECT {\"verbose\":false,\"nkey\":%q,\"sig\":%q}\r\nSUB tempo.coach 1\r\nPING\r\n",
		user.Key, base64.RawURLEncoding.EncodeToString(signature))
	expect("PONG")
	hungUp, over := make(chan struct{}), make(chan struct{})
	t.Cleanup(func() { close(over) })
	go func() {
		for c.servers[0].NumSlowConsumers() == 0 {
			select {
			case <-over:
				return
			case <-time.After(10 * time.Millisecond):
			}
		}
		close(hungUp)
	}()
	return hungUp
}
