package ingest

import (
	"bytes"
	"compress/gzip"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tempogate/tempogate/classifier"
	"github.com/tempogate/tempogate/consent"
	"github.com/tempogate/tempogate/consent/identity"
)

// startPushNode starts a node that takes pushes.
func startPushNode(t *testing.T, change func(*Config)) *node {
	t.Helper()
	capabilities, err := identity.OpenCapabilities(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return startNode(t, func(c *Config) {
		c.Capabilities = capabilities
		if change != nil {
			change(c)
		}
	})
}

// pushLink makes a link for a person.
func (n *node) pushLink(name string) (path string) {
	n.t.Helper()
	resp, body := ask(n.t, "POST", n.url+"/v1/push", http.Header{"Authorization": {"Bearer " + n.token(name)}}, "")
	if resp.StatusCode != http.StatusCreated {
		n.t.Fatalf("no link: %d %s", resp.StatusCode, body)
	}
	var link pushLink
	if err := json.Unmarshal([]byte(body), &link); err != nil {
		n.t.Fatal(err)
	}
	return strings.TrimPrefix(link.URL, n.url)
}

// push pushes a body and returns the status and what was answered.
func (n *node) push(path, body string, header ...string) (int, string) {
	n.t.Helper()
	h := http.Header{"Content-Type": {"application/json"}}
	for i := 0; i < len(header); i += 2 {
		h.Set(header[i], header[i+1])
	}
	resp, answer := ask(n.t, "POST", n.url+path, h, body)
	return resp.StatusCode, answer
}

// pushed is an estimate as it was answered.
type pushed struct {
	T          float64
	Activity   string
	BPM        int
	CadenceSPM float64 `json:"cadence_spm"`
}

// estimatesOf returns the estimates of an answer.
func estimatesOf(t *testing.T, answer string) []pushed {
	t.Helper()
	var read struct{ Estimates []pushed }
	if err := json.Unmarshal([]byte(answer), &read); err != nil {
		t.Fatalf("%v: %s", err, answer)
	}
	return read.Estimates
}

// A pushing app makes the batches of one recording.
type app struct {
	session string
	number  int
	sensors []sensor
}

// A sensor of an app: its name, and what it reports of a sample.
type sensor struct {
	name string
	of   func(classifier.Sample) [3]float64
}

func axesOf(s classifier.Sample) [3]float64 { return [3]float64{s.X, s.Y, s.Z} }

// down is the share of gravity that walking has along y, nearly.
const down = 9.81

var (
	android = []sensor{{"totalacceleration", axesOf}}
	// iOS reports the same with every sign turned, gravity apart.
	iOS = []sensor{
		{"accelerometer", func(s classifier.Sample) [3]float64 { return [3]float64{-s.X, -(s.Y - down), -s.Z} }},
		{"gravity", func(s classifier.Sample) [3]float64 { return [3]float64{0, -down, 0} }},
	}
	// An iPhone whose owner left Gravity off.
	iOSWithoutGravity = iOS[:1]
)

// batch returns one batch, in the app's own words.
func (a *app) batch(samples []classifier.Sample) string {
	var b strings.Builder
	fmt.Fprintf(&b, `{"messageId":%d,"sessionId":%q,"deviceId":"phone","payload":[`, a.number, a.session)
	a.number++
	comma := ""
	for _, s := range samples {
		for _, sensor := range a.sensors {
			v := sensor.of(s)
			fmt.Fprintf(&b, `%s{"name":%q,"time":%d,"values":{"z":%g,"y":%g,"x":%g}}`, comma, sensor.name, s.SensorTime, v[2], v[1], v[0])
			comma = ","
		}
	}
	return b.String() + "]}"
}

// seconds splits a walk into batches of one second.
func (a *app) seconds(samples []classifier.Sample) (batches []string) {
	for len(samples) > 0 {
		n := min(100, len(samples))
		batches = append(batches, a.batch(samples[:n]))
		samples = samples[n:]
	}
	return batches
}

// What the app pushes from either kind of phone comes out as the same motion
// does on a stream, over one session that outlives each push.
func TestPushFromPhones(t *testing.T) {
	motion := walking(noon, 20)
	want, err := classifier.NewStream(classifier.Config{}).Push(nil, classifier.NewWorkspace(), motion, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name    string
		sensors []sensor
		exact   bool // without gravity less can be told
	}{
		{"Android", android, true},
		{"iOS", iOS, true},
		{"iOS without gravity", iOSWithoutGravity, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			n := startPushNode(t, nil)
			n.person("anna", consent.Acceleration)
			link := n.pushLink("anna")
			a := &app{session: "recording", sensors: c.sensors}
			count := 0
			for _, batch := range a.seconds(motion) {
				status, answer := n.push(link, batch)
				if status != http.StatusOK {
					t.Fatalf("%d %s", status, answer)
				}
				for _, e := range estimatesOf(t, answer) {
					w := want[count]
					count++
					if c.exact && (e.Activity != w.Activity.String() || e.BPM != w.BPM || math.Abs(e.CadenceSPM-orZero(w.CadenceSPM)) > 0.1) {
						t.Errorf("second %d: %+v, on a stream %+v", count, e, w)
					}
				}
			}
			if count != len(want) {
				t.Errorf("%d estimates, on a stream %d", count, len(want))
			}
			if sessions := n.metric("tempogate_sessions"); sessions != 1 {
				t.Errorf("%v sessions for one phone", sessions)
			}
		})
	}
}

