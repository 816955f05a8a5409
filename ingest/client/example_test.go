package client_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"math"
	"os"
	"time"

	"github.com/tempogate/tempogate/classifier"
	"github.com/tempogate/tempogate/consent"
	"github.com/tempogate/tempogate/consent/identity"
	"github.com/tempogate/tempogate/ingest"
	"github.com/tempogate/tempogate/ingest/client"
)

// Ten seconds in the life of a running app: ask, send motion, receive tempo,
// take consent back.
func Example() {
	url, token, stop := startServer()
	defer stop()
	ctx := context.Background()

	c, err := client.New(client.Config{URL: url, Token: token})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()

	_, err = c.Stream(ctx, client.StreamOptions{})
	var refused *client.Error
	if errors.As(err, &refused) {
		fmt.Println("before consent:", refused.Status, refused.Code)
	}

	notice, err := c.Notice(ctx) // to be shown, and answered by a person
	if err != nil {
		log.Fatal(err)
	}
	if _, err := c.Grant(ctx, notice, []consent.Category{consent.Acceleration}, nil); err != nil {
		log.Fatal(err)
	}

	stream, err := c.Stream(ctx, client.StreamOptions{})
	if err != nil {
		log.Fatal(err)
	}
	defer stream.Close()
	for second := range 10 {
		if err := stream.Send(bouncing(second), nil); err != nil {
			log.Fatal(err)
		}
	}
	for estimates := 0; estimates < 9; estimates++ {
		if _, err := stream.Receive(); err != nil {
			log.Fatal(err)
		}
	}
	fmt.Println("nine estimates received")

	if err := c.Withdraw(ctx); err != nil {
		log.Fatal(err)
	}
	for {
		if _, err := stream.Receive(); err != nil {
			fmt.Println(err)
			break
		}
	}
	// Output:
	// before consent: 403 no_grant
	// nine estimates received
	// client: stream closed: 4403 consent was withdrawn: nothing more is taken; ask again before you reconnect
}

// bouncing returns a second of invented motion at 100 Hz.
func bouncing(second int) []classifier.Sample {
	start := time.Date(2026, 11, 1, 7, 0, second, 0, time.UTC).UnixNano()
	var samples []classifier.Sample
	for i := range 100 {
		samples = append(samples, classifier.Sample{
			SensorTime: start + int64(i)*10_000_000,
			Y:          9.81 + 3*math.Sin(2*math.Pi*2*float64(i)/100),
		})
	}
	return samples
}

// startServer starts a server of its own for the example.
func startServer() (url, token string, stop func()) {
	dir, err := os.MkdirTemp("", "tempogate")
	if err != nil {
		log.Fatal(err)
	}
	issuer, err := identity.OpenIssuer(dir)
	if err != nil {
		log.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ledger, err := consent.OpenLedger(ctx, consent.LedgerConfig{Dir: dir})
	if err != nil {
		log.Fatal(err)
	}
	server, err := ingest.New(ingest.Config{
		Listen: "127.0.0.1:0", Ledger: ledger, Verifier: issuer, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		log.Fatal(err)
	}
	if err := server.Listen(); err != nil {
		log.Fatal(err)
	}
	served := make(chan struct{})
	go func() {
		defer close(served)
		if err := server.Serve(ctx); err != nil {
			log.Print(err)
		}
	}()
	if token, err = issuer.Token("anna", time.Hour); err != nil {
		log.Fatal(err)
	}
	return server.URL(), token, func() {
		cancel()
		<-served
		ledger.Close()
		os.RemoveAll(dir)
	}
}
