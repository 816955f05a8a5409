package identity

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/golang-jwt/jwt/v5"
	"golang.org/x/sync/singleflight"
	"golang.org/x/time/rate"
)

const (
	// fetchTimeout bounds one request to the provider.
	fetchTimeout = 5 * time.Second

	// maxDocument bounds an answer of the provider, in bytes. A key takes about
	// 400, with a certificate chain some thousand.
	maxDocument = 1 << 20

	// maxPublished bounds the keys that are kept of a provider.
	maxPublished = 32

	// Tokens that name an unknown key may make the server ask the provider so
	// often: a few times at once, then once in fetchPause.
	fetchBurst = 3
	fetchPause = 10 * time.Second

	// RFC 7518, section 3.3 asks for 2048 bits at least. The upper bound keeps
	// verifying cheap.
	minRSABits, maxRSABits = 2048, 8192
)

// algorithms are the only ones that are taken, whatever a token or the provider
// says. No symmetric one is among them: a public key is never a shared secret.
var algorithms = []jose.SignatureAlgorithm{jose.RS256, jose.ES256, jose.EdDSA}

// A keySet is the published keys of an identity provider, kept in memory. It is
// an oidc.KeySet, through attempt.
//
// The key set of the library has no bound on how often tokens can make it ask
// the provider, never forgets a key that was taken out, and does not tell an
// unknown key from a provider that is away.
type keySet struct {
	url     string
	client  *http.Client
	life    context.Context // of the fetches, which several callers share
	limiter *rate.Limiter
	now     func() time.Time

	flights singleflight.Group
	current atomic.Pointer[[]jose.JSONWebKey]
	away    atomic.Bool // the last fetch failed
}

// verify checks the signature of a token in compact form and returns its
// payload. Errors: jwt.ErrTokenMalformed, jwt.ErrTokenSignatureInvalid,
// errForeignKey, ErrUnavailable, or that of ctx.
func (s *keySet) verify(ctx context.Context, token string) ([]byte, error) {
	signed, err := parseSigned(token)
	if err != nil {
		return nil, err
	}
	header := signed.Signatures[0].Protected
	payload, known := tryKeys(*s.current.Load(), signed, header)
	// A signature that a key of its own name does not make is no reason to ask
	// again. Without a name (allowed while the provider has one key) any new key
	// may be meant.
	if payload == nil && (!known || header.KeyID == "") {
		if err := s.learn(ctx, header.KeyID); err != nil {
			return nil, err
		}
		payload, known = tryKeys(*s.current.Load(), signed, header)
	}
	switch {
	case payload != nil:
		return payload, nil
	case known:
		return nil, jwt.ErrTokenSignatureInvalid
	}
	return nil, errForeignKey
}

// parseSigned reads a token in compact form. Errors: jwt.ErrTokenMalformed, and
// jwt.ErrTokenSignatureInvalid for an algorithm that is not taken.
func parseSigned(token string) (*jose.JSONWebSignature, error) {
	signed, err := jose.ParseSignedCompact(token, algorithms)
	var algorithm *jose.ErrUnexpectedSignatureAlgorithm
	switch {
	case errors.As(err, &algorithm):
		return nil, jwt.ErrTokenSignatureInvalid
	case err != nil:
		return nil, jwt.ErrTokenMalformed
	}
	return signed, nil
}

// tryKeys verifies with each key that the header may mean. It reports also
// whether there was one.
func tryKeys(keys []jose.JSONWebKey, signed *jose.JSONWebSignature, header jose.Header) (payload []byte, known bool) {
	for i := range keys {
		if header.KeyID != "" && header.KeyID != keys[i].KeyID {
			continue
		}
		known = true
		if !fits(&keys[i], header.Algorithm) {
			continue
		}
		if payload, err := signed.Verify(&keys[i]); err == nil {
			return payload, true
		}
	}
	return nil, known
}

// fits reports whether a key is for an algorithm. The kind of the key decides,
// not the token: a token cannot pick what is done with a key.
func fits(key *jose.JSONWebKey, algorithm string) bool {
	if key.Algorithm != "" && key.Algorithm != algorithm {
		return false
	}
	switch key.Key.(type) {
	case *rsa.PublicKey:
		return algorithm == string(jose.RS256)
	case *ecdsa.PublicKey:
		return algorithm == string(jose.ES256)
	case ed25519.PublicKey:
		return algorithm == string(jose.EdDSA)
	}
	return false
}

// learn asks the provider for its keys because a token names one that is not
// known. Callers that want the same key share one request, and all of them
// together are held to the limiter.
func (s *keySet) learn(ctx context.Context, keyID string) error {
	done := s.flights.DoChan(keyID, func() (any, error) {
		if !s.limiter.AllowN(s.now(), 1) {
			if s.away.Load() {
				return nil, ErrUnavailable
			}
			return nil, nil // the keys are fresh enough
		}
		if err := s.fetch(); err != nil {
			return nil, ErrUnavailable
		}
		return nil, nil
	})
	select {
	case result := <-done:
		return result.Err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// fetch replaces the keys by those that the provider publishes now. When that
// fails, the keys stay as they were.
func (s *keySet) fetch() (err error) {
	defer func() { s.away.Store(err != nil) }()
	ctx, cancel := context.WithTimeout(s.life, fetchTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url, nil)
	if err != nil {
		return err
	}
	response, err := s.client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answered %s", s.url, response.Status)
	}
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return fmt.Errorf("%s: %w", s.url, err)
	}
	keys, err := parseKeySet(body)
	if err != nil {
		return fmt.Errorf("%s: %w", s.url, err)
	}
	s.current.Store(&keys)
	return nil
}

// parseKeySet reads a JSON Web Key Set (RFC 7517) and keeps the public signing
// keys that fit one of the algorithms. Others are stepped over, as section 5 of
// the RFC asks: a provider may publish keys for other uses.
func parseKeySet(data []byte) ([]jose.JSONWebKey, error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(data, &set); err != nil {
		return nil, errors.New("the answer is no JSON Web Key Set")
	}
	var keys []jose.JSONWebKey
	for _, raw := range set.Keys {
		var key jose.JSONWebKey
		if json.Unmarshal(raw, &key) != nil || !key.Valid() || !usable(&key) {
			continue
		}
		if len(keys) == maxPublished {
			return nil, fmt.Errorf("over %d keys are published", maxPublished)
		}
		keys = append(keys, key)
	}
	if len(keys) == 0 {
		return nil, fmt.Errorf("no key is published that can be used: RSA of %d to %d bits, P-256 or Ed25519", minRSABits, maxRSABits)
	}
	return keys, nil
}

func usable(key *jose.JSONWebKey) bool {
	if key.Use != "" && key.Use != "sig" {
		return false
	}
	switch public := key.Key.(type) {
	case *rsa.PublicKey:
		return public.N.BitLen() >= minRSABits && public.N.BitLen() <= maxRSABits
	case *ecdsa.PublicKey:
		return public.Curve == elliptic.P256()
	case ed25519.PublicKey:
		return true
	}
	return false // symmetric keys and private ones among them
}
