package ingest

import (
	"cmp"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tempogate/tempogate/ingest/presence"
	"github.com/tempogate/tempogate/ingest/wire"
)

// wheelPlaces is into how many parts the sessions are divided, to be looked
// after one part at a time.
const wheelPlaces = 32

// A wheelPlace is one of the parts.
type wheelPlace struct {
	mu       sync.Mutex
	sessions []*session
}

// A registry knows the live sessions of this node and how many each person
// has. It bounds both.
type registry struct {
	limits Limits
	others *presence.Table // what people have on other nodes; nil without any. Set before anybody is admitted.

	mu       sync.Mutex
	places   int // taken, by sessions and by upgrades under way
	persons  map[string]*person
	indebted map[string]*person // those without a session
	admitted meter              // against admissions a second
	pace     pace
	leaving  map[*session]struct{} // ended, and their connections not yet closed
	draining bool

	wheel [wheelPlaces]wheelPlace
	live  atomic.Int64 // sessions on the wheel

	// running counts connections from admission until they are closed.
	running sync.WaitGroup
}

func newRegistry(limits Limits) *registry {
	return &registry{
		limits:   limits,
		persons:  make(map[string]*person),
		indebted: make(map[string]*person),
		pace:     newPace(limits.AdmissionsPerSecond, limits.AdmissionsPerSecond),
		leaving:  make(map[*session]struct{}),
	}
}

// admit takes a place for a session of a person, before the connection is
// upgraded. It has to be given back: with leave when there is no upgrade, and
// otherwise with remove and closed.
func (r *registry) admit(principal string) *Problem {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.draining:
		return problem(http.StatusServiceUnavailable, CodeDraining,
			"this node is going away: connect again, to another one").retryAfter(shortPauseS)
	case r.places >= r.limits.Sessions:
		return problem(http.StatusTooManyRequests, CodeTooManySessions,
			"this node has all the sessions it can serve: try again later").
			because("node").retryAfter(shortPauseS)
	case r.sessionsOf(principal) >= r.limits.SessionsPerPerson:
		return problem(http.StatusTooManyRequests, CodeTooManySessions,
			"this person has as many live sessions as allowed: end one first").
			because("person").retryAfter(shortPauseS)
	case !r.admitted.take(time.Now().UnixNano(), 1, r.pace):
		return problem(http.StatusTooManyRequests, CodeTooManySessions,
			"too many want to get in at once: try again in a moment").
			because("admissions").retryAfter(1 + rand.IntN(shortPauseS))
	}
	r.places++
	p := r.persons[principal]
	if p == nil {
		p = new(person)
		r.persons[principal] = p
	}
	p.sessions++
	r.tell(principal, p)
	r.running.Add(1) // never after drain, so never while a shutdown waits
	return nil
}

// sessionsOf returns how many sessions a person has, on all nodes as far as this
// one knows.
func (r *registry) sessionsOf(principal string) (n int) {
	if p := r.persons[principal]; p != nil {
		n = p.sessions
	}
	if r.others != nil {
		n += r.others.Elsewhere(principal)
	}
	return n
}

// tell lets the other nodes know how many sessions a person has here.
func (r *registry) tell(principal string, p *person) {
	if r.others != nil {
		r.others.Set(principal, p.sessions)
	}
}

// endSurplus ends the newest sessions of people who have had too many on all nodes
// together: they were opened at the same moment.
func (r *registry) endSurplus(now time.Time) {
	if r.others == nil {
		return
	}
	surplus := r.others.Surplus(now)
	if len(surplus) == 0 {
		return
	}
	all := r.appendSessions(nil)
	slices.SortFunc(all, func(a, b *session) int { return cmp.Compare(b.number, a.number) }) // newest first
	for _, s := range all {
		if surplus[s.principal] > 0 {
			surplus[s.principal]--
			s.stop(endWith(wire.CloseTooMuch, "too many sessions of this person, on all nodes together: end those that are not needed"))
		}
	}
}

// leave gives back a place that no session came to hold.
func (r *registry) leave(principal string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.leaveLocked(principal)
	r.running.Done()
}

func (r *registry) leaveLocked(principal string) {
	r.places--
	p := r.persons[principal]
	p.sessions--
	r.tell(principal, p)
	r.forgetLocked(principal, p)
}

// forgetLocked forgets a person who has no session, unless more has come than may
// come so far: who is closed for that must not begin anew by coming back.
func (r *registry) forgetLocked(principal string, p *person) {
	switch {
	case p.sessions > 0:
	case p.owes(time.Now().UnixNano()):
		r.indebted[principal] = p
	default:
		delete(r.persons, principal)
		delete(r.indebted, principal)
	}
}

// settle forgets those whose time has come. The wheel calls it once a turn.
func (r *registry) settle() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for principal, p := range r.indebted {
		if p.sessions > 0 {
			delete(r.indebted, principal)
			continue
		}
		r.forgetLocked(principal, p)
	}
}

// personOf returns what is known of somebody who holds a place.
func (r *registry) personOf(principal string) *person {
	r.mu.Lock()
	defer r.mu.Unlock()
	if p := r.persons[principal]; p != nil {
		return p
	}
	return new(person)
}

// add enters a session whose place was taken with admit. It returns false when
// the server has begun to drain meanwhile: the caller then ends the session.
func (r *registry) add(s *session) bool {
	at := &r.wheel[s.number%wheelPlaces]
	at.mu.Lock()
	s.place = len(at.sessions)
	at.sessions = append(at.sessions, s)
	at.mu.Unlock()
	r.live.Add(1)
	return !r.isDraining()
}

// remove takes out a session that has ended and gives its place back. What is
// left of it is a connection to be closed; the caller reports that with closed.
func (r *registry) remove(s *session) {
	at := &r.wheel[s.number%wheelPlaces]
	at.mu.Lock()
	last := len(at.sessions) - 1
	at.sessions[s.place] = at.sessions[last]
	at.sessions[s.place].place = s.place
	at.sessions[last] = nil
	at.sessions = at.sessions[:last]
	at.mu.Unlock()
	r.live.Add(-1)

	r.mu.Lock()
	defer r.mu.Unlock()
	r.leaving[s] = struct{}{}
	r.leaveLocked(s.principal)
}

// closed forgets a session whose connection has been closed.
func (r *registry) closed(s *session) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.leaving, s)
	r.running.Done()
}

// cut closes every connection there still is, and returns how many there were.
func (r *registry) cut() int {
	all := r.appendSessions(nil)
	r.mu.Lock()
	for s := range r.leaving {
		all = append(all, s)
	}
	r.mu.Unlock()
	for _, s := range all {
		if s.conn != nil { // a pusher has none
			s.conn.Close()
		}
	}
	return len(all)
}

// appendSessions appends all live sessions to dst.
func (r *registry) appendSessions(dst []*session) []*session {
	for at := range r.wheel {
		dst = r.appendAt(dst, at)
	}
	return dst
}

// appendAt appends the live sessions at one place of the wheel.
func (r *registry) appendAt(dst []*session, at int) []*session {
	place := &r.wheel[at]
	place.mu.Lock()
	defer place.mu.Unlock()
	return append(dst, place.sessions...)
}

// count returns the number of live sessions.
func (r *registry) count() int { return int(r.live.Load()) }

// drain closes the door: nobody is admitted from now on, and who was given long to
// take note of an ending has to be quick.
func (r *registry) drain() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.draining = true
	for s := range r.leaving {
		if s.conn != nil {
			s.conn.SetReadDeadline(time.Now().Add(lingerTime))
		}
	}
}

// isDraining reports whether the door is closed.
func (r *registry) isDraining() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.draining
}
