package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/tempogate/tempogate/bench/residue"
	"github.com/tempogate/tempogate/consent/identity"
)

type residueCommand struct {
	PID     int              `name:"pid" placeholder:"PID" help:"The process of a running server on this machine. Without it, servers are started for the search, with TLS and without, and shut down."`
	URL     string           `name:"url" default:"http://127.0.0.1:8080" help:"Address of that server. http or https: its transport is what is searched."`
	CA      string           `name:"ca" type:"existingfile" placeholder:"FILE" help:"Certificates (PEM) to trust beside those of the system."`
	DataDir string           `default:"${data_dir}" type:"path" help:"The server's data directory, to make tokens of its built-in issuer."`
	Tokens  string           `type:"existingfile" placeholder:"FILE" help:"Bearer tokens of 2 people or more, one a line, in place of made ones. With 31 a round takes all its sessions at once."`
	Rounds  int              `default:"1" help:"How often to do everything."`
	Idle    time.Duration    `name:"idle-timeout" default:"60s" help:"The server's --idle-timeout: how long to wait for a session to end by it."`
	Ending  []residue.Ending `placeholder:"NAME" help:"With --pid: end sessions in this way only: end, withdrawal, malformed, cut, timeout. Repeatable."`
	Format  string           `enum:"text,json" default:"text" help:"What is printed: ${enum}."`
	Seed    uint64           `default:"0" help:"Of the canaries. 0 takes one from the clock."`
}

// Validate checks the flags.
func (c *residueCommand) Validate() error {
	if c.Rounds <= 0 || c.Idle <= 0 || c.PID < 0 {
		return errors.New("--rounds, --idle-timeout and --pid must be above 0")
	}
	for _, ending := range c.Ending {
		if ending == residue.Drain {
			return errors.New("--ending: a running server is not drained; without --pid that is searched too")
		}
	}
	if len(c.Ending) > 0 && c.PID == 0 {
		return errors.New("--ending is for a running server: name it with --pid")
	}
	return nil
}

// Run searches and prints what was found.
func (c *residueCommand) Run(app *appContext) error {
	if c.Seed == 0 {
		c.Seed = uint64(time.Now().UnixNano())
	}
	var report *residue.Report
	var err error
	if c.PID > 0 {
		report, err = c.searchRunning(app)
	} else {
		report, err = c.searchOwn(app)
	}
	if report != nil && report.Searches > 0 {
		if printing := c.print(app, report); printing != nil {
			return printing
		}
	}
	if err != nil {
		return withHint(err)
	}
	switch {
	case report.ControlsFound < report.Controls || report.WindowsFound < report.Windows:
		return errors.New("the search did not find what had to be there: it shows nothing")
	case report.Copies > 0:
		return fmt.Errorf("%d copies were found that should be gone", report.Copies)
	}
	return nil
}

// print prints the report.
func (c *residueCommand) print(app *appContext, report *residue.Report) error {
	if c.Format == "json" {
		return printJSON(app, report)
	}
	_, err := fmt.Fprint(app.stdout, report)
	return err
}

// searchOwn starts the servers that it searches.
func (c *residueCommand) searchOwn(app *appContext) (*residue.Report, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return residue.RunOwn(app, residue.OwnConfig{
		Command: []string{self, "serve"}, Rounds: c.Rounds, Seed: c.Seed,
		Tell: func(p residue.Progress) { c.tell(app, p) },
	})
}

// searchRunning searches a server that runs already.
func (c *residueCommand) searchRunning(app *appContext) (*residue.Report, error) {
	config := residue.Config{
		URL: c.URL, PID: c.PID, Rounds: c.Rounds, IdleTimeout: c.Idle, Endings: c.Ending, Seed: c.Seed,
		Tell: func(p residue.Progress) { c.tell(app, p) },
	}
	var err error
	if config.TLS, err = trusting(c.CA); err != nil {
		return nil, err
	}
	if c.Tokens != "" {
		text, err := os.ReadFile(c.Tokens)
		if err != nil {
			return nil, err
		}
		tokens := strings.Fields(string(text))
		config.Persons = min(len(tokens), residue.MostPersons)
		config.Token = func(person int) (string, error) { return tokens[person], nil }
		return residue.Run(app, config)
	}
	if _, err := os.Stat(filepath.Join(c.DataDir, "identity.key")); err != nil {
		return nil, fmt.Errorf("%s is no data directory of a server with the built-in issuer: name it with --data-dir, or give --tokens", c.DataDir)
	}
	issuer, err := identity.OpenIssuer(c.DataDir)
	if err != nil {
		return nil, err
	}
	config.Token = func(person int) (string, error) {
		return issuer.Token(fmt.Sprintf("residue-%d", person), min(24*time.Hour, time.Duration(c.Rounds)*(c.Idle+time.Hour)))
	}
	return residue.Run(app, config)
}

// tell shows on standard error how far the search is.
func (c *residueCommand) tell(app *appContext, p residue.Progress) {
	fmt.Fprintf(app.stderr, "%-6s round %d of %d, %-16s %d copies so far\n", p.Transport, p.Round, p.Rounds, p.When+":", p.Copies)
	for _, found := range p.Found {
		fmt.Fprintln(app.stderr, found)
	}
}
