package load

import (
	"context"
	"sync"
	"time"
)

// A pacer sends the frames of its sessions when they are due. It is a wheel that
// turns once in the time between two frames of a session; each session has a
// place on it, which is its moment in every second.
type pacer struct {
	interval time.Duration
	places   []place
	scratch  []byte
}

type place struct {
	mu       sync.Mutex
	sessions []*session
}

// placesPerSecond is how finely the wheel is divided.
const placesPerSecond = 1000

func newPacer(interval time.Duration) *pacer {
	n := max(1, int(interval*placesPerSecond/time.Second))
	return &pacer{interval: interval, places: make([]place, n)}
}

// add puts a session on the wheel, at its place.
func (p *pacer) add(s *session) {
	at := &p.places[int(s.phase*float64(len(p.places)))]
	at.mu.Lock()
	at.sessions = append(at.sessions, s)
	at.mu.Unlock()
}

// remove takes it off. When it returns, the pacer does nothing with it any more.
func (p *pacer) remove(s *session) {
	at := &p.places[int(s.phase*float64(len(p.places)))]
	at.mu.Lock()
	defer at.mu.Unlock()
	for i, other := range at.sessions {
		if other == s {
			last := len(at.sessions) - 1
			at.sessions[i] = at.sessions[last]
			at.sessions[last] = nil
			at.sessions = at.sessions[:last]
			return
		}
	}
}

// turn turns the wheel until ctx is done. A wheel that has come late catches up,
// and what it sends then was due when it was due.
func (p *pacer) turn(ctx context.Context) {
	began := time.Now()
	width := p.interval / time.Duration(len(p.places))
	for n := 0; ctx.Err() == nil; n++ {
		due := began.Add(time.Duration(n/len(p.places))*p.interval + time.Duration(n%len(p.places))*width)
		if wait := time.Until(due); wait > 0 {
			time.Sleep(wait)
		}
		at := &p.places[n%len(p.places)]
		at.mu.Lock()
		for _, s := range at.sessions {
			p.scratch = s.send(due, p.scratch)
		}
		at.mu.Unlock()
	}
}
