package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"time"

	"github.com/tempogate/tempogate/bench/fleet"
	"github.com/tempogate/tempogate/bench/load"
)

// A fleetCommand runs several nodes on a NATS cluster, all on this machine.
type fleetCommand struct {
	Faults  fleetFaultsCommand  `cmd:"" help:"Break one thing after another among people who give consent and take it back, and look for what must never happen."`
	Restart fleetRestartCommand `cmd:"" help:"Restart all nodes in turn under load, and look at how the sessions come back."`
	Carry   fleetCarryCommand   `cmd:"" help:"Compare what a frame costs on one node and on two nodes with twice the sessions."`
	Server  fleetServerCommand  `cmd:"" hidden:"" help:"Run one NATS server, for the commands above."`
}

// fleetFlags are those of all commands with a fleet.
type fleetFlags struct {
	Dir   string        `type:"path" placeholder:"DIR" help:"Keep stores and logs there. They go at the end unless given."`
	Lease time.Duration `default:"5s" help:"The nodes' lease."`
	Seed  uint64        `default:"1" help:"Of everything that chance decides."`
}

// start starts a fleet of nodes that run this binary.
func (c *fleetFlags) start(app *appContext, nodes int) (*fleet.Fleet, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	app.log.Info("starting servers and nodes")
	return fleet.Start(app, fleet.Config{Binary: self, Dir: c.Dir, Nodes: nodes, Lease: c.Lease, Logger: app.log})
}

type fleetServerCommand struct {
	File string `arg:"" type:"existingfile" help:"Its configuration."`
}

// Run runs a NATS server until SIGINT or SIGTERM.
func (c *fleetServerCommand) Run(app *appContext) error { return fleet.ServeNATS(app, c.File) }

type fleetFaultsCommand struct {
	fleetFlags
	Duration time.Duration `default:"30m" help:"How long."`
	People   int           `default:"24" help:"How many give consent and take it back; each has two sessions."`
	Only     []string      `placeholder:"KIND" help:"Have only these go wrong: ${faults}. Repeatable."`
	Plant    []string      `enum:"grant,frame" placeholder:"WHAT" help:"Have something forbidden happen, to see that it is found: a consent that is lost (grant), or a frame after a withdrawal (frame). Repeatable."`
}

// Validate checks the flags.
func (c *fleetFaultsCommand) Validate() error {
	if c.Duration <= 0 || c.People <= 0 || c.Lease <= 0 {
		return errors.New("--duration, --people and --lease must be above 0")
	}
	for _, kind := range c.Only {
		if !slices.Contains(fleet.FaultKinds(), kind) {
			return fmt.Errorf("--only: nothing that can go wrong is called %q", kind)
		}
	}
	return nil
}

// Run breaks things and prints what came of it.
func (c *fleetFaultsCommand) Run(app *appContext) (err error) {
	f, err := c.start(app, 3)
	defer func() { err = errors.Join(err, f.Close()) }()
	if err != nil {
		return err
	}
	report, err := f.Faults(app, fleet.FaultsConfig{
		Duration: c.Duration, Seed: c.Seed, People: c.People, Kinds: c.Only, Plant: c.Plant,
		Tell: func(at time.Duration, what string) {
			fmt.Fprintf(app.stderr, "%7.1f s  %s\n", at.Seconds(), what)
		},
	})
	if report == nil {
		return err
	}
	faults := 0
	for _, n := range report.Faults {
		faults += n
	}
	found := map[string]int{}
	for _, v := range report.Violations {
		found[v.What]++
	}
	fmt.Fprintf(app.stdout, "forbidden %d\nforbidden_consents_lost %d\nforbidden_frames %d\nfaults %d\n",
		len(report.Violations), found[fleet.ConsentLost], found[fleet.FrameLate], faults)
	for _, kind := range slices.Sorted(maps.Keys(report.Faults)) {
		fmt.Fprintf(app.stdout, "fault_%s %d\n", kind, report.Faults[kind])
	}
	fmt.Fprintf(app.stdout, "seconds %.0f\nacknowledged_grants %d\nacknowledged_withdrawals %d\nunacknowledged_changes %d\nframes_accepted %d\ndenials %d\n",
		report.Duration.Seconds(), report.Grants, report.Withdrawals, report.Unacknowledged, report.Frames, report.Denials)
	fmt.Fprintf(app.stdout, "latest_frame_ms %.1f\nlatest_frame_calm_ms %.1f\nlease_ms %d\nnodes_revived %d\n",
		milliseconds(report.Late), milliseconds(report.LateInCalm), c.Lease.Milliseconds(), report.Revived)
	if all := report.Recoveries; len(all) > 0 {
		slices.Sort(all)
		fmt.Fprintf(app.stdout, "recovery_p50_s %.2f\nrecovery_max_s %.2f\n", all[len(all)/2].Seconds(), all[len(all)-1].Seconds())
	}
	for i, v := range report.Violations {
		if i == mostViolations {
			fmt.Fprintf(app.stderr, "and %d more\n", len(report.Violations)-i)
			break
		}
		fmt.Fprintf(app.stderr, "FORBIDDEN %s\n", v)
	}
	if err == nil && len(report.Violations) > 0 {
		err = errors.New("what must never happen has happened")
	}
	return err
}

