package ingest

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tempogate/tempogate/consent"
)

// TestTheGateBeforeAStream is the truth table of who may open a stream: token ×
// what the ledger says of the person. That in turn is consent.TestTheGate: state
// × deadline × notice × category × health of the ledger. Whoever is not known is
// told nothing of anybody's consent.
func TestTheGateBeforeAStream(t *testing.T) {
	n := startNode(t, nil)
	expiring, err := n.issuer.Token("anna", time.Second)
	if err != nil {
		t.Fatal(err)
	}
	recipient, err := n.issuer.RecipientToken("anna", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "a token expires", func() bool {
		_, err := n.issuer.Verify(t.Context(), expiring)
		return err != nil
	})
	type answer struct {
		status       int
		code, reason string
	}
	bad := func(code string) *answer { return &answer{401, code, ""} }
	tokens := []struct {
		name, query, token string
		refused            *answer // nil for a good one
	}{
		{"good", "", n.token("anna"), nil},
		{"none", "", "", bad("bad_token")},
		{"garbage", "", "garbage", bad("bad_token")},
		{"expired", "", expiring, bad("bad_token")},
		{"changed by a letter", "", strings.Replace(n.token("anna"), ".", ".x", 1), bad("bad_token")},
		{"of another issuer", "", startNode(t, nil).token("anna"), bad("bad_token")},
		{"of a recipient", "", recipient, bad("bad_token")},
		{"good, and in the address too", "?token=x", n.token("anna"), bad("token_in_query")},
	}
	reasons := []struct {
		reason consent.Reason
		want   answer
	}{
		{consent.Allowed, answer{426, "upgrade_required", ""}}, // let in, and no WebSocket
		{consent.NeverAsked, answer{403, "no_grant", "never_asked"}},
		{consent.Refused, answer{403, "no_grant", "refused"}},
		{consent.Withdrawn, answer{403, "no_grant", "withdrawn"}},
		{consent.Expired, answer{403, "no_grant", "expired"}},
		{consent.NoticeChanged, answer{403, "no_grant", "notice_changed"}},
		{consent.CategoryNotGranted, answer{403, "no_grant", "category_not_granted"}},
		{consent.LedgerUnavailable, answer{503, "ledger_unavailable", ""}},
	}
	for _, token := range tokens {
		for _, row := range reasons {
			n.ledger.decided.Store(&row.reason)
			want := row.want
			if token.refused != nil {
				want = *token.refused
			}
			header := http.Header{}
			if token.token != "" {
				header.Set("Authorization", "Bearer "+token.token)
			}
			resp, body := ask(t, "GET", n.url+"/v1/stream"+token.query, header, "")
			var p Problem
			if err := json.Unmarshal([]byte(body), &p); err != nil {
				t.Fatalf("%s, %s: %s", token.name, row.reason, body)
			}
			if got := (answer{resp.StatusCode, p.Code, p.Reason}); got != want {
				t.Errorf("token %s, ledger says %s: %+v, want %+v", token.name, row.reason, got, want)
			}
		}
	}
}
