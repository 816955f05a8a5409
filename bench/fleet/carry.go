package fleet

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/tempogate/tempogate/bench/load"
)

// Carried is what nodes carried, and what it cost.
type Carried struct {
	Sessions    int     // on all nodes
	Frames      int     // that were sent
	CPUPerFrame float64 // seconds of the nodes' processor time
}

// Carry loads so many of the nodes at the same time with config.Sessions each, and
// returns what a frame cost. URL, Token and PIDs of config are set here.
func (f *Fleet) Carry(ctx context.Context, nodes int, config load.Config) (Carried, error) {
	reports := make([]*load.Report, nodes)
	group, ctx := errgroup.WithContext(ctx)
	for i, n := range f.Nodes[:nodes] {
		own := config
		own.URL, own.PIDs = n.URL, []int{n.pid()}
		own.Token = func(person int) (string, error) {
			return f.Issuer.Token(fmt.Sprintf("load-%d-%d", i, person), 24*time.Hour)
		}
		group.Go(func() (err error) {
			reports[i], err = load.Run(ctx, own)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return Carried{}, err
	}
	carried := Carried{Sessions: nodes * config.Sessions}
	var cpu time.Duration
	for i, report := range reports {
		c := &report.Total.Counts
		if lost := c[load.Lost] + c[load.ClosedWrongly] + c[load.ConnectFailed]; lost > 0 {
			return carried, fmt.Errorf("fleet: node %d lost %d frames or sessions", i+1, lost)
		}
		carried.Frames += int(report.Measured.Counts[load.Frames])
		cpu += report.Server().CPUPerFrame * time.Duration(report.Measured.Counts[load.Frames])
	}
	carried.CPUPerFrame = cpu.Seconds() / float64(carried.Frames)
	return carried, nil
}
