// Package presence lets the nodes of a fleet know how many sessions a person has
// on the others, so that a person's limit holds for all of them together.
//
// Nobody is asked: each node says what it has, and keeps what the others said.
// So neither a frame nor the opening of a session waits for the network.
//
//	admission, end ──Set──▶ changed ──▶ "these people have so many sessions here"
//	                                                  │ to all nodes, at once
//	admission ◀──Elsewhere── heard of the others ◀────┘
//
// # What holds
//
// A session that is opened through one node is known on the others as soon as a
// message takes to get there (TestOthersLearnAtOnce). Two that are opened at the
// same moment may both be let in: when a person has had too many for
// Config.Settle, each node ends its newest until there are as many as allowed,
// and all of them come to the same result without talking about it, because the
// node with the smallest number keeps the most (TestTooManyAtOnce).
//
// Messages may be lost. Each node says all it has again and again, a part a beat
// (TestWhatWasLostIsSaidAgain), and asks for everything when it begins.
//
// A node that is silent counts for Config.Hold. That has to be longer than the
// lease of its ledger: a node that cannot be heard cannot hear withdrawals
// either, and has ended all its sessions by then. It lets nobody in itself, for
// the same reason. So the limit fails in neither direction for longer than a
// lease (TestASilentNodeCountsForAWhile).
//
// # Who learns what
//
// Messages name people by 8 bytes of a digest of their pseudonym, which means
// nothing outside the fleet. A node keeps about 40 bytes for each person with
// sessions elsewhere.
package presence

import (
	"crypto/sha256"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"sync"
	"time"
)

// A Bus carries messages to every node of a fleet, the sender among them. They
// may get lost, and come in no order but that of their sender.
type Bus interface {
	// Announce sends a message. It takes a copy and must not wait.
	Announce(message []byte) error

	// Listen has each called with every message from now on, one at a time. The
	// message is valid during the call only.
	Listen(each func(message []byte)) (stop func(), err error)
}

// A Config configures a Table. Bus and Most have to be there.
type Config struct {
	Bus  Bus
	Most int // sessions that a person may have on all nodes together

	Hold   time.Duration // how long a silent node counts; 10 s when zero
	Beat   time.Duration // how often a node says that it is there, and a part of what it has; 1 s when zero
	Settle time.Duration // how long there may be too many; 2 s when zero
}

// A key is what a person is called among the nodes.
type key uint64

// keyOf returns the key of a principal.
func keyOf(principal string) key {
	sum := sha256.Sum256([]byte(principal))
	return key(binary.BigEndian.Uint64(sum[:]))
}

// parts is in how many beats everything is said again.
const parts = 16

func (k key) part() int { return int(k % parts) }

// here is a person with sessions on this node.
type here struct {
	principal string
	sessions  int
}

// A node is another one.
type node struct {
	heard  time.Time
	people map[key]uint8
}

// A Table knows how many sessions people have. Its methods may be called from any
// goroutine.
type Table struct {
	config Config
	own    uint64 // this node's number, drawn at the start

	mu        sync.Mutex
	here      map[key]here
	nodes     map[uint64]*node
	elsewhere map[key]int       // on all other nodes together
	crowded   map[key]time.Time // of those here: since when there are too many
	changed   map[key]struct{}  // still to be said
	asked     bool              // somebody wants to hear everything
	behind    bool              // something could not be said, and what was said not heard

	wake chan struct{} // holds one token while something is to be said
	stop chan struct{}
	done sync.WaitGroup
	deaf func()
}

// New returns a table that listens to the others. Close it when done.
func New(config Config) (*Table, error) {
	orDuration(&config.Hold, 10*time.Second)
	orDuration(&config.Beat, time.Second)
	orDuration(&config.Settle, 2*time.Second)
	t := newTable(config, rand.Uint64())
	deaf, err := config.Bus.Listen(func(message []byte) { t.hear(message, time.Now()) })
	if err != nil {
		return nil, err
	}
	t.deaf = deaf
	t.done.Go(t.speak)
	return t, nil
}

func newTable(config Config, own uint64) *Table {
	return &Table{
		config: config, own: own,
		here: map[key]here{}, nodes: map[uint64]*node{}, elsewhere: map[key]int{},
		crowded: map[key]time.Time{}, changed: map[key]struct{}{},
		wake: make(chan struct{}, 1), stop: make(chan struct{}),
	}
}

