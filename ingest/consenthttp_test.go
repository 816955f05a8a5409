package ingest

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/tempogate/tempogate/consent"
	"github.com/tempogate/tempogate/ingest/client"
	"github.com/tempogate/tempogate/ingest/wire"
)

// Every call of the consent API in the order in which somebody would make
// them, and every way of making it wrong. {version} and {sha256} stand for
// those of the notice.
func TestConsentOverHTTP(t *testing.T) {
	n := startNode(t, nil)
	notice := n.ledger.Notice()
	fill := strings.NewReplacer("{version}", notice.Version, "{sha256}", notice.SHA256)
	foreign := startNode(t, nil).token("anna") // good, but of another issuer

	const yes = `{"notice_version":"{version}","notice_sha256":"{sha256}","categories":["acceleration"],"recipients":[]}`
	const no = `{"notice_version":"{version}","notice_sha256":"{sha256}","refused":true}`
	for _, step := range []struct {
		name         string
		method, path string
		token        string // "" for the person's own, "-" for none
		body         string
		status       int
		code         string // of the problem; "" when it is none
		holds        string // must be in the body
	}{
		{name: "the notice is open to all", method: "GET", path: "/v1/notice", token: "-", status: 200, holds: `"sha256":"` + notice.SHA256},
		{name: "and so are the keys", method: "GET", path: "/v1/keys", token: "-", status: 200, holds: `"Ed25519"`},

		{name: "no token", method: "GET", path: "/v1/consent", token: "-", status: 401, code: "bad_token", holds: "Authorization"},
		{name: "no token at all, but garbage", method: "GET", path: "/v1/consent", token: "garbage", status: 401, code: "bad_token"},
		{name: "a token of somebody else's issuer", method: "PUT", path: "/v1/consent", token: foreign, body: yes, status: 401, code: "bad_token"},
		{name: "a token in the address", method: "GET", path: "/v1/consent?token=x", status: 401, code: "token_in_query", holds: "Authorization"},

		{name: "before anything", method: "GET", path: "/v1/consent", status: 404, code: "never_asked"},
		{name: "no history yet", method: "GET", path: "/v1/consent/history", status: 404, code: "never_asked"},
		{name: "no receipt yet", method: "GET", path: "/v1/consent/receipt", status: 404, code: "never_asked"},
		{name: "nothing to export", method: "GET", path: "/v1/consent/export", status: 404, code: "never_asked"},
		{name: "nothing to withdraw", method: "DELETE", path: "/v1/consent", status: 404, code: "never_asked"},

		{name: "another version", method: "PUT", path: "/v1/consent", body: `{"notice_version":"1999-01-01","notice_sha256":"{sha256}","categories":["acceleration"]}`, status: 409, code: "notice_changed"},
		{name: "another text", method: "PUT", path: "/v1/consent", body: `{"notice_version":"{version}","notice_sha256":"00","categories":["acceleration"]}`, status: 409, code: "notice_changed"},
		{name: "unknown category", method: "PUT", path: "/v1/consent", body: strings.Replace(yes, `["acceleration"]`, `["acceleration","heartbeat"]`, 1), status: 422, code: "unknown_category"},
		{name: "no category", method: "PUT", path: "/v1/consent", body: strings.Replace(yes, `["acceleration"]`, `[]`, 1), status: 422, code: "no_category"},
		{name: "without the required one", method: "PUT", path: "/v1/consent", body: strings.Replace(yes, `"acceleration"`, `"location"`, 1), status: 422, code: "category_required"},
		{name: "unknown recipient", method: "PUT", path: "/v1/consent", body: strings.Replace(yes, `"recipients":[]`, `"recipients":["nobody"]`, 1), status: 422, code: "unknown_recipient"},
		{name: "empty body", method: "PUT", path: "/v1/consent", status: 400, code: "malformed"},
		{name: "not JSON", method: "PUT", path: "/v1/consent", body: "yes", status: 400, code: "malformed"},
		{name: "a list", method: "PUT", path: "/v1/consent", body: "[]", status: 400, code: "malformed"},
		{name: "cut short", method: "PUT", path: "/v1/consent", body: yes[:40], status: 400, code: "malformed"},
		{name: "something behind it", method: "PUT", path: "/v1/consent", body: yes + "{}", status: 400, code: "malformed"},
		{name: "categories as a string", method: "PUT", path: "/v1/consent", body: strings.Replace(yes, `["acceleration"]`, `"acceleration"`, 1), status: 400, code: "malformed", holds: "categories must be a list of strings"},
		{name: "a version that is a number", method: "PUT", path: "/v1/consent", body: `{"notice_version":1}`, status: 400, code: "malformed", holds: "notice_version must be a string"},
		{name: "a name twice", method: "PUT", path: "/v1/consent", body: `{"categories":["acceleration"],` + yes[1:], status: 400, code: "malformed", holds: "twice"},
		{name: "names in another case are other names", method: "PUT", path: "/v1/consent", body: strings.Replace(yes, "notice_version", "Notice_Version", 1), status: 409, code: "notice_changed"},
		{name: "more than 64 KiB", method: "PUT", path: "/v1/consent", body: `{"x":"` + strings.Repeat("x", maxBodyBytes) + `"}`, status: 413, code: "too_large"},
		{name: "nothing of that was recorded", method: "GET", path: "/v1/consent", status: 404, code: "never_asked"},

		{name: "yes", method: "PUT", path: "/v1/consent", body: yes, status: 201, holds: notice.SHA256},
		{name: "what was given", method: "GET", path: "/v1/consent", status: 200, holds: `"state":"given","categories":["acceleration"]`},
		{name: "yes to more, from a newer client", method: "PUT", path: "/v1/consent", body: strings.Replace(yes, `{"`, `{"invented_later":1,"`, 1), status: 201},
		{name: "the receipt", method: "GET", path: "/v1/consent/receipt", status: 200, holds: notice.SHA256},

		{name: "withdrawing something unknown", method: "DELETE", path: "/v1/consent?category=heartbeat", status: 422, code: "unknown_category"},
		{name: "withdrawing nothing", method: "DELETE", path: "/v1/consent?category=", status: 422, code: "unknown_category"},
		{name: "a misspelt parameter does not withdraw all", method: "DELETE", path: "/v1/consent?categorie=location", status: 400, code: "malformed"},
		{name: "still given", method: "GET", path: "/v1/consent", status: 200, holds: `"state":"given"`},
		{name: "no", method: "DELETE", path: "/v1/consent", status: 204},
		{name: "what is left", method: "GET", path: "/v1/consent", status: 200, holds: `"state":"withdrawn"`},
		{name: "all of it", method: "GET", path: "/v1/consent/history", status: 200, holds: `"event":"withdrawn"`},

		{name: "and what belongs to it", method: "GET", path: "/v1/consent/export", status: 200, holds: `"schema_version":"tempogate-export-1"`},
		{name: "nobody else may have it", method: "GET", path: "/v1/consent/export", token: "-", status: 401, code: "bad_token"},

		{name: "no to what nobody was shown", method: "PUT", path: "/v1/consent", body: strings.Replace(no, "{sha256}", "00", 1), status: 409, code: "notice_changed"},
		{name: "no and yes at once", method: "PUT", path: "/v1/consent", body: strings.Replace(yes, `{"`, `{"refused":true,"`, 1), status: 400, code: "malformed", holds: "say one of them"},
		{name: "a no that is a word", method: "PUT", path: "/v1/consent", body: strings.Replace(no, "true", `"yes"`, 1), status: 400, code: "malformed", holds: "refused must be true or false"},
		{name: "yes again, said as no no", method: "PUT", path: "/v1/consent", body: strings.Replace(yes, `{"`, `{"refused":false,"`, 1), status: 201, holds: `"event_state":"given"`},
		{name: "no to the question", method: "PUT", path: "/v1/consent", body: no, status: 201, holds: `"event_state":"refused"`},
		{name: "it was heard", method: "GET", path: "/v1/consent", status: 200, holds: `"state":"refused","categories":[]`},
		{name: "it can be shown", method: "GET", path: "/v1/consent/receipt", status: 200, holds: `"change":"refused"`},
		{name: "and is not said twice", method: "PUT", path: "/v1/consent", body: no, status: 201, holds: `"event_state":"refused"`},
		{name: "nor written twice", method: "GET", path: "/v1/consent", status: 200, holds: `"revision":5`},

		{name: "no such path", method: "GET", path: "/v1/nothing", status: 404, code: "not_found"},
		{name: "no such path either", method: "GET", path: "/", status: 404, code: "not_found"},
		{name: "the admin calls are not here", method: "GET", path: "/metrics", status: 404, code: "not_found"},
		{name: "nor are the profiles", method: "GET", path: "/debug/pprof/heap", status: 404, code: "not_found"},
		{name: "wrong method", method: "POST", path: "/v1/consent", status: 405, code: "method_not_allowed", holds: "PUT"},
	} {
		t.Run(step.name, func(t *testing.T) {
			req, err := http.NewRequestWithContext(t.Context(), step.method, n.url+step.path, strings.NewReader(fill.Replace(step.body)))
			if err != nil {
				t.Fatal(err)
			}
			switch step.token {
			case "":
				req.Header.Set("Authorization", "Bearer "+n.token("anna"))
			case "-":
			default:
				req.Header.Set("Authorization", "Bearer "+step.token)
			}
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer http.DefaultClient.CloseIdleConnections()
			defer resp.Body.Close()
			body, err := io.ReadAll(resp.Body)
			if err != nil {
				t.Fatal(err)
			}
			documented(t, req, resp, string(body))
			if resp.StatusCode != step.status || !strings.Contains(string(body), step.holds) {
				t.Fatalf("%s %s: %d %s, want %d with %q", step.method, step.path, resp.StatusCode, body, step.status, step.holds)
			}
			if step.status < 400 {
				return
			}
			var p Problem
			if err := json.Unmarshal(body, &p); err != nil {
				t.Fatalf("no problem: %s", body)
			}
			if kind := resp.Header.Get("Content-Type"); kind != "application/problem+json" {
				t.Errorf("Content-Type is %q", kind)
			}
			if p.Code != step.code || p.Status != step.status || p.Title == "" || p.Detail == "" || p.Type != "urn:tempogate:problem:"+step.code {
				t.Errorf("problem %+v, want code %q", p, step.code)
			}
			if step.status == 401 && resp.Header.Get("WWW-Authenticate") == "" {
				t.Error("401 without WWW-Authenticate")
			}
			if step.status == 405 && resp.Header.Get("Allow") == "" {
				t.Error("405 without Allow")
			}
		})
	}
}