func orZero(v float64) float64 {
	if math.IsNaN(v) {
		return 0
	}
	return v
}

// Batches that overtake each other give what they give in order, whether they
// are numbered from 0 or from 1, and whether or not one comes twice.
func TestPushOutOfOrder(t *testing.T) {
	for name, c := range map[string]struct {
		first int
		order []int
	}{
		"in order":        {0, []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}},
		"numbered from 1": {1, []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}},
		"swapped":         {0, []int{1, 0, 3, 2, 5, 4, 7, 6, 9, 8}},
		"far behind":      {0, []int{0, 3, 2, 1, 4, 6, 7, 5, 8, 9}},
		"twice":           {0, []int{0, 1, 1, 3, 3, 2, 4, 5, 6, 7, 7, 8, 9}},
	} {
		t.Run(name, func(t *testing.T) {
			n := startPushNode(t, nil)
			n.person("anna", consent.Acceleration)
			link := n.pushLink("anna")
			a := &app{session: "recording", sensors: android, number: c.first}
			batches := a.seconds(walking(noon, 10))
			var last float64
			count := 0
			for _, i := range c.order {
				status, answer := n.push(link, batches[i])
				if status != http.StatusOK {
					t.Fatalf("%d %s", status, answer)
				}
				for _, e := range estimatesOf(t, answer) {
					if e.T <= last {
						t.Errorf("the estimate of %v came after that of %v", e.T, last)
					}
					last = e.T
					count++
				}
			}
			if count != 9 { // the tenth second is not complete
				t.Errorf("%d estimates, want 9", count)
			}
		})
	}
}

// A batch that never comes holds up the others for as many as may wait, and no
// longer.
func TestPushMissing(t *testing.T) {
	n := startPushNode(t, nil)
	n.person("anna", consent.Acceleration)
	link := n.pushLink("anna")
	a := &app{session: "recording", sensors: android}
	batches := a.seconds(walking(noon, 20))
	count := 0
	for i, batch := range batches {
		if i == 7 {
			continue
		}
		_, answer := n.push(link, batch)
		count += len(estimatesOf(t, answer))
	}
	if count < 15 {
		t.Errorf("%d estimates from 19 seconds", count)
	}
}

// Another recording begins anew, although its numbers are below the last one's.
func TestPushAnotherRecording(t *testing.T) {
	n := startPushNode(t, nil)
	n.person("anna", consent.Acceleration)
	link := n.pushLink("anna")
	for i, session := range []string{"first", "second"} {
		a := &app{session: session, sensors: android}
		count := 0
		for _, batch := range a.seconds(walking(noon+int64(i)*int64(time.Minute), 8)) {
			_, answer := n.push(link, batch)
			count += len(estimatesOf(t, answer))
		}
		if count < 6 {
			t.Errorf("%s recording: %d estimates", session, count)
		}
	}
}

