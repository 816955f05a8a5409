package identity

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// What the built-in issuer writes into its tokens and asks of them.
const (
	BuiltinIssuer   = "tempogate-builtin"
	BuiltinAudience = "tempogate"

	// RecipientAudience is that of the tokens of recipients, which stand for
	// nobody whose motion could be taken in.
	RecipientAudience = "tempogate-recipient"

	// MaxTTL is how long a token of the built-in issuer can hold at most. It is
	// also how long a key is kept after a newer one took over.
	MaxTTL = 30 * 24 * time.Hour
)

// clockSkew is how far the clocks of two machines that share a data folder may
// be apart.
const clockSkew = 5 * time.Second

// An Issuer makes and verifies the tokens of the embedded default. Its methods
// may be called from any goroutine.
type Issuer struct {
	file       keyringFile
	last       atomic.Pointer[keyring]
	pseudonyms *Pseudonyms
	parser     *jwt.Parser
	expect     expectation // of a person's token
	recipient  expectation // of a recipient's
	now        func() time.Time
}

// OpenIssuer reads the issuer's keys under dir, and makes the folder and the
// keys (mode 0600) on first use. A command that prints tokens and a server that
// verifies them may do so at the same time.
func OpenIssuer(dir string) (*Issuer, error) {
	if err := makeFolder(dir); err != nil {
		return nil, err
	}
	issuer := &Issuer{file: keyringFile{dir: dir}, now: time.Now}
	ring, err := issuer.file.open()
	if err != nil {
		return nil, err
	}
	issuer.last.Store(ring)
	if issuer.pseudonyms, err = OpenPseudonyms(dir); err != nil {
		return nil, err
	}
	expect := func(audience string) expectation {
		return newExpectation(BuiltinIssuer, audience, clockSkew, func() time.Time { return issuer.now() },
			"the token was signed with another key: get one from this server's issuer (tempogate token with the same data folder)")
	}
	issuer.expect, issuer.recipient = expect(BuiltinAudience), expect(RecipientAudience)
	issuer.parser = jwt.NewParser(
		jwt.WithValidMethods([]string{jwt.SigningMethodEdDSA.Alg()}),
		jwt.WithoutClaimsValidation(), // done by expect, below
		jwt.WithStrictDecoding(),
	)
	return issuer, nil
}

// Token returns a signed bearer token for a subject that holds for ttl. The
// subject is 1 to 1024 bytes, ttl at least one second (a token counts in whole
// seconds) and at most MaxTTL. It is signed with the newest key, also when
// another process made that one.
func (i *Issuer) Token(subject string, ttl time.Duration) (string, error) {
	return i.token(subject, BuiltinAudience, ttl)
}

// RecipientToken returns a token by which a recipient of tempo, as a notice
// names it, gets what people let it have. It holds as Token's does, and for
// nothing else.
func (i *Issuer) RecipientToken(name string, ttl time.Duration) (string, error) {
	return i.token(name, RecipientAudience, ttl)
}

func (i *Issuer) token(subject, audience string, ttl time.Duration) (string, error) {
	if subject == "" {
		return "", errors.New("identity: the subject is empty: name whom the token is for")
	}
	if len(subject) > maxSubject {
		return "", fmt.Errorf("identity: the subject has %d bytes, at most %d are taken", len(subject), maxSubject)
	}
	if ttl < time.Second {
		return "", fmt.Errorf("identity: a token that holds for %v ends before it can be used: ask for at least 1s", ttl)
	}
	if ttl > MaxTTL {
		return "", fmt.Errorf("identity: a token can hold for %v at most, not for %v", MaxTTL, ttl)
	}
	ring, err := i.keys()
	if err != nil {
		return "", err
	}
	// Whole seconds, so that the token's own two times are ttl apart.
	now := i.now().Truncate(jwt.TimePrecision)
	token := jwt.NewWithClaims(jwt.SigningMethodEdDSA, jwt.RegisteredClaims{
		Issuer:    BuiltinIssuer,
		Subject:   subject,
		Audience:  jwt.ClaimStrings{audience},
		IssuedAt:  jwt.NewNumericDate(now),
		ExpiresAt: jwt.NewNumericDate(now.Add(ttl)),
	})
	token.Header["kid"] = ring.keys[0].id
	signed, err := token.SignedString(ring.keys[0].private)
	if err != nil {
		return "", fmt.Errorf("identity: the token cannot be signed: %w", err)
	}
	return signed, nil
}

// Rotate makes a new key, which signs from now on. Tokens that were signed with
// the keys before go on holding until they end, or are refused from now on when
// revoke is set: the thing to do when somebody may have read the key file.
// Every Issuer on the same folder, in this process or another, follows with its
// next call.
func (i *Issuer) Rotate(revoke bool) error {
	return i.file.rotate(i.now(), revoke)
}

// keys returns the keys as they are in the file now. The file is read each
// time, which is far cheaper than the signature that follows: so no rotation
// and no revocation is missed.
func (i *Issuer) keys() (*keyring, error) {
	ring, err := i.file.read(i.last.Load())
	if err != nil {
		return nil, err
	}
	i.last.Store(ring)
	return ring, nil
}

// Verify returns who a token stands for. It fails for everything but an
// unexpired token that this issuer signed for this server. The error says what
// to mend and never holds the token, the subject or a part of either; it wraps
// ErrUnavailable when the keys cannot be read.
func (i *Issuer) Verify(_ context.Context, token string) (Identity, error) {
	claims, err := i.verify(token, &i.expect)
	if err != nil {
		return Identity{}, err
	}
	return Identity{
		Principal: i.pseudonyms.Of(claims.Issuer, claims.Subject),
		ExpiresAt: claims.ExpiresAt.Time,
	}, nil
}

// VerifyRecipient returns the name of the recipient that a token stands for. It
// fails as Verify does.
func (i *Issuer) VerifyRecipient(_ context.Context, token string) (name string, err error) {
	claims, err := i.verify(token, &i.recipient)
	if err != nil {
		return "", err
	}
	return claims.Subject, nil
}

// verify returns the claims of a token that is as expected.
func (i *Issuer) verify(token string, expect *expectation) (*jwt.RegisteredClaims, error) {
	if err := expect.checkForm(token); err != nil {
		return nil, err
	}
	ring, err := i.keys()
	if err != nil {
		// The error itself names files, which are nobody's business outside.
		return nil, fmt.Errorf("identity: %w: this server cannot read its key file, its operator has to mend that", ErrUnavailable)
	}
	var claims jwt.RegisteredClaims
	// The key is picked by its name. A key that the token itself brings (jwk,
	// jku, x5c) is never looked at.
	_, err = i.parser.ParseWithClaims(token, &claims, func(token *jwt.Token) (any, error) {
		name, _ := token.Header["kid"].(string)
		key := ring.key(name, i.now())
		if key == nil {
			return nil, errForeignKey
		}
		return key.private.Public().(ed25519.PublicKey), nil
	})
	if err != nil {
		return nil, expect.explain(err)
	}
	if err := expect.check(&claims); err != nil {
		return nil, err
	}
	// What Token never writes, only somebody who has the key does.
	if claims.IssuedAt == nil || claims.ExpiresAt.Sub(claims.IssuedAt.Time) > MaxTTL {
		return nil, fmt.Errorf("identity: the token holds for longer than %v: get a new one", MaxTTL)
	}
	return &claims, nil
}
