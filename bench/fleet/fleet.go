package fleet

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sync/errgroup"

	"github.com/tempogate/tempogate/consent/identity"
)

// A Config says what a fleet is. Binary has to be there, the zero value of
// everything else works.
type Config struct {
	// Binary is the tempogate that the nodes and, with "fleet server", the
	// servers run.
	Binary string

	// Dir takes the stores and the logs. When empty it is a temporary folder
	// that Close removes.
	Dir string

	Servers int           // 3 when zero
	Nodes   int           // 3 when zero
	Lease   time.Duration // of the nodes; 5 s when zero

	// ServeFlags are further flags of the nodes' serve.
	ServeFlags []string

	Logger *slog.Logger // told what is done; nobody when nil
}

func (c Config) withDefaults() Config {
	if c.Servers == 0 {
		c.Servers = 3
	}
	if c.Nodes == 0 {
		c.Nodes = 3
	}
	if c.Lease == 0 {
		c.Lease = 5 * time.Second
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

// A Fleet is a cluster of NATS servers with ingest nodes on it.
type Fleet struct {
	config  Config
	dir     string
	own     bool // dir goes with us
	log     *slog.Logger
	Servers []*Server
	Nodes   []*Node

	// Issuer makes tokens that all nodes take.
	Issuer *identity.Issuer

	conn *nats.Conn // past all links
	js   jetstream.JetStream
}

// startTime is how long a fleet may take to come up.
const startTime = 2 * time.Minute

// Start brings a fleet up and returns when every node would let somebody in, and
// every entry is kept by all servers. Close it when done, also after an error.
func Start(ctx context.Context, config Config) (f *Fleet, err error) {
	f = &Fleet{config: config.withDefaults(), dir: config.Dir}
	f.log = f.config.Logger
	if !hasSignals {
		return f, errors.New("fleet: processes are stopped and let go on by signals, which this system does not have")
	}
	ctx, cancel := context.WithTimeoutCause(ctx, startTime, errors.New("the fleet takes too long to come up"))
	defer cancel()
	if f.dir == "" {
		f.own = true
		if f.dir, err = os.MkdirTemp("", "tempogate-fleet-"); err != nil {
			return f, fmt.Errorf("fleet: %w", err)
		}
	} else if err := os.MkdirAll(f.dir, 0o700); err != nil {
		return f, fmt.Errorf("fleet: %w", err)
	} else if left, _ := filepath.Glob(filepath.Join(f.dir, "server-*")); len(left) > 0 {
		return f, fmt.Errorf("fleet: %s holds another fleet already: name an empty folder", f.dir)
	}
	keys := filepath.Join(f.dir, keysFolder)
	account, err := f.tempogate(ctx, "cluster", "permissions", "--keys", keys)
	if err == nil {
		err = os.WriteFile(filepath.Join(f.dir, accountFile), account, 0o600)
	}
	if err != nil {
		return f, err
	}
	if f.Servers, err = newServers(f.config, f.dir); err != nil {
		return f, err
	}
	if f.Nodes, err = newNodes(f.config, f.dir, f.Servers); err != nil {
		return f, err
	}
	for _, s := range f.Servers {
		if err := s.start(); err != nil {
			return f, err
		}
	}
	if err := f.connect(ctx); err != nil {
		return f, err
	}
	var refused error // the servers may not all know of each other yet
	if err := until(ctx, "the streams to be made", func() (bool, error) {
		_, refused = f.tempogate(ctx, "cluster", "init", "--nats", f.urls(), "--nats-nkey", filepath.Join(keys, setupKey))
		return refused == nil, nil
	}); err != nil {
		return f, errors.Join(err, refused)
	}
	first := f.Nodes[0]
	if f.Issuer, err = identity.OpenIssuer(first.dir); err != nil {
		return f, err
	}
	if err := first.start(); err != nil {
		return f, err
	}
	if err := first.awaitReady(ctx); err != nil {
		return f, err
	}
	for _, n := range f.Nodes[1:] {
		if err := n.takeKeys(first); err != nil {
			return f, err
		}
		if err := n.start(); err != nil {
			return f, err
		}
	}
	return f, f.awaitHealthy(ctx)
}

const (
	keysFolder = "keys"
	setupKey   = "setup.nk"
)

// urls are the addresses of the servers, past all links.
func (f *Fleet) urls() string {
	var all []string
	for _, s := range f.Servers {
		all = append(all, s.url())
	}
	return strings.Join(all, ",")
}

// tempogate runs a command and returns what it printed.
func (f *Fleet) tempogate(ctx context.Context, args ...string) ([]byte, error) {
	command := exec.CommandContext(ctx, f.config.Binary, args...)
	command.Env = cleanEnvironment()
	out, err := command.Output()
	if err != nil {
		var failed *exec.ExitError
		if errors.As(err, &failed) {
			err = fmt.Errorf("%w: %s", err, bytes.TrimSpace(failed.Stderr))
		}
		return nil, fmt.Errorf("fleet: tempogate %s: %w", strings.Join(args[:2], " "), err)
	}
	return out, nil
}

// connect reaches the servers past all links, and waits until they are a cluster.
func (f *Fleet) connect(ctx context.Context) (err error) {
	key, err := nats.NkeyOptionFromSeed(filepath.Join(f.dir, keysFolder, setupKey))
	if err != nil {
		return fmt.Errorf("fleet: %w", err)
	}
	f.conn, err = nats.Connect(f.urls(), key, nats.Name("fleet"), nats.MaxReconnects(-1), nats.ReconnectWait(100*time.Millisecond),
		nats.RetryOnFailedConnect(true), nats.PingInterval(time.Second), nats.MaxPingsOutstanding(2),
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))
	if err != nil {
		return fmt.Errorf("fleet: %w", err)
	}
	if f.js, err = jetstream.New(f.conn); err != nil {
		return fmt.Errorf("fleet: %w", err)
	}
	return until(ctx, "the servers to be a cluster", func() (bool, error) {
		asked, cancel := context.WithTimeout(ctx, 2*time.Second)
		defer cancel()
		_, err := f.js.AccountInfo(asked)
		return err == nil, nil
	})
}

// streams are those that a ledger keeps.
var streams = []string{"CONSENT", "CONSENT_PEOPLE"}

// replicated reports whether every server has everything of every stream.
func (f *Fleet) replicated(ctx context.Context) bool {
	for _, name := range streams {
		asked, cancel := context.WithTimeout(ctx, 2*time.Second)
		stream, err := f.js.Stream(asked, name)
		cancel()
		if err != nil {
			return false
		}
		cluster := stream.CachedInfo().Cluster
		if cluster == nil || cluster.Leader == "" || len(cluster.Replicas) != len(f.Servers)-1 {
			return false
		}
		for _, replica := range cluster.Replicas {
			if !replica.Current || replica.Offline || replica.Lag > 0 {
				return false
			}
		}
	}
	return true
}

// leader returns the server that leads the chain, nil when nobody does.
func (f *Fleet) leader(ctx context.Context) *Server {
	asked, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	stream, err := f.js.Stream(asked, streams[0])
	if err != nil || stream.CachedInfo().Cluster == nil {
		return nil
	}
	for _, s := range f.Servers {
		if s.name == stream.CachedInfo().Cluster.Leader {
			return s
		}
	}
	return nil
}

// awaitHealthy waits until every node would let somebody in and every server has
// everything.
func (f *Fleet) awaitHealthy(ctx context.Context) error {
	for _, n := range f.Nodes {
		if err := n.awaitReady(ctx); err != nil {
			return err
		}
	}
	return until(ctx, "the servers to have everything", func() (bool, error) {
		for _, s := range f.Servers {
			if s.died() {
				return false, fmt.Errorf("fleet: %s has ended, see %s", s.name, s.logFile)
			}
		}
		return f.replicated(ctx), nil
	})
}

// Close ends all processes. The folder goes too unless Config.Dir named it.
func (f *Fleet) Close() error {
	if f == nil {
		return nil
	}
	if f.conn != nil {
		f.conn.Close()
	}
	var all errgroup.Group
	for _, n := range f.Nodes {
		if n.process != nil {
			all.Go(func() error { n.stop(); return nil })
		}
	}
	_ = all.Wait()
	for _, s := range f.Servers {
		all.Go(func() error { s.stop(); return nil })
	}
	_ = all.Wait()
	var errs []error
	for _, n := range f.Nodes {
		for _, link := range n.ways {
			errs = append(errs, link.Close())
		}
	}
	for _, s := range f.Servers {
		for _, link := range s.routes {
			errs = append(errs, link.Close())
		}
	}
	if f.own {
		errs = append(errs, os.RemoveAll(f.dir))
	}
	return errors.Join(errs...)
}

// freePorts returns ports of the loopback that nobody listens at now. Processes
// that are started anew keep theirs.
func freePorts(n int) ([]int, error) {
	var ports []int
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, fmt.Errorf("fleet: %w", err)
		}
		defer l.Close() // not before all have been found
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports, nil
}
