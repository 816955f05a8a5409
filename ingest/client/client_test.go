package client

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gorilla/websocket"
	"go.uber.org/goleak"

	"github.com/tempogate/tempogate/classifier"
	"github.com/tempogate/tempogate/ingest/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Several clients may have one TLS configuration: none changes it, as net/http would,
// which adds h2 for its own calls; a stream cannot be opened over that.
func TestTLSConfigIsLeftAlone(t *testing.T) {
	shared := &tls.Config{}
	c, err := New(Config{URL: "https://127.0.0.1:1", TLS: shared}) // where nobody answers
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Notice(t.Context()); err == nil {
		t.Error("somebody answers")
	}
	if len(shared.NextProtos) > 0 {
		t.Errorf("the configuration was given protocols: %v", shared.NextProtos)
	}
}

func TestNewChecksTheURL(t *testing.T) {
	for _, test := range []struct {
		url  string
		base string // "" for an error
	}{
		{"http://127.0.0.1:8080", "http://127.0.0.1:8080"},
		{"https://run.example.org/", "https://run.example.org"},
		{"ws://127.0.0.1:8080", "http://127.0.0.1:8080"},
		{"wss://run.example.org/behind/a/proxy", "https://run.example.org/behind/a/proxy"},
		{"127.0.0.1:8080", ""},
		{"ftp://run.example.org", ""},
		{"http://", ""},
		{"", ""},
	} {
		c, err := New(Config{URL: test.url})
		switch {
		case err != nil && test.base != "":
			t.Errorf("%q: %v", test.url, err)
		case err == nil && c.base.String() != test.base:
			t.Errorf("%q is taken as %q, want %q", test.url, c.base, test.base)
		}
	}
}

// What becomes an Error: the problems of our server, and the answers of
// whatever stands in front of it.
func TestErrors(t *testing.T) {
	for _, test := range []struct {
		name, kind, body string
		status           int
		want             Error
	}{
		{"a problem", "application/problem+json", `{"status":403,"code":"no_grant","reason":"withdrawn","detail":"ask"}`, 403,
			Error{Status: 403, Code: "no_grant", Reason: "withdrawn", Detail: "ask"}},
		{"a proxy's page", "text/html", "<h1>Bad Gateway</h1>", 502,
			Error{Status: 502, Code: "unknown", Detail: "Bad Gateway"}},
		{"JSON of something else", "application/json", `{"error":"no"}`, 418,
			Error{Status: 418, Code: "unknown", Detail: "I'm a teapot"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", test.kind)
				w.WriteHeader(test.status)
				fmt.Fprint(w, test.body)
			}))
			defer server.Close()
			c, err := New(Config{URL: server.URL, Token: "t"})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			_, callErr := c.Consent(t.Context())
			_, streamErr := c.Stream(t.Context(), StreamOptions{})
			for what, err := range map[string]error{"call": callErr, "stream": streamErr} {
				var got *Error
				if !errors.As(err, &got) || *got != test.want {
					t.Errorf("%s: %v, want %v", what, err, &test.want)
				}
			}
		})
	}
}

func TestForms(t *testing.T) {
	for _, form := range []Form{Packed, JSON, PackedS2, JSONS2} {
		if parsed, err := ParseForm(form.String()); err != nil || parsed != form {
			t.Errorf("%v is parsed as %v, %v", form, parsed, err)
		}
	}
	if _, err := ParseForm("morse"); err == nil {
		t.Error("morse is a form")
	}
}