func orDuration(d *time.Duration, otherwise time.Duration) {
	if *d <= 0 {
		*d = otherwise
	}
}

// Close tells the others that this node is gone, and ends the table.
func (t *Table) Close() {
	close(t.stop)
	t.done.Wait()
	t.deaf()
	_ = t.config.Bus.Announce(t.head(kindGone)) // otherwise they find out after Hold
}

// Set says how many sessions a person has on this node now.
func (t *Table) Set(principal string, sessions int) {
	k := keyOf(principal)
	t.mu.Lock()
	defer t.mu.Unlock()
	if sessions > 0 {
		t.here[k] = here{principal, sessions}
	} else {
		delete(t.here, k)
	}
	t.look(k, time.Now())
	t.changed[k] = struct{}{}
	select {
	case t.wake <- struct{}{}:
	default:
	}
}

// Elsewhere returns how many sessions a person has on the other nodes.
func (t *Table) Elsewhere(principal string) int {
	k := keyOf(principal)
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.elsewhere[k]
}

// Surplus returns people who have had too many sessions for longer than
// Config.Settle, and how many of those on this node have to end.
func (t *Table) Surplus(now time.Time) map[string]int {
	t.mu.Lock()
	defer t.mu.Unlock()
	var surplus map[string]int
	for k, since := range t.crowded {
		if now.Sub(since) < t.config.Settle {
			continue
		}
		p := t.here[k]
		before := 0 // on nodes that keep theirs first
		for number, n := range t.nodes {
			if number < t.own {
				before += int(n.people[k])
			}
		}
		if over := min(before+p.sessions-t.config.Most, p.sessions); over > 0 {
			if surplus == nil {
				surplus = map[string]int{}
			}
			surplus[p.principal] = over
		}
	}
	return surplus
}

// look sees whether a person of this node has too many sessions.
func (t *Table) look(k key, now time.Time) {
	p, known := t.here[k]
	if !known || p.sessions+t.elsewhere[k] <= t.config.Most {
		delete(t.crowded, k)
	} else if _, already := t.crowded[k]; !already {
		t.crowded[k] = now
	}
}

// speak says what has changed, at once, and a part of everything at each beat.
func (t *Table) speak() {
	beat := time.NewTicker(t.config.Beat)
	defer beat.Stop()
	t.say(t.head(kindHello))
	for part := 0; ; {
		select {
		case <-t.stop:
			return
		case <-t.wake:
			t.sayChanged()
		case now := <-beat.C:
			part = (part + 1) % parts
			t.beat(part, now)
		}
	}
}

// beat says one part of everything, or all of it when something got lost, and
// forgets nodes that have been silent for too long.
func (t *Table) beat(part int, now time.Time) {
	t.mu.Lock()
	for number, n := range t.nodes {
		if now.Sub(n.heard) > t.config.Hold {
			t.forget(number, now)
		}
	}
	behind, asked := t.behind, t.asked
	t.behind, t.asked = false, false
	t.mu.Unlock()
	if behind {
		t.say(t.head(kindHello))
	}
	if behind || asked {
		t.sayAll()
		return
	}
	t.sayPart(part)
}

// forget forgets a node. The caller holds mu.
func (t *Table) forget(number uint64, now time.Time) {
	for k, sessions := range t.nodes[number].people {
		t.count(k, -int(sessions), now)
	}
	delete(t.nodes, number)
}

// count adds to the sessions of a person elsewhere. The caller holds mu.
func (t *Table) count(k key, sessions int, now time.Time) {
	if sum := t.elsewhere[k] + sessions; sum > 0 {
		t.elsewhere[k] = sum
	} else {
		delete(t.elsewhere, k)
	}
	t.look(k, now)
}

// say sends a message. One that cannot be sent is made up for at the next beat.
func (t *Table) say(message []byte) {
	if err := t.config.Bus.Announce(message); err != nil {
		t.mu.Lock()
		t.behind = true
		t.mu.Unlock()
	}
}

func clamp(sessions int) uint8 { return uint8(min(max(sessions, 0), math.MaxUint8)) }
