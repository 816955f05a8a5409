package scale

import (
	"container/heap"
	"fmt"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"
)

// A Check is what a formula says beside what happened in the simulation.
type Check struct {
	What      string
	Unit      string
	Formula   float64
	Simulated float64
	Bound     bool // the formula is an upper bound, not an estimate
}

// Simulate plays what one cluster of a plan lives through: a day, with the loss of
// a node at its busiest moment, the busiest hour of changes, and frames on the
// cores of one node. The same plan and seed give the same numbers.
func (c Config) Simulate(p Plan, seed uint64) []Check {
	c = c.WithDefaults()
	users := p.Users / float64(p.Cells)
	one := c.cell(users)
	source := rand.NewPCG(seed, uint64(users))
	checks := c.simulateDay(one, users, source)
	checks = append(checks, c.simulateChanges(one, source)...)
	return append(checks, c.simulateFrames(source)...)
}

// What happens to a session of a simulated day, and when, in seconds.
type event struct {
	at   float64
	kind eventKind
	who  *runner
}

type eventKind int

const (
	arrives eventKind = iota // somebody begins to run
	begins                   // tries again to open its session
	ends
	look
	nodeLost
)

type events []event

func (e events) Len() int           { return len(e) }
func (e events) Less(i, j int) bool { return e[i].at < e[j].at }
func (e events) Swap(i, j int)      { e[i], e[j] = e[j], e[i] }
func (e *events) Push(x any)        { *e = append(*e, x.(event)) }
func (e *events) Pop() any {
	last := (*e)[len(*e)-1]
	*e = (*e)[:len(*e)-1]
	return last
}

// A runner is somebody who runs once.
type runner struct {
	node  int // -1 while there is no session
	ends  float64
	pause float64 // before the next try, as ingest/client does
	lost  bool    // was on the node that was lost
}

// A day is the state of one.
type day struct {
	config   Config
	chance   *rand.Rand
	length   distuv.LogNormal   // of a run, hours
	gap      distuv.Exponential // between two arrivals if all hours were as busy as the busiest, seconds
	highest  float64            // density of the arrivals at that hour
	events   events
	live     []int     // sessions, by node
	admitted []float64 // by node: until when that which was let in would have taken (see ingest/limits.go)
	gone     int       // node that was lost, -1 for none

	most       int // sessions at the same time
	sum, looks int // of sessions around the busiest moment
	busiest    float64
	lostAt     float64
	away       map[*runner]struct{}
	back       float64
	lost       int
}

// Pauses between two tries of a client, in seconds (ingest/client/reconnect.go).
const (
	firstPause   = 0.5
	longestPause = 30.0
)

// simulateDay plays the sessions of a day.
func (c Config) simulateDay(p Plan, users float64, source rand.Source) []Check {
	d := &day{
		config: c, chance: rand.New(source), live: make([]int, p.Nodes), admitted: make([]float64, p.Nodes), gone: -1,
		busiest: c.busiest() * 3600, away: map[*runner]struct{}{},
	}
	d.lostAt = d.busiest + 600
	d.length = c.lengthFrom(source)
	d.highest = c.highest()
	d.gap = distuv.Exponential{Rate: users * c.Habits.RunsPerDay * d.highest / 3600, Src: source}
	d.arrival(-6 * 3600) // the day before fills the first hours
	for at := d.busiest - 300; at <= d.busiest+300; at += 5 {
		d.add(event{at, look, nil})
	}
	d.add(event{d.lostAt, nodeLost, nil})
	for len(d.events) > 0 {
		d.happen(heap.Pop(&d.events).(event))
	}
	return []Check{
		{"sessions at the busiest moment", "", p.Peak, float64(d.sum) / float64(d.looks), false},
		{"sessions at any moment of the day, at most", "", p.Likely, float64(d.most), true},
		{"a node is lost: until all its sessions are back", "s", d.comeBack(), d.back - d.lostAt, true},
	}
}

// comeBack is the formula for the time until the sessions of a lost node are back.
func (d *day) comeBack() float64 {
	each := float64(d.lost) / float64(len(d.live)-1)
	ahead := d.config.AdmissionsPerSecond
	if each <= ahead {
		return firstPause
	}
	// Whoever is refused comes again after twice as long as before: at worst the
	// last one has only just been refused when there is room.
	return 3 * ((each-ahead)/ahead + firstPause)
}

// arrival draws when the next one after a time begins to run, by thinning: as many
// as at the busiest hour, and each kept with the share of its time.
func (d *day) arrival(after float64) {
	for at := after + d.gap.Rand(); at < 86400; at += d.gap.Rand() {
		if d.chance.Float64()*d.highest < share(at/3600) {
			d.add(event{at, arrives, nil})
			return
		}
	}
}

func (d *day) add(e event) { heap.Push(&d.events, e) }

