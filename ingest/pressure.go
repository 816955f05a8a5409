package ingest

import (
	"context"
	"math"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// A pressure tells when a node has more to do than it can, or with one more session
// would have. The first is what a frame suffers: how long it takes from a byte in the
// kernel to the goroutine that waits for it, behind all others that wait likewise. That
// counts everything that can be short, the processors, the scheduler's queue and other
// programs on the same machine, without a model of any of it. But it shows only when it
// is too late, so nobody is let in any more before the processors are all taken.
type pressure struct {
	lateness atomic.Int64 // smoothed, nanoseconds
	shedding atomic.Bool
	limit    time.Duration
	quota    float64 // processors that the system lets it have at most; +Inf: as many as there are

	mu       sync.Mutex
	own      float64       // processors that this process takes, smoothed
	others   float64       // processors that all others take, smoothed
	coming   float64       // those who were let in and whose frames do not show in own yet
	strain   float64       // as lateness, of probes that count for as much as twice the limit
	calm     time.Duration // for how long strain has been far below the limit
	tooMuch  float64       // processors that it took when it was too late last; 0: it never was
	patience time.Duration // how slowly that is doubted
	closed   int64         // when it was too late last, Unix nanoseconds
	held     float64       // the most sessions there were, of those that have gone, e times fewer with each minute
}

const (
	probeEvery = 100 * time.Millisecond

	// The smoothed lateness follows in about a second.
	smoothing = time.Second

	// shedsFrom is how many sessions a node has before it sheds. Fewer are not
	// what it suffers from, and nobody would be served better.
	shedsFrom = 100

	// shedsFromShare is the share of what it can have that this process has to take
	// before it sheds: where it is late and does less, others of the machine keep
	// it waiting, and turning runners away would be no help.
	shedsFromShare = 1. / 8

	// headroom is the share that is filled of what was too much. The rest is for
	// what does not come evenly.
	headroom = 0.9

	// fills is the share that is filled of what this process can have at all. The
	// collector of garbage takes a quarter while it marks (Go's guide to it).
	fills = 0.8

	// What the others of the machine take is looked at so often. Below a share of its
	// processors this process is not the one that gives way: they are.
	lookEvery = 500 * time.Millisecond
	fairShare = 0.5

	// felt is how long it takes until it shows what one who was let in costs: own
	// is smoothed, and the first frame may come a second later.
	felt = 2 * time.Second

	// mostGrowth is by how much those who are coming are believed to make what a
	// node takes grow, at most: where they are many, what it takes is what it costs
	// to let them in.
	mostGrowth = 2

	// What was too much may have been so for another reason: doubts of it begin
	// at this growth a second, and double with each patience in which nothing
	// is late. Where it proves true patience doubles.
	doubt         = 0.001
	leastPatience = 10 * time.Second
	mostPatience  = 40 * time.Second

	// lately is how fast sessions that have gone are forgotten.
	lately = time.Minute

	// forgotten is for how long what was too much is remembered.
	forgotten = 10 * time.Minute
)

// watch probes until ctx is done.
func (p *pressure) watch(ctx context.Context, sessions func() int) {
	ticker := time.NewTicker(probeEvery)
	defer ticker.Stop()
	var e errand
	defer e.end()
	e.begin()
	before, used := time.Now(), processorTime()
	looked, usedThen, busyThen := before, used, busyTime()
	for {
		select {
		case <-ctx.Done():
			return
		case due := <-ticker.C:
			now, total := time.Now(), processorTime()
			p.probe(max(now.Sub(due), e.late(now)), now.Sub(before), total-used, sessions())
			before, used = now, total
			if since := now.Sub(looked); since >= lookEvery {
				busy := busyTime()
				p.look(since, total-usedThen, busy-busyThen)
				looked, usedThen, busyThen = now, total, busy
			}
		}
	}
}

// probe takes note of how late one is, for the time since the one before, and of
// the processor time that this process has used since. Shedding begins at the limit
// and ends at half of it, so that what was shed does not bring about the next
// shedding. A probe counts for twice the limit at most: one long collection of
// garbage is no overload, and what was a great one is over as soon as another.
func (p *pressure) probe(late, since, used time.Duration, sessions int) {
	smoothed := float64(p.lateness.Load())
	weight := 1 - math.Exp(-float64(since)/float64(smoothing))
	smoothed += weight * (float64(late) - smoothed)
	p.lateness.Store(int64(smoothed))
	p.mu.Lock()
	defer p.mu.Unlock()
	p.own += weight * (float64(used)/float64(max(since, 1)) - p.own)
	p.coming *= math.Exp(-float64(since) / float64(felt))
	p.strain += weight * (float64(min(late, 2*p.limit)) - p.strain)
	p.held = max(float64(sessions), p.held*math.Exp(-float64(since)/float64(lately)))
	if p.calm += since; p.strain >= float64(p.limit)/8 {
		p.calm = 0
	}
	now := time.Now().UnixNano()
	switch {
	case p.strain > float64(p.limit) && p.own >= shedsFromShare*p.most():
		p.learn(now, since)
		p.shedding.Store(true)
	case p.strain < float64(p.limit)/2:
		p.shedding.Store(false)
	}
	if p.calm > 0 && p.own > headroom*headroom*p.tooMuch { // it stands in somebody's way
		p.tooMuch *= math.Exp(doubt * since.Seconds() * math.Exp2(min(20, float64(p.calm)/float64(p.patience))))
	}
}

// look takes note of the processor time that this process has used since the look
// before, and of all that was used.
func (p *pressure) look(since, used, busy time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	weight := 1 - math.Exp(-float64(since)/float64(smoothing))
	p.others += weight * (float64(max(busy-used, 0))/float64(since) - p.others)
}

// most returns how many processors this process can have, without others.
func (p *pressure) most() float64 {
	return min(float64(runtime.NumCPU()), float64(runtime.GOMAXPROCS(0)), p.quota)
}

// full returns how many processors this process may take before it lets nobody in: a
// share of what it can have, with as much of the machine left idle, and a share of what
// was too much if that is known.
func (p *pressure) full(now int64) float64 {
	machine := float64(runtime.NumCPU())
	full := min(fills*p.most(), max(fills*machine-p.others, fills*fairShare*machine))
	if p.known(now) {
		full = min(full, headroom*p.tooMuch)
	}
	return full
}

// usable is full for those who look on.
func (p *pressure) usable() float64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.full(time.Now().UnixNano())
}

