package fleet

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/tempogate/tempogate/consent"
)

// The two things that must never happen.
const (
	ConsentLost = "acknowledged consent lost"
	FrameLate   = "frame accepted after a withdrawal was acknowledged"
)

// A Violation is one of them.
type Violation struct {
	What   string
	Person int
	Node   int // that said or did it
	At     time.Duration
	Detail string
}

// String returns all of it on one line.
func (v Violation) String() string {
	return fmt.Sprintf("%s: person %d, node %d, at %v: %s", v.What, v.Person, v.Node+1, v.At.Round(time.Millisecond), v.Detail)
}

// A Change is what a person asked of the ledger.
type Change int

// The changes.
const (
	Grant Change = iota
	Withdrawal
)

// A change is one that was asked for. People ask for one after the other.
type change struct {
	kind         Change
	began        time.Duration
	acknowledged bool
	at           time.Duration // when it was; or given up
	entry        string        // digest of a grant's entry in the ledger, from the receipt
}

// Tallies count what a checker was told of.
type Tallies struct {
	Grants, Withdrawals int // acknowledged
	Unacknowledged      int // changes whose outcome nobody knows
	Frames              int // answered with an estimate
	Denials             int // times that a node said that there is no consent

	// Late is the longest time from the acknowledgement of a withdrawal to the
	// sending of a frame that was accepted all the same. LateInCalm is that while
	// nothing was broken.
	Late, LateInCalm time.Duration
}

// A Checker is told what people asked for, and what nodes answered, and looks for
// what must never happen. Times are of one clock, and so is their zero.
//
// Its methods may be called from any goroutine; the changes of one person are told
// in their order.
type Checker struct {
	lease time.Duration

	mu         sync.Mutex
	people     map[int][]change
	violations []Violation
	tallies    Tallies
	calm       bool
	calmSince  time.Duration
}

// NewChecker returns a checker for nodes with a lease.
func NewChecker(lease time.Duration) *Checker {
	return &Checker{lease: lease, people: map[int][]change{}, calm: true}
}

// Began notes that a person asks for a change.
func (c *Checker) Began(person int, kind Change, at time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.people[person] = append(c.people[person], change{kind: kind, began: at})
}

// Acknowledged notes that the change was. entry is the digest in the receipt of a
// grant.
func (c *Checker) Acknowledged(person int, at time.Duration, entry string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	last := c.last(person)
	last.acknowledged, last.at, last.entry = true, at, entry
	if last.kind == Grant {
		c.tallies.Grants++
	} else {
		c.tallies.Withdrawals++
	}
}

// Failed notes that the change was not acknowledged: it may have happened or not.
func (c *Checker) Failed(person int, at time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last(person).at = at
	c.tallies.Unacknowledged++
}

func (c *Checker) last(person int) *change {
	all := c.people[person]
	return &all[len(all)-1]
}

// Disturbed notes that something was broken, Calmed that all is mended.
func (c *Checker) Disturbed() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calm = false
}

// Calmed is the opposite of Disturbed.
func (c *Checker) Calmed(at time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calm, c.calmSince = true, at
}

// Accepted notes that a node answered a frame that was sent at a time.
func (c *Checker) Accepted(person, node int, sent, answered time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tallies.Frames++
	before, since := c.standing(person, sent, answered)
	if before == nil || before.kind != Withdrawal || since[Grant] {
		return
	}
	late := sent - before.at
	c.tallies.Late = max(c.tallies.Late, late)
	if c.calm && c.calmSince < before.began {
		c.tallies.LateInCalm = max(c.tallies.LateInCalm, late)
	}
	if late > c.lease {
		c.violations = append(c.violations, Violation{FrameLate, person, node, answered,
			fmt.Sprintf("sent %v after the acknowledgement, the lease is %v", late, c.lease)})
	}
}

