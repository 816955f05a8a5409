package ingest

import (
	"context"
	"math"
	"sync/atomic"
	"time"
)

// A pressure tells when a node has more to do than it can. What it looks at is
// what a frame would suffer: how late a goroutine runs that should run now. That
// counts everything that can be short, the processors, the scheduler's queue and
// other programs on the same machine, without a model of any of it.
type pressure struct {
	lateness atomic.Int64 // smoothed, nanoseconds
	strain   float64      // the same of probes that count for as much as twice the limit; for probe only
	shedding atomic.Bool
	limit    time.Duration
}

const (
	probeEvery = 20 * time.Millisecond

	// The smoothed lateness follows in about a second.
	smoothing = time.Second

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

// probe takes note of how late one was. It counts for the time since the one
// before, because the later probes are, the fewer there are. Shedding begins at
// the limit and ends at half of it, so that what was shed does not bring about the
// next shedding. A probe counts for twice the limit at most: one long collection of
// garbage is no overload, and what was a great one is over as soon as another.
func (p *pressure) probe(late time.Duration) {
	smoothed := float64(p.lateness.Load())
	weight := 1 - math.Exp(-float64(probeEvery+late)/float64(smoothing))
	smoothed += weight * (float64(late) - smoothed)
	p.lateness.Store(int64(smoothed))
	p.strain += weight * (float64(min(late, 2*p.limit)) - p.strain)
	switch {
	case p.strain > float64(p.limit):
		p.shedding.Store(true)
	case p.strain < float64(p.limit)/2:
		p.shedding.Store(false)
	}
}
