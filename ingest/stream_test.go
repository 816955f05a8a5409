package ingest

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"strings"
	"testing"

	"github.com/gorilla/websocket"

	"github.com/tempogate/tempogate/classifier"
	"github.com/tempogate/tempogate/classifier/tempo"
	"github.com/tempogate/tempogate/consent"
	"github.com/tempogate/tempogate/ingest/client"
	"github.com/tempogate/tempogate/ingest/wire"
)

// handshake is handshakeAt of the plain address.
func handshake(t *testing.T, url string, header http.Header) (status int, code string) {
	t.Helper()
	return handshakeAt(t, url, "/v1/stream", header)
}

// handshakeAt asks for a stream as a bare HTTP request, and returns the status
// and the code of the problem.
func handshakeAt(t *testing.T, url, target string, header http.Header) (status int, code string) {
	t.Helper()
	conn := rawDial(t, url)
	fmt.Fprintf(conn, "GET "+target+" HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", strings.TrimPrefix(url, "http://"))
	header.Write(conn)
	io.WriteString(conn, "\r\n")
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode == http.StatusSwitchingProtocols {
		return resp.StatusCode, ""
	}
	defer resp.Body.Close()
	var p Problem
	if err := json.NewDecoder(resp.Body).Decode(&p); err != nil {
		t.Fatalf("status %d without a problem: %v", resp.StatusCode, err)
	}
	return resp.StatusCode, p.Code
}

// checkProblem checks the error of a client.
func checkProblem(t *testing.T, what string, err error, status int, code string) {
	t.Helper()
	var e *client.Error
	if !errors.As(err, &e) || e.Status != status || e.Code != code || e.Detail == "" {
		t.Errorf("%s: %v, want %d %s with a detail", what, err, status, code)
	}
}

// The parser of this node crashes on whatever it is given. For somebody who
// has not said yes it is given nothing.
func TestGateComesBeforeParse(t *testing.T) {
	n := startNode(t, func(c *Config) {
		c.decode = func(*wire.Decoder, *wire.Batch, *wire.Scratch, bool, []byte, wire.Allowed) error {
			panic("parsed")
		}
	})
	withdrawn := n.person("withdrawn", consent.Acceleration)
	if err := withdrawn.Withdraw(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"never asked", "withdrawn"} {
		_, err := n.person(name).Stream(t.Context(), client.StreamOptions{})
		checkProblem(t, name, err, 403, "no_grant")
	}
	for reason, want := range map[consent.Reason]struct {
		status int
		code   string
		close  int
	}{
		consent.Refused:            {403, "no_grant", 4403},
		consent.Withdrawn:          {403, "no_grant", 4403},
		consent.Expired:            {403, "no_grant", 4403},
		consent.NoticeChanged:      {403, "no_grant", 4403},
		consent.CategoryNotGranted: {403, "no_grant", 4403},
		consent.LedgerUnavailable:  {503, "ledger_unavailable", 4503},
	} {
		t.Run(string(reason), func(t *testing.T) {
			person := n.person(string(reason), consent.Acceleration)
			live := n.stream(person, client.StreamOptions{})
			n.ledger.decided.Store(&reason)
			defer n.ledger.decided.Store(nil)

			_, err := person.Stream(t.Context(), client.StreamOptions{})
			checkProblem(t, "a new stream", err, want.status, want.code)

			live.SendRaw(false, []byte("anything")) // may find the stream closed already
			if code, why := closeOf(t, live, nil); code != want.close || why == "" {
				t.Errorf("the live stream ended with %d %q, want %d", code, why, want.close)
			}
		})
	}
	if got := n.metric("tempogate_panics_total"); got != 0 {
		t.Fatalf("the parser was called %v times", got)
	}
	// The control: with a grant, the same payload does reach the parser.
	s := n.stream(n.person("granted", consent.Acceleration), client.StreamOptions{})
	if err := s.SendRaw(false, []byte("anything")); err != nil {
		t.Fatal(err)
	}
	if code, _ := closeOf(t, s, nil); code != websocket.CloseInternalServerErr || n.metric("tempogate_panics_total") != 1 {
		t.Errorf("with a grant the stream ended with %d, panics %v", code, n.metric("tempogate_panics_total"))
	}
}

