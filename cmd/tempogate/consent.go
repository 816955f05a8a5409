package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/tempogate/tempogate/consent"
	"github.com/tempogate/tempogate/ingest/client"
)

type consentCommand struct {
	Grant    grantCommand    `cmd:"" help:"Show the notice, say yes to it, and print the signed receipt."`
	Refuse   refuseCommand   `cmd:"" help:"Show the notice, say no to it, and print the signed receipt."`
	Withdraw withdrawCommand `cmd:"" help:"Take consent back, all of it or some categories."`
	Show     showCommand     `cmd:"" help:"Print where the consent stands."`
	History  historyCommand  `cmd:"" help:"Print every change of the consent."`
	Receipt  receiptCommand  `cmd:"" help:"Print the newest receipt."`
	Export   exportCommand   `cmd:"" help:"Print all that the server knows of you."`
	Erase    eraseCommand    `cmd:"" help:"Have the server forget whose this consent is, for good, and print the receipt of that."`
	Audit    auditCommand    `cmd:"" help:"Check the whole ledger of a server, as its files or the NATS cluster hold it."`
	Verify   verifyCommand   `cmd:"" help:"Check the signature of a receipt."`
}

// serverFlags say which server, and as whom.
type serverFlags struct {
	URL   string `name:"url" default:"http://127.0.0.1:8080" help:"Address of the server."`
	Token string `help:"Bearer token. Better in TEMPOGATE_TOKEN than on the command line, which other users can see."`
	CA    string `name:"ca" type:"existingfile" placeholder:"FILE" help:"Certificates (PEM) to trust beside those of the system."`
}

// client returns a client for the flags.
func (f *serverFlags) client() (*client.Client, error) {
	config := client.Config{URL: f.URL, Token: f.Token}
	var err error
	if config.TLS, err = trusting(f.CA); err != nil {
		return nil, err
	}
	return client.New(config)
}

// trusting returns a TLS configuration that trusts the certificates of a file
// beside those of the system, nil without a file.
func trusting(file string) (*tls.Config, error) {
	if file == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	roots, err := x509.SystemCertPool()
	if err != nil {
		roots = x509.NewCertPool()
	}
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s holds no certificate in PEM form", file)
	}
	return &tls.Config{RootCAs: roots}, nil
}

// languageFlag says in which language to be asked.
type languageFlag struct {
	Language []string `placeholder:"LANGUAGE" help:"Show the notice in this language, for example de, if it is there. Repeatable, the first that is there is taken. English otherwise."`
}

type grantCommand struct {
	serverFlags
	languageFlag
	Category  []consent.Category `placeholder:"NAME" help:"What may be sent: acceleration, location. Repeatable. What the feature cannot do without, unless given."`
	Recipient []string           `placeholder:"NAME" help:"Who may get the tempo. Repeatable. Nobody, unless given."`
}

// Run shows the notice and says yes.
func (c *grantCommand) Run(app *appContext) error {
	person, err := c.client()
	if err != nil {
		return err
	}
	defer person.Close()
	notice, err := showNotice(app, person, c.Language)
	if err != nil {
		return err
	}
	categories := c.Category
	if len(categories) == 0 {
		for _, category := range notice.Categories {
			if category.Required {
				categories = append(categories, category.Name)
			}
		}
	}
	receipt, err := person.Grant(app, notice, categories, c.Recipient)
	if err != nil {
		return withHint(err)
	}
	return printJSON(app, receipt)
}

// showNotice prints the notice for whoever is asked, and returns it.
func showNotice(app *appContext, person *client.Client, languages []string) (*consent.Notice, error) {
	notice, err := person.Notice(app, languages...)
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(app.stderr, "%s\n\n(notice %s, version %s)\n", notice.Text, notice.ID, notice.Version)
	return notice, nil
}

type refuseCommand struct {
	serverFlags
	languageFlag
}

// Run shows the notice and says no.
func (c *refuseCommand) Run(app *appContext) error {
	person, err := c.client()
	if err != nil {
		return err
	}
	defer person.Close()
	notice, err := showNotice(app, person, c.Language)
	if err != nil {
		return err
	}
	receipt, err := person.Refuse(app, notice)
	if err != nil {
		return withHint(err)
	}
	return printJSON(app, receipt)
}

type withdrawCommand struct {
	serverFlags
	Category []consent.Category `placeholder:"NAME" help:"What may no longer be sent. Repeatable. Everything, unless given."`
}

