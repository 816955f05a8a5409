package ingest

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tempogate/tempogate/consent"
	"github.com/tempogate/tempogate/consent/identity"
	"github.com/tempogate/tempogate/ingest/wire"
)

// linesContentType is that of answers with one JSON object a line.
const linesContentType = "application/x-ndjson"

// maxPerRecipient bounds how often one recipient may be connected to a node.
const maxPerRecipient = 8

// getTempo answers GET /v1/tempo, for recipients: the tempo of everybody who
// named the one that asks, a line each, as it comes and until somebody hangs up.
// Each line goes out at once. An empty one says that the connection lives.
func (s *Server) getTempo(w http.ResponseWriter, r *http.Request) error {
	name, refused := s.recipient(r)
	if refused != nil {
		return refused
	}
	if !s.recipients.enter(name) {
		return problem(http.StatusTooManyRequests, CodeTooManySessions,
			"this recipient is connected as often as allowed: end one connection first").because("recipient").retryAfter(shortPauseS)
	}
	defer s.recipients.leave(name)
	ctx, stop := context.WithCancel(r.Context())
	defer stop()
	defer context.AfterFunc(s.leaving, stop)()

	connection := http.NewResponseController(w)
	begun := false
	err := s.config.Ledger.Receive(ctx, name, func(line []byte) error {
		if !begun {
			begun = true
			// The timeouts of a request do not hold for one that stays.
			if err := connection.SetReadDeadline(time.Time{}); err != nil {
				return err
			}
			w.Header().Set("Content-Type", linesContentType)
			w.Header().Set("Cache-Control", "no-store")
			w.WriteHeader(http.StatusOK)
		}
		if err := connection.SetWriteDeadline(time.Now().Add(s.config.WriteTimeout)); err != nil {
			return err
		}
		if _, err := w.Write(append(line, '\n')); err != nil {
			return err
		}
		return connection.Flush()
	})
	if begun { // whatever ended it, the answer has been given
		return nil
	}
	return err
}

// deliver hands what came out of a frame to the recipients that the grant names.
func (s *session) deliver(w *workspace, received time.Time) {
	if !w.permit.Delivers {
		return
	}
	for i := range w.estimates {
		w.answer = wire.AppendTempo(w.answer[:0], &w.estimates[i], received)
		s.server.config.Ledger.Deliver(s.principal, w.answer)
	}
}

// recipient finds out which recipient calls.
func (s *Server) recipient(r *http.Request) (name string, refused *Problem) {
	token := bearer(r)
	if s.config.Recipients == nil || token == "" {
		return "", problem(http.StatusUnauthorized, CodeBadToken,
			"this call is for recipients of tempo: send \"Authorization: Bearer ...\" with a token that the operator made with tempogate token recipient")
	}
	name, err := s.config.Recipients.VerifyRecipient(r.Context(), token)
	switch {
	case errors.Is(err, identity.ErrUnavailable):
		return "", problem(http.StatusServiceUnavailable, CodeIdentityUnavailable, err.Error()).retryAfter(shortPauseS)
	case err != nil:
		return "", problem(http.StatusUnauthorized, CodeBadToken, err.Error())
	}
	return name, nil
}

// connections counts how often each recipient is connected.
type connections struct {
	mu  sync.Mutex
	now map[string]int
}

// enter takes a place, if there is one.
func (c *connections) enter(name string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.now == nil {
		c.now = map[string]int{}
	}
	if c.now[name] >= maxPerRecipient {
		return false
	}
	c.now[name]++
	return true
}

// leave gives a place back.
func (c *connections) leave(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.now[name]--; c.now[name] == 0 {
		delete(c.now, name)
	}
}

// A deliveryCollector shows what became of the estimates for recipients. Their
// names are those of the notices, so there are few.
type deliveryCollector struct {
	ledger interface {
		DeliveryCounts() map[string]consent.DeliveryCounts
	}
}

var deliveriesDesc = prometheus.NewDesc("tempogate_deliveries_total",
	"Estimates for third parties that people named, by recipient and what became of them.", []string{"recipient", "result"}, nil)

// Describe implements prometheus.Collector.
func (c deliveryCollector) Describe(out chan<- *prometheus.Desc) { out <- deliveriesDesc }

// Collect implements prometheus.Collector.
func (c deliveryCollector) Collect(out chan<- prometheus.Metric) {
	for recipient, counts := range c.ledger.DeliveryCounts() {
		for result, n := range map[string]uint64{"taken": counts.Taken, "unheard": counts.Unheard, "dropped": counts.Dropped} {
			out <- prometheus.MustNewConstMetric(deliveriesDesc, prometheus.CounterValue, float64(n), recipient, result)
		}
	}
}
