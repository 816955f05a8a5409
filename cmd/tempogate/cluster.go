package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/tempogate/tempogate/consent"
)

type clusterCommand struct {
	Init        clusterInitCommand        `cmd:"" help:"Make what the ledger needs in a NATS cluster, and print what was found and done. May be repeated."`
	Permissions clusterPermissionsCommand `cmd:"" help:"Print the account for the configuration of the NATS servers, and make keys for those who may use it."`
}

type clusterInitCommand struct {
	natsFlags
	Timeout time.Duration `default:"2m" help:"How long all replicas may take to have everything."`
}

// Validate checks what flags demand of each other.
func (c *clusterInitCommand) Validate() error {
	if c.NATS == "" {
		return errors.New("--nats says which cluster")
	}
	return c.natsFlags.Validate()
}

// Run sets up the cluster.
func (c *clusterInitCommand) Run(app *appContext) error {
	config, err := c.ledger(app, "")
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(app, c.Timeout)
	defer cancel()
	report, err := consent.InitCluster(ctx, config)
	if err != nil {
		return err
	}
	if report.Warning != "" {
		app.log.Warn(report.Warning)
	}
	return printJSON(app, report)
}

type clusterPermissionsCommand struct {
	Keys      string   `required:"" type:"path" placeholder:"DIR" help:"Folder for the seeds of the keys. Those that are there are used again."`
	Account   string   `default:"${nats_account}" help:"Name of the account."`
	Notices   string   `type:"existingdir" placeholder:"DIR" help:"The notices that people are asked with: each recipient that they name gets a key."`
	Recipient []string `placeholder:"NAME" help:"A recipient that gets one besides. Repeatable."`
}

// Run prints the account.
func (c *clusterPermissionsCommand) Run(app *appContext) error {
	recipients := slices.Clone(c.Recipient)
	if c.Notices != "" {
		notices, err := consent.LoadNotices(os.DirFS(c.Notices))
		if err != nil {
			return err
		}
		for _, n := range notices {
			for _, r := range n.Recipients {
				recipients = append(recipients, r.Name)
			}
		}
	}
	slices.Sort(recipients)
	users, err := consent.NATSUsers(c.Keys, slices.Compact(recipients))
	if err != nil {
		return err
	}
	account, err := consent.AppendNATSAccount(nil, c.Account, users)
	if err != nil {
		return err
	}
	for _, u := range users {
		fmt.Fprintf(app.stderr, "%-20s %s\n", u.Name, u.Seed)
	}
	_, err = app.stdout.Write(account)
	return err
}
