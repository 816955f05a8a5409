package identity

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/tempogate/tempogate/consent/internal/keyfile"
)

// What the built-in issuer writes into its tokens and asks of them.
const (
	BuiltinIssuer   = "tempogate-builtin"
	BuiltinAudience = "tempogate"
)

const (
	issuerKeyFile = "identity.key"

	maxSubject = 1 << 10 // bytes; more is a mistake, not a name
	maxToken   = 8 << 10 // bytes; servers cut header lines at about this length anyway

	// clockSkew is how far the clocks of two machines that share a data folder
	// may be apart.
	clockSkew = 5 * time.Second
)

// An Identity is who a verified token stands for.
type Identity struct {
	Principal string    // keyed pseudonym of issuer and subject, see Pseudonyms
	ExpiresAt time.Time // when the token ends
}

// An Issuer makes and verifies the tokens of the embedded default. Its methods
// may be called from any goroutine.
type Issuer struct {
	private    ed25519.PrivateKey
	public     ed25519.PublicKey
	keyID      string
	pseudonyms *Pseudonyms
	parser     *jwt.Parser
	now        func() time.Time
}

// OpenIssuer reads the issuer's keys under dir, and makes the folder and the
// keys (mode 0600) on first use. A command that prints tokens and a server that
// verifies them may do so at the same time.
func OpenIssuer(dir string) (*Issuer, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("identity: data folder cannot be made: %w", err)
	}
	private, err := keyfile.Ed25519(filepath.Join(dir, issuerKeyFile))
	if err != nil {
		return nil, fmt.Errorf("identity: %w", err)
	}
	pseudonyms, err := OpenPseudonyms(dir)
	if err != nil {
		return nil, err
	}
	public := private.Public().(ed25519.PublicKey)
	issuer := &Issuer{
		private:    private,
		public:     public,
		keyID:      keyfile.Thumbprint(public),
		pseudonyms: pseudonyms,
		now:        time.Now,
	}
	issuer.parser = jwt.NewParser(
		jwt.WithValidMethods([]string{jwt.SigningMethodEdDSA.Alg()}),
		jwt.WithIssuer(BuiltinIssuer),
		jwt.WithAudience(BuiltinAudience),
		jwt.WithExpirationRequired(),
		jwt.WithIssuedAt(),
		jwt.WithLeeway(clockSkew),
		jwt.WithStrictDecoding(),
		jwt.WithTimeFunc(func() time.Time { return issuer.now() }),
	)
	return issuer, nil
}

// Token returns a signed bearer token for a subject that holds for ttl. The
// subject is 1 to 1024 bytes, ttl at least one second (a token counts in whole
// seconds).
func (i *Issuer) Token(subject string, ttl time.Duration) (string, error) {
	if subject == "" {
		return "", errors.New("identity: the subject is empty: name the person that the token is for")
	}
	if len(subject) > maxSubject {
		return "", fmt.Errorf("identity: the subject has %d bytes, at most %d are taken", len(subject), maxSubject)
	}
	if ttl < time.Second {
		return "", fmt.Errorf("identity: a token that holds for %v ends before it can be used: ask for at least 1s", ttl)
	}
	now := i.now()
	token := jwt.NewWithClaims(jwt.SigningMethodEdDSA, jwt.RegisteredClaims{
		Issuer:    BuiltinIssuer,
		Subject:   subject,
		Audience:  jwt.ClaimStrings{BuiltinAudience},
		IssuedAt:  jwt.NewNumericDate(now),
		ExpiresAt: jwt.NewNumericDate(now.Add(ttl)),
	})
	token.Header["kid"] = i.keyID
	signed, err := token.SignedString(i.private)
	if err != nil {
		return "", fmt.Errorf("identity: the token cannot be signed: %w", err)
	}
	return signed, nil
}

// Verify returns who a token stands for. It fails for everything but an
// unexpired token that this issuer signed for this server. The error says what
// to mend and never holds the token, the subject or a part of either.
func (i *Issuer) Verify(_ context.Context, token string) (Identity, error) {
	if token == "" {
		return Identity{}, errors.New("identity: there is no bearer token")
	}
	if len(token) > maxToken {
		return Identity{}, fmt.Errorf("identity: the token has %d bytes, at most %d are taken", len(token), maxToken)
	}
	// Base64 decoders step over line ends, so that one token could be written in
	// many ways.
	if strings.ContainsAny(token, "\r\n") {
		return Identity{}, explain(jwt.ErrTokenMalformed)
	}
	var claims jwt.RegisteredClaims
	if _, err := i.parser.ParseWithClaims(token, &claims, i.key); err != nil {
		return Identity{}, explain(err)
	}
	if claims.Subject == "" || len(claims.Subject) > maxSubject {
		return Identity{}, errors.New("identity: the token names nobody: its subject is empty or too long")
	}
	return Identity{
		Principal: i.pseudonyms.Of(claims.Issuer, claims.Subject),
		ExpiresAt: claims.ExpiresAt.Time,
	}, nil
}

var errForeignKey = errors.New("foreign key")

// key picks the key by its name. It never looks at a key that the token
// itself brings (jwk, jku, x5c).
func (i *Issuer) key(token *jwt.Token) (any, error) {
	if name, ok := token.Header["kid"].(string); !ok || name != i.keyID {
		return nil, errForeignKey
	}
	return i.public, nil
}

// explain puts a refusal into own words: those of the library may quote the
// token.
func explain(err error) error {
	for _, known := range []struct {
		cause error
		text  string
	}{
		{errForeignKey, "the token was signed with another key: get one from this server's issuer (tempogate token with the same data folder)"},
		{jwt.ErrTokenMalformed, "the token is not a JSON Web Token: send it whole, without quotes"},
		{jwt.ErrTokenSignatureInvalid, "the token's signature or algorithm is not the one of this server's issuer"},
		{jwt.ErrTokenExpired, "the token has expired: get a new one"},
		{jwt.ErrTokenUsedBeforeIssued, "the token was issued in the future: set the clocks right"},
		{jwt.ErrTokenNotValidYet, "the token does not hold yet: wait, or set the clocks right"},
		{jwt.ErrTokenInvalidIssuer, "the token comes from another issuer than " + BuiltinIssuer},
		{jwt.ErrTokenInvalidAudience, "the token is meant for another audience than " + BuiltinAudience},
		{jwt.ErrTokenRequiredClaimMissing, "the token lacks a claim that is needed: exp, iss and aud"},
	} {
		if errors.Is(err, known.cause) {
			return errors.New("identity: " + known.text)
		}
	}
	return errors.New("identity: the token cannot be verified")
}