// Run withdraws and prints what is left.
func (c *withdrawCommand) Run(app *appContext) error {
	person, err := c.client()
	if err != nil {
		return err
	}
	defer person.Close()
	if err := person.Withdraw(app, c.Category...); err != nil {
		return withHint(err)
	}
	return show(app, person)
}

type showCommand struct {
	serverFlags
}

// Run prints the grant.
func (c *showCommand) Run(app *appContext) error {
	person, err := c.client()
	if err != nil {
		return err
	}
	defer person.Close()
	return show(app, person)
}

func show(app *appContext, person *client.Client) error {
	grant, err := person.Consent(app)
	if err != nil {
		return withHint(err)
	}
	return printJSON(app, grant)
}

type historyCommand struct {
	serverFlags
}

// Run prints the history.
func (c *historyCommand) Run(app *appContext) error {
	person, err := c.client()
	if err != nil {
		return err
	}
	defer person.Close()
	history, err := person.History(app)
	if err != nil {
		return withHint(err)
	}
	return printJSON(app, history)
}

type receiptCommand struct {
	serverFlags
}

// Run prints the receipt.
func (c *receiptCommand) Run(app *appContext) error {
	person, err := c.client()
	if err != nil {
		return err
	}
	defer person.Close()
	receipt, err := person.Receipt(app)
	if err != nil {
		return withHint(err)
	}
	return printJSON(app, receipt)
}

type exportCommand struct {
	serverFlags
}

// Run prints all that is known.
func (c *exportCommand) Run(app *appContext) error {
	person, err := c.client()
	if err != nil {
		return err
	}
	defer person.Close()
	export, err := person.Export(app)
	if err != nil {
		return withHint(err)
	}
	return printJSON(app, export)
}

type eraseCommand struct {
	serverFlags
}

// Run erases whom the record is about.
func (c *eraseCommand) Run(app *appContext) error {
	person, err := c.client()
	if err != nil {
		return err
	}
	defer person.Close()
	receipt, err := person.Erase(app)
	if err != nil {
		return withHint(err)
	}
	return printJSON(app, receipt)
}

type auditCommand struct {
	DataDir string `default:"${data_dir}" type:"path" help:"Where the server keeps its ledger, or with --nats the note of how far it has come. It may be running."`
	natsFlags
}

// Run audits a ledger and prints what was found in order. The error names the
// first entry that is not.
func (c *auditCommand) Run(app *appContext) error {
	began := time.Now()
	config, err := c.ledger(app, c.DataDir)
	if err != nil {
		return err
	}
	var audit consent.Audit
	if config.NATSURL == "" {
		audit, err = consent.AuditFolder(c.DataDir)
	} else {
		audit, err = consent.AuditCluster(app, config)
	}
	if err != nil {
		return err
	}
	return printJSON(app, struct {
		consent.Audit
		Seconds float64 `json:"seconds"`
	}{audit, time.Since(began).Seconds()})
}

type verifyCommand struct {
	serverFlags
	File string `arg:"" help:"The receipt, as it was handed out; - for standard input."`
	Keys string `type:"existingfile" placeholder:"FILE" help:"The server's published keys, saved from GET /v1/keys: then no network is needed. The server is asked for them unless given."`
}

// Run checks a receipt.
func (c *verifyCommand) Run(app *appContext) error {
	text, err := readFile(app, c.File)
	if err != nil {
		return err
	}
	receipt, err := consent.ParseReceipt(text)
	if err != nil {
		return err
	}
	keys, err := c.keys(app)
	if err != nil {
		return err
	}
	if err := receipt.Verify(keys); err != nil {
		return err
	}
	fmt.Fprintln(app.stdout, "good")
	return nil
}

func (c *verifyCommand) keys(app *appContext) (consent.KeySet, error) {
	if c.Keys == "" {
		anybody, err := c.client()
		if err != nil {
			return consent.KeySet{}, err
		}
		defer anybody.Close()
		return anybody.Keys(app)
	}
	text, err := os.ReadFile(c.Keys)
	if err != nil {
		return consent.KeySet{}, err
	}
	return consent.ParseKeys(text)
}

// readFile reads a file, or standard input for "-".
func readFile(app *appContext, name string) ([]byte, error) {
	if name == "-" {
		return io.ReadAll(app.stdin)
	}
	return os.ReadFile(name)
}

// printJSON prints a value as one line of JSON.
func printJSON(app *appContext, v any) error {
	encoder := json.NewEncoder(app.stdout)
	encoder.SetEscapeHTML(false)
	return encoder.Encode(v)
}
