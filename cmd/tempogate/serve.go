package main

import (
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime/debug"
	"time"

	"github.com/tempogate/tempogate/consent"
	"github.com/tempogate/tempogate/consent/identity"
	"github.com/tempogate/tempogate/ingest"
	"github.com/tempogate/tempogate/ingest/lockdown"
)

type serveCommand struct {
	Listen  string `default:"127.0.0.1:8080" help:"Public address. Port 0 takes a free one."`
	Admin   string `default:"127.0.0.1:9090" help:"Address of /healthz, /readyz, /metrics and /debug/pprof. Keep it off the net. Empty for none."`
	DataDir string `default:"${data_dir}" type:"path" help:"Where keys and the embedded ledger are kept."`
	natsFlags

	TLSCert string `name:"tls-cert" type:"existingfile" placeholder:"FILE" help:"Certificate chain (PEM) for the public address."`
	TLSKey  string `name:"tls-key" type:"existingfile" placeholder:"FILE" help:"Its private key (PEM)."`

	OIDCIssuer   string `name:"oidc-issuer" placeholder:"URL" help:"Take the tokens of this OpenID Connect provider, and no longer those of the built-in issuer."`
	OIDCAudience string `name:"oidc-audience" placeholder:"NAME" help:"What its tokens must have in \"aud\": the client ID of the app, or the name of this server there."`

	Page      bool   `default:"true" negatable:"" help:"Serve the running-mode page at /."`
	Anonymous bool   `help:"Let anybody who opens the page have an identity for that device. Without it only people with a token can take part. For the built-in issuer."`
	Notices   string `type:"existingdir" placeholder:"DIR" help:"Ask with the notices in this folder, not with the built-in ones: files named VERSION.LANGUAGE.json, and SHA256SUMS as sha256sum writes it."`

	Origin []string `placeholder:"ORIGIN" help:"An origin, such as https://run.example.org, whose pages may call this server beside its own. Repeatable."`

	GrantTTL    time.Duration `name:"grant-ttl" placeholder:"DURATION" help:"How long a consent holds before it has to be asked for again."`
	Lease       time.Duration `placeholder:"DURATION" help:"How long samples are still taken after the ledger was last heard."`
	IdleTimeout time.Duration `default:"60s" help:"End a session that sends no frame for so long."`
	Grace       time.Duration `default:"10s" help:"How long a shutdown may take before connections are cut."`
	DrainDelay  time.Duration `placeholder:"DURATION" help:"At a shutdown, go on letting people in for so long while /readyz says no: for load balancers to notice before anybody is refused."`

	NodeName      string         `placeholder:"NAME" help:"What this node is called in metrics and log. The machine's name unless given."`
	Proxy         []netip.Prefix `placeholder:"NETWORK" help:"Network of a load balancer, such as 10.0.0.0/8, whose word for where clients are is taken. Repeatable."`
	ProxyProtocol bool           `help:"They say it with the PROXY protocol, version 2, at the beginning of each connection. Otherwise with X-Forwarded-For."`

	MaxSessions            int `default:"20000" help:"Live sessions on this node."`
	MaxSessionsPerPerson   int `default:"4" help:"Live sessions of one person, on all nodes together."`
	MaxFrameBytes          int `default:"262144" help:"Bytes of one frame."`
	MaxSamplesPerSecond    int `default:"1000" help:"Readings a second of one session, averaged over two minutes; each second of motion counts as 50 more. All sessions of a person together may send twice as many, here and in the next two."`
	MaxBytesPerSecond      int `default:"131072" help:"Bytes a second of one session, averaged over two minutes."`
	MaxFramesPerSecond     int `default:"50" help:"Frames a second of one session, averaged over one minute."`
	MaxAdmissionsPerSecond int `default:"500" help:"Sessions let in a second."`

	MaxConnectionsPerAddress int `default:"4096" help:"Connections of one address that are no session: handshakes, calls, and those kept for the next call. Those of a --proxy are not counted."`

	ShedLateness time.Duration `default:"25ms" help:"Let nobody in while the node comes so late, on average over a second, to what is due."`

	ClockOffset time.Duration `hidden:"" env:"-" help:"Have the ledger's clock run so far ahead, to try what clocks that differ do."`

	Inspectable bool `help:"Let other processes of the same user read the memory of this one, for tempogate residue and for debuggers. Not for production."`

	ReadyFile string `type:"path" placeholder:"FILE" help:"Write the addresses here, as JSON, once the server listens."`
}

