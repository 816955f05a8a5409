// Command tempogate serves a running mode that takes motion only from people
// who said yes, and turns it into tempo. "tempogate --help" lists what else it
// does.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/tempogate/tempogate/bench/fleet"
	"github.com/tempogate/tempogate/consent"
)

func main() {
	alone = true
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// alone says that this process is one command's, and no test's.
var alone bool

// Exit codes.
const (
	exitGood   = 0
	exitFailed = 1
	exitUsage  = 2
)

// commandLine is everything that can be asked for, one field a command. Every
// flag can be given as TEMPOGATE_<FLAG> in the environment.
type commandLine struct {
	Demo     demoCommand     `cmd:"" help:"Show everything in one go: a server, consent, a walk, a run and a ride, a withdrawal."`
	Serve    serveCommand    `cmd:"" help:"Run the server."`
	Token    tokenCommand    `cmd:"" help:"Print a bearer token of the built-in issuer."`
	Consent  consentCommand  `cmd:"" help:"Ask, give, take back and look up consent."`
	Ledger   ledgerCommand   `cmd:"" help:"Move a ledger from the data directory of one server to a NATS cluster, or back."`
	Cluster  clusterCommand  `cmd:"" help:"Set up a NATS cluster for the ledger of many servers."`
	Receive  receiveCommand  `cmd:"" help:"As a third party, print the tempo of people who named you, one JSON line each as it comes."`
	Replay   replayCommand   `cmd:"" help:"Stream recordings as a running app would, and print each answer as a JSON line."`
	Classify classifyCommand `cmd:"" help:"Print what the classifier says about recordings, one JSON line a second; no server needed."`
	Train    trainCommand    `cmd:"" help:"Train a model from labelled recordings."`
	Eval     evalCommand     `cmd:"" help:"Measure how well the classifier does."`
	Load     loadCommand     `cmd:"" help:"Load-test a server: open many sessions, and look at what comes back, when, and whether it is right."`
	Fleet    fleetCommand    `cmd:"" help:"Try out a fleet on this machine: three NATS servers and as many nodes, each a process."`
	Scale    scaleCommand    `cmd:"" help:"Compute what many users need, and simulate a day of theirs."`
	Residue  residueCommand  `cmd:"" help:"Search all memory of a server for samples that should be gone."`
	Simulate simulateCommand `cmd:"" help:"Print a simulated recording with exactly known steps, as CSV."`

	LogFormat string           `enum:"text,json" default:"text" help:"How the log on standard error is written: ${enum}."`
	LogLevel  slog.Level       `default:"info" help:"The least that is logged: debug, info, warn or error."`
	Version   kong.VersionFlag `env:"-" help:"Print the version and exit."`
}

// An appContext is what commands are given beside their flags. Results go to
// stdout, everything else to stderr or the log.
type appContext struct {
	context.Context // done on SIGINT and SIGTERM

	stdin          io.Reader
	stdout, stderr io.Writer
	log            *slog.Logger
}

// exit carries an exit code out of the parser, which ends the process for
// --help and --version.
type exit int

// run runs one command and returns its exit code.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) (code int) {
	defer func() {
		if e, ok := recover().(exit); ok {
			code = int(e)
		}
	}()
	var cli commandLine
	parser, err := kong.New(&cli,
		kong.Name("tempogate"),
		kong.Description("Turn phone motion into a running tempo, only for people who said yes."),
		kong.DefaultEnvars("TEMPOGATE"),
		kong.Vars{
			"data_dir": defaultDataDir(), "nats_account": consent.DefaultAccount, "version": version(),
			"faults": strings.Join(fleet.FaultKinds(), ", "),
		},
		kong.Writers(stdout, stderr),
		kong.Exit(func(code int) { panic(exit(code)) }),
		kong.ExplicitGroups([]kong.Group{{Key: "nats", Title: "A ledger in NATS:"}}),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
	)
	if err != nil { // a mistake in the structs above
		panic(err)
	}
	command, err := parser.Parse(args)
	if err != nil {
		fmt.Fprintf(stderr, "tempogate: %v\nRun \"tempogate --help\", or \"tempogate COMMAND --help\".\n", err)
		return exitUsage
	}

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	app := &appContext{Context: ctx, stdin: stdin, stdout: stdout, stderr: stderr}
	options := slog.HandlerOptions{Level: cli.LogLevel}
	if cli.LogFormat == "json" {
		app.log = slog.New(slog.NewJSONHandler(stderr, &options))
	} else {
		app.log = slog.New(slog.NewTextHandler(stderr, &options))
	}
	if err := command.Run(app); err != nil {
		if ctx.Err() != nil && errors.Is(err, context.Canceled) {
			err = errors.New("interrupted")
		}
		fmt.Fprintf(stderr, "tempogate: %v\n", err)
		return exitFailed
	}
	return exitGood
}

// defaultDataDir is where the server keeps its ledger and keys unless told
// otherwise: the place for state of the XDG base directory specification, so
// that commands find it from every working directory.
func defaultDataDir() string {
	if dir := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) { // the specification ignores relative ones
		return filepath.Join(dir, "tempogate")
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "tempogate-data"
	}
	return filepath.Join(home, ".local", "state", "tempogate")
}

// version returns what the build knows of itself.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	return info.Main.Version + " " + info.GoVersion
}
