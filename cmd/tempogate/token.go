package main

import (
	"fmt"
	"time"

	"github.com/tempogate/tempogate/consent/identity"
)

// tokenCommand prints a token unless another command is named.
type tokenCommand struct {
	Print     tokenPrintCommand     `cmd:"" default:"withargs" help:"Print a bearer token of the built-in issuer. Without a command, this is done."`
	Recipient tokenRecipientCommand `cmd:"" help:"Print a token for a third party to get the tempo of people who named it."`
	Rotate    tokenRotateCommand    `cmd:"" help:"Sign with a new key from now on. A running server follows at once."`
}

type tokenPrintCommand struct {
	DataDir string        `default:"${data_dir}" type:"path" help:"The data directory of the server."`
	Subject string        `required:"" placeholder:"NAME" help:"Whom the token stands for. The ledger keeps only a keyed pseudonym of it."`
	TTL     time.Duration `name:"ttl" default:"1h" help:"How long the token holds, 720h at most."`
}

// Validate checks the flags.
func (c *tokenPrintCommand) Validate() error {
	if c.TTL <= 0 {
		return fmt.Errorf("--ttl must be above 0")
	}
	return nil
}

// Run prints a token.
func (c *tokenPrintCommand) Run(app *appContext) error {
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

type tokenRecipientCommand struct {
	DataDir string        `default:"${data_dir}" type:"path" help:"The data directory of the server."`
	Name    string        `arg:"" help:"The recipient, as the notice names it."`
	TTL     time.Duration `name:"ttl" default:"720h" help:"How long the token holds, 720h at most."`
}

// Validate checks the flags.
func (c *tokenRecipientCommand) Validate() error {
	if c.TTL <= 0 {
		return fmt.Errorf("--ttl must be above 0")
	}
	return nil
}

// Run prints a token.
func (c *tokenRecipientCommand) Run(app *appContext) error {
	issuer, err := identity.OpenIssuer(c.DataDir)
	if err != nil {
		return err
	}
	token, err := issuer.RecipientToken(c.Name, c.TTL)
	if err != nil {
		return err
	}
	fmt.Fprintln(app.stdout, token)
	return nil
}

type tokenRotateCommand struct {
	DataDir string `default:"${data_dir}" type:"path" help:"The data directory of the server."`
	Revoke  bool   `help:"End every token that was signed before, at once. Otherwise each holds until its own end."`
}

// Run makes a new key.
func (c *tokenRotateCommand) Run(*appContext) error {
	issuer, err := identity.OpenIssuer(c.DataDir)
	if err != nil {
		return err
	}
	return issuer.Rotate(c.Revoke)
}
