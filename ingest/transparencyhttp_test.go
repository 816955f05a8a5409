package ingest

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/tempogate/tempogate/classifier"
	"github.com/tempogate/tempogate/consent"
	"github.com/tempogate/tempogate/ingest/client"
	"github.com/tempogate/tempogate/ingest/wire"
)

// show returns the counts as of now.
func (n *node) show() (t transparency, text string) {
	n.t.Helper()
	n.server.account.shown.Store(nil)
	resp, text := ask(n.t, "GET", n.url+"/v1/transparency", http.Header{}, "")
	if err := json.Unmarshal([]byte(text), &t); err != nil || resp.StatusCode != 200 {
		n.t.Fatalf("%d %s", resp.StatusCode, text)
	}
	return t, text
}

// Whoever asks sees what became of everything, in counts, and nobody in it.
func TestTransparency(t *testing.T) {
	notice := recipientNotice(t)
	n := startNodeIn(t, consent.LedgerConfig{Dir: t.TempDir(), Notice: notice}, nil)
	shown, _ := n.show()
	if shown.Sessions.Admitted+shown.Samples.Cleared > 0 || shown.Samples.Oldest != 0 || shown.Since.IsZero() {
		t.Errorf("before anything: %+v", shown)
	}

	anna, bea := n.person("anna"), n.person("bea", consent.Acceleration)
	if _, err := anna.Grant(t.Context(), notice, []consent.Category{consent.Acceleration}, []string{"coach"}); err != nil {
		t.Fatal(err)
	}
	if err := bea.Withdraw(t.Context()); err != nil {
		t.Fatal(err)
	}
	for token, times := range map[string]int{n.token("bea"): 2, n.token("cyd"): 1, "garbage": 3} {
		for range times {
			ask(t, "GET", n.url+"/v1/stream", http.Header{"Authorization": {"Bearer " + token}}, "")
		}
	}
	stream := n.stream(anna, client.StreamOptions{})
	for second := range 20 { // longer than the window
		fixes := []classifier.Fix(nil)
		if second < 3 {
			fixes = []classifier.Fix{{SensorTime: noon + int64(second)*1e9}}
		}
		if err := stream.Send(walking(noon+int64(second)*1e9, 1), fixes); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "all is taken", func() bool { shown, _ = n.show(); return shown.Samples.Taken["acceleration"] == 2000 })
	// What has slid out of the window is gone, what is in it is not said to be.
	if c := shown.Samples.Cleared; c < 1000 || c > 2000-100*5 {
		t.Errorf("%d of 2000 readings are cleared, with the last 5 s of them in the window", c)
	}
	if shown.Sessions.Live != 1 {
		t.Errorf("%d sessions are live", shown.Sessions.Live)
	}
	if err := anna.Withdraw(t.Context()); err != nil {
		t.Fatal(err)
	}
	if code, reason := closeOf(t, stream, nil); code != wire.CloseConsent {
		t.Errorf("%d %s", code, reason)
	}
	eventually(t, "the session is counted as ended", func() bool { shown, _ = n.show(); return shown.Withdrawals.SessionsEnded == 1 })

	shown, text := n.show()
	got, err := json.Marshal(map[string]any{"refused": shown.Sessions.Refused, "samples": shown.Samples.Taken,
		"dropped": shown.Samples.Dropped, "cleared": shown.Samples.Cleared, "consent": shown.Consent, "live": shown.Sessions.Live, "admitted": shown.Sessions.Admitted})
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"admitted":1,"cleared":2000,"consent":{"given":2,"withdrawn":2},"dropped":{"location":{"category_not_granted":3}},` +
		`"live":0,"refused":{"bad_token":3,"never_asked":1,"withdrawn":2},"samples":{"acceleration":2000,"location":0}}`; string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if shown.Samples.Oldest < 5 || shown.Samples.Oldest > ages.Seconds() {
		t.Errorf("the oldest reading was held for %v s, and a window was full", shown.Samples.Oldest)
	}
	if c := shown.Deliveries["coach"]; c.Unheard+c.Taken+c.Dropped == 0 {
		t.Errorf("deliveries: %+v", shown.Deliveries)
	}
	page := transparencyOf(t, n)
	for _, name := range []string{"anna", "bea", "cyd"} {
		if strings.Contains(text+page, n.principal(name)) || strings.Contains(text+page, name) {
			t.Errorf("%s is named", name)
		}
	}
	for _, words := range []string{"the person had said no", "consent had been withdrawn", "2\u202f000 taken", "dropped unread, the person kept this back", `<th scope="row">coach</th>`} {
		if strings.Contains(page, words) != (words != "the person had said no") {
			t.Errorf("the page and %q:\n%s", words, page)
		}
	}
}

// transparencyOf returns the page as a browser gets it.
func transparencyOf(t *testing.T, n *node) string {
	t.Helper()
	resp, page := ask(t, "GET", n.url+"/v1/transparency", http.Header{"Accept": {"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}}, "")
	if kind := resp.Header.Get("Content-Type"); kind != "text/html; charset=utf-8" {
		t.Fatalf("a browser gets %s", kind)
	}
	if policy := resp.Header.Get("Content-Security-Policy"); !strings.HasPrefix(policy, "default-src 'none'; style-src 'sha256-") {
		t.Errorf("the policy is %q", policy)
	}
	return page
}

// The page loads nothing, runs nothing, and can be read by a screen reader:
// every table has a caption and every cell of it a heading.
func TestTransparencyPageIsSelfContained(t *testing.T) {
	page := transparencyOf(t, startNode(t, nil))
	for _, bad := range []string{"http://", "https://", "src=", "href=", "<script", "url(", "style=", "@import"} {
		if strings.Contains(page, bad) {
			t.Errorf("the page has %s", bad)
		}
	}
	for _, good := range []string{`<html lang="en">`, `name="viewport"`, "<title>", "<main>", "prefers-color-scheme: dark"} {
		if !strings.Contains(page, good) {
			t.Errorf("the page has no %s", good)
		}
	}
	count := func(pattern string) int { return len(regexp.MustCompile(pattern).FindAllString(page, -1)) }
	if tables, captions := count("<table"), count("<caption"); tables == 0 || tables != captions {
		t.Errorf("%d tables, %d captions", tables, captions)
	}
	if all, scoped := count("<th[ >]"), count(`<th scope="(row|col)"`); all == 0 || all != scoped {
		t.Errorf("%d headings, %d say of what", all, scoped)
	}
	if sections, named := count("<section"), count(`<section aria-labelledby="([a-z]+)">\s*<h2 id="`); sections != named {
		t.Errorf("%d sections, %d with a name", sections, named)
	}
}

