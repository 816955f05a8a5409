package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/tempogate/tempogate/bench/demo"
	"github.com/tempogate/tempogate/consent"
	"github.com/tempogate/tempogate/consent/identity"
	"github.com/tempogate/tempogate/ingest"
)

type demoCommand struct {
	Data string `type:"path" placeholder:"DIR" help:"Collection with real recordings. ../shared/data where that is there; without one the recordings are simulated."`
}

// Run starts a server of its own on free loopback ports, with a ledger in a
// directory that goes afterwards, and shows the main job against it.
func (c *demoCommand) Run(app *appContext) (err error) {
	data := c.Data
	if data == "" {
		if usual := filepath.Join("..", "shared", "data"); demo.HasRecordings(usual) {
			data = usual
		}
	} else if !demo.HasRecordings(data) {
		return fmt.Errorf("--data %s does not hold the recordings of the demo: leave the flag out for simulated ones", data)
	}
	began := time.Now()
	dir, err := os.MkdirTemp("", "tempogate-demo-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()

	issuer, err := identity.OpenIssuer(dir)
	if err != nil {
		return err
	}
	ledger, err := consent.OpenLedger(app, consent.LedgerConfig{Dir: dir, Logger: app.log})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, ledger.Close()) }()
	server, err := ingest.New(ingest.Config{
		Listen: "127.0.0.1:0", Admin: "127.0.0.1:0",
		Ledger: ledger, Verifier: issuer, Logger: app.log,
	})
	if err != nil {
		return err
	}
	if err := server.Listen(); err != nil {
		return err
	}
	defer server.Close()
	live, stop := context.WithCancel(app)
	served := make(chan error, 1)
	go func() { served <- server.Serve(live) }()

	token, err := issuer.Token("demo", time.Hour)
	if err == nil {
		fmt.Fprintf(app.stdout, "A tempogate server at %s, its ledger on disk.\n\n", server.URL())
		err = demo.Run(app, demo.Config{
			URL: server.URL(), Admin: "http://" + server.AdminAddr().String(),
			Token: token, Data: data, Out: app.stdout,
		})
	}
	stop()
	if err = errors.Join(err, <-served); err != nil {
		return err
	}
	fmt.Fprintf(app.stdout, "Done in %.1f s; the server has shut down and its directory is gone.\n", time.Since(began).Seconds())
	return nil
}
