package ingest

import (
	"crypto/rand"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/tempogate/tempogate/consent/identity"
)

// An AnonymousIssuer makes tokens. *identity.Issuer is one.
type AnonymousIssuer interface {
	Token(subject string, ttl time.Duration) (string, error)
}

// Anonymous identities a minute: of one address, and of all together. They cost
// the server nothing but a signature until somebody says yes with one.
const (
	identitiesPerAddress = 10
	identitiesPerNode    = 600
)

// anonymousTTL is how long an anonymous identity holds. After that the device
// is a new person and is asked again.
const anonymousTTL = identity.MaxTTL

// A newIdentity is the answer to POST /v1/identity.
type newIdentity struct {
	Token     string    `json:"token"`
	ExpiresAt time.Time `json:"expires_at"`
}

// postIdentity answers POST /v1/identity with the token of a person that did
// not exist before, if the operator allows that. Nothing is kept of it: a token
// that nobody uses leaves no trace.
func (s *Server) postIdentity(w http.ResponseWriter, r *http.Request) error {
	if s.config.Anonymous == nil {
		return problem(http.StatusForbidden, CodeNoAnonymous,
			"this server gives no identities to visitors: ask its operator for a token, or to allow it with --anonymous")
	}
	if !s.config.allowedOrigin(r) {
		return problem(http.StatusForbidden, CodeOriginNotAllowed,
			"pages of this origin get no identities here: the operator can allow it with --origin")
	}
	now := time.Now()
	if wait := s.newcomers.admit(s.config.addressOf(r), now); wait > 0 {
		return problem(http.StatusTooManyRequests, CodeTooManyIdentities,
			"too many new identities were asked for: try again in a minute").retryAfter(wait)
	}
	token, err := s.config.Anonymous.Token("anonymous-"+rand.Text(), anonymousTTL)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusCreated, newIdentity{token, now.Add(anonymousTTL).Truncate(time.Second).UTC()})
}

// newcomers counts who asked for an identity in the current minute. It forgets
// all addresses at the end of each.
type newcomers struct {
	mu     sync.Mutex
	minute time.Time
	all    int
	from   map[netip.Prefix]int
}

// admit counts one request, or returns after how many seconds to ask again.
func (n *newcomers) admit(remote string, now time.Time) (waitS int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if minute := now.Truncate(time.Minute); minute != n.minute {
		n.minute, n.all, n.from = minute, 0, make(map[netip.Prefix]int)
	}
	network := networkOf(remote)
	if n.all >= identitiesPerNode || n.from[network] >= identitiesPerAddress {
		return int(n.minute.Add(time.Minute).Sub(now)/time.Second) + 1
	}
	n.all++
	n.from[network]++
	return 0
}

// networkOf returns what one household has: an IPv4 address, or an IPv6 /64.
func networkOf(remote string) netip.Prefix {
	host, _, err := net.SplitHostPort(remote)
	if err != nil {
		return netip.Prefix{}
	}
	address, err := netip.ParseAddr(host)
	if err != nil {
		return netip.Prefix{}
	}
	address = address.Unmap().WithZone("")
	bits := 64
	if address.Is4() {
		bits = 32
	}
	return netip.PrefixFrom(address, bits).Masked()
}
