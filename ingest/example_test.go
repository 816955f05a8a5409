package ingest_test

import (
	"context"
	"fmt"
	"log"
	"log/slog"
	"net/http"
	"os"

	"github.com/tempogate/tempogate/consent"
	"github.com/tempogate/tempogate/consent/identity"
	"github.com/tempogate/tempogate/ingest"
)

// A server on a free port, with the embedded ledger and the built-in issuer.
// What a client does with it is in the example of package client.
func ExampleServer() {
	dir, err := os.MkdirTemp("", "tempogate")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	issuer, err := identity.OpenIssuer(dir)
	if err != nil {
		log.Fatal(err)
	}
	ctx, shutDown := context.WithCancel(context.Background()) // or signal.NotifyContext
	defer shutDown()
	ledger, err := consent.OpenLedger(ctx, consent.LedgerConfig{Dir: dir})
	if err != nil {
		log.Fatal(err)
	}
	defer ledger.Close()

	server, err := ingest.New(ingest.Config{
		Listen:   "127.0.0.1:0",
		Ledger:   ledger,
		Verifier: issuer,
		Logger:   slog.New(slog.DiscardHandler),
	})
	if err != nil {
		log.Fatal(err)
	}
	if err := server.Listen(); err != nil {
		log.Fatal(err)
	}
	served := make(chan error)
	go func() { served <- server.Serve(ctx) }()

	answer, err := http.Get(server.URL() + "/v1/stream")
	if err != nil {
		log.Fatal(err)
	}
	answer.Body.Close()
	fmt.Println("without a token:", answer.Status)

	http.DefaultClient.CloseIdleConnections()
	shutDown()
	fmt.Println("shut down:", <-served)
	// Output:
	// without a token: 401 Unauthorized
	// shut down: <nil>
}
