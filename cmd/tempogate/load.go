package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/tempogate/tempogate/bench/dataset"
	"github.com/tempogate/tempogate/bench/load"
	"github.com/tempogate/tempogate/classifier"
	"github.com/tempogate/tempogate/consent/identity"
)

type loadCommand struct {
	URL       string `name:"url" default:"http://127.0.0.1:8080" help:"Address of the server."`
	SecureURL string `name:"secure-url" placeholder:"URL" help:"An https address of it, for a share of the sessions (--secure)."`
	CA        string `name:"ca" type:"existingfile" placeholder:"FILE" help:"Certificates (PEM) to trust beside those of the system."`
	Remote    bool   `help:"Allow a server that is not on this machine. Load only what is yours."`

	DataDir string `default:"${data_dir}" type:"path" help:"The server's data directory, to make tokens of its built-in issuer."`
	Tokens  string `type:"existingfile" placeholder:"FILE" help:"Bearer tokens of as many people as needed, one a line, in place of made ones."`

	Sessions          int           `default:"1000" help:"How many sessions to open."`
	SessionsPerPerson int           `default:"1" help:"How many of them one person has. The server allows 4 unless told otherwise."`
	Duration          time.Duration `default:"1m" help:"How long to load the server once all sessions are open."`
	Ramp              time.Duration `placeholder:"DURATION" help:"Over how long to open the sessions. 500 a second unless given."`
	Rate              float64       `default:"1" help:"Frames a second of each session. Each holds a second of motion."`

	Collection string             `type:"existingdir" placeholder:"DIR" help:"Labelled recordings with an index.csv to send. Simulated motion unless given."`
	Each       int                `default:"3" help:"With --collection: how many recordings of each activity."`
	Mix        map[string]float64 `placeholder:"NAME=SHARE" help:"How the sessions divide into activities, for example run=3;walk=1. All alike unless given."`

	JSON       float64       `name:"json" default:"0" help:"Share of the sessions that send JSON, 0 to 1. The others send the packed form."`
	Secure     float64       `default:"0" help:"Share of the sessions that go to --secure-url."`
	Slow       float64       `default:"0" help:"Share of the sessions that do not read their answers."`
	Withdraw   float64       `default:"0" help:"Share of the sessions that withdraw once in mid-stream."`
	Bad        float64       `default:"0" help:"Share of the frames that are malformed."`
	Verify     float64       `default:"0.01" help:"Share of the sessions whose every answer is compared with a classifier of our own, byte by byte."`
	StormEvery time.Duration `placeholder:"DURATION" help:"Have a share of the sessions hang up and come back at once, so often."`
	Storm      float64       `default:"0.5" help:"The share that does."`

	PingEvery time.Duration `placeholder:"DURATION" help:"Have each session ping so often, as many apps do."`

	Flood int `default:"0" help:"Connections beside the sessions that send without pause, in every other period of 5 s. What the sessions see then and in between is reported apart."`

	Processes int    `default:"1" help:"Spread the sessions over so many processes: each can have only so many files."`
	Sources   int    `placeholder:"N" help:"Source addresses, 127.0.0.2 onwards, to spread them over. One for each 5000 sessions unless given."`
	Seed      uint64 `default:"1" help:"Of everything that chance decides."`
	PID       []int  `name:"pid" placeholder:"PID" help:"A process of the server on this machine: its processor time and memory are reported. Repeatable."`

	FailIf []string `name:"fail-if" placeholder:"CONDITION" help:"End with exit code 1 if this holds, for example 'p99>50ms', 'frames_lost>0', 'activity_right<80%'. Repeatable."`
	Out    string   `type:"path" placeholder:"DIR" help:"Write report.txt, report.json and report.html there."`
	Format string   `enum:"text,json" default:"text" help:"What is printed: ${enum}."`

	Part string `hidden:"" env:"-" placeholder:"I/N" help:"Do one part of a run, for the process that started this one."`

	thresholds []*load.Threshold
}

// Validate checks the flags.
func (c *loadCommand) Validate() error {
	for name, n := range map[string]float64{
		"--sessions": float64(c.Sessions), "--sessions-per-person": float64(c.SessionsPerPerson),
		"--duration": c.Duration.Seconds(), "--rate": c.Rate, "--processes": float64(c.Processes), "--each": float64(c.Each),
	} {
		if !(n > 0) {
			return fmt.Errorf("%s must be above 0", name)
		}
	}
	if c.Processes > c.Sessions {
		return errors.New("--processes must not be more than --sessions")
	}
	for name, share := range map[string]float64{
		"--json": c.JSON, "--secure": c.Secure, "--slow": c.Slow, "--withdraw": c.Withdraw, "--bad": c.Bad, "--verify": c.Verify, "--storm": c.Storm,
	} {
		if !(share >= 0 && share <= 1) {
			return fmt.Errorf("%s is a share, from 0 to 1", name)
		}
	}
	for name := range c.Mix {
		if _, err := classifier.ParseActivity(name); err != nil || name == "unknown" {
			return fmt.Errorf("--mix: no activity is called %q (known: still walk run cycle transit)", name)
		}
	}
	for _, text := range c.FailIf {
		t, err := load.ParseThreshold(text)
		if err != nil {
			return fmt.Errorf("--fail-if: %s", strings.TrimPrefix(err.Error(), "load: "))
		}
		c.thresholds = append(c.thresholds, t)
	}
	return nil
}

