package ingest

import (
	"net/http"
	"sync"
)

// A registry knows the live sessions of this node and how many each person
// has. It bounds both.
type registry struct {
	limits Limits

	mu        sync.Mutex
	places    int // taken, by sessions and by upgrades under way
	perPerson map[string]int
	sessions  map[*session]struct{}
	leaving   map[*session]struct{} // ended, and their connections not yet closed
	draining  bool

	// running counts connections from admission until they are closed.
	running sync.WaitGroup
}

func newRegistry(limits Limits) *registry {
	return &registry{
		limits:    limits,
		perPerson: make(map[string]int),
		sessions:  make(map[*session]struct{}),
		leaving:   make(map[*session]struct{}),
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
	case r.perPerson[principal] >= r.limits.SessionsPerPerson:
		return problem(http.StatusTooManyRequests, CodeTooManySessions,
			"this person has as many live sessions as allowed: end one first").
			because("person").retryAfter(shortPauseS)
	}
	r.places++
	r.perPerson[principal]++
	r.running.Add(1) // never after drain, so never while a shutdown waits
	return nil
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
	if r.perPerson[principal]--; r.perPerson[principal] == 0 {
		delete(r.perPerson, principal)
	}
}

// add enters a session whose place was taken with admit. It returns false when
// the server has begun to drain meanwhile: the caller then ends the session.
func (r *registry) add(s *session) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sessions[s] = struct{}{}
	return !r.draining
}

// remove takes out a session that has ended and gives its place back. What is
// left of it is a connection to be closed; the caller reports that with closed.
func (r *registry) remove(s *session) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.sessions, s)
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
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, all := range []map[*session]struct{}{r.sessions, r.leaving} {
		for s := range all {
			if s.conn != nil { // a pusher has none
				s.conn.Close()
			}
		}
	}
	return len(r.sessions) + len(r.leaving)
}

// appendSessions appends all live sessions to dst.
func (r *registry) appendSessions(dst []*session) []*session {
	r.mu.Lock()
	defer r.mu.Unlock()
	for s := range r.sessions {
		dst = append(dst, s)
	}
	return dst
}

// count returns the number of live sessions.
func (r *registry) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.sessions)
}

// drain closes the door: nobody is admitted from now on.
func (r *registry) drain() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.draining = true
}

// isDraining reports whether the door is closed.
func (r *registry) isDraining() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.draining
}
