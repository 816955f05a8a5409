package ingest

import (
	"net/http"
	"strings"
	"testing"

	"github.com/tempogate/tempogate/consent"
	"github.com/tempogate/tempogate/ingest/client"
	"github.com/tempogate/tempogate/ingest/wire"
)

// Erased, a person is somebody whom the server has never met: live sessions
// end, every call says so, and the receipt of it verifies.
func TestErasureOverHTTP(t *testing.T) {
	n := startNode(t, nil)
	anna := n.person("anna", consent.Acceleration, consent.Location)
	n.person("bea", consent.Acceleration)
	stream := n.stream(anna, client.StreamOptions{})

	header := http.Header{"Authorization": {"Bearer " + n.token("anna")}}
	if resp, body := ask(t, "DELETE", n.url+"/v1/consent/identity?category=location", header, ""); resp.StatusCode != 400 {
		t.Errorf("an erasure of a part: %d %s", resp.StatusCode, body)
	}
	text, err := anna.Erase(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	receipt, err := consent.ParseReceipt(text)
	if err != nil {
		t.Fatal(err)
	}
	if err := receipt.Verify(n.ledger.Keys()); err != nil || receipt.Event.Change != consent.EventErased {
		t.Errorf("the receipt says %s, %v", receipt.Event.Change, err)
	}
	if code, reason := closeOf(t, stream, nil); code != wire.CloseConsent {
		t.Errorf("the session ended with %d %s", code, reason)
	}
	for _, path := range []string{"/v1/consent", "/v1/consent/history", "/v1/consent/receipt", "/v1/consent/export"} {
		if resp, body := ask(t, "GET", n.url+path, header, ""); resp.StatusCode != 404 || !strings.Contains(body, "never_asked") {
			t.Errorf("%s after the erasure: %d %s", path, resp.StatusCode, body)
		}
	}
	for _, path := range []string{"/v1/consent", "/v1/consent/identity"} {
		if resp, body := ask(t, "DELETE", n.url+path, header, ""); resp.StatusCode != 404 {
			t.Errorf("DELETE %s after the erasure: %d %s", path, resp.StatusCode, body)
		}
	}
	if audit, err := n.ledger.Audit(t.Context()); err != nil || audit.Erased != 1 || audit.People != 2 {
		t.Errorf("audit: %+v, %v", audit, err)
	}
}

// A request that is sent again is one request.
func TestIdempotencyKeys(t *testing.T) {
	n := startNode(t, nil)
	notice := n.ledger.Notice()
	yes := `{"notice_version":"` + notice.Version + `","notice_sha256":"` + notice.SHA256 + `","categories":["acceleration"]}`
	more := strings.Replace(yes, `["acceleration"]`, `["location", "acceleration"]`, 1)
	var receipts []string
	for i, step := range []struct {
		method, path, key, body string
		status                  int
		holds                   string
	}{
		{"PUT", "/v1/consent", "one", yes, 201, ""},
		{"PUT", "/v1/consent", "one", " " + yes, 201, ""}, // the layout is no part of what is said
		{"PUT", "/v1/consent", `"one"`, yes, 201, ""},     // nor are the quotes of the key
		{"PUT", "/v1/consent", "one", more, 422, "request_key_reused"},
		{"DELETE", "/v1/consent", "one", "", 422, "request_key_reused"},
		{"DELETE", "/v1/consent", "two", "", 204, ""},
		{"PUT", "/v1/consent", "one", yes, 201, ""}, // late, and undoes nothing
		{"GET", "/v1/consent", "", "", 200, `"state":"withdrawn"`},
		{"PUT", "/v1/consent", "three", more, 201, ""},
		{"DELETE", "/v1/consent", "two", "", 204, ""}, // late, too
		{"GET", "/v1/consent", "", "", 200, `"revision":3`},
		{"PUT", "/v1/consent", strings.Repeat("k", 129), yes, 400, "Idempotency-Key"},
		{"PUT", "/v1/consent", `""`, yes, 400, "Idempotency-Key"},
		{"PUT", "/v1/consent", "é", yes, 400, "Idempotency-Key"},
	} {
		header := http.Header{"Authorization": {"Bearer " + n.token("anna")}}
		if step.key != "" {
			header.Set("Idempotency-Key", step.key)
		}
		resp, body := ask(t, step.method, n.url+step.path, header, step.body)
		if resp.StatusCode != step.status || !strings.Contains(body, step.holds) {
			t.Errorf("step %d, %s %s with key %q: %d %s", i, step.method, step.path, step.key, resp.StatusCode, body)
		}
		if resp.StatusCode == 201 {
			receipts = append(receipts, body)
		}
	}
	for i, receipt := range receipts[:4] {
		if receipt != receipts[0] {
			t.Errorf("answer %d differs from the first one", i)
		}
	}
	header := http.Header{"Authorization": {"Bearer " + n.token("anna")}, "Idempotency-Key": {"a", "b"}}
	if resp, body := ask(t, "DELETE", n.url+"/v1/consent", header, ""); resp.StatusCode != 400 {
		t.Errorf("two keys: %d %s", resp.StatusCode, body)
	}
}

// A megabyte of JSON is not read to its end, and harms nobody.
func TestAMegabyteOfJSON(t *testing.T) {
	n := startNode(t, nil)
	header := http.Header{"Authorization": {"Bearer " + n.token("anna")}}
	resp, body := ask(t, "PUT", n.url+"/v1/consent", header, `{"categories":[`+strings.Repeat(`"acceleration",`, 70_000)+`"acceleration"]}`)
	if resp.StatusCode != 413 || !strings.Contains(body, "too_large") {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
	n.person("bea", consent.Acceleration)
}
