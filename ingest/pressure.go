package ingest

import (
	"context"
	"sync/atomic"
	"time"
)

// A pressure tells when a node has more to do than it can. What it looks at is
// what a frame would suffer: how late a goroutine runs that should run now. That
// counts everything that can be short, the processors, the scheduler's queue and
// other programs on the same machine, without a model of any of it.
type pressure struct {
	lateness atomic.Int64 // smoothed, nanoseconds
	shedding atomic.Bool
	limit    time.Duration
}

const (
	probeEvery = 20 * time.Millisecond

	// A probe moves the smoothed lateness by this part: it follows in about a
	// second, and one long collection of garbage is no overload.
	probeWeight = 0.02

	// shedsFrom is how many sessions a node has before it sheds. Fewer are not
	// what it suffers from, and nobody would be served better.
	shedsFrom = 100
)

// watch probes until ctx is done.
func (p *pressure) watch(ctx context.Context) {
	ticker := time.NewTicker(probeEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case due := <-ticker.C:
			p.probe(time.Since(due))
		}
	}
}

// probe takes note of how late one was. Shedding begins at the limit and ends at
// half of it, so that what was shed does not bring about the next shedding.
func (p *pressure) probe(late time.Duration) {
	smoothed := float64(p.lateness.Load())
	smoothed += probeWeight * (float64(late) - smoothed)
	p.lateness.Store(int64(smoothed))
	switch {
	case smoothed > float64(p.limit):
		p.shedding.Store(true)
	case smoothed < float64(p.limit)/2:
		p.shedding.Store(false)
	}
}
