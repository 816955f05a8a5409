package ingest

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/tempogate/tempogate/classifier/signal"
	"github.com/tempogate/tempogate/ingest/wire"
)

// An account is what the transparency page tells beside the metrics. It holds
// counts and one age, of all sessions together.
type account struct {
	since   time.Time     // when counting began
	cleared atomic.Uint64 // readings that were taken and are gone
	oldest  atomic.Int64  // the greatest age that a reading in a window has reached, nanoseconds

	mu      sync.Mutex
	refused map[string]uint64 // requests for a stream, by reason

	shown atomic.Pointer[transparency] // as of a moment ago
}

// refuse counts a request for a stream that was refused. Reasons come from
// constants, so there are few.
func (a *account) refuse(p *Problem) {
	reason := p.Code
	if p.Code == CodeNoGrant {
		reason = p.Reason
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.refused == nil {
		a.refused = map[string]uint64{}
	}
	a.refused[reason]++
}

// A holding counts the readings that a session's window may still hold. It
// never says that one is gone before it is.
type holding struct {
	now, before int   // readings since began, and until then
	began       int64 // sensor time; 0 when nothing is held
}

// windowNS is the length of the window in sensor time, rounded up.
const windowNS = (signal.WindowLength + 1) * 1_000_000_000 / signal.RateHz

// take counts the readings of a batch that went into the window. Whatever came
// before a window began has slid out when that window is full.
func (h *holding) take(b *wire.Batch, a *account) {
	h.now += len(b.Samples) + len(b.Fixes)
	if len(b.Samples) == 0 {
		return
	}
	newest := b.Samples[len(b.Samples)-1].SensorTime
	switch {
	case h.began == 0:
		h.began = newest
	case newest-h.began >= windowNS:
		a.cleared.Add(uint64(h.before))
		h.before, h.now, h.began = h.now, 0, newest
	}
}

// clear counts everything as gone: the window has been overwritten.
func (h *holding) clear(a *account) {
	a.cleared.Add(uint64(h.before + h.now))
	*h = holding{}
}

// noteOldest notes how old the oldest reading in the window is, which is asked
// before each frame and before each clearing: in between it only grows. The age
// counts from its arrival and is rather said too high: a window is taken to have
// come in as slowly as it was measured.
func (s *session) noteOldest(now time.Time) {
	held := s.resident.Load()
	if held == 0 {
		return
	}
	silent := now.Sub(time.Unix(0, s.lastFrame.Load()))
	s.server.account.noteAge(silent + time.Duration(held)*time.Second/signal.RateHz)
}

// noteAge notes that a reading has reached an age.
func (a *account) noteAge(age time.Duration) {
	for {
		known := a.oldest.Load()
		if int64(age) <= known || a.oldest.CompareAndSwap(known, int64(age)) {
			return
		}
	}
}