// Who may push, and what a push may be.
func TestPushRefusals(t *testing.T) {
	n := startPushNode(t, func(c *Config) { c.Limits.FrameBytes = 64 << 10 })
	anna := n.person("anna", consent.Acceleration)
	link := n.pushLink("anna")
	good := (&app{session: "s", sensors: android}).batch(walking(noon, 1))
	var packed, bomb bytes.Buffer
	for w, text := range map[*bytes.Buffer]string{&packed: good, &bomb: strings.Repeat(" ", 10<<20)} {
		z := gzip.NewWriter(w)
		z.Write([]byte(text))
		z.Close()
	}
	for _, c := range []struct {
		name, path, body, encoding string
		status                     int
		part                       string
	}{
		{"good", link, good, "", 200, "estimates"},
		{"gzip", link, packed.String(), "gzip", 200, "estimates"},
		{"no readings: what the app sends as a test", link, `{"messageId":0,"sessionId":"x","deviceId":"y","payload":[]}`, "", 200, "[]"},
		{"no number", link, `{"payload":[]}`, "", 200, "[]"},
		{"another link", "/v1/push/abc", good, "", 401, "bad_capability"},
		{"a link cut short", link[:len(link)-1], good, "", 401, "bad_capability"},
		{"not JSON", link, "hello", "", 400, "messageId"},
		{"a fraction for a number", link, `{"messageId":1.5,"payload":[]}`, "", 400, "malformed"},
		{"a sensor that says nothing", link, `{"payload":[{"name":"totalacceleration"}]}`, "", 400, "malformed"},
		{"a withdrawal", link, `{"type":"withdraw"}`, "", 400, "DELETE /v1/consent"},
		{"not gzip", link, good, "gzip", 400, "gzip"},
		{"gzip cut short", link, packed.String()[:packed.Len()/2], "gzip", 400, "gzip"},
		{"another encoding", link, good, "br", 415, "gzip"},
		{"too large", link, strings.Repeat(" ", 65<<10), "", 413, "push more often"},
		{"a bomb", link, bomb.String(), "gzip", 413, "push more often"},
	} {
		header := []string{}
		if c.encoding != "" {
			header = []string{"Content-Encoding", c.encoding}
		}
		if status, answer := n.push(c.path, c.body, header...); status != c.status || !strings.Contains(answer, c.part) {
			t.Errorf("%s: %d %s, want %d and %q", c.name, status, answer, c.status, c.part)
		}
	}
	if err := anna.Withdraw(t.Context()); err != nil {
		t.Fatal(err)
	}
	status, answer := n.push(link, good)
	if status != 499 || !strings.Contains(answer, "withdrawn consent") || !strings.Contains(answer, "No consent") {
		t.Errorf("after a withdrawal: %d %s", status, answer)
	}
	// A new yes does not bring an old link back.
	n.person("anna", consent.Acceleration)
	if status, answer = n.push(link, good); status != 499 || !strings.Contains(answer, "earlier consent") {
		t.Errorf("an earlier link after a new consent: %d %s", status, answer)
	}
	if status, answer = n.push(n.pushLink("anna"), good); status != 200 {
		t.Errorf("a new link: %d %s", status, answer)
	}
	n.ledger.down.Store(true)
	if status, answer = n.push(link, good); status != 503 {
		t.Errorf("without a ledger: %d %s", status, answer)
	}
}

// Not one byte of a push is read for somebody without consent.
func TestPushGateComesBeforeParse(t *testing.T) {
	n := startPushNode(t, nil)
	anna := n.person("anna", consent.Acceleration)
	link := n.pushLink("anna")
	if err := anna.Withdraw(t.Context()); err != nil {
		t.Fatal(err)
	}
	if status, _ := n.push(link, "this is not even JSON"); status != 499 {
		t.Errorf("%d, want 499: the body was looked at", status)
	}
	if n := n.metric("tempogate_frame_bytes_total"); n != 0 {
		t.Errorf("%v bytes were read", n)
	}
}

// A withdrawal ends the session of pushes: window, batches that wait, and the
// newest estimate are gone when it is acknowledged.
func TestPushWithdrawn(t *testing.T) {
	n := startPushNode(t, nil)
	anna := n.person("anna", consent.Acceleration)
	link := n.pushLink("anna")
	batches := (&app{session: "s", sensors: android}).seconds(walking(noon, 10))
	for i, batch := range batches {
		if i != 8 {
			n.push(link, batch)
		}
	}
	state := func() (s pushState) {
		_, body := ask(t, "GET", n.url+"/v1/push", http.Header{"Authorization": {"Bearer " + n.token("anna")}}, "")
		if err := json.Unmarshal([]byte(body), &s); err != nil {
			t.Fatal(err)
		}
		return s
	}
	before := state()
	if !before.Live || before.Pushes != 9 || before.Waiting != 1 || len(before.Estimate) == 0 {
		t.Fatalf("before: %+v", before)
	}
	if h := heldOf(t, n, "anna"); h.Sessions != 1 || h.Readings == 0 {
		t.Errorf("held before: %+v", h)
	}
	p := n.server.pushers.byID[onlyPusher(t, n)]
	p.session.mu.Lock()
	waiting := p.early[0].payload
	p.session.mu.Unlock()
	if err := anna.Withdraw(t.Context()); err != nil {
		t.Fatal(err)
	}
	p.session.mu.Lock()
	if len(bytes.Trim(waiting, "\x00")) > 0 {
		t.Error("a batch that waited for its turn was not cleared")
	}
	p.session.mu.Unlock()
	if after := state(); after.Live || after.Estimate != nil || after.Refused != "withdrawn" {
		t.Errorf("after: %+v", after)
	}
	eventually(t, "the session to be gone", func() bool { return heldOf(t, n, "anna") == held{} })
	if resident := n.metric("tempogate_raw_samples_resident"); resident != 0 {
		t.Errorf("%v samples are still in memory", resident)
	}
}

