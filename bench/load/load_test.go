package load

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"go.uber.org/goleak"

	"github.com/tempogate/tempogate/bench/dataset"
	"github.com/tempogate/tempogate/bench/dataset/datasettest"
	"github.com/tempogate/tempogate/classifier"
	"github.com/tempogate/tempogate/ingest/wire"
)

func TestMain(m *testing.M) {
	if bare := os.Getenv(bareVariable); bare != "" {
		serveBare(bare)
		return
	}
	goleak.VerifyTestMain(m)
}

// steady is a motion of 30 s: 50 readings a second at odd moments, a fix each
// second, and 120 steps a minute.
func steady(t testing.TB) *Motion {
	t.Helper()
	var samples []classifier.Sample
	for i := range 31 * 50 {
		samples = append(samples, classifier.Sample{SensorTime: 5_123_456_789 + int64(i)*20_000_000, X: 0.25, Y: 9.75, Z: 3})
	}
	var fixes []classifier.Fix
	for i := range 31 {
		fixes = append(fixes, classifier.Fix{SensorTime: samples[i*50].SensorTime, SpeedMPS: 1.5, NorthM: 1.5, AccuracyM: 5})
	}
	m, err := NewMotion("steady", classifier.Walk, samples, fixes, func(int64) float64 { return 120 }, 1)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// However often a session goes round a motion, its frames are a second apart,
// hold the same readings, and are found again by the times in them.
func TestMotionGoesRound(t *testing.T) {
	m := steady(t)
	if m.Seconds() != 30 {
		t.Fatalf("%d seconds", m.Seconds())
	}
	for _, form := range []string{"packed", "JSON"} {
		var last int64
		for n := range 3 * m.Seconds() {
			var payload []byte
			if form == "JSON" {
				payload = m.appendJSON(nil, m.turned[3], n)
			} else {
				payload = m.appendPacked(nil, m.turned[3], n)
			}
			var decoder wire.Decoder
			var batch wire.Batch
			var scratch wire.Scratch
			if err := decoder.Decode(&batch, &scratch, form == "packed", payload, wire.Allowed{Acceleration: true, Location: true}); err != nil {
				t.Fatalf("%s frame %d: %v", form, n, err)
			}
			if len(batch.Samples) != 50 || len(batch.Fixes) != 1 {
				t.Fatalf("%s frame %d has %d samples and %d fixes", form, n, len(batch.Samples), len(batch.Fixes))
			}
			first, newest := batch.Samples[0].SensorTime, batch.Samples[49].SensorTime
			if n > 0 && first-last != 20_000_000 {
				t.Fatalf("%s frame %d begins %d ns after the one before", form, n, first-last)
			}
			last = newest
			if got := m.frameOf(math.Round(float64(newest)/1e6) / 1e3); got != n {
				t.Fatalf("%s frame %d is taken for %d", form, n, got)
			}
			s := batch.Samples[10]
			if length := math.Sqrt(s.X*s.X + s.Y*s.Y + s.Z*s.Z); math.Abs(length-math.Sqrt(0.25*0.25+9.75*9.75+9)) > 0.01 {
				t.Fatalf("%s frame %d: turning has changed a length to %v", form, n, length)
			}
		}
	}
}

func TestMotionsNeedTwentySecondsWithoutAGap(t *testing.T) {
	samples := make([]classifier.Sample, 0, 100)
	for i := range 100 {
		samples = append(samples, classifier.Sample{SensorTime: int64(i) * second / 2, Y: 9.8})
	}
	if m, err := NewMotion("slow", classifier.Still, samples, nil, nil, 1); err != nil || m.Seconds() != 49 {
		t.Errorf("%v, %v", m, err)
	}
	for i := range samples[10:] {
		samples[10+i].SensorTime += int64(i/15) * second // a gap every 7 s
	}
	if _, err := NewMotion("gaps", classifier.Still, samples, nil, nil, 1); err == nil {
		t.Error("a motion full of gaps was taken")
	}
}

func TestMix(t *testing.T) {
	motions, err := SimulatedMotions(1)
	if err != nil {
		t.Fatal(err)
	}
	mixed, err := Mix(motions, map[string]float64{"run": 3, "walk": 1, "still": 0})
	if err != nil || len(mixed) != 2 {
		t.Fatalf("%d motions, %v", len(mixed), err)
	}
	for _, m := range mixed {
		if want := map[string]float64{"run": 3, "walk": 1}[m.Activity.String()]; m.Weight != want {
			t.Errorf("%s weighs %v, want %v", m.Activity, m.Weight, want)
		}
	}
	if _, err := Mix(motions[:1], map[string]float64{"run": 1}); err == nil {
		t.Error("a mix of motions that are not there")
	}
}

// Recordings of a collection become motions of every activity, those with
// counted steps with their cadence.
func TestRecordedMotions(t *testing.T) {
	motions, err := RecordedMotions(datasettest.Open(t), 2, 1)
	if err != nil {
		t.Fatal(err)
	}
	count := map[string]int{}
	for _, m := range motions {
		count[m.Activity.String()]++
		if m.Seconds() < leastSeconds-1 || m.Seconds() > mostSeconds {
			t.Errorf("%s lasts %d s", m.Name, m.Seconds())
		}
	}
	for _, name := range []string{"still", "walk", "run", "cycle", "transit"} {
		if count[name] == 0 {
			t.Errorf("no motion of %s", name)
		}
	}
}

func TestStepRate(t *testing.T) {
	var steps []dataset.Step
	for i := range 40 {
		steps = append(steps, dataset.Step{SensorTime: int64(i) * second / 2})
	}
	if got := stepRate(steps, 10*second); got != 120 {
		t.Errorf("%v steps a minute", got)
	}
	if got := stepRate(steps, 100*second); !math.IsNaN(got) {
		t.Errorf("%v steps a minute where there are none", got)
	}
}

func TestConfig(t *testing.T) {
	good := Config{URL: "http://127.0.0.1:1", Sessions: 10, Duration: time.Second, Motions: []*Motion{steady(t)}}
	for _, test := range []struct {
		name   string
		change func(*Config)
		want   string // in the error, "" for none
	}{
		{"as it is", func(*Config) {}, ""},
		{"localhost", func(c *Config) { c.URL = "https://localhost:8443" }, ""},
		{"somewhere else", func(c *Config) { c.URL = "http://192.0.2.1:80" }, "--remote"},
		{"somewhere else beside", func(c *Config) { c.Secure, c.SecureURL = 0.5, "https://example.org" }, "--remote"},
		{"somewhere else, allowed", func(c *Config) { c.URL, c.Remote = "http://192.0.2.1:80", true }, ""},
		{"no address", func(c *Config) { c.URL = "127.0.0.1:80" }, "address"},
		{"a share of two", func(c *Config) { c.JSON = 2 }, "json"},
		{"no share at all", func(c *Config) { c.Bad = math.NaN() }, "bad"},
		{"pings backwards", func(c *Config) { c.PingEvery = -1 }, "pings"},
		{"TLS without an address", func(c *Config) { c.Secure = 0.5 }, "https"},
		{"nothing to send", func(c *Config) { c.Motions = nil }, "motions"},
	} {
		c := good
		test.change(&c)
		if _, err := c.withDefaults(); test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%s: %v, want %q", test.name, err, test.want)
		}
	}
}