// How recordings are cut into frames: samples and fixes by their seconds.
func TestCutter(t *testing.T) {
	type frame struct {
		samples, fixes int
		due            float64 // seconds
	}
	for _, test := range []struct {
		name    string
		samples []float64
		fixes   []float64
		want    []frame
	}{
		{"nothing", nil, nil, nil},
		{"one sample", []float64{7}, nil, []frame{{1, 0, 1}}},
		{"only fixes", nil, []float64{7, 8, 9}, []frame{{0, 1, 1}, {0, 1, 2}, {0, 1, 3}}},
		{"a second ends before the next begins", []float64{0, 0.5, 1, 1.5, 2}, nil, []frame{{2, 0, 1}, {2, 0, 2}, {1, 0, 3}}},
		{"fixes go with the samples of their second", []float64{0, 0.9, 1.1}, []float64{0.5, 1.2, 1.3}, []frame{{2, 1, 1}, {1, 2, 2}}},
		{"a fix before the first sample starts the clock", []float64{1, 2}, []float64{0.5}, []frame{{1, 1, 1}, {1, 0, 2}}},
		{"a pause sends nothing", []float64{0, 60.5, 61.5}, nil, []frame{{1, 0, 1}, {1, 0, 61}, {1, 0, 62}}},
		// Late readings go with the frame in which they arrive, as on a phone.
		{"out of order", []float64{0, 1.1, 0.9, 1.2}, nil, []frame{{1, 0, 1}, {3, 0, 2}}},
		{"more than a frame may hold", repeated(0.5, wire.MaxSamples+1), repeated(0.5, wire.MaxFixes+1),
			[]frame{{wire.MaxSamples, wire.MaxFixes, 1}, {1, 1, 1}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			var samples []classifier.Sample
			for _, s := range test.samples {
				samples = append(samples, classifier.Sample{SensorTime: int64(s * 1e9)})
			}
			var fixes []classifier.Fix
			for _, f := range test.fixes {
				fixes = append(fixes, classifier.Fix{SensorTime: int64(f * 1e9)})
			}
			var cut cutter
			cut.start(samples, fixes)
			var got []frame
			for {
				s, f, due, more := cut.next()
				if !more {
					break
				}
				got = append(got, frame{len(s), len(f), float64(due) / 1e9})
			}
			if fmt.Sprint(got) != fmt.Sprint(test.want) {
				t.Errorf("cut into %v, want %v", got, test.want)
			}
		})
	}
}

func repeated(t float64, n int) []float64 {
	times := make([]float64, n)
	for i := range times {
		times[i] = t
	}
	return times
}

