package main

import (
	"fmt"
	"time"

	"github.com/tempogate/tempogate/consent/identity"
)

type tokenCommand struct {
	DataDir string        `default:"${data_dir}" type:"path" help:"The data directory of the server."`
	Subject string        `required:"" placeholder:"NAME" help:"Whom the token stands for. The ledger keeps only a keyed pseudonym of it."`
	TTL     time.Duration `name:"ttl" default:"1h" help:"How long the token holds."`
}

// Validate checks the flags.
func (c *tokenCommand) Validate() error {
	if c.TTL <= 0 {
		return fmt.Errorf("--ttl must be above 0")
	}
	return nil
}

// Run prints a token.
func (c *tokenCommand) Run(app *appContext) error {
	issuer, err := identity.OpenIssuer(c.DataDir)
	if err != nil {
		return err
	}
	token, err := issuer.Token(c.Subject, c.TTL)
	if err != nil {
		return err
	}
	fmt.Fprintln(app.stdout, token)
	return nil
}