// A full disk under the ledger: nothing is said to be kept that is not, and
// what was kept before stays.
func TestFullDiskLosesNoGrant(t *testing.T) {
	n := startNode(t, nil)
	anna := n.person("anna", consent.Acceleration)
	n.ledger.diskFull.Store(true)
	for name, call := range map[string]func() error{
		"grant": func() error {
			_, err := anna.Grant(t.Context(), n.ledger.Notice(), []consent.Category{consent.Acceleration}, nil)
			return err
		},
		"refuse": func() error {
			_, err := anna.Refuse(t.Context(), n.ledger.Notice())
			return err
		},
		"withdraw": func() error { return anna.Withdraw(t.Context()) },
	} {
		checkProblem(t, name, call(), 503, "ledger_unavailable")
	}
	n.ledger.diskFull.Store(false)
	grant, err := anna.Consent(t.Context())
	if err != nil || grant.State != consent.Given {
		t.Errorf("after the disk was full the grant is %q, %v", grant.State, err)
	}
}

// What a page of another origin may do: nothing, unless the operator named it.
func TestOrigins(t *testing.T) {
	n := startNode(t, func(c *Config) { c.Origins = []string{"https://run.example.org"} })
	n.person("anna", consent.Acceleration)
	for _, test := range []struct {
		origin  string
		stream  int    // status of opening a stream
		allowed string // Access-Control-Allow-Origin
	}{
		{"", 101, ""},
		{n.url, 101, ""}, // its own pages need no permission
		{"https://run.example.org", 101, "https://run.example.org"},
		{"https://RUN.example.org", 101, "https://RUN.example.org"},
		{"http://run.example.org", 403, ""}, // another scheme is another origin
		{"https://run.example.org.evil.example", 403, ""},
		{"https://evil.example", 403, ""},
		{"null", 403, ""}, // pages from files and sandboxes
		{"::", 403, ""},
	} {
		header := http.Header{"Authorization": {"Bearer " + n.token("anna")}}
		if test.origin != "" {
			header.Set("Origin", test.origin)
		}
		if status, _ := handshake(t, n.url, header); status != test.stream {
			t.Errorf("stream from %q: %d, want %d", test.origin, status, test.stream)
		}
		req, err := http.NewRequestWithContext(t.Context(), "OPTIONS", n.url+"/v1/consent", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Access-Control-Request-Method", "PUT")
		req.Header.Set("Origin", test.origin)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if got := resp.Header.Get("Access-Control-Allow-Origin"); got != test.allowed {
			t.Errorf("preflight from %q allows %q, want %q", test.origin, got, test.allowed)
		}
	}
	http.DefaultClient.CloseIdleConnections()
}

func FuzzReadAnswer(f *testing.F) {
	f.Add(`{"notice_version":"v","notice_sha256":"h","categories":["acceleration"],"recipients":[]}`)
	f.Add(`{"notice_version":"v","notice_sha256":"h","refused":true}`)
	f.Add(`{"categories":["a"],"categories":["b"]}`)
	f.Add(`{"a":{"b":[1,2,{"c":null}]}} `)
	f.Add(`{"a":` + strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000) + `}`)
	f.Add(`{`)
	f.Fuzz(func(t *testing.T, body string) {
		req, err := readAnswer(strings.NewReader(body))
		if err != nil {
			if p := problemOf(err); p.Status != 400 {
				t.Errorf("%q: %v", body, err)
			}
			return
		}
		// What was taken must be JSON, and have one reading only.
		var members map[string]json.RawMessage
		if err := json.Unmarshal([]byte(body), &members); err != nil {
			t.Errorf("%q was taken and is no JSON object: %v", body, err)
		}
		if raw, ok := members["notice_version"]; ok {
			var version string
			if err := json.Unmarshal(raw, &version); err != nil || version != req.NoticeVersion {
				t.Errorf("%q was read as version %q", body, req.NoticeVersion)
			}
		}
	})
}

// A no ends a live session as a withdrawal does, and the gate then says that
// this person has declined and is not to be asked again.
func TestARefusalEndsTheSessionAndStaysSaid(t *testing.T) {
	n := startNode(t, nil)
	anna := n.person("anna", consent.Acceleration)
	stream := n.stream(anna, client.StreamOptions{})
	receipt, err := anna.Refuse(t.Context(), n.ledger.Notice())
	if err != nil {
		t.Fatal(err)
	}
	r, err := consent.ParseReceipt(receipt)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Verify(n.ledger.Keys()); err != nil || r.Event.State != consent.Refused {
		t.Errorf("the receipt states %q, %v", r.Event.State, err)
	}
	if code, reason := closeOf(t, stream, nil); code != wire.CloseConsent {
		t.Errorf("the session ended with %d %s", code, reason)
	}
	_, err = anna.Stream(t.Context(), client.StreamOptions{})
	checkProblem(t, "stream after a no", err, 403, "no_grant")
	var refused *client.Error
	if !errors.As(err, &refused) || refused.Reason != "refused" || !strings.Contains(refused.Detail, "do not ask again") {
		t.Errorf("the gate says %v", err)
	}
}
