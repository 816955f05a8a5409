package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

func itoa(n int) string { return strconv.Itoa(n) }

// newLoopbackServer serves a handler on a free port until the test ends or it
// is stopped.
func newLoopbackServer(t *testing.T, handler http.Handler) (url string, stop func()) {
	t.Helper()
	server := httptest.NewServer(handler)
	stop = sync.OnceFunc(func() {
		server.CloseClientConnections()
		server.Close()
	})
	t.Cleanup(stop)
	return server.URL, stop
}

// waitFor waits for something longer than any machine needs.
func waitFor(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !holds(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited for ages for %s", what)
		}
	}
}

func readJSON(path string, v any) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, v)
}

// seriesOf returns the value of a series in the text of /metrics.
func seriesOf(t *testing.T, metrics []byte, series string) float64 {
	t.Helper()
	for line := range strings.Lines(string(metrics)) {
		if rest, ok := strings.CutPrefix(line, series+" "); ok {
			v, err := strconv.ParseFloat(strings.TrimSpace(rest), 64)
			if err != nil {
				t.Fatal(err)
			}
			return v
		}
	}
	return 0
}

// testLog shows what a server writes, while its test runs.
type testLog struct {
	t    *testing.T
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *testLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}
