package residue

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// An OwnConfig configures RunOwn.
type OwnConfig struct {
	Command []string // "tempogate serve", and flags beside those of Start
	Rounds  int      // of each transport; 1 when zero
	Seed    uint64
	Tell    func(Progress) // as Config's; may be nil
}

// ownIdleTimeout is that of servers of our own: long enough that no session ends
// by it while others are searched for.
const ownIdleTimeout = 12 * time.Second

// RunOwn searches servers that it starts itself, with TLS and without at once, and
// has them drain too: one for each drain, and one for all other endings.
func RunOwn(ctx context.Context, config OwnConfig) (*Report, error) {
	config.Rounds = max(config.Rounds, 1)
	dir, err := os.MkdirTemp("", "tempogate-residue-")
	if err != nil {
		return nil, fmt.Errorf("residue: %w", err)
	}
	defer os.RemoveAll(dir)
	o := &ownRun{config: config, dir: dir, total: &Report{Findings: []Finding{}}}
	all, ctx := errgroup.WithContext(ctx)
	for i, transport := range []string{"plain", "tls"} {
		all.Go(func() error {
			seed := config.Seed + uint64(i)<<32
			if err := o.server(ctx, transport, Config{Rounds: config.Rounds, Seed: seed}); err != nil {
				return err
			}
			for round := range config.Rounds {
				drain := Config{Rounds: 1, Seed: seed + 1 + uint64(round), Endings: []Ending{Drain}}
				if err := o.server(ctx, transport, drain); err != nil {
					return err
				}
			}
			return nil
		})
	}
	err = all.Wait()
	return o.total, err
}

// An ownRun is a run over several servers.
type ownRun struct {
	config OwnConfig
	dir    string

	mu     sync.Mutex
	copies int // found so far
	total  *Report
}

// server starts a server, searches it, and stops it.
func (o *ownRun) server(ctx context.Context, transport string, config Config) error {
	dir, err := os.MkdirTemp(o.dir, transport+"-")
	if err != nil {
		return fmt.Errorf("residue: %w", err)
	}
	command := append(o.config.Command[:len(o.config.Command):len(o.config.Command)], "--idle-timeout", ownIdleTimeout.String())
	server, err := Start(ctx, command, dir, transport == "tls")
	if err != nil {
		return err
	}
	config.URL, config.TLS, config.PID, config.Token = server.URL, server.TLS, server.PID, server.Token
	config.IdleTimeout, config.DrainServer, config.Interrupt = ownIdleTimeout, server.Drain, server.Interrupt
	before := 0
	config.Tell = func(p Progress) {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.copies += p.Copies - before
		before, p.Copies = p.Copies, o.copies
		if o.config.Tell != nil {
			o.config.Tell(p)
		}
	}
	report, err := Run(ctx, config)
	o.mu.Lock()
	defer o.mu.Unlock()
	if report != nil {
		o.total.Add(report)
	}
	return errors.Join(err, server.Stop())
}