// streamTo returns a stream to a server that does as it is told.
func streamTo(t *testing.T, serve func(*websocket.Conn)) *Stream {
	t.Helper()
	upgrader := websocket.Upgrader{Subprotocols: []string{wire.Subprotocol}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ws, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer ws.Close()
		serve(ws)
	}))
	t.Cleanup(server.Close)
	c, err := New(Config{URL: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	s, err := c.Stream(t.Context(), StreamOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// untilEnd reads frames up to {"type":"end"} and says goodbye.
func untilEnd(ws *websocket.Conn) (frames int) {
	for {
		kind, text, err := ws.ReadMessage()
		switch {
		case err != nil:
			return frames
		case kind == websocket.TextMessage && strings.Contains(string(text), `"end"`):
			ws.WriteMessage(websocket.CloseMessage, websocket.FormatCloseMessage(wire.CloseDone, "done"))
			ws.ReadMessage() // the client's answer
			return frames
		}
		frames++
	}
}

func second(i int64) []classifier.Sample {
	return []classifier.Sample{{SensorTime: i * 1e9, Y: 9.8}}
}

// How a replay ends, and what it returns.
func TestReplayEndings(t *testing.T) {
	long := make([]classifier.Sample, 0, 1000)
	for i := range int64(1000) {
		long = append(long, second(i)...)
	}
	t.Run("the recording ends", func(t *testing.T) {
		frames := make(chan int, 1)
		s := streamTo(t, func(ws *websocket.Conn) { frames <- untilEnd(ws) })
		if err := s.Replay(t.Context(), long, nil, ReplayOptions{}); err != nil {
			t.Error(err)
		}
		if got := <-frames; got != len(long) {
			t.Errorf("%d frames for %d seconds", got, len(long))
		}
	})
	t.Run("the server closes", func(t *testing.T) {
		s := streamTo(t, func(ws *websocket.Conn) {
			ws.ReadMessage()
			ws.WriteMessage(websocket.CloseMessage, websocket.FormatCloseMessage(wire.CloseConsent, "withdrawn"))
			ws.ReadMessage()
		})
		err := s.Replay(t.Context(), long, nil, ReplayOptions{Speed: 1})
		var e *Error
		if !errors.As(err, &e) || e.Close != wire.CloseConsent || e.Detail != "withdrawn" {
			t.Errorf("%v", err)
		}
	})
	t.Run("the server vanishes", func(t *testing.T) {
		s := streamTo(t, func(ws *websocket.Conn) { ws.ReadMessage() })
		if err := s.Replay(t.Context(), long, nil, ReplayOptions{Speed: 1}); err == nil {
			t.Error("no error")
		}
	})
	t.Run("the caller gives up", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		s := streamTo(t, func(ws *websocket.Conn) {
			ws.ReadMessage()
			cancel()
			untilEnd(ws)
		})
		if err := s.Replay(ctx, long, nil, ReplayOptions{Speed: 1}); !errors.Is(err, context.Canceled) {
			t.Errorf("%v", err)
		}
	})
	t.Run("the answer is not wanted", func(t *testing.T) {
		s := streamTo(t, func(ws *websocket.Conn) {
			ws.WriteMessage(websocket.TextMessage, []byte(`{"type":"estimate"}`))
			untilEnd(ws)
		})
		enough := errors.New("enough")
		err := s.Replay(t.Context(), long, nil, ReplayOptions{Speed: 1, Answer: func([]byte) error { return enough }})
		if !errors.Is(err, enough) {
			t.Errorf("%v", err)
		}
	})
	t.Run("the recording holds what no frame can", func(t *testing.T) {
		s := streamTo(t, func(ws *websocket.Conn) { untilEnd(ws) })
		bad := append(second(0), classifier.Sample{SensorTime: 1e9, X: math.NaN()})
		var e *wire.Error
		if err := s.Replay(t.Context(), bad, nil, ReplayOptions{}); !errors.As(err, &e) {
			t.Errorf("%v", err)
		}
	})
}

func TestReceive(t *testing.T) {
	long := `{"type":"refused","category":"location","code":"not_granted","invented_later":"` + strings.Repeat("x", 5000) + `"}`
	s := streamTo(t, func(ws *websocket.Conn) {
		ws.WriteMessage(websocket.TextMessage, []byte(`{"type":"draining","reconnect_after_s":2.5}`))
		ws.WriteMessage(websocket.TextMessage, []byte(long))
		ws.WriteMessage(websocket.TextMessage, []byte(`not JSON`))
		ws.WriteMessage(websocket.TextMessage, []byte(strings.Repeat(" ", maxMessage+1)))
	})
	if m, err := s.Receive(); err != nil || m.Type != wire.TypeDraining || m.ReconnectAfterS != 2.5 {
		t.Errorf("%+v, %v", m, err)
	}
	if m, err := s.Receive(); err != nil || m.Type != wire.TypeRefused || m.Category != "location" || m.Code != wire.CodeNotGranted {
		t.Errorf("%+v, %v", m, err)
	}
	for _, what := range []string{"not JSON", "endless"} {
		if m, err := s.Receive(); err == nil {
			t.Errorf("%s was received as %+v", what, m)
		}
	}
}

func TestPackedCarriesNoCoordinates(t *testing.T) {
	s := streamTo(t, func(ws *websocket.Conn) { untilEnd(ws) })
	err := s.SendPositions(second(0), []wire.Position{{SensorTime: 1, Latitude: 1, Longitude: 1}})
	if err == nil || !strings.Contains(err.Error(), "no coordinates") {
		t.Errorf("%v", err)
	}
}
