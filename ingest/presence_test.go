package ingest

import (
	"crypto/sha256"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/tempogate/tempogate/consent"
	"github.com/tempogate/tempogate/ingest/client"
	"github.com/tempogate/tempogate/ingest/wire"
)

// nodesBus carries messages between nodes of a test, at once.
type nodesBus struct {
	mu   sync.Mutex
	each map[int]func([]byte)
	next int
}

func (b *nodesBus) Announce(message []byte) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, each := range b.each {
		each(message)
	}
	return nil
}

func (b *nodesBus) Listen(each func([]byte)) (func(), error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.next++
	at := b.next
	if b.each == nil {
		b.each = map[int]func([]byte){}
	}
	b.each[at] = each
	return func() { b.mu.Lock(); defer b.mu.Unlock(); delete(b.each, at) }, nil
}

// The limit of sessions a person holds for all nodes together, and a session that
// ends on one makes room on the others.
func TestSessionsOfAPersonOnAllNodes(t *testing.T) {
	var bus nodesBus
	var nodes [2]*node
	var people [2]*client.Client
	dirs := [2]string{t.TempDir(), t.TempDir()}
	for i := range nodes {
		nodes[i] = startNodeIn(t, consent.LedgerConfig{Dir: dirs[i]}, func(c *Config) {
			c.Nodes, c.Limits.SessionsPerPerson = &bus, 2
		})
		people[i] = nodes[i].person("anna", consent.Acceleration)
		for _, key := range []string{"identity.key", "pseudonym.key"} { // which the nodes of a fleet share
			text, err := os.ReadFile(filepath.Join(dirs[0], key))
			if err == nil && i == 0 {
				err = os.WriteFile(filepath.Join(dirs[1], key), text, 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	principal := nodes[0].principal("anna")
	if other := nodes[1].principal("anna"); other != principal {
		t.Fatalf("%s and %s", principal, other)
	}
	known := func(n *node, sessions int) {
		t.Helper()
		eventually(t, "the other node knows", func() bool { return n.server.registry.others.Elsewhere(principal) == sessions })
	}
	first := nodes[0].stream(people[0], client.StreamOptions{})
	known(nodes[1], 1)
	nodes[1].stream(people[1], client.StreamOptions{})
	known(nodes[0], 1)
	for i := range nodes {
		var refused *client.Error
		if _, err := people[i].Stream(t.Context(), client.StreamOptions{}); !errors.As(err, &refused) || refused.Code != CodeTooManySessions || refused.Reason != "person" {
			t.Errorf("a third session through node %d: %v", i+1, err)
		}
	}
	first.End()
	if code, _ := closeOf(t, first, nil); code != wire.CloseDone {
		t.Errorf("closed with %d", code)
	}
	known(nodes[1], 0)
	nodes[1].stream(people[1], client.StreamOptions{})
}

// Sessions that were opened on several nodes at the same moment end, the newest
// first, until there are as many as allowed.
func TestTooManySessionsAtTheSameMoment(t *testing.T) {
	var bus nodesBus
	n := startNode(t, func(c *Config) {
		c.Nodes, c.Limits.SessionsPerPerson, c.WindowHold = &bus, 2, 80*time.Millisecond // the wheel turns fast
	})
	anna := n.person("anna", consent.Acceleration)
	old := n.stream(anna, client.StreamOptions{})
	young := n.stream(anna, client.StreamOptions{})
	// Another node, with a smaller number, has let one in too.
	name := sha256.Sum256([]byte(n.principal("anna")))
	bus.Announce(append(append([]byte{1, 1, 0, 0, 0, 0, 0, 0, 0, 0}, name[:8]...), 1))
	if code, reason := closeOf(t, young, nil); code != wire.CloseTooMuch {
		t.Errorf("closed with %d %s", code, reason)
	}
	sendWalk(t, n, old, noon, 2) // lives on
	eventually(t, "one session is counted as closed", func() bool { return n.metric(`tempogate_closes_total{code="4429"}`) == 1 })
}