func TestWithdrawalsShown(t *testing.T) {
	for _, c := range []struct {
		ended  uint64
		counts []uint64 // within 1, 2 and 5 ms
		all    float64
		rows   int
	}{
		{0, []uint64{0, 0, 0}, -1, 0},
		{4, []uint64{0, 4, 4}, 2, 1},
		{4, []uint64{1, 3, 4}, 5, 3},
		{4, []uint64{1, 3, 3}, -1, 3}, // one took longer than any
	} {
		w := withdrawalsShown{SessionsEnded: c.ended}
		for i, s := range []float64{.001, .002, .005} {
			w.Within = append(w.Within, withinShown{s, c.counts[i]})
		}
		if w.All() != c.all || len(w.Shown()) != c.rows {
			t.Errorf("%+v: all within %v, rows %v", c, w.All(), w.Shown())
		}
	}
	for n, want := range map[uint64]string{0: "0", 999: "999", 1000: "1\u202f000", 12345678: "12\u202f345\u202f678"} {
		if got := number(n); got != want {
			t.Errorf("%d is %q", n, got)
		}
	}
}

// What a window may still hold is never said to be gone.
func TestHoldingIsNeverSaidGoneTooSoon(t *testing.T) {
	var a account
	var h holding
	var times []int64
	at := noon
	for i := range 400 {
		batch := wire.Batch{Samples: walking(at, 1)[:1+i%100]}
		h.take(&batch, &a)
		for _, s := range batch.Samples {
			times = append(times, s.SensorTime)
		}
		newest := times[len(times)-1]
		gone := uint64(0)
		for _, t := range times {
			if newest-t > windowNS-1_000_000_000/25 {
				gone++
			}
		}
		if c := a.cleared.Load(); c > gone {
			t.Fatalf("after batch %d %d readings are said to be gone, %d are", i, c, gone)
		}
		at += int64(time.Second) * int64(1+i%9)
	}
	h.clear(&a)
	if a.cleared.Load() != uint64(len(times)) {
		t.Errorf("%d of %d readings are gone in the end", a.cleared.Load(), len(times))
	}
}