// learn takes note that what this process takes is too much.
func (p *pressure) learn(now int64, since time.Duration) {
	switch {
	case p.shedding.Load():
		p.tooMuch += (1 - math.Exp(-float64(since)/float64(10*smoothing))) * (p.own - p.tooMuch)
	case p.known(now) && p.own > headroom*headroom*p.tooMuch:
		p.patience = min(2*p.patience, mostPatience)
		p.tooMuch = p.own
	default:
		p.patience = leastPatience
		p.tooMuch = p.own
	}
	p.closed = now
}

// known reports whether what is too much has been seen lately.
func (p *pressure) known(now int64) bool {
	return p.tooMuch > 0 && now-p.closed <= int64(forgotten)
}

// came takes note that somebody was let in.
func (p *pressure) came() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.coming++
}

// admits reports whether one more may come to so many sessions. Those who came last do
// not show in what this process takes yet; they are taken to cost as much as the others.
func (p *pressure) admits(now int64, sessions int) bool {
	if sessions < shedsFrom {
		return true
	}
	if p.shedding.Load() {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if float64(sessions) < p.held/2 {
		return true
	}
	growth := 1.
	if settled := float64(sessions) - p.coming; settled > shedsFrom {
		growth = min(float64(sessions)/settled, mostGrowth)
	}
	return p.own*growth < p.full(now)
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
