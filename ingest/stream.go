package ingest

import (
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/gorilla/websocket"

	"github.com/tempogate/tempogate/classifier/tempo"
	"github.com/tempogate/tempogate/consent"
	"github.com/tempogate/tempogate/ingest/wire"
)

// stream answers GET /v1/stream: the gate, and behind it the upgrade.
//
// The session is served by a goroutine of its own. The one of the HTTP server
// ends here, and with it go its stack, its buffers and the request.
func (s *Server) stream(w http.ResponseWriter, r *http.Request) error {
	principal, refused := s.gate(r)
	if refused != nil {
		s.metrics.admissions.WithLabelValues(refused.Code).Inc()
		s.account.refuse(refused)
		return refused
	}
	handedOver := false
	defer func() {
		if !handedOver {
			s.registry.leave(principal)
		}
	}()
	music, refused := musicRange(r)
	if refused != nil {
		s.metrics.admissions.WithLabelValues(refused.Code).Inc()
		return refused
	}
	session := newSession(s, principal, music)
	upgrade := hijacking{ResponseWriter: w}
	if _, err := s.upgrader.Upgrade(&upgrade, r, nil); err != nil { // the upgrader has answered
		s.metrics.admissions.WithLabelValues(CodeMalformed).Inc()
		return nil
	}
	s.metrics.admissions.WithLabelValues("admitted").Inc()
	s.pressure.came()
	session.attach(upgrade.conn)
	handedOver = true
	go session.serve()
	return nil
}

// gate lets a request for a stream through, or says why not. Whoever gets
// through holds a place in the registry.
func (s *Server) gate(r *http.Request) (principal string, refused *Problem) {
	// First, because the rest costs time that an overloaded node does not have.
	if refused := s.shed(); refused != nil {
		return "", refused
	}
	if !s.config.allowedOrigin(r) {
		return "", problem(http.StatusForbidden, CodeOriginNotAllowed,
			"pages of this origin may not open a stream here: the operator can allow it with --origin")
	}
	who, refused := s.identify(r)
	if refused != nil {
		return "", refused
	}
	if d := s.config.Ledger.DecideAnew(r.Context(), who.Principal, consent.Acceleration); !d.Allowed {
		return "", s.noGrant(who.Principal, d.Reason)
	}
	if !websocket.IsWebSocketUpgrade(r) || !r.ProtoAtLeast(1, 1) {
		return "", problem(http.StatusUpgradeRequired, CodeUpgradeRequired,
			"this path speaks WebSocket, subprotocol "+wire.Subprotocol)
	}
	if offered := websocket.Subprotocols(r); len(offered) > 0 && !slices.Contains(offered, wire.Subprotocol) {
		return "", problem(http.StatusBadRequest, CodeBadSubprotocol,
			"offer the subprotocol "+wire.Subprotocol)
	}
	return who.Principal, s.registry.admit(who.Principal)
}

// shed refuses while the node has more to do than it can.
func (s *Server) shed() *Problem {
	now := time.Now()
	if s.pressure.admits(now.UnixNano(), s.registry.count()) {
		return nil
	}
	return problem(http.StatusTooManyRequests, CodeTooManySessions,
		"this node is busy with the sessions that it has: try again later, or another node").
		because("load").retryAfter(s.crowd.wait(now.Unix()))
}

// musicRange reads from the query which tempos music is wanted in.
func musicRange(r *http.Request) (tempo.Range, *Problem) {
	given := r.URL.Query()[wire.BPMRangeParameter]
	if len(given) == 0 {
		return tempo.Range{}, nil
	}
	music, err := tempo.ParseRange(given[0])
	if err != nil || given[0] == "" || len(given) > 1 {
		return tempo.Range{}, problem(http.StatusBadRequest, CodeBadBPMRange, fmt.Sprintf(
			"write %s=80-100, once: the slowest and the fastest music that is wanted, in whole beats a minute from %d to %d",
			wire.BPMRangeParameter, tempo.SlowestBPM, tempo.FastestBPM))
	}
	return music, nil
}

// noGrant says why the gate stays shut before a stream.
func (s *Server) noGrant(principal string, reason consent.Reason) *Problem {
	if reason == consent.LedgerUnavailable {
		return problem(http.StatusServiceUnavailable, CodeLedgerUnavailable,
			"this node cannot check consent right now, so it lets nobody in: try another node, or later").retryAfter(shortPauseS)
	}
	detail := "there is no consent for acceleration: show GET /v1/notice and send the answer with PUT /v1/consent"
	switch reason {
	case consent.Refused:
		detail = "this person has declined: do not ask again unless they turn to it themselves"
	case consent.Withdrawn:
		detail = "this person has withdrawn consent: a new one goes through GET /v1/notice and PUT /v1/consent"
	case consent.Expired:
		detail = "consent has expired: ask again with GET /v1/notice and PUT /v1/consent"
	case consent.NoticeChanged:
		detail = "consent was given for an earlier notice: show GET /v1/notice again and send PUT /v1/consent"
		if grant, err := s.config.Ledger.Grant(principal); err == nil {
			detail += s.changesSince(grant.NoticeVersion)
		}
	}
	return problem(http.StatusForbidden, CodeNoGrant, detail).because(string(reason))
}

// newUpgrader returns the upgrader. It offers no compression: the read limit
// of a message counts bytes before inflation, and flate keeps what it has
// decompressed. Frames bring their own (S2).
func newUpgrader() websocket.Upgrader {
	return websocket.Upgrader{
		HandshakeTimeout: readHeaderTimeout,
		Subprotocols:     []string{wire.Subprotocol},
		CheckOrigin:      func(*http.Request) bool { return true }, // the gate did
		Error: func(w http.ResponseWriter, r *http.Request, status int, reason error) {
			problem(status, CodeMalformed, reason.Error()).write(w)
		},
	}
}
