package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/tempogate/tempogate/consent"
)

type receiveCommand struct {
	serverFlags
	natsFlags
	Recipient string `placeholder:"NAME" help:"Who you are, as the notice names you: then the tempo comes from the NATS cluster, and no server and token are needed."`
	Count     int    `placeholder:"N" help:"End after so many lines. Goes on until interrupted, unless given."`
}

// Validate checks what flags demand of each other.
func (c *receiveCommand) Validate() error {
	if c.Recipient != "" && c.NATS == "" {
		return errors.New("--recipient needs --nats")
	}
	return c.natsFlags.Validate()
}

// errEnough ends the receiving after as many lines as were asked for.
var errEnough = errors.New("enough")

// Run prints what people let a recipient have.
func (c *receiveCommand) Run(app *appContext) error {
	lines := 0
	err := c.receive(app, func(line []byte) error {
		if _, err := fmt.Fprintf(app.stdout, "%s\n", line); err != nil {
			return err
		}
		if lines++; lines == c.Count {
			return errEnough
		}
		return nil
	})
	if errors.Is(err, errEnough) || errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// receive calls each with every line, from a server or from the NATS cluster
// behind it.
func (c *receiveCommand) receive(app *appContext, each func(line []byte) error) error {
	if c.Recipient == "" {
		recipient, err := c.client()
		if err != nil {
			return err
		}
		defer recipient.Close()
		return recipient.Tempo(app, each)
	}
	access, err := c.access()
	if err != nil {
		return err
	}
	return consent.ReceiveTempo(app, c.NATS, access, c.Recipient, func(line []byte) error {
		if line == nil { // it listens
			app.log.Debug("listening", "recipient", c.Recipient)
			return nil
		}
		return each(line)
	}, func(estimates int) {
		app.log.Warn("estimates were missed: they come faster than they are printed", "missed", estimates)
	})
}
