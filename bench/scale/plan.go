package scale

import (
	"cmp"
	"math"
	"slices"
	"sync"
	"time"
)

// Costs are what was measured. Each zero field takes the value that stands in
// docs/scale.md, with the command that prints it.
type Costs struct {
	CPUPerFrame      time.Duration // processor time of a node for one frame
	MemoryPerSession float64       // bytes, of the process and of the kernel
	MemoryPerPerson  float64       // bytes that each node keeps of everybody in the ledger
	EntryBytes       float64       // of a change of consent in the ledger
	Commit           time.Duration // from one change to the next, kept by three servers
	LoadPerPerson    time.Duration // that a node's start takes for each person
	PresenceBytes    float64       // that each node keeps of somebody with a session elsewhere
	BytesUp          float64       // a second of a session
	BytesDown        float64
}

// Habits are what is assumed of people.
type Habits struct {
	RunsPerDay     float64       // of a user
	Length         time.Duration // of a run, on average
	Spread         time.Duration // standard deviation of it
	ChangesPerYear float64       // of a user's consent: the first yes, renewals, withdrawals
	BusyHour       float64       // how many times the average the busiest hour of changes has
	Delivering     float64       // share of the sessions whose tempo goes to a third party
}

// A Machine is what one node has.
type Machine struct {
	Cores     int
	Memory    float64 // bytes
	Busy      float64 // share of the cores that frames may take
	PriceHour float64 // in whatever currency
}

// A Config is all of it. The zero value works.
type Config struct {
	Costs   Costs
	Habits  Habits
	Machine Machine

	AdmissionsPerSecond float64       // of a node: --max-admissions-per-second
	Lease               time.Duration // of a node: --lease
}

// WithDefaults fills in what is zero.
func (c Config) WithDefaults() Config {
	number := func(v *float64, otherwise float64) { *v = cmp.Or(*v, otherwise) }
	duration := func(v *time.Duration, otherwise time.Duration) { *v = cmp.Or(*v, otherwise) }
	duration(&c.Costs.CPUPerFrame, 150*time.Microsecond)
	number(&c.Costs.MemoryPerSession, 20<<10)
	number(&c.Costs.MemoryPerPerson, 719)
	number(&c.Costs.EntryBytes, 830)
	duration(&c.Costs.Commit, 8400*time.Microsecond)
	duration(&c.Costs.LoadPerPerson, 33*time.Microsecond)
	number(&c.Costs.PresenceBytes, 50)
	number(&c.Costs.BytesUp, 500)
	number(&c.Costs.BytesDown, 250)
	number(&c.Habits.RunsPerDay, 0.15)
	duration(&c.Habits.Length, 35*time.Minute)
	duration(&c.Habits.Spread, 20*time.Minute)
	number(&c.Habits.ChangesPerYear, 4)
	number(&c.Habits.BusyHour, 10)
	number(&c.Habits.Delivering, 0.1)
	c.Machine.Cores = cmp.Or(c.Machine.Cores, 8)
	number(&c.Machine.Memory, 16<<30)
	number(&c.Machine.Busy, 0.5)
	number(&c.Machine.PriceHour, 0.30)
	number(&c.AdmissionsPerSecond, 500)
	duration(&c.Lease, 5*time.Second)
	return c
}

// minutes of a day.
const minutes = 24 * 60

// shares are those of each minute.
var shares = sync.OnceValue(func() []float64 {
	all := make([]float64, minutes)
	for m := range all {
		all[m] = shareAt((float64(m) + 0.5) / 60)
	}
	return all
})

// share returns the density at an hour of the day, or before it or after it.
func share(hour float64) float64 {
	m := int(math.Floor(hour*60)) % minutes
	if m < 0 {
		m += minutes
	}
	return shares()[m]
}

// shareAt returns how much of a day's runs begin in a moment of it, a density over
// [0, 24) hours: before work, after work, and a little all day. It is an assumption
// like the others; what matters of it is how high the evening is.
func shareAt(hour float64) float64 {
	bump := func(at, width float64) float64 {
		sum := 0.0
		for _, day := range []float64{-24, 0, 24} {
			z := (hour - at - day) / width
			sum += math.Exp(-z*z/2) / (width * math.Sqrt(2*math.Pi))
		}
		return sum
	}
	daylight := 0.0
	if hour >= 6 && hour < 22 {
		daylight = 1.0 / 16
	}
	return 0.3*bump(7, 1) + 0.45*bump(18.5, 1.3) + 0.25*daylight
}

// A Limit is where something is used up, if everything stays in one cluster.
type Limit struct {
	What  string
	Users float64 // at which it is
}

// A Plan says what some users need.
type Plan struct {
	Users    float64
	Cells    int     // clusters of their own, each with its ledger
	Peak     float64 // sessions at the busiest moment, mean
	Likely   float64 // so many or fewer, in all but one of ten thousand days
	Starts   float64 // a second, at the busiest moment
	ByCPU    float64 // sessions of a node
	ByMemory float64
	Nodes    int           // ingest nodes, of all cells, with one to spare in each
	Servers  int           // of NATS
	Ledger   float64       // bytes of memory of each node
	Disk     float64       // bytes a year of each server
	Start    time.Duration // of a node
	Changes  float64       // a second and cell, in the busiest hour
	Up, Down float64       // bytes a second, at the busiest moment
	NATS     float64       // bytes a second that a cell's servers send, at the busiest moment
	Messages float64       // a second, of the same
	Price    float64       // a year, nodes and servers
	Limits   []Limit       // of one cluster, the first to come first
}