// mostViolations is how many are printed: one fault may bring about hundreds.
const mostViolations = 20

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

type fleetRestartCommand struct {
	fleetFlags
	Sessions int `default:"300" help:"How many sessions there are."`
}

// Validate checks the flags.
func (c *fleetRestartCommand) Validate() error {
	if c.Sessions <= 0 || c.Lease <= 0 {
		return errors.New("--sessions and --lease must be above 0")
	}
	return nil
}

// Run restarts the nodes and prints what came of it.
func (c *fleetRestartCommand) Run(app *appContext) (err error) {
	f, err := c.start(app, 3)
	defer func() { err = errors.Join(err, f.Close()) }()
	if err != nil {
		return err
	}
	report, err := f.Restart(app, fleet.RestartConfig{Sessions: c.Sessions, Seed: c.Seed, Tell: func(at time.Duration, what string) {
		fmt.Fprintf(app.stderr, "%7.1f s  %s\n", at.Seconds(), what)
	}})
	if err != nil {
		return err
	}
	fmt.Fprintf(app.stdout, "restart_sessions %d\nrestart_visits %d\nrestart_moves %d\nrestart_back_in_time %d\nrestart_refused %d\nrestart_lost %d\nrestart_grants_asked %d\nrestart_latest_ms %.1f\nrestart_away_max_s %.2f\nrestart_seconds %.1f\ngrants_per_second %.1f\n",
		c.Sessions, report.Visits, report.Moves, report.InTime, report.Refused, report.Lost, report.Denied, milliseconds(report.Latest), report.AwayMax.Seconds(), report.Duration.Seconds(), report.GrantsPerSecond)
	for what, n := range report.Failures {
		fmt.Fprintf(app.stderr, "%d times: %s\n", n, what)
	}
	if report.InTime < report.Moves || report.Refused+report.Lost+report.Denied > 0 || report.Moves < c.Sessions {
		return errors.New("not every session came back as it should")
	}
	return nil
}

type fleetCarryCommand struct {
	fleetFlags
	Sessions int           `default:"500" help:"How many sessions each node has."`
	Duration time.Duration `default:"15s" help:"How long each run lasts, after its sessions are open."`
	Turns    int           `default:"2" help:"How often each is measured. The best counts."`
}

// Validate checks the flags.
func (c *fleetCarryCommand) Validate() error {
	if c.Sessions <= 0 || c.Duration <= 0 || c.Turns <= 0 {
		return errors.New("--sessions, --duration and --turns must be above 0")
	}
	return nil
}

// Run measures one node and two, in turn, and prints what a frame costs.
func (c *fleetCarryCommand) Run(app *appContext) (err error) {
	f, err := c.start(app, 2)
	defer func() { err = errors.Join(err, f.Close()) }()
	if err != nil {
		return err
	}
	motions, err := load.SimulatedMotions(c.Seed)
	if err != nil {
		return err
	}
	config := load.Config{Sessions: c.Sessions, Duration: c.Duration, Motions: motions, Seed: c.Seed}
	var best [3]fleet.Carried // by how many nodes
	for turn := range c.Turns {
		for nodes := 1; nodes <= 2; nodes++ {
			carried, err := f.Carry(context.Context(app), nodes, config)
			if err != nil {
				return err
			}
			fmt.Fprintf(app.stderr, "turn %d, %d sessions on %d of the nodes: %.1f µs a frame\n", turn+1, carried.Sessions, nodes, carried.CPUPerFrame*1e6)
			if turn == 0 || carried.CPUPerFrame < best[nodes].CPUPerFrame {
				best[nodes] = carried
			}
		}
	}
	one, two := best[1], best[2]
	fmt.Fprintf(app.stdout, "one_node_sessions %d\none_node_cpu_per_frame_us %.2f\ntwo_nodes_sessions %d\ntwo_nodes_cpu_per_frame_us %.2f\nsessions_for_the_same_cpu_ratio %.3f\n",
		one.Sessions, one.CPUPerFrame*1e6, two.Sessions, two.CPUPerFrame*1e6, float64(two.Sessions)/float64(one.Sessions)*one.CPUPerFrame/two.CPUPerFrame)
	return nil
}
