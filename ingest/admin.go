package ingest

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/pprof"
	profiles "runtime/pprof"
	"strings"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// adminHandler routes what the operator calls. None of it is on the public
// listener.
func (s *Server) adminHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "ok\n")
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		if err := s.Ready(); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		io.WriteString(w, "ready\n")
	})
	mux.Handle("GET /metrics", promhttp.HandlerFor(s.metrics.registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/goroutine", getGoroutines)
	mux.HandleFunc("/debug/pprof/profile", func(w http.ResponseWriter, r *http.Request) {
		interrupts.Store(true)
		pprof.Profile(w, r)
	})
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	return mux
}

// getGoroutines is the profile of goroutines. With debug=2 net/http/pprof shows
// what their functions were called with, which could be somebody's samples: here it
// is left out.
func getGoroutines(w http.ResponseWriter, r *http.Request) {
	if r.FormValue("debug") != "2" {
		pprof.Handler("goroutine").ServeHTTP(w, r)
		return
	}
	var all bytes.Buffer
	if err := profiles.Lookup("goroutine").WriteTo(&all, 2); err != nil {
		http.Error(w, "the goroutines cannot be listed", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	for line := range strings.Lines(all.String()) {
		io.WriteString(w, withoutArguments(line))
	}
}

// withoutArguments leaves out of a line of a stack trace what a function was called
// with.
func withoutArguments(line string) string {
	begin := strings.LastIndexByte(line, '(')
	if begin < 0 || !strings.HasSuffix(line, ")\n") || strings.HasPrefix(line, "\t") {
		return line
	}
	return line[:begin] + "(...)\n"
}

// Ready returns nil when the server would admit somebody with a grant, and why
// it would not otherwise.
func (s *Server) Ready() error {
	if !s.serving.Load() || s.registry.isDraining() {
		return errors.New("going away, or not serving yet")
	}
	if err := s.config.Ledger.Healthy(); err != nil {
		return errors.New("the ledger cannot answer; the log says why")
	}
	return nil
}
