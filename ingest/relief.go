package ingest

import (
	"cmp"
	"context"
	"math"
	"slices"
	"time"
)

// A relief takes load off a node that has let in more than it can serve: else
// all would wait, longer and longer, and nobody be served.
type relief struct {
	under   bool
	seconds int           // that it has been late
	before  time.Duration // lateness when it was last asked
}

const (
	// Relief begins after so many seconds of this many times the lateness that
	// closes the door. What passes by itself sends nobody away.
	reliefAfter    = 5
	reliefMultiple = 5

	// reliefShare is the share of the sessions that is sent away in a second in
	// which nothing has become better.
	reliefShare = 0.04
)

// step is asked once a second and returns how many of so many sessions have to
// go. It is over when the node would let somebody in again. While it becomes better,
// what was sent away may have been enough.
func (r *relief) step(lateness, limit time.Duration, shedding bool, sessions int) int {
	better := lateness < r.before*9/10
	r.before = lateness
	if r.seconds++; lateness < reliefMultiple*limit {
		r.seconds = 0
	}
	r.under = shedding && sessions > shedsFrom && (r.under || r.seconds >= reliefAfter)
	if !r.under || better {
		return 0
	}
	return min(int(math.Ceil(reliefShare*float64(sessions))), sessions-shedsFrom)
}

// relieve sends away sessions of an overloaded node, those who came last first,
// to the benefit of the others.
func (s *Server) relieve(ctx context.Context) {
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	var r relief
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		was := r.under
		lateness := time.Duration(s.pressure.lateness.Load())
		n := r.step(lateness, s.pressure.limit, s.pressure.shedding.Load(), s.registry.count())
		if r.under != was {
			s.log.Warn("overload", "sends_sessions_away", r.under, "sessions", s.registry.count(), "lateness", lateness.Round(time.Millisecond))
		}
		if n > 0 {
			s.sendAway(n)
		}
	}
}

// sendAway has the newest sessions end as a drain does.
func (s *Server) sendAway(n int) {
	all := slices.DeleteFunc(s.registry.appendSessions(nil), func(s *session) bool { return s.leaving.Load() })
	slices.SortFunc(all, func(a, b *session) int { return cmp.Compare(b.number, a.number) })
	for _, session := range all[:min(n, len(all))] {
		session.leave(0)
		s.metrics.sentAway.Inc()
	}
}
