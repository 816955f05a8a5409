package consent

import (
	"fmt"
	"sync"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
)

// The same request with the same key is one change, whatever happened since.
func TestARequestThatComesAgainChangesNothing(t *testing.T) {
	dir := t.TempDir()
	l := openTest(t, LedgerConfig{Dir: dir})
	ctx := func(key string) (c requestContext) { return requestContext{t, l, key} }

	first := ctx("k1").give(Acceleration)
	if again := ctx("k1").give(Acceleration); !equalJSON(t, again, first) {
		t.Errorf("the same yes: %+v, first %+v", again, first)
	}
	ctx("k2").withdraw()
	// Sent long before and arriving late, the yes does not undo the no.
	if again := ctx("k1").give(Acceleration); !equalJSON(t, again, first) {
		t.Errorf("the same yes after a no: %+v, first %+v", again, first)
	}
	wantReason(t, l, ada, Acceleration, Withdrawn)

	// Another request under an old key is a mistake of the client.
	_, err := l.Give(WithRequestKey(t.Context(), "k1"), ada, yes(l, Acceleration, Location))
	wantCode(t, err, CodeRequestKeyReused)
	_, err = l.Withdraw(WithRequestKey(t.Context(), "k1"), ada, "test")
	wantCode(t, err, CodeRequestKeyReused)
	_, err = l.Refuse(WithRequestKey(t.Context(), "k2"), ada, no(l))
	wantCode(t, err, CodeRequestKeyReused)
	wantReason(t, l, ada, Acceleration, Withdrawn)

	// Somebody else's key is nobody's business.
	if _, err := l.Give(WithRequestKey(t.Context(), "k1"), bea, yes(l, Acceleration)); err != nil {
		t.Error(err)
	}
	ctx("k3").give(Acceleration)
	ctx("k2").withdraw() // as before
	wantReason(t, l, ada, Acceleration, Allowed)
	closeTest(t, l)

	// After a restart, and when the notice is another one by now.
	l = openTest(t, LedgerConfig{Dir: dir, Notice: noticeOfVersion(t, "2026-12-01")})
	request := GiveRequest{NoticeVersion: first.Notice.Version, NoticeSHA256: first.Notice.SHA256, Categories: []Category{Acceleration}, Method: "test"}
	again, err := l.Give(WithRequestKey(t.Context(), "k1"), ada, request)
	if err != nil || !equalJSON(t, again, first) {
		t.Errorf("the same yes after a restart: %+v, %v", again, err)
	}
	_, err = l.Give(WithRequestKey(t.Context(), "k9"), ada, request)
	wantCode(t, err, CodeNoticeChanged)

	history, err := l.History(t.Context(), ada)
	if err != nil || len(history) != 3 {
		t.Errorf("%d changes of 3, %v", len(history), err)
	}
	if _, err := l.Audit(t.Context()); err != nil {
		t.Error(err)
	}
}

type requestContext struct {
	t   *testing.T
	l   *Ledger
	key string
}

func (c requestContext) give(categories ...Category) *Receipt {
	c.t.Helper()
	r, err := c.l.Give(WithRequestKey(c.t.Context(), c.key), ada, yes(c.l, categories...))
	if err != nil {
		c.t.Fatal(err)
	}
	return r
}

func (c requestContext) withdraw() {
	c.t.Helper()
	if _, err := c.l.Withdraw(WithRequestKey(c.t.Context(), c.key), ada, "test"); err != nil {
		c.t.Fatal(err)
	}
}

// However many copies of one request race, on however many nodes, one entry
// comes of them and all are answered with it.
func TestCopiesOfOneRequestRace(t *testing.T) {
	s := startServer(t, t.TempDir(), server.RANDOM_PORT)
	one := openTest(t, LedgerConfig{NATSURL: s.ClientURL()})
	two := openTest(t, LedgerConfig{NATSURL: s.ClientURL()})
	for round := range 5 {
		var all sync.WaitGroup
		var mu sync.Mutex
		entries := map[uint64]int{}
		for i := range 16 {
			l := []*Ledger{one, two}[i%2]
			all.Go(func() {
				r, err := l.Give(WithRequestKey(t.Context(), fmt.Sprint("round ", round)), ada, yes(l, Acceleration))
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				entries[r.Ledger.Sequence]++
				mu.Unlock()
			})
		}
		all.Wait()
		if len(entries) != 1 {
			t.Fatalf("one request became entries %v", entries)
		}
	}
	history, err := one.History(t.Context(), ada)
	if err != nil || len(history) != 5 {
		t.Errorf("%d changes of 5, %v", len(history), err)
	}
}

func TestKeysOfRequests(t *testing.T) {
	l := openTest(t, LedgerConfig{})
	long := string(make([]byte, maxRequestKey+1))
	for _, key := range []string{"", "ä", "a\nb", long} {
		_, err := l.Give(WithRequestKey(t.Context(), key), ada, yes(l, Acceleration))
		wantCode(t, err, CodeBadRequestKey)
	}
	if _, err := l.Give(WithRequestKey(t.Context(), `"8e03978e-40d5-43e8 ~"`), ada, yes(l, Acceleration)); err != nil {
		t.Error(err)
	}
}