// Parts share everything, and nothing twice.
func TestPartsShareTheSessions(t *testing.T) {
	for _, sessions := range []int{1, 7, 100} {
		next := 0
		for part := range 3 {
			c := Config{Part: part, Parts: 3}
			first, count := c.share(sessions)
			if first != next {
				t.Errorf("part %d of %d begins at %d, want %d", part, sessions, first, next)
			}
			next = first + count
		}
		if next != sessions {
			t.Errorf("%d of %d sessions are shared out", next, sessions)
		}
	}
}

// echo is a server that answers each frame as told.
func echo(t *testing.T, answer func(ws *websocket.Conn, n int) error) string {
	upgrader := websocket.Upgrader{Subprotocols: []string{wire.Subprotocol}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ws, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer ws.Close()
		for n := 0; ; n++ {
			kind, text, err := ws.ReadMessage()
			switch {
			case err != nil:
				return
			case kind == websocket.TextMessage && strings.Contains(string(text), `"end"`):
				ws.WriteMessage(websocket.CloseMessage, websocket.FormatCloseMessage(wire.CloseDone, "done"))
				return
			}
			if answer(ws, n) != nil {
				return
			}
		}
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func plain(t *testing.T, url string) Config {
	return Config{
		URL: url, Plain: true, Sessions: 20, Duration: 2 * time.Second, Ramp: 10 * time.Millisecond, Rate: 10, Motions: []*Motion{steady(t)}, Seed: 1,
	}
}

// What a server does shows in the report: frames answered, frames it never
// answers, sessions that it closes, and connections it refuses.
func TestRunSeesWhatAServerDoes(t *testing.T) {
	for _, test := range []struct {
		name   string
		answer func(ws *websocket.Conn, n int) error
		check  func(r *Report) bool
	}{
		{"all is well", func(ws *websocket.Conn, n int) error { return ws.WriteMessage(websocket.TextMessage, []byte("x")) },
			func(r *Report) bool {
				c := &r.Total.Counts
				return c[Frames] > 100 && c[Answered] == c[Frames] && c[Lost] == 0 && c[ClosedWrongly] == 0 && c[ClosedAsExpected] == 20 && r.Measured.Trends[Latency] != nil
			}},
		{"each third frame is ignored", func(ws *websocket.Conn, n int) error {
			if n%3 == 2 {
				return nil
			}
			return ws.WriteMessage(websocket.TextMessage, []byte("x"))
		}, func(r *Report) bool {
			c := &r.Total.Counts
			return c[Lost] > c[Frames]/4 && c[Lost]+c[Answered] == c[Frames]
		}},
		{"sessions are closed", func(ws *websocket.Conn, n int) error {
			if n == 3 {
				ws.WriteMessage(websocket.CloseMessage, websocket.FormatCloseMessage(4503, "gone"))
				return io.EOF
			}
			return ws.WriteMessage(websocket.TextMessage, []byte("x"))
		}, func(r *Report) bool {
			return r.Total.Counts[ClosedWrongly] >= 20 && r.Total.Closes[4503] >= 20 && r.Notes["closed with 4503: gone"] >= 20
		}},
		{"connections break", func(ws *websocket.Conn, n int) error { return io.EOF },
			func(r *Report) bool { return r.Total.Counts[ClosedWrongly] >= 20 }},
	} {
		t.Run(test.name, func(t *testing.T) {
			r, err := Run(t.Context(), plain(t, echo(t, test.answer)))
			if err != nil {
				t.Fatal(err)
			}
			if !test.check(r) {
				t.Errorf("the report says:\n%s", r.AppendText(nil))
			}
		})
	}
}

// A stalled server does not stop the clock: what was due meanwhile counts from
// when it was due.
func TestNoCoordinatedOmission(t *testing.T) {
	const stall = 400 * time.Millisecond
	config := plain(t, echo(t, func(ws *websocket.Conn, n int) error {
		if n == 3 {
			time.Sleep(stall)
		}
		return ws.WriteMessage(websocket.TextMessage, []byte("x"))
	}))
	config.Rate = 50
	r, err := Run(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	// 20 frames fell into the stall of each session of at most 60 frames: more
	// than a tenth of all waited for longer than half of it.
	if p90 := r.Total.Quantile(Latency, 90); p90 < stall/4 {
		t.Errorf("the 90th percentile is %v after a stall of %v", p90, stall)
	}
}

func TestSheddingIsHonoured(t *testing.T) {
	var asked int
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		w.Header().Set("Retry-After", "60")
		w.WriteHeader(http.StatusTooManyRequests)
		io.WriteString(w, `{"code":"too_many_sessions"}`)
	}))
	defer server.Close()
	config := plain(t, server.URL)
	config.Sessions = 1
	if _, err := Run(t.Context(), config); err == nil || !strings.Contains(err.Error(), "no session could be opened") {
		t.Errorf("%v", err)
	}
	if asked != 1 {
		t.Errorf("asked %d times within two seconds, though told to come back in a minute", asked)
	}
}

