package consent

import (
	"context"
	"slices"
	"time"
)

// A Reason says why a decision came out as it did. The names are stable and
// serve as metric labels.
type Reason string

// The reasons, together with Refused, Withdrawn and Expired.
const (
	Allowed            Reason = "allowed"
	LedgerUnavailable  Reason = "ledger_unavailable" // the ledger cannot answer, so the answer is no
	NeverAsked         Reason = "never_asked"
	NoticeChanged      Reason = "notice_changed"       // given to other words than the current ones, which need a fresh consent
	CategoryNotGranted Reason = "category_not_granted" // in force, but not for this category
)

// A Decision is the gate's answer. The zero value refuses.
type Decision struct {
	Allowed bool
	Reason  Reason
}

// Decide is the gate: may data of this category of this person be taken in
// now? It looks at memory only. Where several things stand against it, the
// reason is the first of: ledger_unavailable, never_asked, refused, withdrawn,
// expired, notice_changed, category_not_granted.
//
// 0 allocations: BenchmarkDecide.
func (l *Ledger) Decide(principal string, c Category) Decision {
	p, against := l.look(principal)
	if against != "" {
		return Decision{Reason: against}
	}
	return p.decide(c)
}

// anewPerSecond is how many questions DecideAnew puts to the store in a second, and
// at once.
const anewPerSecond = 100

// DecideAnew is Decide for somebody who comes in now, perhaps to another node than
// took the yes a moment ago: a no is given only once everything has been taken in
// that the store had when it was asked. It waits for that until the context is done,
// and askTimeout at most. In an embedded store there is nothing to wait for.
// Of more refusals than anewPerSecond the store is not asked: those who knock without a
// yes must not become its load.
func (l *Ledger) DecideAnew(ctx context.Context, principal string, c Category) Decision {
	d := l.Decide(principal, c)
	if d.Allowed || d.Reason == LedgerUnavailable || l.store.embedded != nil || !l.anew.Allow() {
		return d
	}
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	if l.renew(ctx) != nil {
		return d
	}
	return l.Decide(principal, c)
}

// A Permit is the gate's answer for a frame.
type Permit struct {
	Acceleration, Location Decision

	// Delivers says that somebody is to get the person's tempo. Deliver asks again.
	Delivers bool
}

// Permit is Decide for each category and Delivers in one: a frame asks for all of
// them, and where a person stands lies in memory that nothing else has touched for
// a second.
//
// 0 allocations: BenchmarkDecide.
func (l *Ledger) Permit(principal string) Permit {
	p, against := l.look(principal)
	if against != "" {
		no := Decision{Reason: against}
		return Permit{Acceleration: no, Location: no}
	}
	return Permit{p.decide(Acceleration), p.decide(Location), len(p.recipients) > 0}
}

// look finds where a person stands, and what stands against every category, "" for
// nothing.
func (l *Ledger) look(principal string) (p *person, against Reason) {
	now := time.Now()
	if !l.answers(now) {
		return nil, LedgerUnavailable
	}
	if l.now != nil {
		now = l.now()
	}
	l.mu.RLock()
	p = l.register.people[principal]
	unsettled := false
	if len(l.unsettled) > 0 {
		_, unsettled = l.unsettled[principal]
	}
	l.mu.RUnlock()

	switch {
	case unsettled:
		return p, LedgerUnavailable
	case p == nil || p.state == "":
		return p, NeverAsked
	case p.state != Given:
		return p, Reason(p.state)
	case p.expired(now):
		return p, Expired
	case !p.notice.stand.Load():
		return p, NoticeChanged
	}
	return p, ""
}

// decide is the answer for a category of somebody whom nothing else stands against.
func (p *person) decide(c Category) Decision {
	if !slices.Contains(p.categories, c) {
		return Decision{Reason: CategoryNotGranted}
	}
	return Decision{Allowed: true, Reason: Allowed}
}

// Grant returns where a person's consent stands, or an error with the code
// CodeNeverAsked. It looks at memory only and answers as long as the ledger is
// open, whether or not its store does.
func (l *Ledger) Grant(principal string) (Grant, error) {
	if ended := l.hasEnded(); ended != nil {
		return Grant{}, ended
	}
	p, err := l.person(principal)
	if err != nil {
		return Grant{}, err
	}
	return l.grantOf(p), nil
}

func (l *Ledger) person(principal string) (*person, error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if p, _ := l.register.find(principal); p != nil {
		return p, nil
	}
	return nil, ErrNeverAsked
}