// onlyPusher returns the capability of the one live pusher.
func onlyPusher(t *testing.T, n *node) (id uint64) {
	t.Helper()
	n.server.pushers.mu.Lock()
	defer n.server.pushers.mu.Unlock()
	if len(n.server.pushers.byID) != 1 {
		t.Fatalf("%d pushers", len(n.server.pushers.byID))
	}
	for id = range n.server.pushers.byID {
	}
	return id
}

// heldOf returns what a node holds of a person.
func heldOf(t *testing.T, n *node, name string) (h held) {
	t.Helper()
	_, body := ask(t, "GET", n.url+"/v1/held", http.Header{"Authorization": {"Bearer " + n.token(name)}}, "")
	if err := json.Unmarshal([]byte(body), &h); err != nil {
		t.Fatal(err)
	}
	return h
}

// A phone that falls silent is forgotten, and one that comes back is taken up
// again; a shutdown waits for neither.
func TestPushIdle(t *testing.T) {
	n := startPushNode(t, func(c *Config) { c.IdleTimeout = 200 * time.Millisecond })
	n.person("anna", consent.Acceleration)
	link := n.pushLink("anna")
	a := &app{session: "s", sensors: android}
	for range 2 {
		if status, answer := n.push(link, a.batch(walking(noon+int64(a.number)*int64(time.Second), 1))); status != 200 {
			t.Fatalf("%d %s", status, answer)
		}
		eventually(t, "the session to end", func() bool { return n.metric("tempogate_sessions") == 0 })
	}
	if closes := n.metric(`tempogate_closes_total{code="4408"}`); closes != 2 {
		t.Errorf("%v sessions ended as idle, want 2", closes)
	}
	n.push(link, a.batch(walking(noon+int64(time.Minute), 1)))
}

// A server that speaks TLS itself says https in its links, and takes pushes there.
func TestPushLinkOverTLS(t *testing.T) {
	h := startHostile(t, true)
	h.grant(t, "anna")
	caller := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: h.roots}}}
	defer caller.CloseIdleConnections()
	post := func(url, body string, answer any) {
		t.Helper()
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Authorization", "Bearer "+h.token("anna"))
		resp, err := caller.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if err := json.NewDecoder(resp.Body).Decode(answer); err != nil || resp.StatusCode >= 300 {
			t.Fatalf("%s: %d, %v", url, resp.StatusCode, err)
		}
	}
	var link pushLink
	post(h.url+"/v1/push", "", &link)
	if !strings.HasPrefix(link.URL, h.url+"/v1/push/") {
		t.Fatalf("the link is %s", link.URL)
	}
	var answer struct{ Estimates []pushed }
	if post(link.URL, walkJSON(4), &answer); len(answer.Estimates) < 2 {
		t.Errorf("%d estimates", len(answer.Estimates))
	}
	h.finish(t)
}

// A link needs consent, and says which server it is for.
func TestPushLink(t *testing.T) {
	n := startPushNode(t, nil)
	n.person("anna", consent.Acceleration)
	header := http.Header{"Authorization": {"Bearer " + n.token("bea")}}
	if resp, body := ask(t, "POST", n.url+"/v1/push", header, ""); resp.StatusCode != 403 {
		t.Errorf("without consent: %d %s", resp.StatusCode, body)
	}
	one, other := n.pushLink("anna"), n.pushLink("anna")
	if one == other {
		t.Error("two links are the same")
	}
	principal := n.principal("anna")
	if strings.Contains(one, principal) {
		t.Error("a link tells whom it stands for")
	}
}