func TestNobodyIsThere(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	if _, err := Run(t.Context(), plain(t, "http://"+l.Addr().String())); err == nil || !strings.Contains(err.Error(), "refused") {
		t.Errorf("%v", err)
	}
}

// Who gives up gets the report of what there was.
func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	config := plain(t, echo(t, func(ws *websocket.Conn, n int) error {
		defer cancel() // in the midst of it: a frame has come, so a session is open
		return ws.WriteMessage(websocket.TextMessage, []byte("x"))
	}))
	config.Duration = time.Hour
	r, err := Run(ctx, config)
	if err != nil || r.Total.Counts[Connects] == 0 || r.Total.Counts[Lost] != 0 {
		t.Fatalf("%v\n%s", err, r.AppendText(nil))
	}
}

// An interval comes back from JSON as it was, histograms and all.
func TestIntervalAsJSON(t *testing.T) {
	tally := newTally()
	tally.count(Frames, 3)
	tally.recordAnswer(5*time.Millisecond, time.Millisecond)
	tally.closed(4429)
	tally.live.Add(7)
	before := tally.take(4)
	text, err := json.Marshal(before)
	if err != nil {
		t.Fatal(err)
	}
	var after Interval
	if err := json.Unmarshal(text, &after); err != nil {
		t.Fatal(err)
	}
	if after.Second != 4 || after.Sessions != 7 || after.Counts != before.Counts || after.Closes[4429] != 1 ||
		after.Quantile(Latency, 100) != before.Quantile(Latency, 100) || after.Trends[Connecting] != nil {
		t.Errorf("%+v came back as %+v", before, after)
	}
	for _, broken := range []string{`{"trends":{"99":""}}`, `{"trends":{"0":"x"}}`, `[]`} {
		if err := json.Unmarshal([]byte(broken), &after); err == nil {
			t.Errorf("%s was taken", broken)
		}
	}
}

