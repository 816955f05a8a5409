package main

import (
	"context"
	"errors"
	"fmt"
)

type receiveCommand struct {
	serverFlags
	Count int `placeholder:"N" help:"End after so many lines. Goes on until interrupted, unless given."`
}

// errEnough ends the receiving after as many lines as were asked for.
var errEnough = errors.New("enough")

// Run prints what people let a recipient have.
func (c *receiveCommand) Run(app *appContext) error {
	recipient, err := c.client()
	if err != nil {
		return err
	}
	defer recipient.Close()
	lines := 0
	err = recipient.Tempo(app, func(line []byte) error {
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
