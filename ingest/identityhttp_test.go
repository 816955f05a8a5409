package ingest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tempogate/tempogate/consent/identity"
)

// A visitor gets an identity only where the operator allows it, and is somebody
// else each time.
func TestNewIdentity(t *testing.T) {
	closed := startNode(t, nil)
	resp, body := ask(t, "POST", closed.url+"/v1/identity", http.Header{}, "")
	if resp.StatusCode != 403 || !strings.Contains(body, "no_anonymous") || !strings.Contains(body, "--anonymous") {
		t.Errorf("not allowed: %d %s", resp.StatusCode, body)
	}

	var issuer *identity.Issuer
	n := startNode(t, func(c *Config) {
		issuer = c.Verifier.(*identity.Issuer)
		c.Anonymous = issuer
	})
	seen := map[string]bool{}
	for range identitiesPerAddress {
		resp, body := ask(t, "POST", n.url+"/v1/identity", http.Header{}, "")
		var given newIdentity
		if err := json.Unmarshal([]byte(body), &given); err != nil || resp.StatusCode != 201 {
			t.Fatalf("%d %s", resp.StatusCode, body)
		}
		who, err := issuer.Verify(t.Context(), given.Token)
		if err != nil {
			t.Fatal(err)
		}
		if seen[who.Principal] {
			t.Error("two visitors are one person")
		}
		seen[who.Principal] = true
		if d := who.ExpiresAt.Sub(given.ExpiresAt); d < -2*time.Second || d > 2*time.Second {
			t.Errorf("the answer says %v, the token %v", given.ExpiresAt, who.ExpiresAt)
		}
	}
	resp, body = ask(t, "POST", n.url+"/v1/identity", http.Header{}, "")
	if resp.StatusCode != 429 || resp.Header.Get("Retry-After") == "" {
		t.Errorf("one too many: %d %s", resp.StatusCode, body)
	}
	resp, body = ask(t, "POST", n.url+"/v1/identity", http.Header{"Origin": {"https://evil.example"}}, "")
	if resp.StatusCode != 403 || !strings.Contains(body, "origin_not_allowed") {
		t.Errorf("another origin: %d %s", resp.StatusCode, body)
	}
}

// Who counts as one household, and when counting begins anew.
func TestNewcomers(t *testing.T) {
	minute := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	var n newcomers
	fill := func(remote string, at time.Time) (admitted int) {
		for n.admit(remote, at) == 0 {
			admitted++
		}
		return admitted
	}
	for _, c := range []struct {
		remote string
		at     time.Duration
		want   int
	}{
		{"192.0.2.1:1000", 0, identitiesPerAddress},
		{"192.0.2.1:2000", time.Second, 0}, // another port of the same
		{"192.0.2.2:1000", time.Second, identitiesPerAddress},
		{"[::ffff:192.0.2.2]:1000", time.Second, 0}, // IPv4 in the clothes of IPv6
		{"[2001:db8::1]:1000", time.Second, identitiesPerAddress},
		{"[2001:db8::ffff:1]:1000", time.Second, 0}, // the same /64
		{"[2001:db8:0:1::1]:1000", time.Second, identitiesPerAddress},
		{"@", time.Second, identitiesPerAddress}, // a socket without address counts as one
		{"", time.Second, 0},
		{"192.0.2.1:1000", time.Minute, identitiesPerAddress}, // the next minute
	} {
		if got := fill(c.remote, minute.Add(c.at)); got != c.want {
			t.Errorf("%q after %v: %d admitted, want %d", c.remote, c.at, got, c.want)
		}
	}
	if wait := n.admit("192.0.2.1:1", minute.Add(time.Minute+50*time.Second)); wait != 11 {
		t.Errorf("wait %d s, want 11", wait)
	}
	n = newcomers{}
	total := 0
	for i := range 2 * identitiesPerNode {
		if n.admit(fmt.Sprintf("10.0.%d.%d:1", i/256, i%256), minute) == 0 {
			total++
		}
	}
	if total != identitiesPerNode {
		t.Errorf("%d of all, want %d", total, identitiesPerNode)
	}
}
