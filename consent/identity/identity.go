package identity

import (
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

const (
	maxSubject = 1 << 10 // bytes; more is a mistake, not a name
	maxToken   = 8 << 10 // bytes; servers cut header lines at about this length anyway
)

// ErrUnavailable is in the chain of an error that says nothing about the
// token: what is needed to verify it cannot be had just now. The same token may
// be good later.
var ErrUnavailable = errors.New("identity provider unavailable")

// An Identity is who a verified token stands for.
type Identity struct {
	Principal string    // keyed pseudonym of issuer and subject, see Pseudonyms
	ExpiresAt time.Time // when the token ends; a verifier's allowance for clocks comes on top
}

// expectation is what a verifier asks of a token beside a good signature.
type expectation struct {
	issuer, audience string
	validator        *jwt.Validator
	otherKey         string // what to say of a token that was signed with a key that is not known
}

// newExpectation asks for an issuer, an audience and an end. Clocks may be
// apart by skew: an end may lie so far in the past, and a beginning so far in
// the future.
func newExpectation(issuer, audience string, skew time.Duration, now func() time.Time, otherKey string) expectation {
	return expectation{
		issuer: issuer, audience: audience, otherKey: otherKey,
		validator: jwt.NewValidator(
			jwt.WithIssuer(issuer),
			jwt.WithAudience(audience),
			jwt.WithExpirationRequired(),
			jwt.WithIssuedAt(),
			jwt.WithLeeway(skew),
			jwt.WithTimeFunc(now),
		),
	}
}

// check checks the claims of a token whose signature is good.
func (e *expectation) check(claims *jwt.RegisteredClaims) error {
	if err := e.validator.Validate(claims); err != nil {
		return e.explain(err)
	}
	if claims.Subject == "" || len(claims.Subject) > maxSubject {
		return errors.New("identity: the token names nobody: its subject is empty or too long")
	}
	return nil
}

var errForeignKey = errors.New("foreign key")

// explain puts a refusal into own words: those of the libraries may quote the
// token.
func (e *expectation) explain(err error) error {
	for _, known := range []struct {
		cause error
		text  string
	}{
		{errForeignKey, e.otherKey},
		{jwt.ErrTokenMalformed, "the token is not a JSON Web Token: send it whole, without quotes"},
		{jwt.ErrTokenSignatureInvalid, "the token's signature or algorithm is not the one of this server's issuer"},
		{jwt.ErrTokenExpired, "the token has expired: get a new one"},
		{jwt.ErrTokenUsedBeforeIssued, "the token was issued in the future: set the clocks right"},
		{jwt.ErrTokenNotValidYet, "the token does not hold yet: wait, or set the clocks right"},
		{jwt.ErrTokenInvalidIssuer, "the token comes from another issuer than " + e.issuer},
		{jwt.ErrTokenInvalidAudience, "the token is meant for another audience than " + e.audience},
		{jwt.ErrTokenRequiredClaimMissing, "the token lacks a claim that is needed: exp, iss and aud"},
	} {
		if errors.Is(err, known.cause) {
			return errors.New("identity: " + known.text)
		}
	}
	return errors.New("identity: the token cannot be verified")
}

// checkForm refuses what cannot be a token before anything is decoded: too
// long, or not three parts in the one spelling that base64url has for them.
// Lenient decoders step over line ends and spare bits, so that one token could
// be written in many ways.
func (e *expectation) checkForm(token string) error {
	if token == "" {
		return errors.New("identity: there is no bearer token")
	}
	if len(token) > maxToken {
		return fmt.Errorf("identity: the token has %d bytes, at most %d are taken", len(token), maxToken)
	}
	if strings.ContainsAny(token, "\r\n") || strings.Count(token, ".") != 2 {
		return e.explain(jwt.ErrTokenMalformed)
	}
	for part := range strings.SplitSeq(token, ".") {
		if _, err := base64.RawURLEncoding.Strict().DecodeString(part); err != nil {
			return e.explain(jwt.ErrTokenMalformed)
		}
	}
	return nil
}

// makeFolder makes the data folder for its owner alone.
func makeFolder(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("identity: data folder cannot be made: %w", err)
	}
	return nil
}
