package fleet

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/tempogate/tempogate/consent"
	"github.com/tempogate/tempogate/ingest/client"
)

// A FaultsConfig says what Faults does. The zero value of every field works but
// Duration's.
type FaultsConfig struct {
	Duration time.Duration
	Seed     uint64   // of everything that chance decides
	People   int      // who give consent and take it back; 24 when zero
	Kinds    []string // of faults, see FaultKinds; all when nil

	// Plant has something forbidden happen, to see that it is found: "grant"
	// takes a consent back behind the checker's back, "frame" tells it of a
	// withdrawal that nobody else hears of.
	Plant []string

	// Tell is called with each thing that happens, in words. It may be nil.
	Tell func(at time.Duration, what string)
}

// A FaultsReport says what came of it.
type FaultsReport struct {
	Tallies
	Violations []Violation
	Faults     map[string]int  // by kind
	Recoveries []time.Duration // from the mending of a fault to everybody being well again
	Revived    int             // times that a node could not start, and was started again
	Duration   time.Duration
}

// recoveryTime is how long a fleet may take to be well again.
const recoveryTime = 90 * time.Second

// Faults has one thing after another go wrong for a while, among people who give
// consent and take it back, and says whether what must never happen has. It fails
// when it could not go on, was interrupted, or when the fleet does not get well
// again, and has a report of what was found until then in these cases too.
func (f *Fleet) Faults(ctx context.Context, config FaultsConfig) (*FaultsReport, error) {
	if config.Duration <= 0 {
		return nil, errors.New("fleet: a duration must be there")
	}
	if config.People == 0 {
		config.People = 24
	}
	if config.Tell == nil {
		config.Tell = func(time.Duration, string) {}
	}
	kinds, err := faultsOf(config.Kinds)
	if err != nil {
		return nil, err
	}
	checker := NewChecker(f.config.Lease)
	began := time.Now()
	now := func() time.Duration { return time.Since(began) }
	report := &FaultsReport{Faults: map[string]int{}}

	var people []*person
	for i := range config.People {
		p, err := f.newPerson(i, checker, now)
		if err != nil {
			return nil, err
		}
		people = append(people, p)
	}
	for i, plant := range config.Plant {
		if plant != "grant" && plant != "frame" {
			return nil, fmt.Errorf("fleet: nothing that could be planted is called %q", plant)
		}
		people[i%len(people)].plant = plant
	}
	life, enough := context.WithCancel(ctx)
	defer enough()
	var lives sync.WaitGroup
	for _, p := range people {
		lives.Go(func() { p.live(life, config.Seed) })
	}
	run := faultRun{fleet: f, config: config, kinds: slices.Clone(kinds), chance: rand.New(rand.NewPCG(config.Seed, 1<<40)), checker: checker, report: report, now: now}
	broken := run.all(ctx)
	enough()
	lives.Wait()
	if broken == nil {
		broken = ctx.Err() // interrupted: what was found so far counts
	}
	if broken == nil {
		broken = f.examine(ctx, people, checker, now)
	}
	for _, n := range f.Nodes {
		report.Revived += int(n.Revived.Load())
		broken = errors.Join(broken, n.panicked())
	}
	report.Tallies, report.Violations, report.Duration = checker.Tallies(), checker.Violations(), now()
	return report, broken
}

// A faultRun breaks things.
type faultRun struct {
	fleet   *Fleet
	config  FaultsConfig
	kinds   []faultKind
	chance  *rand.Rand
	checker *Checker
	report  *FaultsReport
	now     func() time.Duration
}

// all breaks one thing after the other, sometimes the next before the fleet has
// got over the one before.
func (r *faultRun) all(ctx context.Context) error {
	sleep(ctx, time.Second+upTo(r.chance, 2*time.Second))
	overlaps := false
	for i := 0; r.now() < r.config.Duration && ctx.Err() == nil; i++ {
		if i%len(r.kinds) == 0 { // each kind in turn, in another order each time
			r.chance.Shuffle(len(r.kinds), func(i, j int) { r.kinds[i], r.kinds[j] = r.kinds[j], r.kinds[i] })
		}
		kind := r.kinds[i%len(r.kinds)]
		bad := kind.make(ctx, r.fleet, r.chance)
		if bad.alone && overlaps {
			if err := r.recover(ctx); err != nil {
				return err
			}
		}
		if err := r.suffer(ctx, kind, bad); err != nil {
			return err
		}
		// One in four is followed by the next at once.
		if overlaps = !bad.alone && r.chance.IntN(4) == 0; overlaps {
			continue
		}
		if err := r.recover(ctx); err != nil {
			return err
		}
		sleep(ctx, upTo(r.chance, 4*time.Second))
	}
	return r.recover(ctx)
}

// suffer breaks one thing and mends it.
func (r *faultRun) suffer(ctx context.Context, kind faultKind, bad fault) error {
	last := min(bad.last, max(r.config.Duration-r.now(), 0))
	r.checker.Disturbed()
	r.tell("%s: %s for %v", kind.name, bad.target, last.Round(100*time.Millisecond))
	if err := bad.harm(); err != nil {
		return err
	}
	r.report.Faults[kind.name]++
	sleep(ctx, last)
	return bad.mend()
}

// recover waits until the fleet is well.
func (r *faultRun) recover(ctx context.Context) error {
	began := r.now()
	patient, cancel := context.WithTimeoutCause(ctx, recoveryTime, errors.New("it does not get well again"))
	defer cancel()
	if err := r.fleet.awaitHealthy(patient); err != nil {
		if ctx.Err() != nil { // interrupted, not ill
			return nil
		}
		return err
	}
	took := r.now() - began
	r.report.Recoveries = append(r.report.Recoveries, took)
	r.checker.Calmed(r.now())
	so := r.checker.Tallies()
	r.tell("well again after %v; so far %d grants, %d withdrawals, %d frames, %d forbidden", took.Round(10*time.Millisecond),
		so.Grants, so.Withdrawals, so.Frames, len(r.checker.Violations()))
	return nil
}

func (r *faultRun) tell(format string, args ...any) {
	r.config.Tell(r.now(), fmt.Sprintf(format, args...))
}

// examine asks every node for the history of everybody.
func (f *Fleet) examine(ctx context.Context, people []*person, checker *Checker, now func() time.Duration) error {
	// Whatever was asked for at the very end has happened by then, or never will.
	sleep(ctx, f.config.Lease)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(8)
	for _, p := range people {
		group.Go(func() error {
			for node, c := range p.nodes {
				history, err := c.History(ctx)
				var none *client.Error
				if errors.As(err, &none) && none.Code == consent.CodeNeverAsked {
					history, err = nil, nil
				}
				if err != nil {
					return fmt.Errorf("fleet: history of %s at node %d: %w", p.name, node+1, err)
				}
				checker.Remembered(p.number, node, history, now())
			}
			return nil
		})
	}
	return group.Wait()
}
