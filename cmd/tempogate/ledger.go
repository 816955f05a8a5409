package main

import (
	"errors"
	"os"
	"path/filepath"
	"time"

	"github.com/tempogate/tempogate/consent"
	"github.com/tempogate/tempogate/consent/identity"
)

type ledgerCommand struct {
	Export ledgerExportCommand `cmd:"" help:"Write a whole ledger to a file, encrypted for servers that have the same keys."`
	Import ledgerImportCommand `cmd:"" help:"Put an exported ledger into an empty data directory or NATS cluster."`
}

// movingFlags say which ledger, and how.
type movingFlags struct {
	DataDir string `default:"${data_dir}" type:"path" help:"The data directory: its keys, and unless --nats is given its ledger."`
	natsFlags
}

// moving returns what both directions need.
func (f *movingFlags) moving(app *appContext, live bool) (config consent.LedgerConfig, moving consent.Moving, finish func(), err error) {
	if config, err = f.ledger(app, f.DataDir); err != nil {
		return config, moving, nil, err
	}
	moving.Live = live
	if moving.Key, err = identity.MovingKey(f.DataDir); err != nil {
		return config, moving, nil, err
	}
	bars := newBars(app)
	moving.Progress = bars.show
	return config, moving, bars.finish, nil
}

// printMoved prints what was moved.
func printMoved(app *appContext, moved consent.Moved, began time.Time) error {
	return printJSON(app, struct {
		consent.Moved
		Seconds float64 `json:"seconds"`
	}{moved, time.Since(began).Seconds()})
}

type ledgerExportCommand struct {
	movingFlags
	Live bool   `help:"Also while servers are at work, as a backup. What they change afterwards is not in the file."`
	File string `arg:"" type:"path" help:"File to write. It must not be there yet."`
}

// Run exports a ledger.
func (c *ledgerExportCommand) Run(app *appContext) (err error) {
	began := time.Now()
	config, moving, finish, err := c.moving(app, c.Live)
	if err != nil {
		return err
	}
	if _, err := os.Lstat(c.File); !errors.Is(err, os.ErrNotExist) {
		return errors.Join(err, errors.New(c.File+" is there already"))
	}
	// Whoever finds the file finds a whole one.
	file, err := os.CreateTemp(filepath.Dir(c.File), "."+filepath.Base(c.File)+".*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(file.Name())
	moved, err := consent.ExportLedger(app, config, moving, file)
	finish()
	if err != nil {
		return errors.Join(err, file.Close())
	}
	if err := errors.Join(file.Sync(), file.Close()); err != nil {
		return err
	}
	if err := os.Link(file.Name(), c.File); err != nil {
		return err
	}
	return printMoved(app, moved, began)
}

type ledgerImportCommand struct {
	movingFlags
	Live bool   `help:"Also a copy that was taken while servers were at work. Whatever people took back since then counts as given again."`
	File string `arg:"" type:"existingfile" help:"The exported file. Delete it afterwards: people who are erased from the ledger later are still in it."`
}

// Run imports a ledger.
func (c *ledgerImportCommand) Run(app *appContext) error {
	began := time.Now()
	config, moving, finish, err := c.moving(app, c.Live)
	if err != nil {
		return err
	}
	file, err := os.Open(c.File)
	if err != nil {
		return err
	}
	defer file.Close()
	moved, err := consent.ImportLedger(app, config, moving, file)
	finish()
	if err != nil {
		return err
	}
	return printMoved(app, moved, began)
}