// How a token may come, and what is said when it does not.
func TestStreamHandshake(t *testing.T) {
	n := startNode(t, nil)
	n.person("anna", consent.Acceleration)
	good, nobody := n.token("anna"), n.token("somebody who was never asked")
	for _, test := range []struct {
		name   string
		header http.Header
		status int
		code   string
	}{
		{"header", http.Header{"Authorization": {"Bearer " + good}}, 101, ""},
		{"header in another case", http.Header{"Authorization": {"bearer " + good}}, 101, ""},
		{"subprotocol", http.Header{"Sec-Websocket-Protocol": {"tempogate.v1, bearer." + good}}, 101, ""},
		{"subprotocols in two lines are not read", http.Header{"Sec-Websocket-Protocol": {"tempogate.v1", "bearer." + good}}, 401, "bad_token"},
		{"no token", http.Header{}, 401, "bad_token"},
		{"another scheme", http.Header{"Authorization": {"Basic " + good}}, 401, "bad_token"},
		{"garbage", http.Header{"Authorization": {"Bearer garbage"}}, 401, "bad_token"},
		{"the header counts, not the subprotocol", http.Header{"Authorization": {"Bearer garbage"}, "Sec-Websocket-Protocol": {"tempogate.v1, bearer." + good}}, 401, "bad_token"},
		{"no grant", http.Header{"Authorization": {"Bearer " + nobody}}, 403, "no_grant"},
		{"another subprotocol", http.Header{"Authorization": {"Bearer " + good}, "Sec-Websocket-Protocol": {"tempogate.v9"}}, 400, "bad_subprotocol"},
		{"only the token as subprotocol", http.Header{"Sec-Websocket-Protocol": {"bearer." + good}}, 400, "bad_subprotocol"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if status, code := handshake(t, n.url, test.header); status != test.status || code != test.code {
				t.Errorf("%d %s, want %d %s", status, code, test.status, test.code)
			}
		})
	}
	t.Run("in the address", func(t *testing.T) {
		resp, err := http.Get(n.url + "/v1/stream?access_token=" + good)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		http.DefaultClient.CloseIdleConnections()
		if resp.StatusCode != 401 {
			t.Errorf("a good token in the address got %d", resp.StatusCode)
		}
	})
	t.Run("no WebSocket", func(t *testing.T) {
		req, _ := http.NewRequest("GET", n.url+"/v1/stream", nil)
		req.Header.Set("Authorization", "Bearer "+good)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		http.DefaultClient.CloseIdleConnections()
		if resp.StatusCode != 426 {
			t.Errorf("a plain GET got %d", resp.StatusCode)
		}
	})
}