func TestThresholds(t *testing.T) {
	r := newReport(&Config{}, time.Now())
	tally := newTally()
	for range 99 {
		tally.recordAnswer(10*time.Millisecond, time.Millisecond)
	}
	tally.recordAnswer(200*time.Millisecond, time.Millisecond)
	tally.count(Frames, 100)
	tally.count(Answered, 99)
	tally.count(Activities, 10)
	tally.count(ActivitiesRight, 9)
	r.add(tally.take(0))
	for _, test := range []struct {
		text   string
		failed bool
	}{
		{"p99>50ms", false},
		{"p99.9 > 50ms", true},
		{"max>=200ms", true},
		{"avg<5ms", false},
		{"service_time.p99>2ms", false},
		{"ws_connecting.p99>1s", true}, // never measured
		{"frames_lost>0", false},
		{"frames_lost>=0", true},
		{"frames<101", true},
		{"activity_right<90%", false},
		{"activity_right<=90%", true},
		{"answered<99.5%", true},
		{"cadence_right<1%", true}, // never checked
	} {
		threshold, err := ParseThreshold(test.text)
		if err != nil {
			t.Errorf("%s: %v", test.text, err)
			continue
		}
		if got := threshold.Judge(r); got.Failed != test.failed {
			t.Errorf("%s: failed: %t, value %s", test.text, got.Failed, got.Value)
		}
	}
	for _, bad := range []string{"", "p99", "p99>50", "p101>1s", "p99=1s", "nothing>0", "nothing.p99>1s", "activity_right<90", "frames_lost>1%"} {
		if _, err := ParseThreshold(bad); err == nil {
			t.Errorf("%q is a threshold", bad)
		}
	}
}

// The reports of a run hold together: JSON for programs, a page without anything
// from elsewhere.
func TestReports(t *testing.T) {
	config := plain(t, echo(t, func(ws *websocket.Conn, n int) error { return ws.WriteMessage(websocket.TextMessage, []byte("x")) }))
	config.PingEvery = 200 * time.Millisecond
	r, err := Run(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	r.Command = "tempogate load <script>"
	threshold, err := ParseThreshold("p50<0s")
	if err != nil {
		t.Fatal(err)
	}
	if !r.Judge([]*Threshold{threshold}) {
		t.Error("a threshold that nothing crosses was crossed")
	}
	text, err := r.JSON()
	if err != nil {
		t.Fatal(err)
	}
	var summary struct {
		Metrics map[string]map[string]any
		Seconds []map[string]any
	}
	if err := json.Unmarshal(text, &summary); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"ws_connecting", "ws_ping", "ws_session_duration", "vus", "vus_max", "ws_sessions", "ws_msgs_sent", "ws_msgs_received", "data_sent", "data_received", "checks", "latency"} {
		if summary.Metrics[name] == nil {
			t.Errorf("no metric %s", name)
		}
	}
	page, err := r.HTML()
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(page, []byte("<script>")) || bytes.Count(page, []byte("<svg")) != 3 {
		t.Errorf("the page has a script, or not three pictures:\n%.300s", page)
	}
}

func ExampleParseThreshold() {
	threshold, err := ParseThreshold("p99>50ms")
	fmt.Println(threshold, err)
	_, err = ParseThreshold("p99>50")
	fmt.Println(errors.Is(err, nil), err)
	// Output:
	// p99>50ms <nil>
	// false load: "p99>50": "50" is no duration, such as 50ms
}
