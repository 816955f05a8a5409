package ingest

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/tempogate/tempogate/consent"
)

// startNodeWith starts a node whose ledger asks with other notices than those
// that are built in, oldest version first.
func startNodeWith(t testing.TB, notices ...*consent.Notice) *node {
	t.Helper()
	dir := t.TempDir()
	// People were asked under each version in its time.
	for i := range notices[:len(notices)-1] {
		l, err := consent.OpenLedger(t.Context(), consent.LedgerConfig{Dir: dir, Notices: notices[:i+1]})
		if err != nil {
			t.Fatal(err)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return startNodeIn(t, consent.LedgerConfig{Dir: dir, Notices: notices}, nil)
}

// testNotice is the built-in notice of a language under another version, with
// another purpose.
func testNotice(t testing.TB, language, version, purpose string, fresh bool) *consent.Notice {
	t.Helper()
	built, err := consent.BuiltInNotices()
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range built {
		if n.Language != language {
			continue
		}
		var file map[string]any
		if err := json.Unmarshal(n.Source(), &file); err != nil {
			t.Fatal(err)
		}
		file["version"], file["purpose"], file["fresh_consent"] = version, purpose, fresh
		source, err := json.Marshal(file)
		if err != nil {
			t.Fatal(err)
		}
		if n, err = consent.ParseNotice(source); err != nil {
			t.Fatal(err)
		}
		return n
	}
	t.Fatalf("there is no notice in %s", language)
	return nil
}

func TestTheNoticeComesInTheLanguageOfThePerson(t *testing.T) {
	n := startNode(t, nil)
	for _, c := range []struct {
		name, query, header string
		want                string // language
		status              int    // 200 when 0
	}{
		{name: "nothing said", want: "en"},
		{name: "German", header: "de", want: "de"},
		{name: "German of Austria first", header: "de-AT,de;q=0.9,en;q=0.5", want: "de"},
		{name: "German least", header: "en;q=0.9,de;q=0.5", want: "en"},
		{name: "a language that is not there", header: "sw", want: "en"},
		{name: "then one that is", header: "sw,de;q=0.1", want: "de"},
		{name: "garbage", header: ";;;q=,", want: "en"},
		{name: "the address", query: "?language=de", want: "de"},
		{name: "the address comes first", query: "?language=en", header: "de", want: "en"},
		{name: "a language of the address that is not there", query: "?language=sw", header: "de", want: "de"},
		{name: "garbage in the address", query: "?language=%00", want: "en"},
		{name: "a misspelt parameter", query: "?lang=de", status: 400},
		{name: "two of them", query: "?language=de&language=en", status: 400},
	} {
		resp, body := ask(t, "GET", n.url+"/v1/notice"+c.query, http.Header{"Accept-Language": {c.header}}, "")
		if c.status != 0 {
			if resp.StatusCode != c.status {
				t.Errorf("%s: %d %s", c.name, resp.StatusCode, body)
			}
			continue
		}
		var notice consent.Notice
		if err := json.Unmarshal([]byte(body), &notice); err != nil {
			t.Fatalf("%s: %s", c.name, body)
		}
		if notice.Language != c.want || resp.Header.Get("Content-Language") != c.want || resp.Header.Get("ETag") != `"`+notice.SHA256+`"` ||
			!strings.Contains(strings.Join(resp.Header.Values("Vary"), ","), "Accept-Language") {
			t.Errorf("%s: language %s, header %v, want %s", c.name, notice.Language, resp.Header, c.want)
		}

		// What was shown can be answered, and the grant says what it was.
		anna := n.person("anna")
		if _, err := anna.Grant(t.Context(), &notice, []consent.Category{consent.Acceleration}, nil); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		grant, err := anna.Consent(t.Context())
		if err != nil || grant.NoticeSHA256 != notice.SHA256 || grant.Language != c.want {
			t.Errorf("%s: the grant is about %s in %s, %v", c.name, grant.NoticeSHA256, grant.Language, err)
		}
	}
}

// ask makes one request and returns the answer with its body.
func ask(t testing.TB, method, url string, header http.Header, body string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header = header
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer http.DefaultClient.CloseIdleConnections()
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	documented(t, req, resp, string(answer))
	return resp, string(answer)
}

// A person who said yes to an earlier version is told that it does not count
// any more, and what is different.
func TestWhatChangedInTheNotice(t *testing.T) {
	first := testNotice(t, "en", "2026-11-01", "To find your tempo.", true)
	n := startNodeWith(t, first,
		testNotice(t, "en", "2026-12-01", "To find your tempo and nothing else.", true))
	anna := n.person("anna")
	_, err := anna.Grant(t.Context(), first, []consent.Category{consent.Acceleration}, nil)
	checkProblem(t, "yes to the earlier version", err, 409, "notice_changed")
	if !strings.Contains(err.Error(), "/v1/notice/changes?from=2026-11-01") {
		t.Errorf("the answer does not say where to read what changed: %v", err)
	}
	_, err = anna.Grant(t.Context(), testNotice(t, "en", "1999-01-01", "x", true), []consent.Category{consent.Acceleration}, nil)
	checkProblem(t, "yes to a version that never was", err, 409, "notice_changed")
	if strings.Contains(err.Error(), "/v1/notice/changes") {
		t.Errorf("the answer points to changes since a version that never was: %v", err)
	}

	changes, err := anna.NoticeChanges(t.Context(), "2026-11-01", "en")
	if err != nil {
		t.Fatal(err)
	}
	if !changes.FreshConsent || changes.To != "2026-12-01" || len(changes.Changes) != 1 || changes.Changes[0].Field != "purpose" {
		t.Errorf("changes: %+v", changes)
	}
	const text = `tempogate-running-mode: from version 2026-11-01 to version 2026-12-01
Consent to the earlier version does not count any more.

purpose
  To find your [-tempo.-] {+tempo and nothing else.+}
`
	for _, c := range []struct {
		accept, kind string
	}{
		{"", "application/json"},
		{"*/*", "application/json"},
		{"text/plain", "text/plain; charset=utf-8"},
		{"text/plain, */*;q=0.1", "text/plain; charset=utf-8"},
		{"text/plain;q=0.5, application/json", "application/json"},
		{"text/plain, application/json;q=0.5", "text/plain; charset=utf-8"},
		{"text/plain;q=0", "application/json"},
		{"text/plain;q=much", "application/json"},
	} {
		resp, body := ask(t, "GET", n.url+"/v1/notice/changes?from=2026-11-01", http.Header{"Accept": {c.accept}}, "")
		if kind := resp.Header.Get("Content-Type"); resp.StatusCode != 200 || kind != c.kind {
			t.Errorf("Accept %q: %d %s", c.accept, resp.StatusCode, kind)
		}
		if strings.HasPrefix(c.kind, "text") && body != text {
			t.Errorf("the text is\n%s", body)
		}
	}
	for query, want := range map[string]int{
		"": 400, "?from=": 400, "?from=2026-11-01&from=2026-12-01": 400, "?from=2026-11-01&to=x": 400, "?from=1999-01-01": 404,
	} {
		if resp, body := ask(t, "GET", n.url+"/v1/notice/changes"+query, http.Header{}, ""); resp.StatusCode != want {
			t.Errorf("%q: %d %s", query, resp.StatusCode, body)
		}
	}
}

// Whoever said yes to words that have changed since is told at the gate where to
// read what changed.
func TestTheGateSaysWhereToReadWhatChanged(t *testing.T) {
	first := testNotice(t, "en", "2026-11-01", "To find your tempo.", true)
	dir := t.TempDir()
	before := startNodeIn(t, consent.LedgerConfig{Dir: dir, Notice: first}, nil)
	before.person("anna", consent.Acceleration)
	before.stop()

	n := startNodeIn(t, consent.LedgerConfig{Dir: dir, Notice: testNotice(t, "en", "2026-12-01", "To find your tempo and nothing else.", true)}, nil)
	header := http.Header{"Authorization": {"Bearer " + n.token("anna")}}
	resp, body := ask(t, "GET", n.url+"/v1/stream", header, "")
	if resp.StatusCode != 403 || !strings.Contains(body, `"reason":"notice_changed"`) || !strings.Contains(body, "GET /v1/notice/changes?from=2026-11-01") {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
}