const (
	secondsPerYear = 365.25 * 86400

	// unlikely is how seldom a day is busier than a plan allows for.
	unlikely = 1e-4

	// memoryForUse is how much of a machine's memory may be planned with.
	memoryForUse = 0.6

	// longestStart is how long the start of a node may take: a rolling restart of a
	// dozen nodes is a matter of minutes then.
	longestStart = time.Minute

	// busiestChain is how much of the time the chain may be written to: at seven
	// tenths a change waits for a little more than its own time.
	busiestChain = 0.7

	presenceMessage = 19.0 // bytes of an announcement that names one person
	natsOverhead    = 40.0 // bytes of a message beside its content
	leaseRequests   = 4.0  // a lease
	leaseBytes      = 1200.0
	estimateBytes   = 300.0
)

// Plan computes what users need.
func (c Config) Plan(users float64) Plan {
	c = c.WithDefaults()
	p := Plan{Users: users, Limits: c.limits()}
	p.Cells = int(math.Ceil(users / p.Limits[0].Users))
	cell := users / float64(p.Cells)
	each := c.cell(cell)
	n := float64(p.Cells)
	p.Peak, p.Likely, p.Starts = each.Peak*n, each.Likely*n, each.Starts*n
	p.ByCPU, p.ByMemory, p.Ledger, p.Start, p.Changes = each.ByCPU, each.ByMemory, each.Ledger, each.Start, each.Changes
	p.Nodes, p.Servers = each.Nodes*p.Cells, 3*p.Cells
	p.Up, p.Down = each.Up*n, each.Down*n
	p.NATS, p.Messages = each.NATS, each.Messages
	p.Disk = each.Disk
	p.Price = float64(p.Nodes+p.Servers) * c.Machine.PriceHour * secondsPerYear / 3600
	return p
}

// cell computes what the users of one cluster need.
func (c Config) cell(users float64) (p Plan) {
	hour := c.busiest()
	p.Peak = users * c.meanSessions(hour)
	p.Likely = PoissonQuantile(p.Peak, 1-unlikely)
	p.Starts = users * c.Habits.RunsPerDay * c.highest() / 3600
	p.Ledger = users * c.Costs.MemoryPerPerson
	p.ByCPU = float64(c.Machine.Cores) * c.Machine.Busy / c.Costs.CPUPerFrame.Seconds()
	left := memoryForUse*c.Machine.Memory - p.Ledger
	p.ByMemory = max(left, 0) / (c.Costs.MemoryPerSession + c.Costs.PresenceBytes)
	// Three, so that a majority stays when one is restarted; one to spare, so that
	// the others carry its sessions.
	p.Nodes = max(3, 1+int(math.Ceil(p.Likely/min(p.ByCPU, p.ByMemory))))
	p.Start = time.Duration(users * float64(c.Costs.LoadPerPerson))
	p.Changes = users * c.Habits.ChangesPerYear / secondsPerYear * c.Habits.BusyHour
	p.Disk = users * c.Habits.ChangesPerYear * c.Costs.EntryBytes
	p.Up, p.Down = p.Likely*c.Costs.BytesUp, p.Likely*c.Costs.BytesDown
	nodes := float64(p.Nodes)
	p.Messages = p.Changes*(nodes+2) + 2*p.Starts*nodes + nodes*nodes + nodes*leaseRequests/c.Lease.Seconds() + p.Likely*c.Habits.Delivering
	p.NATS = p.Changes*(nodes+2)*(c.Costs.EntryBytes+natsOverhead) +
		2*p.Starts*nodes*(presenceMessage+natsOverhead) +
		nodes*p.Likely*9/16 + // everything that a node has, said again in 16 beats of a second
		nodes*leaseRequests/c.Lease.Seconds()*leaseBytes +
		p.Likely*c.Habits.Delivering*(estimateBytes+natsOverhead)
	return p
}

// limits returns at how many users in one cluster something is used up.
func (c Config) limits() []Limit {
	limits := []Limit{
		{"the start of a node: it reads the whole ledger", longestStart.Seconds() / c.Costs.LoadPerPerson.Seconds()},
		{"the memory of a node: it keeps the whole ledger, beside its sessions",
			memoryForUse / 2 * c.Machine.Memory / c.Costs.MemoryPerPerson},
		{"changes of consent in the busiest hour: one after the other",
			busiestChain / c.Costs.Commit.Seconds() / c.Habits.BusyHour * secondsPerYear / c.Habits.ChangesPerYear},
		{"memory for who has sessions elsewhere, as much as a tenth of a node",
			0.1 * c.Machine.Memory / c.Costs.PresenceBytes / c.meanSessions(c.busiest())},
	}
	slices.SortFunc(limits, func(a, b Limit) int { return cmp.Compare(a.Users, b.Users) })
	return limits
}

// highest returns the density of starts at its highest, per hour.
func (c Config) highest() float64 {
	return slices.Max(shares())
}

// busiest returns the hour of the day with the most sessions.
func (c Config) busiest() (hour float64) {
	most := 0.0
	for minute := 0; minute < minutes; minute += 5 {
		if m := c.meanSessions(float64(minute) / 60); m > most {
			most, hour = m, float64(minute)/60
		}
	}
	return hour
}

// meanSessions returns how many sessions a user has at an hour of the day, on
// average: the integral over when they may have begun.
func (c Config) meanSessions(hour float64) float64 {
	const step = 1.0 / 60 // an hour
	length := c.length()
	sum := 0.0
	for ago := step / 2; ago < 12; ago += step {
		sum += c.Habits.RunsPerDay * share(hour-ago) * length.Survival(ago) * step
	}
	return sum
}
