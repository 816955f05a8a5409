package ingest

import (
	"cmp"
	"context"
	"math"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// A pressure tells when a node has more to do than it can. What it looks at is
// what a frame suffers: how long it takes from a byte in the kernel to the
// goroutine that waits for it, behind all others that wait likewise. That counts
// everything that can be short, the processors, the scheduler's queue and other
// programs on the same machine, without a model of any of it.
type pressure struct {
	lateness atomic.Int64 // smoothed, nanoseconds
	shedding atomic.Bool
	limit    time.Duration

	mu       sync.Mutex
	own      float64       // share of one processor that this process takes, smoothed
	strain   float64       // as lateness, of probes that count for as much as twice the limit
	calm     time.Duration // for how long strain has been far below the limit
	reopened int64         // when the door opened again last, Unix nanoseconds
	readmits meter         // those let in since
	held     float64       // the most sessions there were, of those that have gone, e times fewer with each minute
}

const (
	probeEvery = 100 * time.Millisecond

	// The smoothed lateness follows in about a second.
	smoothing = time.Second

	// shedsFrom is how many sessions a node has before it sheds. Fewer are not
	// what it suffers from, and nobody would be served better.
	shedsFrom = 100

	// shedsFromShare is the share of one processor that this process has to take
	// before it sheds: where it is late and does less, others of the machine keep
	// it waiting, and turning runners away would be no help.
	shedsFromShare = 0.1

	// After an overload the door opens slowly, or those who were kept out bring
	// about the next. Up to half of the sessions that there were lately, everybody
	// comes in. From there on it is so many a second and such a share of the
	// sessions, twice as many after each few seconds in which nothing was late; and
	// a small share where something is: what a node can bear is not known until it
	// is nearly too much.
	reopening       = 10 * time.Minute
	reopeningPace   = 20
	reopeningGrowth = 0.01
	reopeningTwice  = 5 * time.Second
	carefulGrowth   = 0.001

	// lately is how fast sessions that have gone are forgotten.
	lately = time.Minute
)

// watch probes until ctx is done.
func (p *pressure) watch(ctx context.Context, sessions func() int) {
	ticker := time.NewTicker(probeEvery)
	defer ticker.Stop()
	var e errand
	defer e.end()
	e.begin()
	before, used := time.Now(), processorTime()
	for {
		select {
		case <-ctx.Done():
			return
		case due := <-ticker.C:
			now, total := time.Now(), processorTime()
			p.probe(max(now.Sub(due), e.late(now)), now.Sub(before), total-used, sessions())
			before, used = now, total
		}
	}
}

// probe takes note of how late one is, for the time since the one before, and of
// the processor time that this process has used since and how many sessions it has.
// Shedding begins at the limit and ends at half of it, so that what was shed does
// not bring about the next shedding. A probe counts for twice the limit at most:
// one long collection of garbage is no overload, and what was a great one is over
// as soon as another.
func (p *pressure) probe(late, since, used time.Duration, sessions int) {
	smoothed := float64(p.lateness.Load())
	weight := 1 - math.Exp(-float64(since)/float64(smoothing))
	smoothed += weight * (float64(late) - smoothed)
	p.lateness.Store(int64(smoothed))
	p.mu.Lock()
	defer p.mu.Unlock()
	p.own += weight * (float64(used)/float64(max(since, 1)) - p.own)
	p.strain += weight * (float64(min(late, 2*p.limit)) - p.strain)
	p.held = max(float64(sessions), p.held*math.Exp(-float64(since)/float64(lately)))
	if p.calm += since; p.strain >= float64(p.limit)/8 {
		p.calm = 0
	}
	switch {
	case p.strain > float64(p.limit) && p.own >= shedsFromShare:
		p.shedding.Store(true)
	case p.strain < float64(p.limit)/2 && p.shedding.Load():
		p.reopened = time.Now().UnixNano()
		p.shedding.Store(false)
	}
}

// admits reports whether one more may come to so many sessions.
func (p *pressure) admits(now int64, sessions int) bool {
	if sessions < shedsFrom {
		return true
	}
	shedding := p.shedding.Load()
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case shedding:
		return false
	case p.reopened == 0 || now-p.reopened > int64(reopening):
		return true
	case float64(sessions) < p.held/2 || p.own < shedsFromShare:
		return true
	}
	each := carefulGrowth * float64(sessions)
	if p.calm > 0 {
		each = (reopeningPace + reopeningGrowth*float64(sessions)) * math.Exp2(min(10, p.calm.Seconds()/reopeningTwice.Seconds()))
	}
	return p.readmits.take(now, 1, newPace(int(math.Ceil(each)), 1))
}

