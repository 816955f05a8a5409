package ingest

import (
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/tempogate/tempogate/classifier/tempo"
	"github.com/tempogate/tempogate/consent"
	"github.com/tempogate/tempogate/consent/identity"
	"github.com/tempogate/tempogate/ingest/wire"
)

// Apps that can only push send a batch at a time over HTTP, and their requests
// overtake each other on the way. A pusher is the session that such batches
// belong to: a session without a connection, taken along the same line, behind
// the same gate, in the order of messageId.
type pusher struct {
	session *session
	id      uint64 // of the capability

	turn sync.Mutex // held while a batch goes down the line

	// Guarded by session.mu, because the session's end clears them.
	early   []batch // that came before their turn, sorted by number
	started bool
	series  string // sessionId of the app's recording
	next    int64  // messageId that is due
	latest  []byte // the newest estimate, as a line
	readAt  time.Time
	pushes  int

	unwatch func()
}

// A batch is one push, not yet parsed.
type batch struct {
	number  int64
	payload []byte
	arrived time.Time
}

// Batches that came before their turn wait for the one that is missing, but
// not for long: what is old is of no use, and readings must not lie about.
const (
	earlyMost = 4
	earlyHold = 5 * time.Second
)

// pushers knows the pushers of a node by capability.
type pushers struct {
	mu   sync.Mutex
	byID map[uint64]*pusher
}

// of returns the pusher of a capability, and starts one where there is none.
func (s *Server) pusherOf(capability identity.Capability) (*pusher, *Problem) {
	s.pushers.mu.Lock()
	defer s.pushers.mu.Unlock()
	if p := s.pushers.byID[capability.ID]; p != nil && !p.ended() {
		return p, nil
	}
	if refused := s.registry.admit(capability.Principal); refused != nil {
		return nil, refused
	}
	p := &pusher{session: newSession(s, capability.Principal, tempo.Range{}), id: capability.ID}
	p.session.wake = func() { go s.leavePusher(p) } // not here: the session's lock is held
	p.session.forget, p.session.lapse = p.forget, p.forgetEarly
	s.pushers.byID[p.id] = p
	p.unwatch = s.config.Ledger.Watch(p.session.principal, p.session.learn)
	if !s.registry.add(p.session) {
		p.session.stop(endOfDrain())
	}
	// What changed between the gate and the watch was told to nobody.
	if grant, err := s.config.Ledger.Grant(p.session.principal); err == nil {
		p.session.learn(grant)
	}
	return p, nil
}

// leavePusher takes an ended pusher out. The next push starts a new one.
func (s *Server) leavePusher(p *pusher) {
	s.pushers.mu.Lock()
	if s.pushers.byID[p.id] == p { // and not one that has taken its place
		delete(s.pushers.byID, p.id)
	}
	s.pushers.mu.Unlock()
	p.unwatch()
	p.session.mu.Lock()
	label := p.session.ending.label
	p.session.mu.Unlock()
	s.metrics.closes.WithLabelValues(label).Inc()
	s.registry.remove(p.session)
	s.registry.closed(p.session)
}

// ended reports whether the session has.
func (p *pusher) ended() bool {
	p.session.mu.Lock()
	defer p.session.mu.Unlock()
	return p.session.ending != nil
}

// forget drops what waits for its turn and the last answer. The session calls
// it when it forgets, with its lock held.
func (p *pusher) forget() {
	p.forgetEarly()
	p.latest = nil
}

// forgetEarly drops what waits for its turn.
func (p *pusher) forgetEarly() {
	eraseBatches(p.early)
	p.early = nil
}

// eraseBatches overwrites what batches hold.
func eraseBatches(batches []batch) {
	for i := range batches {
		erase(batches[i].payload)
	}
}

// push takes a batch and those that it was missing to, in their order, and
// appends the estimates to dst as lines of JSON with commas between them. The
// payload is cleared, or kept until its turn comes.
func (p *pusher) push(dst []byte, series string, number int64, payload []byte, now time.Time) ([]byte, error) {
	p.turn.Lock()
	defer p.turn.Unlock()
	p.session.noteOldest(now)
	p.session.lastFrame.Store(now.UnixNano())
	growStack(pushStack)
	ready := p.due(series, batch{number, payload, now})
	defer eraseBatches(ready) // those that come behind one that is refused
	for _, b := range ready {
		p.session.server.account.noteAge(now.Sub(b.arrived)) // it has waited for its turn
		var err error
		if dst, err = p.take(dst, b.payload, now); err != nil {
			p.session.mu.Lock()
			p.forget()
			p.session.mu.Unlock()
			return dst, err
		}
	}
	return dst, nil
}

