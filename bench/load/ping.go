package load

import (
	"time"

	"github.com/tempogate/tempogate/ingest/framing"
)

// ping sends a ping when one is due, as libraries for phones do to keep a
// connection open. The session's lock is held, and no message is under way.
func (s *session) ping(now time.Time) {
	if every := s.run.config.PingEvery; every == 0 || s.slow || !s.sending || now.Sub(s.pinged) < every {
		return
	}
	s.pinged, s.pinging = now, true
	s.write(s.mask(nil, framing.Ping, nil))
}

// pong takes note of the answer to a ping.
func (s *session) pong(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.pinging {
		s.pinging = false
		s.run.tally.record(Ping, now.Sub(s.pinged))
	}
}
