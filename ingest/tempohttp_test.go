package ingest

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tempogate/tempogate/consent"
	"github.com/tempogate/tempogate/ingest/client"
)

// recipientNotice is a notice with two recipients.
func recipientNotice(t testing.TB) *consent.Notice {
	t.Helper()
	var file map[string]any
	if err := json.Unmarshal(testNotice(t, "en", "2026-12-01", "To find your tempo.", true).Source(), &file); err != nil {
		t.Fatal(err)
	}
	file["recipients"] = []map[string]string{{"name": "coach", "why": "Plans your training."}, {"name": "race", "why": "Shows it to the crowd."}}
	source, err := json.Marshal(file)
	if err != nil {
		t.Fatal(err)
	}
	notice, err := consent.ParseNotice(source)
	if err != nil {
		t.Fatal(err)
	}
	return notice
}

// listen connects as a recipient and returns the answer once it has begun.
func (n *node) listen(name string) (*http.Request, *http.Response) {
	n.t.Helper()
	token, err := n.issuer.RecipientToken(name, time.Hour)
	if err != nil {
		n.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(n.t.Context())
	req, err := http.NewRequestWithContext(ctx, "GET", n.url+"/v1/tempo", nil)
	if err != nil {
		n.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		n.t.Fatal(err)
	}
	n.t.Cleanup(func() { cancel(); resp.Body.Close(); http.DefaultClient.CloseIdleConnections() })
	return req, resp
}

// The tempo of a live session reaches whom the grant names, and only them, as
// documented; the person sees who got how much, and a withdrawal ends it.
func TestTempoReachesRecipients(t *testing.T) {
	notice := recipientNotice(t)
	n := startNodeIn(t, consent.LedgerConfig{Dir: t.TempDir(), Notice: notice}, nil)
	anna, bea := n.person("anna"), n.person("bea")
	for _, c := range []struct {
		person     *client.Client
		recipients []string
	}{{anna, []string{"coach"}}, {bea, nil}} {
		if _, err := c.person.Grant(t.Context(), notice, []consent.Category{consent.Acceleration}, c.recipients); err != nil {
			t.Fatal(err)
		}
	}
	req, coach := n.listen("coach")
	_, race := n.listen("race")
	for _, person := range []*client.Client{anna, bea} {
		stream := n.stream(person, client.StreamOptions{})
		if err := stream.Send(walking(noon, 8), nil); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			if _, err := stream.Receive(); err != nil {
				t.Fatal(err)
			}
		}
	}
	lines := bufio.NewScanner(coach.Body)
	var got []string
	for len(got) < 3 && lines.Scan() {
		if lines.Text() != "" {
			got = append(got, lines.Text())
		}
	}
	documented(t, req, coach, strings.Join(got, "\n"))
	if len(got) < 3 {
		t.Fatalf("coach got %q, %v", got, lines.Err())
	}
	for _, line := range got {
		if line[:len(`{"person":"`)+52] != got[0][:len(`{"person":"`)+52] || strings.Contains(line, n.principal("anna")) || strings.Contains(line, "location") {
			t.Errorf("coach got %s", line)
		}
	}
	eventually(t, "anna sees who got how much", func() bool {
		grant, err := anna.Consent(t.Context())
		return err == nil && len(grant.Deliveries) == 1 && grant.Deliveries[0].Recipient == "coach" && grant.Deliveries[0].Estimates >= 3
	})
	if grant, err := bea.Consent(t.Context()); err != nil || len(grant.Deliveries) > 0 {
		t.Errorf("bea named nobody: %+v, %v", grant.Deliveries, err)
	}
	header := http.Header{"Authorization": {"Bearer " + n.token("anna")}}
	ask(t, "GET", n.url+"/v1/consent", header, "") // as documented
	if v := n.metric(`tempogate_deliveries_total{recipient="coach",result="taken"}`); v < 3 {
		t.Errorf("%v deliveries are counted", v)
	}

	n.stop() // a node that goes away lets nobody hang
	rest := bufio.NewScanner(race.Body)
	for rest.Scan() {
		if rest.Text() != "" {
			t.Errorf("race got %s", rest.Text())
		}
	}
}

// A recipient's token is for that, and a person's is not.
func TestWhoMayReceiveTempo(t *testing.T) {
	n := startNodeIn(t, consent.LedgerConfig{Dir: t.TempDir(), Notice: recipientNotice(t)}, nil)
	coach, err := n.issuer.RecipientToken("coach", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	nobody, err := n.issuer.RecipientToken("nobody", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, path, token string
		status            int
	}{
		{"no token", "/v1/tempo", "", 401},
		{"a person", "/v1/tempo", n.token("coach"), 401},
		{"a recipient that no notice names", "/v1/tempo", nobody, 422},
		{"a recipient as a person", "/v1/consent", coach, 401},
	} {
		if resp, body := ask(t, "GET", n.url+c.path, http.Header{"Authorization": {"Bearer " + c.token}}, ""); resp.StatusCode != c.status {
			t.Errorf("%s: %d %s", c.name, resp.StatusCode, body)
		}
	}
	for range maxPerRecipient {
		n.listen("coach")
	}
	if resp, body := ask(t, "GET", n.url+"/v1/tempo", http.Header{"Authorization": {"Bearer " + coach}}, ""); resp.StatusCode != 429 {
		t.Errorf("one too many: %d %s", resp.StatusCode, body)
	}
	n.listen("race")

	other := startNode(t, func(c *Config) { c.Recipients = nil })
	if resp, body := ask(t, "GET", other.url+"/v1/tempo", http.Header{"Authorization": {"Bearer " + coach}}, ""); resp.StatusCode != 401 {
		t.Errorf("where there are no recipients: %d %s", resp.StatusCode, body)
	}
}

// The Go client receives until it is told to stop.
func TestClientReceivesTempo(t *testing.T) {
	notice := recipientNotice(t)
	n := startNodeIn(t, consent.LedgerConfig{Dir: t.TempDir(), Notice: notice}, nil)
	token, err := n.issuer.RecipientToken("coach", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	coach, err := client.New(client.Config{URL: n.url, Token: token})
	if err != nil {
		t.Fatal(err)
	}
	defer coach.Close()
	anna := n.person("anna")
	if _, err := anna.Grant(t.Context(), notice, []consent.Category{consent.Acceleration}, []string{"coach"}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() { // until somebody hears it
		for ctx.Err() == nil {
			n.ledger.Deliver(n.principal("anna"), []byte(`{"bpm":163}`))
			time.Sleep(time.Millisecond)
		}
	}()
	enough := errors.New("enough")
	if err := coach.Tempo(t.Context(), func(line []byte) error {
		if !strings.HasSuffix(string(line), `"bpm":163}`) {
			t.Errorf("%s", line)
		}
		return enough
	}); !errors.Is(err, enough) {
		t.Error(err)
	}
	cancel()
	stranger := n.person("bea")
	checkProblem(t, "a person's token", stranger.Tempo(t.Context(), nil), 401, "bad_token")
}