// garbagePercent is how much garbage there may be beside what lives, before it is
// collected. Go's own value is 100.
const garbagePercent = 25

// nodeHold is how long after a lease the sessions of a node that fell silent
// count: a turn of the wheel that ends them, and two messages that got lost.
const nodeHold = 4 * time.Second

// Validate checks what flags demand of each other.
func (c *serveCommand) Validate() error {
	if err := c.natsFlags.Validate(); err != nil {
		return err
	}
	if (c.TLSCert == "") != (c.TLSKey == "") {
		return errors.New("--tls-cert and --tls-key belong together")
	}
	if (c.OIDCIssuer == "") != (c.OIDCAudience == "") {
		return errors.New("--oidc-issuer and --oidc-audience belong together")
	}
	if c.Anonymous && c.OIDCIssuer != "" {
		return errors.New("--anonymous is for the built-in issuer: with --oidc-issuer people log in there")
	}
	if c.ProxyProtocol && len(c.Proxy) == 0 {
		return errors.New("--proxy-protocol is spoken by load balancers: name their network with --proxy")
	}
	if c.DrainDelay < 0 {
		return errors.New("--drain-delay must not be negative")
	}
	for name, n := range map[string]int{
		"--max-sessions":                c.MaxSessions,
		"--max-sessions-per-person":     c.MaxSessionsPerPerson,
		"--max-frame-bytes":             c.MaxFrameBytes,
		"--max-samples-per-second":      c.MaxSamplesPerSecond,
		"--max-bytes-per-second":        c.MaxBytesPerSecond,
		"--max-frames-per-second":       c.MaxFramesPerSecond,
		"--max-admissions-per-second":   c.MaxAdmissionsPerSecond,
		"--max-connections-per-address": c.MaxConnectionsPerAddress,
		"--shed-lateness":               int(c.ShedLateness),
		"--idle-timeout":                int(c.IdleTimeout),
		"--grace":                       int(c.Grace),
	} {
		if n <= 0 {
			return fmt.Errorf("%s must be above 0", name)
		}
	}
	return nil
}

// Run runs the server until SIGINT or SIGTERM.
func (c *serveCommand) Run(app *appContext) (err error) {
	if c.NodeName != "" {
		app.log = app.log.With("node", c.NodeName)
	}
	if os.Getenv("GOGC") == "" {
		// Live sessions allocate nothing, so there is little to collect, and what
		// the handshakes leave should not stay for long.
		debug.SetGCPercent(garbagePercent)
	}
	c.lockDown(app)
	var certificates *tls.Config
	if c.TLSCert != "" {
		pair, err := tls.LoadX509KeyPair(c.TLSCert, c.TLSKey)
		if err != nil {
			return fmt.Errorf("TLS certificate: %w", err)
		}
		certificates = &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	}
	issuer, err := identity.OpenIssuer(c.DataDir)
	if err != nil {
		return err
	}
	verifier, closeVerifier, err := c.verifier(app, issuer)
	if err != nil {
		return err
	}
	defer closeVerifier()
	var notices []*consent.Notice // those that are built in
	if c.Notices != "" {
		if notices, err = consent.LoadNotices(os.DirFS(c.Notices)); err != nil {
			return err
		}
	}
	book, err := c.ledger(app, c.DataDir)
	if err != nil {
		return err
	}
	book.Notices, book.GrantTTL, book.Lease, book.Now = notices, c.GrantTTL, c.Lease, c.clock()
	ledger, err := consent.OpenLedger(app, book)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, ledger.Close()) }()

	capabilities, err := identity.OpenCapabilities(c.DataDir)
	if err != nil {
		return err
	}
	var anonymous ingest.AnonymousIssuer
	if issuer, builtin := verifier.(*identity.Issuer); builtin && c.Anonymous {
		anonymous = issuer
	}

	config := ingest.Config{
		Listen:        c.Listen,
		Admin:         c.Admin,
		TLS:           certificates,
		Ledger:        ledger,
		Verifier:      verifier,
		Recipients:    issuer,
		Origins:       c.Origin,
		Page:          c.Page,
		Anonymous:     anonymous,
		Capabilities:  capabilities,
		IdleTimeout:   c.IdleTimeout,
		Grace:         c.Grace,
		DrainDelay:    c.DrainDelay,
		NodeName:      c.NodeName,
		Proxies:       c.Proxy,
		ProxyProtocol: c.ProxyProtocol,
		ShedLateness:  c.ShedLateness,
		Limits: ingest.Limits{
			Sessions:              c.MaxSessions,
			SessionsPerPerson:     c.MaxSessionsPerPerson,
			FrameBytes:            c.MaxFrameBytes,
			SamplesPerSecond:      c.MaxSamplesPerSecond,
			BytesPerSecond:        c.MaxBytesPerSecond,
			FramesPerSecond:       c.MaxFramesPerSecond,
			AdmissionsPerSecond:   c.MaxAdmissionsPerSecond,
			ConnectionsPerAddress: c.MaxConnectionsPerAddress,
		},
		Logger: app.log,
	}
	if c.NATS != "" {
		config.Nodes, config.NodeHold = ledger, ledger.Lease()+nodeHold
	}
	server, err := ingest.New(config)
	if err != nil {
		return err
	}
	if err := server.Listen(); err != nil {
		return err
	}
	defer server.Close()
	if err := c.announce(app, server); err != nil {
		return err
	}
	return server.Serve(app)
}

