package consent

import (
	"fmt"
	"sync"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
)

// Nodes that all have changes waiting take turns: nobody is told that the others
// were faster every time.
func TestNodesTakeTurns(t *testing.T) {
	s := startServer(t, t.TempDir(), server.RANDOM_PORT)
	const (
		nodes   = 3
		people  = 8 // at a time, on each node
		changes = 10
	)
	var all sync.WaitGroup
	var last *Ledger
	for n := range nodes {
		l := openTest(t, LedgerConfig{NATSURL: s.ClientURL()})
		last = l
		for p := range people {
			all.Go(func() {
				for c := range changes {
					_, err := l.Give(t.Context(), fmt.Sprintf("person-%d-%d-%d", n, p, c), GiveRequest{
						NoticeVersion: l.notice.Version, NoticeSHA256: l.notice.SHA256,
						Categories: []Category{Acceleration}, Method: "test",
					})
					if err != nil {
						t.Errorf("node %d: %v", n+1, err)
					}
				}
			})
		}
	}
	all.Wait()
	if audit, err := last.Audit(t.Context()); err != nil || audit.People != nodes*people*changes {
		t.Errorf("%d people, %v", audit.People, err)
	}
}