func (d *day) happen(e event) {
	switch e.kind {
	case arrives:
		d.begin(e.at, &runner{node: -1, ends: e.at + d.length.Rand()*3600, pause: firstPause})
		d.arrival(e.at)
	case begins:
		d.begin(e.at, e.who)
	case ends:
		if e.who.node >= 0 {
			d.live[e.who.node]--
			e.who.node = -1
		}
		d.returned(e.at, e.who)
	case look:
		d.sum += d.count()
		d.looks++
	case nodeLost:
		d.lose(e.at)
	}
}

func (d *day) count() (n int) {
	for _, live := range d.live {
		n += live
	}
	return n
}

// begin has somebody try to open a session, on the node with the fewest.
func (d *day) begin(at float64, r *runner) {
	if at >= r.ends { // gave up running meanwhile
		d.returned(at, r)
		return
	}
	node := -1
	for i := range d.live {
		if i != d.gone && (node < 0 || d.live[i] < d.live[node]) {
			node = i
		}
	}
	rate := d.config.AdmissionsPerSecond
	if until := max(d.admitted[node], at) + 1/rate; until-at <= 1 {
		d.admitted[node] = until
	} else {
		d.add(event{at + d.wait(r), begins, r})
		return
	}
	r.node = node
	d.live[node]++
	d.returned(at, r)
	if at >= 0 {
		d.most = max(d.most, d.count())
	}
	d.add(event{r.ends, ends, r})
}

// wait returns how long somebody waits for the next try.
func (d *day) wait(r *runner) float64 {
	wait := r.pause * (0.5 + d.chance.Float64()/2)
	r.pause = min(2*r.pause, longestPause)
	return wait
}

// lose has a node fail: its sessions come back after a moment.
func (d *day) lose(at float64) {
	d.gone = 0
	// Whoever was on it has its end among the events.
	for _, e := range slices.Clone(d.events) {
		if e.kind != ends || e.who.node != d.gone {
			continue
		}
		e.who.node, e.who.lost, e.who.pause = -1, true, firstPause
		d.away[e.who] = struct{}{}
		d.add(event{at + d.wait(e.who), begins, e.who})
	}
	d.lost = len(d.away)
	d.live[d.gone] = 0
	d.back = at
}

// returned notes that somebody who was on the lost node is back, or has stopped.
func (d *day) returned(at float64, r *runner) {
	if _, missing := d.away[r]; missing {
		delete(d.away, r)
		d.back = at
	}
}

// simulateChanges plays an hour of changes of consent, which wait for each other.
func (c Config) simulateChanges(p Plan, source rand.Source) (checks []Check) {
	each := c.Costs.Commit.Seconds()
	for _, load := range []struct {
		what string
		rate float64
	}{
		{"a change of consent waits, in the busiest hour", p.Changes},
		{"the same with the chain busy for 70 % of the time", busiestChain / each},
	} {
		gap := distuv.Exponential{Rate: load.rate, Src: source}
		const changes = 200_000
		at, free, sum := 0.0, 0.0, 0.0
		for range changes {
			at += gap.Rand()
			begin := max(at, free)
			sum += begin - at
			free = begin + each
		}
		checks = append(checks, Check{load.what, "ms", WaitMDC(1, load.rate*each) * each * 1e3, sum / changes * 1e3, false})
	}
	return checks
}

// simulateFrames plays the frames that come to one node, at several loads.
func (c Config) simulateFrames(source rand.Source) (checks []Check) {
	chance := rand.New(source)
	each := c.Costs.CPUPerFrame.Seconds()
	for _, busy := range []float64{0.5, 0.7, 0.9} {
		sessions := int(busy * float64(c.Machine.Cores) / each)
		const draws = 4
		var sum float64
		for range draws {
			sum += meanWait(chance, sessions, c.Machine.Cores, each)
		}
		checks = append(checks, Check{
			fmt.Sprintf("a frame waits for a core, %.0f %% busy", 100*busy), "µs",
			WaitMDC(c.Machine.Cores, busy*float64(c.Machine.Cores)) * each * 1e6, sum / draws * 1e6, false,
		})
	}
	return checks
}

// meanWait returns how long frames wait, on average, that come once a second from
// each of so many sessions and take each seconds on one of so many cores.
func meanWait(chance *rand.Rand, sessions, cores int, each float64) float64 {
	phases := make([]float64, sessions)
	for i := range phases {
		phases[i] = chance.Float64()
	}
	slices.Sort(phases)
	// First come, first served, and all take as long: the cores take turns.
	free := make([]float64, cores)
	sum, next := 0.0, 0
	const periods = 3 // the queue of the first has not settled
	for period := range periods {
		for _, phase := range phases {
			at := float64(period) + phase
			begin := max(at, free[next])
			free[next] = begin + each
			next = (next + 1) % cores
			if period > 0 {
				sum += begin - at
			}
		}
	}
	return sum / float64((periods-1)*sessions)
}
