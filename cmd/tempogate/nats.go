package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/tempogate/tempogate/consent"
)

// natsFlags say that the ledger is in a NATS cluster, and how to get in there.
type natsFlags struct {
	NATS             string `name:"nats" group:"nats" placeholder:"URL,..." help:"The ledger is in this NATS cluster with JetStream, not in the data directory. tls:// asks for TLS."`
	NATSCreds        string `name:"nats-creds" group:"nats" type:"existingfile" placeholder:"FILE" help:"Credentials for it, as nsc writes them."`
	NATSNKey         string `name:"nats-nkey" group:"nats" type:"existingfile" placeholder:"FILE" help:"Seed of an nkey for it, as tempogate cluster permissions writes it."`
	NATSUser         string `name:"nats-user" group:"nats" placeholder:"NAME" help:"User there, with a password."`
	NATSPassword     string `name:"nats-password" group:"nats" placeholder:"TEXT" help:"Password of the user. In TEMPOGATE_NATS_PASSWORD or a file rather than on the command line, which other users can see."`
	NATSPasswordFile string `name:"nats-password-file" group:"nats" type:"existingfile" placeholder:"FILE" help:"File that holds the password, with or without an end of line."`
	NATSCA           string `name:"nats-ca" group:"nats" type:"existingfile" placeholder:"FILE" help:"Certificates (PEM) that its servers are trusted by, in place of the system's."`
	NATSCert         string `name:"nats-cert" group:"nats" type:"existingfile" placeholder:"FILE" help:"Client certificate (PEM), if the servers ask for one."`
	NATSKey          string `name:"nats-key" group:"nats" type:"existingfile" placeholder:"FILE" help:"Its private key (PEM)."`
	NATSReplicas     int    `name:"nats-replicas" group:"nats" placeholder:"N" help:"How many of the servers have to keep the ledger. 3 in a cluster unless given."`
}

// Validate checks what flags demand of each other.
func (f *natsFlags) Validate() error {
	given := 0
	for _, way := range []string{f.NATSCreds, f.NATSNKey, f.NATSUser} {
		if way != "" {
			given++
		}
	}
	switch {
	case given > 1:
		return errors.New("--nats-creds, --nats-nkey and --nats-user exclude each other")
	case f.NATSPassword != "" && f.NATSPasswordFile != "":
		return errors.New("--nats-password and --nats-password-file exclude each other")
	case f.NATSUser == "" && (f.NATSPassword != "" || f.NATSPasswordFile != ""):
		return errors.New("a password needs --nats-user")
	case (f.NATSCert == "") != (f.NATSKey == ""):
		return errors.New("--nats-cert and --nats-key belong together")
	case f.NATSReplicas < 0:
		return errors.New("--nats-replicas must not be negative")
	case f.NATS == "" && (given > 0 || f.NATSCA != "" || f.NATSCert != "" || f.NATSReplicas > 0):
		return errors.New("the other --nats flags need --nats")
	}
	return nil
}

// access returns how to get into the cluster.
func (f *natsFlags) access() (consent.NATSAccess, error) {
	password := f.NATSPassword
	if f.NATSPasswordFile != "" {
		text, err := os.ReadFile(f.NATSPasswordFile)
		if err != nil {
			return consent.NATSAccess{}, fmt.Errorf("NATS password: %w", err)
		}
		password = strings.TrimRight(string(text), "\r\n")
	}
	return consent.NATSAccess{
		Credentials: f.NATSCreds, NKey: f.NATSNKey, User: f.NATSUser, Password: password,
		CA: f.NATSCA, Cert: f.NATSCert, Key: f.NATSKey,
	}, nil
}

// ledger returns where the ledger is: in the cluster, or in the data directory,
// which holds the keys in both cases.
func (f *natsFlags) ledger(app *appContext, dataDir string) (consent.LedgerConfig, error) {
	access, err := f.access()
	return consent.LedgerConfig{Dir: dataDir, NATSURL: f.NATS, NATS: access, Replicas: f.NATSReplicas, Logger: app.log}, err
}