// Run loads the server, or does a part of it.
func (c *loadCommand) Run(app *appContext) error {
	config, err := c.config()
	if err != nil {
		return err
	}
	if c.Part != "" {
		if _, err := fmt.Sscanf(c.Part, "%d/%d", &config.Part, &config.Parts); err != nil {
			return fmt.Errorf("--part: %w", err)
		}
		return load.RunPart(app, config, app.stdin, app.stdout)
	}
	if err := load.EnoughFiles(c.Sessions / c.Processes); err != nil {
		return err
	}
	if c.Out != "" { // a place that cannot be written to is better found out now
		if err := os.MkdirAll(c.Out, 0o755); err != nil {
			return err
		}
	}
	show := newLoadProgress(app, config)
	config.Setup, config.Tell = show.setup, show.tell
	var report *load.Report
	if c.Processes > 1 {
		report, err = load.RunProcesses(app, config, c.Processes, c.part)
	} else {
		report, err = load.Run(app, config)
	}
	show.finish()
	if err != nil {
		return withHint(err)
	}
	report.Command = c.String()
	passed := report.Judge(c.thresholds)
	if err := c.print(app, report); err != nil {
		return err
	}
	if !passed {
		return errors.New("a threshold was crossed")
	}
	return nil
}

// print writes the report to where it is wanted.
func (c *loadCommand) print(app *appContext, report *load.Report) error {
	text := report.AppendText(nil)
	asJSON, err := report.JSON()
	if err != nil {
		return err
	}
	if c.Format == "json" {
		_, err = fmt.Fprintf(app.stdout, "%s\n", asJSON)
	} else {
		_, err = app.stdout.Write(text)
	}
	if err != nil || c.Out == "" {
		return err
	}
	page, err := report.HTML()
	if err != nil {
		return err
	}
	for name, content := range map[string][]byte{"report.txt": text, "report.json": append(asJSON, '\n'), "report.html": page} {
		if err := os.WriteFile(filepath.Join(c.Out, name), content, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// config turns the flags into a configuration.
func (c *loadCommand) config() (load.Config, error) {
	config := load.Config{
		URL: c.URL, SecureURL: c.SecureURL, Remote: c.Remote,
		Sessions: c.Sessions, SessionsPerPerson: c.SessionsPerPerson, Duration: c.Duration, Ramp: c.Ramp, Rate: c.Rate,
		JSON: c.JSON, Secure: c.Secure, Slow: c.Slow, Withdraw: c.Withdraw, Bad: c.Bad, Verify: c.Verify,
		StormEvery: c.StormEvery, Storm: c.Storm, PingEvery: c.PingEvery, Flood: c.Flood, Sources: c.Sources, Seed: c.Seed, PIDs: c.PID,
	}
	var err error
	if config.TLS, err = trusting(c.CA); err != nil {
		return config, err
	}
	if config.Motions, err = c.motions(); err != nil {
		return config, err
	}
	config.Token, err = c.tokenSource()
	return config, err
}

// motions are what the sessions send.
func (c *loadCommand) motions() (motions []*load.Motion, err error) {
	if c.Collection == "" {
		motions, err = load.SimulatedMotions(c.Seed)
	} else {
		var collection *dataset.Collection
		if collection, err = dataset.OpenCollection(c.Collection); err != nil {
			return nil, err
		}
		motions, err = load.RecordedMotions(collection, c.Each, c.Seed)
	}
	if err != nil || len(c.Mix) == 0 {
		return motions, err
	}
	return load.Mix(motions, c.Mix)
}

// tokenSource returns where tokens come from: a file, or the server's issuer.
func (c *loadCommand) tokenSource() (func(person int) (string, error), error) {
	if c.Tokens != "" {
		text, err := os.ReadFile(c.Tokens)
		if err != nil {
			return nil, err
		}
		tokens := strings.Fields(string(text))
		if need := (c.Sessions + c.SessionsPerPerson - 1) / c.SessionsPerPerson; len(tokens) < need {
			return nil, fmt.Errorf("%s holds %d tokens, and %d people are needed", c.Tokens, len(tokens), need)
		}
		return func(person int) (string, error) { return tokens[person], nil }, nil
	}
	if _, err := os.Stat(filepath.Join(c.DataDir, "identity.key")); err != nil {
		return nil, fmt.Errorf("%s is no data directory of a server with the built-in issuer: name it with --data-dir, or give --tokens", c.DataDir)
	}
	issuer, err := identity.OpenIssuer(c.DataDir)
	if err != nil {
		return nil, err
	}
	// Long enough for the whole run, and no longer than a day of it.
	life := min(24*time.Hour, c.Duration+c.Ramp+time.Hour)
	return func(person int) (string, error) { return issuer.Token(fmt.Sprintf("load-%d", person), life) }, nil
}

// part returns the command for one part of the run.
func (c *loadCommand) part(ctx context.Context, part int) *exec.Cmd {
	self, err := os.Executable()
	if err != nil {
		self = os.Args[0]
	}
	command := exec.CommandContext(ctx, self, append(os.Args[1:len(os.Args):len(os.Args)], fmt.Sprintf("--part=%d/%d", part, c.Processes))...)
	command.Stderr = os.Stderr
	command.Cancel = func() error { return command.Process.Signal(syscall.SIGTERM) }
	command.WaitDelay = 5 * time.Second
	return command
}

// String returns a command line that does the same again.
func (c *loadCommand) String() string {
	words := []string{"tempogate"}
	for _, arg := range os.Args[1:] {
		words = append(words, shellQuoted(arg))
	}
	return strings.Join(words, " ")
}
