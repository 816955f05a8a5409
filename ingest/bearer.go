package ingest

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/gorilla/websocket"

	"github.com/tempogate/tempogate/consent/identity"
	"github.com/tempogate/tempogate/ingest/wire"
)

// identify finds out who calls: from the Authorization header or, where
// browsers cannot set one, from a second WebSocket subprotocol.
//
// A token in the query is refused even when it is good: addresses end up in
// the logs of every proxy on the way.
func (s *Server) identify(r *http.Request) (identity.Identity, *Problem) {
	if tokenInQuery(r.URL.RawQuery) {
		return identity.Identity{}, problem(http.StatusUnauthorized, CodeTokenInQuery,
			"a token in the address ends up in logs: send it as \"Authorization: Bearer ...\", "+
				"or as the second WebSocket subprotocol \""+wire.BearerPrefix+"<token>\"")
	}
	if len(r.Header.Values("Authorization")) > 1 {
		return identity.Identity{}, problem(http.StatusUnauthorized, CodeBadToken, "more than one Authorization: send one")
	}
	token := bearer(r)
	if token == "" {
		return identity.Identity{}, problem(http.StatusUnauthorized, CodeBadToken,
			"no token: send \"Authorization: Bearer ...\", or on a WebSocket the second subprotocol \""+
				wire.BearerPrefix+"<token>\"")
	}
	who, err := s.config.Verifier.Verify(r.Context(), token)
	switch {
	case errors.Is(err, identity.ErrUnavailable): // it may be a good token
		return identity.Identity{}, problem(http.StatusServiceUnavailable, CodeIdentityUnavailable, err.Error()).retryAfter(shortPauseS)
	case err != nil:
		return identity.Identity{}, problem(http.StatusUnauthorized, CodeBadToken, err.Error())
	}
	return who, nil
}

// tokenNames are what clients call a token in an address, in any case that Unicode
// knows: ſ is an s too.
var tokenNames = [...]string{"token", "access_token", "bearer", "authorization"}

// tokenInQuery reports whether a query names a token. It reads what url.Values
// would pass over, such as parameters with a semicolon between them: whoever
// wrote them has to learn of it.
func tokenInQuery(query string) bool {
	for parameter := range strings.FieldsFuncSeq(query, func(c rune) bool { return c == '&' || c == ';' }) {
		name, _, _ := strings.Cut(parameter, "=")
		if plain, err := url.QueryUnescape(name); err == nil {
			name = plain
		}
		for _, secret := range tokenNames {
			if strings.EqualFold(name, secret) {
				return true
			}
		}
	}
	return false
}

// bearer returns the token that a request carries, or "". The header wins over
// the subprotocol.
func bearer(r *http.Request) string {
	if scheme, token, ok := strings.Cut(r.Header.Get("Authorization"), " "); ok && strings.EqualFold(scheme, "bearer") {
		return strings.TrimSpace(token)
	}
	for _, p := range websocket.Subprotocols(r) {
		if token, ok := strings.CutPrefix(p, wire.BearerPrefix); ok {
			return token
		}
	}
	return ""
}
