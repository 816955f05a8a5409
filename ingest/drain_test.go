package ingest

import (
	"context"
	"net/http"
	"testing"

	"github.com/tempogate/tempogate/consent"
	"github.com/tempogate/tempogate/ingest/client"
)

// A node that is to go away says so to load balancers first, and goes on letting
// people in until they have had time to hear it.
func TestNotReadyBeforeTheDoorCloses(t *testing.T) {
	n := startNode(t, nil) // for its ledger
	server, err := New(Config{
		Listen: "127.0.0.1:0", Admin: "127.0.0.1:0", NodeName: "n7",
		Ledger: n.ledger, Verifier: n.issuer, Logger: n.server.log, DrainDelay: ages,
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Listen(); err != nil {
		t.Fatal(err)
	}
	n.url, n.admin = server.URL(), "http://"+server.AdminAddr().String()
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- server.Serve(ctx) }()
	eventually(t, "the server is ready", func() bool { return server.Ready() == nil })
	if v := n.metric(`tempogate_node_info{node="n7"}`); v != 1 {
		t.Errorf("the node's name is not in the metrics: %v", v)
	}
	anna := n.person("anna", consent.Acceleration)

	cancel()
	eventually(t, "the server is not ready", func() bool {
		resp, err := http.Get(n.admin + "/readyz")
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp.StatusCode == http.StatusServiceUnavailable
	})
	s := n.stream(anna, client.StreamOptions{})
	sendWalk(t, n, s, noon, 2)

	server.Close() // the rest of the delay is of no use to this test
	if err := <-served; err == nil {
		t.Error("a listener that was closed is no error")
	}
	if code, _ := closeOf(t, s, nil); code != 1001 {
		t.Errorf("closed with %d", code)
	}
	http.DefaultClient.CloseIdleConnections()
}