// clock is the clock that the ledger dates with, nil for the system's.
func (c *serveCommand) clock() func() time.Time {
	if c.ClockOffset == 0 {
		return nil
	}
	return func() time.Time { return time.Now().Add(c.ClockOffset) }
}

// lockDown keeps the memory of this process from disks and from others, and copies
// of what it holds from places where it is not cleared. It says what this machine
// does not allow.
func (c *serveCommand) lockDown(app *appContext) {
	if alone {
		if err := restart(); err != nil {
			app.log.Warn("the runtime may keep copies of single readings for a while: it cannot be told not to", "error", err)
		}
		quitSilently(app.log)
	}
	state := lockdown.Apply(lockdown.Config{Inspectable: c.Inspectable})
	for _, warning := range state.Warnings {
		app.log.Warn(warning)
	}
	app.log.Info("memory", "core_dumps", state.CoreDumps, "inspectable", state.Inspectable, "swap", state.Swap)
}

// verifier returns who says whom a token stands for: the identity provider, or
// the built-in issuer where none is named.
func (c *serveCommand) verifier(app *appContext, issuer *identity.Issuer) (verifier ingest.Verifier, closeVerifier func(), err error) {
	if c.OIDCIssuer == "" {
		return issuer, func() {}, nil
	}
	provider, err := identity.OpenProvider(app, identity.ProviderConfig{
		Dir: c.DataDir, Issuer: c.OIDCIssuer, Audience: c.OIDCAudience, Logger: app.log,
	})
	if err != nil {
		return nil, nil, err
	}
	app.log.Info("tokens come from", "issuer", c.OIDCIssuer, "audience", c.OIDCAudience)
	return provider, provider.Close, nil
}

// announce says where the server listens, in the log and in the ready file.
func (c *serveCommand) announce(app *appContext, server *ingest.Server) error {
	ready := struct {
		URL     string `json:"url"`
		Admin   string `json:"admin,omitempty"`
		DataDir string `json:"data_dir"`
	}{URL: server.URL(), DataDir: c.DataDir}
	if addr := server.AdminAddr(); addr != nil {
		ready.Admin = "http://" + addr.String()
		if ip := addr.(*net.TCPAddr).IP; !ip.IsLoopback() && !ip.IsPrivate() {
			app.log.Warn("the admin address can be reached from outside this machine: it shows profiles and metrics to anybody", "admin", ready.Admin)
		}
	}
	app.log.Info("listening", "url", ready.URL, "admin", ready.Admin, "data_dir", ready.DataDir)
	if c.ReadyFile == "" {
		return nil
	}
	text, err := json.Marshal(ready)
	if err != nil {
		return err
	}
	// Whoever waits for the file must find it whole.
	partial := filepath.Join(filepath.Dir(c.ReadyFile), "."+filepath.Base(c.ReadyFile)+".partial")
	if err := os.WriteFile(partial, append(text, '\n'), 0o644); err != nil {
		return err
	}
	return os.Rename(partial, c.ReadyFile)
}