// due enters a batch and returns those whose turn it is.
func (p *pusher) due(series string, b batch) []batch {
	s := p.session
	s.mu.Lock()
	defer s.mu.Unlock()
	p.pushes++
	p.readAt = b.arrived
	if s.ending != nil {
		return []batch{b} // take says why
	}
	if !p.started || series != p.series {
		// Another recording: its clock goes on, its numbers begin anew, at 0.
		// The first push of one need not be the first that was sent; a number
		// that is far from 0 means that this server was not there from the start.
		p.forget()
		p.started, p.series, p.next = true, series, 0
		if b.number > earlyMost {
			p.next = b.number
		}
	}
	if b.number < p.next { // late: the classifier passes over what it has no use for
		return []batch{b}
	}
	at, again := slices.BinarySearchFunc(p.early, b.number, func(e batch, n int64) int { return int(e.number - n) })
	if again { // sent twice: the app had no answer to the first
		clear(b.payload)
	} else {
		p.early = slices.Insert(p.early, at, b)
	}
	n := 0
	for n < len(p.early) {
		missing := p.early[n].number != p.next
		if missing && len(p.early)-n < earlyMost && b.arrived.Sub(p.oldest(n)) < earlyHold {
			break
		}
		p.next = p.early[n].number + 1
		n++
	}
	ready := slices.Clone(p.early[:n])
	p.early = slices.Delete(p.early, 0, n)
	return ready
}

// oldest returns when the first of the batches from n on arrived.
func (p *pusher) oldest(n int) time.Time {
	oldest := p.early[n].arrived
	for _, b := range p.early[n:] {
		if b.arrived.Before(oldest) {
			oldest = b.arrived
		}
	}
	return oldest
}

// take takes one batch along the line.
func (p *pusher) take(dst, payload []byte, now time.Time) ([]byte, error) {
	s := p.session
	s.server.metrics.textFrames.Inc()
	s.server.metrics.frameBytes.Add(float64(len(payload)))
	if excess := s.takeFrame(now.UnixNano(), len(payload)); excess != "" {
		erase(payload)
		return dst, endWith(wire.CloseTooMuch, "too many "+excess)
	}
	w := workspaces.Get().(*workspace)
	defer w.release()
	control, err := s.inferPrivately(w, false, payload, now)
	switch {
	case err != nil:
		w.grown = true
		return dst, err
	case control != wire.ControlNone:
		return dst, endWith(wire.CloseMalformed, "a push carries readings: withdraw with DELETE /v1/consent")
	}
	for i := range w.estimates {
		e := &w.estimates[i]
		if len(dst) > 0 {
			dst = append(dst, ',')
		}
		begin := len(dst)
		dst = wire.AppendEstimate(dst, e, float64(e.SensorTime)/1e9)
		s.mu.Lock()
		if s.ending == nil {
			p.latest = append(p.latest[:0], dst[begin:]...)
		}
		s.mu.Unlock()
	}
	s.server.metrics.estimates.Add(float64(len(w.estimates)))
	s.deliver(w, now)
	return dst, nil
}

// Consent reasons that a push is refused with before it is read.
var errEarlierConsent = problem(statusNoConsent, CodeNoGrant,
	"this link was made under an earlier consent: make a new one on the server's page").because(string(consent.Withdrawn))

// asProblem turns the ending of a pusher into an answer.
func (p *pusher) asProblem(err error) error {
	var end *ending
	if !errors.As(err, &end) {
		return err
	}
	switch end.code {
	case wire.CloseConsent:
		return problem(statusNoConsent, CodeNoGrant, end.reason)
	case wire.CloseTooLarge:
		return problem(413, CodeTooLarge, end.reason+"; push more often")
	case wire.CloseTooMuch:
		return problem(429, CodeTooMuch, end.reason).retryAfter(shortPauseS)
	case wire.CloseLedgerLost:
		return problem(503, CodeLedgerUnavailable, end.reason).retryAfter(shortPauseS)
	case wire.CloseGoingAway:
		return problem(503, CodeDraining, end.reason).retryAfter(shortPauseS)
	}
	return problem(400, CodeMalformed, end.reason)
}