// Denied notes that a node which was asked at a time answered that the person has
// not consented.
func (c *Checker) Denied(person, node int, asked, answered time.Duration, reason string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tallies.Denials++
	before, since := c.standing(person, asked-c.lease, answered)
	if before != nil && before.kind == Grant && !since[Withdrawal] && !c.unsure(person, before) {
		c.violations = append(c.violations, Violation{ConsentLost, person, node, answered,
			fmt.Sprintf("the answer was %s, %v after the acknowledgement", reason, asked-before.at)})
	}
}

// standing returns the last change that was acknowledged by a time, nil for none,
// and which kinds of change were asked for after it and up to another time: these
// may have happened or not.
func (c *Checker) standing(person int, by, upTo time.Duration) (before *change, since [2]bool) {
	all := c.people[person]
	for i := range all {
		switch known := &all[i]; {
		case known.acknowledged && known.at <= by:
			before, since = known, [2]bool{}
		case known.began <= upTo:
			since[known.kind] = true
		}
	}
	return before, since
}

// lateTime is how long after it was given up a change may still happen on a node
// that could not reach the servers: it waits for its turn and for the servers, for
// ten seconds each.
const lateTime = 30 * time.Second

// unsure reports whether a withdrawal that was asked for before a grant, and not
// acknowledged, may have happened after it. The person has said no, so that is no
// consent lost. The opposite, a grant that comes after a withdrawal because it was
// slow, is not forgiven.
func (c *Checker) unsure(person int, grant *change) bool {
	for _, known := range c.people[person] {
		if known.kind == Withdrawal && !known.acknowledged && known.began < grant.at && known.at+lateTime > grant.at {
			return true
		}
	}
	return false
}

// Remembered holds what a node knows at the end, when all is mended, against what
// was acknowledged: every grant is there, nobody's consent was withdrawn without
// being asked to, and the last word stands.
func (c *Checker) Remembered(person, node int, history []consent.Change, at time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := c.people[person]
	lost := func(format string, args ...any) {
		c.violations = append(c.violations, Violation{ConsentLost, person, node, at, fmt.Sprintf(format, args...)})
	}
	withdrawals := 0 // asked for, and not seen to have happened
	from := 0        // in the history, behind the last grant that was acknowledged
	for i, known := range all {
		if known.kind == Withdrawal {
			withdrawals++
		}
		switch {
		case !known.acknowledged:
		case known.kind == Grant:
			at := slices.IndexFunc(history, func(h consent.Change) bool { return h.SHA256 == known.entry })
			if at < 0 {
				lost("the history does not have the grant that was acknowledged at %v", known.at.Round(time.Millisecond))
				return
			}
			from = at + 1
		case !slices.ContainsFunc(history[from:endOf(history, all[i:])], isWithdrawal):
			lost("the history does not have the withdrawal that was acknowledged at %v", known.at.Round(time.Millisecond))
			return
		}
	}
	for _, h := range history {
		if isWithdrawal(h) {
			withdrawals--
		}
	}
	if withdrawals < 0 {
		lost("the history has %d withdrawals more than were asked for", -withdrawals)
		return
	}
	if len(all) == 0 || !all[len(all)-1].acknowledged {
		return
	}
	want := consent.Given
	if all[len(all)-1].kind == Withdrawal {
		want = consent.Withdrawn
	} else if c.unsure(person, &all[len(all)-1]) {
		return
	}
	if len(history) == 0 || history[len(history)-1].State != want {
		lost("the last word was %s, and the history of %d entries ends otherwise", want, len(history))
	}
}

func isWithdrawal(h consent.Change) bool { return h.Event == consent.EventWithdrawn }

// endOf returns where in a history the next grant is that was acknowledged, its
// end where there is none.
func endOf(history []consent.Change, later []change) int {
	for _, known := range later {
		if known.kind == Grant && known.acknowledged {
			if at := slices.IndexFunc(history, func(h consent.Change) bool { return h.SHA256 == known.entry }); at >= 0 {
				return at
			}
		}
	}
	return len(history)
}

// Violations returns what must never have happened.
func (c *Checker) Violations() []Violation {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.violations)
}

// Tallies returns what the checker was told of so far.
func (c *Checker) Tallies() Tallies {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.tallies
}