// An errand is a byte that goes through a pipe again and again, to a goroutine
// that waits for it as a session waits for a frame. A timer would not do: whoever
// it wakes runs before all others.
type errand struct {
	from, to *os.File
	sent     atomic.Int64 // Unix nanoseconds while it is under way, else 0
	took     atomic.Int64 // the last one, nanoseconds
	reader   sync.WaitGroup
}

// begin starts the goroutine. Where there is no pipe to be had, no errand is ever
// late.
func (e *errand) begin() {
	var err error
	if e.from, e.to, err = os.Pipe(); err != nil {
		return
	}
	e.reader.Go(func() {
		var b [1]byte
		for {
			if n, err := e.from.Read(b[:]); n == 0 || err != nil {
				return
			}
			e.took.Store(time.Now().UnixNano() - e.sent.Load())
			e.sent.Store(0)
		}
	})
}

// late returns how long the newest errand has taken, so far if it is still under
// way, and sends another if it is not.
func (e *errand) late(now time.Time) time.Duration {
	if e.to == nil {
		return 0
	}
	if sent := e.sent.Load(); sent != 0 {
		return time.Duration(now.UnixNano() - sent)
	}
	e.sent.Store(now.UnixNano())
	if _, err := e.to.Write([]byte{0}); err != nil {
		e.sent.Store(0)
	}
	return time.Duration(e.took.Load())
}

func (e *errand) end() {
	if e.to == nil {
		return
	}
	e.to.Close()
	e.reader.Wait()
	e.from.Close()
}

// A relief takes load off a node that has let in more than it can serve: else
// all would wait, longer and longer, and nobody be served.
type relief struct {
	under   bool
	seconds int           // that it has been late
	before  time.Duration // lateness when it was last asked
}

const (
	// Relief begins after so many seconds of this many times the lateness that
	// closes the door. What passes by itself sends nobody away.
	reliefAfter    = 5
	reliefMultiple = 5

	// reliefShare is the share of the sessions that is sent away in a second in
	// which nothing has become better.
	reliefShare = 0.04
)

// step is asked once a second and returns how many of so many sessions have to
// go. It is over when the node would let somebody in again. While it becomes better,
// what was sent away may have been enough.
func (r *relief) step(lateness, limit time.Duration, shedding bool, sessions int) int {
	better := lateness < r.before*9/10
	r.before = lateness
	if r.seconds++; lateness < reliefMultiple*limit {
		r.seconds = 0
	}
	r.under = shedding && sessions > shedsFrom && (r.under || r.seconds >= reliefAfter)
	if !r.under || better {
		return 0
	}
	return min(int(math.Ceil(reliefShare*float64(sessions))), sessions-shedsFrom)
}

// relieve sends away sessions of an overloaded node, those who came last first,
// to the benefit of the others.
func (s *Server) relieve(ctx context.Context) {
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	var r relief
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		was := r.under
		lateness := time.Duration(s.pressure.lateness.Load())
		n := r.step(lateness, s.pressure.limit, s.pressure.shedding.Load(), s.registry.count())
		if r.under != was {
			s.log.Warn("overload", "sends_sessions_away", r.under, "sessions", s.registry.count(), "lateness", lateness.Round(time.Millisecond))
		}
		if n > 0 {
			s.sendAway(n)
		}
	}
}

// sendAway has the newest sessions end as a drain does.
func (s *Server) sendAway(n int) {
	all := slices.DeleteFunc(s.registry.appendSessions(nil), func(s *session) bool { return s.leaving.Load() })
	slices.SortFunc(all, func(a, b *session) int { return cmp.Compare(b.number, a.number) })
	for _, session := range all[:min(n, len(all))] {
		session.leave(0)
		s.metrics.sentAway.Inc()
	}
}
