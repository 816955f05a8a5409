package ingest

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// A route is a call that clients make. docs/openapi.yaml has the same ones.
type route struct {
	pattern string // of http.ServeMux: method and path
	call    func(http.ResponseWriter, *http.Request) error
}

// routes lists what clients call.
func (s *Server) routes() []route {
	return []route{
		{"GET /v1/notice", s.getNotice},
		{"GET /v1/notice/changes", s.getNoticeChanges},
		{"GET /v1/keys", s.getKeys},
		{"GET /v1/stream", s.stream},
		{"GET /v1/transparency", s.getTransparency},
		{"GET /v1/tempo", s.getTempo},
		{"PUT /v1/consent", s.personal(s.putConsent)},
		{"GET /v1/consent", s.personal(s.getConsent)},
		{"DELETE /v1/consent", s.personal(s.deleteConsent)},
		{"DELETE /v1/consent/identity", s.personal(s.deleteIdentity)},
		{"GET /v1/consent/history", s.personal(s.getHistory)},
		{"GET /v1/consent/receipt", s.personal(s.getReceipt)},
		{"GET /v1/consent/export", s.personal(s.getExport)},
		{"GET /v1/held", s.personal(s.getHeld)},
		{"POST /v1/identity", s.postIdentity},
		{"POST /v1/push", s.personal(s.postPushLink)},
		{"GET /v1/push", s.personal(s.getPushState)},
		{"POST /v1/push/{capability}", s.postPush},
	}
}

// personal makes a call that needs to know whom it is about.
func (s *Server) personal(call func(http.ResponseWriter, *http.Request, string) error) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		who, refused := s.identify(r)
		if refused != nil {
			return refused
		}
		return call(w, r, who.Principal)
	}
}

// publicHandler serves the routes.
func (s *Server) publicHandler() http.Handler {
	mux := http.NewServeMux()
	for _, r := range append(s.routes(), s.pageRoutes()...) {
		mux.Handle(r.pattern, s.answering(r.pattern, r.call))
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(r.TransferEncoding) > 0 {
			// It may have had a Content-Length too, which net/http drops, and a
			// proxy may have gone by that one: what follows on this connection is
			// not to be trusted (RFC 9112, section 6.3).
			w.Header().Set("Connection", "close")
		}
		if s.crossOrigin(w, r) {
			return
		}
		if _, pattern := mux.Handler(r); pattern == "" {
			unrouted(mux, w, r)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// answering turns a call into a handler: its error becomes a problem, its
// panic a problem 500, and its status is counted.
func (s *Server) answering(pattern string, call func(http.ResponseWriter, *http.Request) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer clearInterrupts()
		defer clearStack() // of a fault, which the function below ends
		s.answer(pattern, call, w, r)
	})
}

// answer is answering for one request.
func (s *Server) answer(pattern string, call func(http.ResponseWriter, *http.Request) error, w http.ResponseWriter, r *http.Request) {
	counted := statusWriter{ResponseWriter: w}
	defer func() {
		if fault := recover(); fault != nil {
			clearSignalStack()
			s.metrics.panics.Inc()
			s.log.Error("request failed", "route", pattern, "fault", faultKind(fault), "at", panicSite())
			if counted.status == 0 {
				problemOf(nil).write(&counted)
			}
		}
		if counted.status != 0 { // a stream that was upgraded has none
			s.metrics.requests.WithLabelValues(pattern, strconv.Itoa(counted.status)).Inc()
		}
	}()
	w.Header().Set("X-Content-Type-Options", "nosniff")
	if err := call(&counted, r); err != nil {
		p := problemOf(err)
		if p.Status >= http.StatusInternalServerError && p != err {
			s.log.Error("request failed", "route", pattern, "error", err)
		}
		p.write(&counted)
	}
}

// statusWriter notes the status that was sent.
type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap serves http.ResponseController, by which the upgrade hijacks.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// crossOrigin lets the pages of configured origins call. It reports whether it
// has answered, which it does to a preflight. Pages of other origins get no
// permission, and their browser keeps the answer from them; their WebSockets,
// for which browsers ask no permission, are refused by the gate.
func (s *Server) crossOrigin(w http.ResponseWriter, r *http.Request) (answered bool) {
	origin := r.Header.Get("Origin")
	if origin == "" {
		return false
	}
	w.Header().Add("Vary", "Origin")
	if !slices.ContainsFunc(s.config.Origins, func(o string) bool { return strings.EqualFold(o, origin) }) {
		return false
	}
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", origin)
	if r.Method != http.MethodOptions || r.Header.Get("Access-Control-Request-Method") == "" {
		return false
	}
	h.Set("Access-Control-Allow-Methods", "GET, POST, PUT, DELETE")
	h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, Idempotency-Key")
	h.Set("Access-Control-Max-Age", "600")
	w.WriteHeader(http.StatusNoContent)
	return true
}
