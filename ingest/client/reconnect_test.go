package client_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/tempogate/tempogate/ingest/client"
	"github.com/tempogate/tempogate/ingest/wire"
)

// scripted is a server that ends each stream as a script says: with a close
// code, or with 0 by hanging up, or before it opens, with a status.
func scripted(t *testing.T, script ...int) (url string, asked *atomic.Int32) {
	t.Helper()
	asked = &atomic.Int32{}
	upgrader := websocket.Upgrader{Subprotocols: []string{wire.Subprotocol}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		step := script[min(int(asked.Add(1)), len(script))-1]
		if step >= 400 && step < 600 {
			w.WriteHeader(step)
			return
		}
		ws, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer ws.Close()
		if step == wire.CloseGoingAway {
			ws.WriteMessage(websocket.TextMessage, wire.AppendDraining(nil, 0.1))
		}
		if step != 0 {
			ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(step, ""), time.Now().Add(time.Minute))
			ws.ReadMessage()
		}
	}))
	t.Cleanup(server.Close)
	return server.URL, asked
}

// receive receives until the stream ends.
func receive(s *client.Stream) error {
	for {
		if _, err := s.Receive(); err != nil {
			return err
		}
	}
}

// What is worth another attempt gets one, and what is not ends it.
func TestKeepStreaming(t *testing.T) {
	for _, c := range []struct {
		name   string
		script []int
		asked  int32
		close  int
		status int
	}{
		{"done", []int{1000}, 1, 1000, 0},
		{"consent withdrawn", []int{4403}, 1, 4403, 0},
		{"malformed", []int{4400}, 1, 4400, 0},
		{"no consent", []int{403}, 1, 0, 403},
		{"a bad token", []int{401}, 1, 0, 401},
		{"a node that drains, then done", []int{1001, 1000}, 2, 1000, 0},
		{"hung up, then done", []int{0, 1000}, 2, 1000, 0},
		{"ledger away, then back", []int{503, 4503, 1000}, 3, 1000, 0},
		{"too many sessions, then withdrawn", []int{429, 4403}, 2, 4403, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			url, asked := scripted(t, c.script...)
			person, err := client.New(client.Config{URL: url, Token: "x"})
			if err != nil {
				t.Fatal(err)
			}
			defer person.Close()
			err = person.KeepStreaming(t.Context(), client.StreamOptions{}, receive)
			var e *client.Error
			if !errors.As(err, &e) || e.Close != c.close || e.Status != c.status {
				t.Errorf("ended with %v", err)
			}
			if asked.Load() != c.asked {
				t.Errorf("%d attempts, want %d", asked.Load(), c.asked)
			}
		})
	}
}

// A context ends the waiting, and a use that is content ends it well.
func TestKeepStreamingEnds(t *testing.T) {
	url, _ := scripted(t, 503)
	person, err := client.New(client.Config{URL: url, Token: "x"})
	if err != nil {
		t.Fatal(err)
	}
	defer person.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := person.KeepStreaming(ctx, client.StreamOptions{}, receive); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("ended with %v", err)
	}

	url, asked := scripted(t, 1000)
	if person, err = client.New(client.Config{URL: url, Token: "x"}); err != nil {
		t.Fatal(err)
	}
	defer person.Close()
	if err := person.KeepStreaming(t.Context(), client.StreamOptions{}, func(*client.Stream) error { return nil }); err != nil || asked.Load() != 1 {
		t.Errorf("ended with %v after %d", err, asked.Load())
	}
}

// A server that says when to come back is left alone until then.
func TestKeepStreamingWaitsAsTold(t *testing.T) {
	t.Parallel()
	var knocks []time.Time
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		knocks = append(knocks, time.Now())
		if len(knocks) == 1 {
			w.Header().Set("Retry-After", "2") // longer than the client would wait by itself
			w.WriteHeader(429)
			return
		}
		w.WriteHeader(403)
	}))
	defer server.Close()
	person, err := client.New(client.Config{URL: server.URL, Token: "x"})
	if err != nil {
		t.Fatal(err)
	}
	defer person.Close()
	var e *client.Error
	if err := person.KeepStreaming(t.Context(), client.StreamOptions{}, receive); !errors.As(err, &e) || e.Status != 403 {
		t.Errorf("ended with %v", err)
	}
	if len(knocks) != 2 || knocks[1].Sub(knocks[0]) < 2*time.Second {
		t.Errorf("knocked at %v", knocks)
	}
}

// A server that is not there is tried again.
func TestKeepStreamingWithoutAServer(t *testing.T) {
	tries := 0
	person, err := client.New(client.Config{URL: "http://127.0.0.1:1", Token: "x", NetDial: func(ctx context.Context, network, address string) (net.Conn, error) {
		if tries++; tries == 2 {
			return nil, context.Canceled // which is how the test ends it
		}
		return nil, errors.New("nobody is there")
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer person.Close()
	err = person.KeepStreaming(t.Context(), client.StreamOptions{}, receive)
	if tries != 2 || err == nil || !strings.Contains(err.Error(), "canceled") {
		t.Errorf("%d tries, %v", tries, err)
	}
}