// Music at another tempo is asked for in the address, and what is no range is
// refused before the upgrade.
func TestBPMRange(t *testing.T) {
	n := startNode(t, nil)
	anna := n.person("anna", consent.Acceleration)
	// A run: the body falls freely for half of each step.
	var samples []classifier.Sample
	for i := range 2000 {
		t := float64(i) / 100
		samples = append(samples, classifier.Sample{
			SensorTime: noon + int64(i)*10_000_000,
			X:          2 * math.Sin(2*math.Pi*1.35*t), Y: 9.81 * math.Pi * max(math.Sin(2*math.Pi*2.7*t), 0), Z: 2 * math.Cos(2*math.Pi*2.7*t),
		})
	}
	bpms := func(options client.StreamOptions) (list []int) {
		err := n.stream(anna, options).Replay(t.Context(), samples, nil, client.ReplayOptions{
			Answer: func(line []byte) error {
				m, err := wire.ParseMessage(line)
				list = append(list, m.Estimate.BPM)
				return err
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	music := tempo.Range{Low: 80, High: 100}
	plain, mapped := bpms(client.StreamOptions{}), bpms(client.StreamOptions{BPMRange: music})
	if last := plain[len(plain)-1]; last <= music.High {
		t.Fatalf("the run ends at %d beats a minute: nothing to halve", last)
	}
	for i := range mapped {
		if want := music.MapBPM(plain[i]); mapped[i] != want {
			t.Errorf("second %d: %d beats a minute in %v, want %d", i, mapped[i], music, want)
		}
	}

	for _, bad := range []string{"", "80", "100-80", "80-100-120", "fast", "19-100", "80-401", "80-100&bpm_range=90-110"} {
		header := http.Header{"Authorization": {"Bearer " + n.token("anna")}}
		if status, code := handshakeAt(t, n.url, "/v1/stream?bpm_range="+bad, header); status != 400 || code != "bad_bpm_range" {
			t.Errorf("bpm_range=%s: %d %s, want 400 bad_bpm_range", bad, status, code)
		}
	}
	if _, err := anna.Stream(t.Context(), client.StreamOptions{BPMRange: tempo.Range{Low: 100, High: 80}}); err == nil {
		t.Error("a range that is none was taken")
	} else {
		checkProblem(t, "a range that is none", err, 400, "bad_bpm_range")
	}
	if got := n.metric("tempogate_sessions"); got != 0 {
		t.Errorf("%v sessions are held by those that were refused", got)
	}
}

// Twenty seconds of an invented walk, in every form: one estimate a second,
// its time the client's own clock.
func TestEveryForm(t *testing.T) {
	n := startNode(t, nil)
	anna := n.person("anna", consent.Acceleration, consent.Location)
	samples := walking(noon, 20)
	var fixes []classifier.Fix
	for i := range 20 {
		fixes = append(fixes, classifier.Fix{SensorTime: noon + int64(i)*1e9, SpeedMPS: 1.4, NorthM: 1.4, AccuracyM: 5})
	}
	for _, form := range []client.Form{client.Packed, client.JSON, client.PackedS2, client.JSONS2} {
		t.Run(form.String(), func(t *testing.T) {
			var estimates []wire.Message
			err := n.stream(anna, client.StreamOptions{Form: form}).Replay(t.Context(), samples, fixes, client.ReplayOptions{
				Answer: func(line []byte) error {
					m, err := wire.ParseMessage(line)
					if m.Type == wire.TypeEstimate {
						estimates = append(estimates, m)
					}
					return err
				},
			})
			if err != nil {
				t.Fatal(err)
			}
			if len(estimates) < 19 || len(estimates) > 20 {
				t.Fatalf("%d estimates for 20 seconds", len(estimates))
			}
			for i, m := range estimates {
				since := m.T - float64(noon)/1e9
				if since < float64(i)+0.9 || since > float64(i)+1.1 {
					t.Errorf("estimate %d is for %.3f s after the first sample", i, since)
				}
			}
			// What the activity is, is the classifier's business; that fixes get
			// through to it is ours.
			if last := estimates[len(estimates)-1].Estimate; last.SpeedMPS < 1 || last.SpeedMPS > 2 {
				t.Errorf("after 20 s at 1.4 m/s the estimate says %v m/s", last.SpeedMPS)
			}
		})
	}
	if got := n.metric(`tempogate_samples_accepted_total{category="acceleration"}`); got != float64(4*len(samples)) {
		t.Errorf("%v samples counted, sent were %d", got, 4*len(samples))
	}
	if got := n.metric("tempogate_raw_samples_resident"); got != 0 {
		t.Errorf("%v samples are still in memory", got)
	}
}

// A browser hands its token over as a subprotocol; it must not come back.
func TestServerNeverRepeatsTheToken(t *testing.T) {
	n := startNode(t, nil)
	n.person("anna", consent.Acceleration)
	dialer := websocket.Dialer{Subprotocols: []string{wire.Subprotocol, wire.BearerPrefix + n.token("anna")}}
	ws, resp, err := dialer.DialContext(t.Context(), strings.Replace(n.url, "http", "ws", 1)+"/v1/stream", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer ws.Close()
	if ws.Subprotocol() != wire.Subprotocol {
		t.Errorf("subprotocol %q", ws.Subprotocol())
	}
	if answer := fmt.Sprint(resp.Header); strings.Contains(answer, "bearer") {
		t.Error("the answer to the handshake holds the token")
	}
}
