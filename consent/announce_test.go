package consent

import (
	"testing"

	"github.com/nats-io/nats-server/v2/server"
)

// What a node announces comes to all nodes that share the ledger, and nothing of
// it after they have stopped listening.
func TestNodesHearEachOther(t *testing.T) {
	s := startServer(t, t.TempDir(), server.RANDOM_PORT)
	one := openTest(t, LedgerConfig{NATSURL: s.ClientURL()})
	two := openTest(t, LedgerConfig{NATSURL: s.ClientURL()})
	heard := make(chan string, 10)
	stop, err := two.Listen(func(message []byte) { heard <- string(message) })
	if err != nil {
		t.Fatal(err)
	}
	for _, said := range []string{"first", "second"} {
		if err := one.Announce([]byte(said)); err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []string{"first", "second"} {
		if got := <-heard; got != want {
			t.Errorf("heard %q, want %q", got, want)
		}
	}
	stop()
	again := make(chan string, 10)
	if _, err := one.Listen(func(message []byte) { again <- string(message) }); err != nil {
		t.Fatal(err)
	}
	if err := two.Announce([]byte("third")); err != nil {
		t.Fatal(err)
	}
	<-again
	if len(heard) > 0 {
		t.Errorf("heard %q after it stopped listening", <-heard)
	}
	if one.Lease() != DefaultLease {
		t.Errorf("lease %v", one.Lease())
	}
}
