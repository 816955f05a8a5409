package fleet

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// A fault is something that goes wrong for a while.
type fault struct {
	target string
	last   time.Duration
	harm   func() error
	mend   func() error

	// alone: nothing else may be broken until all is whole again. A server that
	// lost its disk has forgotten what it had promised the others.
	alone bool
}

// A faultKind makes a fault of its kind.
type faultKind struct {
	name string
	make func(ctx context.Context, f *Fleet, chance *rand.Rand) fault
}

// faultKinds are all that can go wrong.
var faultKinds = []faultKind{
	{"leader_lost", func(ctx context.Context, f *Fleet, chance *rand.Rand) fault {
		s := f.leader(ctx)
		if s == nil {
			s = anyOf(chance, f.Servers)
		}
		return serverDown(s, chance, false)
	}},
	{"server_killed", func(_ context.Context, f *Fleet, chance *rand.Rand) fault {
		return serverDown(anyOf(chance, f.Servers), chance, false)
	}},
	{"server_replaced", func(_ context.Context, f *Fleet, chance *rand.Rand) fault {
		return serverDown(anyOf(chance, f.Servers), chance, true)
	}},
	{"server_paused", func(_ context.Context, f *Fleet, chance *rand.Rand) fault {
		s := anyOf(chance, f.Servers)
		return fault{target: s.name, last: time.Second + upTo(chance, 12*time.Second), harm: quiet(s.pause), mend: quiet(s.resume)}
	}},
	{"server_cut_off", func(_ context.Context, f *Fleet, chance *rand.Rand) fault {
		i := chance.IntN(len(f.Servers))
		var links []*Link
		for j, s := range f.Servers {
			for to, link := range s.routes {
				if i == j || i == to {
					links = append(links, link)
				}
			}
		}
		return linksDown(f.Servers[i].name, links, chance)
	}},
	{"cluster_restarted", func(_ context.Context, f *Fleet, chance *rand.Rand) fault {
		end := (*process).stop
		if chance.IntN(2) == 0 {
			end = (*process).kill
		}
		return fault{target: "all servers", last: upTo(chance, 4*time.Second), harm: func() error {
			for _, s := range f.Servers {
				end(s.process)
			}
			return nil
		}, mend: func() error {
			for _, i := range chance.Perm(len(f.Servers)) {
				if err := f.Servers[i].start(); err != nil {
					return err
				}
			}
			return nil
		}}
	}},
	{"node_cut_off", func(_ context.Context, f *Fleet, chance *rand.Rand) fault {
		n := anyOf(chance, f.Nodes)
		return linksDown(n.name, n.ways, chance)
	}},
	{"node_killed", func(_ context.Context, f *Fleet, chance *rand.Rand) fault {
		return nodeDown(anyOf(chance, f.Nodes), chance, (*process).kill)
	}},
	{"node_restarted", func(_ context.Context, f *Fleet, chance *rand.Rand) fault {
		return nodeDown(anyOf(chance, f.Nodes), chance, (*process).stop)
	}},
	{"node_paused", func(_ context.Context, f *Fleet, chance *rand.Rand) fault {
		n := anyOf(chance, f.Nodes)
		return fault{target: n.name, last: time.Second + upTo(chance, 10*time.Second), harm: quiet(n.pause), mend: quiet(n.resume)}
	}},
	{"clock_apart", func(_ context.Context, f *Fleet, chance *rand.Rand) fault {
		n := anyOf(chance, f.Nodes)
		down := nodeDown(n, chance, (*process).stop)
		start := down.mend
		down.mend = func() error {
			n.clock.Store(int64(upTo(chance, 20*time.Minute) - 10*time.Minute))
			return start()
		}
		return down
	}},
}

// FaultKinds returns the names of all that Faults can have go wrong.
func FaultKinds() []string {
	var names []string
	for _, kind := range faultKinds {
		names = append(names, kind.name)
	}
	return names
}

// faultsOf returns the kinds with the given names, all when there are none.
func faultsOf(names []string) ([]faultKind, error) {
	if len(names) == 0 {
		return faultKinds, nil
	}
	var kinds []faultKind
	for _, name := range names {
		i := slices.IndexFunc(faultKinds, func(k faultKind) bool { return k.name == name })
		if i < 0 {
			return nil, fmt.Errorf("fleet: no fault is called %q (known: %s)", name, strings.Join(FaultKinds(), " "))
		}
		kinds = append(kinds, faultKinds[i])
	}
	return kinds, nil
}

func anyOf[T any](chance *rand.Rand, all []T) T { return all[chance.IntN(len(all))] }

func quiet(do func()) func() error {
	return func() error { do(); return nil }
}

// serverDown kills a server and starts it again, with what it has on disk or
// without.
func serverDown(s *Server, chance *rand.Rand, replace bool) fault {
	return fault{target: s.name, last: 500*time.Millisecond + upTo(chance, 10*time.Second), alone: replace, harm: quiet(s.kill), mend: func() error {
		if replace {
			if err := s.wipe(); err != nil {
				return err
			}
		}
		return s.start()
	}}
}

func nodeDown(n *Node, chance *rand.Rand, end func(*process)) fault {
	return fault{target: n.name, last: upTo(chance, 5*time.Second), harm: func() error { end(n.process); return nil }, mend: n.start}
}

// linksDown cuts links, or lets nothing pass.
func linksDown(target string, links []*Link, chance *rand.Rand) fault {
	harm, how := (*Link).Cut, " (cut)"
	if chance.IntN(2) == 0 {
		harm, how = (*Link).Stall, " (silent)"
	}
	all := func(do func(*Link)) func() error {
		return func() error {
			for _, link := range links {
				do(link)
			}
			return nil
		}
	}
	return fault{target: target + how, last: time.Second + upTo(chance, 14*time.Second), harm: all(harm), mend: all((*Link).Mend)}
}
