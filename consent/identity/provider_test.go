package identity

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/golang-jwt/jwt/v5"
	op "github.com/hashicorp/cap/oidc"
	"golang.org/x/time/rate"
)

// What the provider itself gives to an app that logs somebody in is taken,
// with each of the algorithms.
func TestATokenOfTheProviderVerifies(t *testing.T) {
	provider := startProvider(t)
	for _, c := range []struct {
		algorithm op.Alg
		set       func()
	}{
		{op.ES256, func() {}},
		{op.RS256, func() { provider.setKey(newRSAKey(t), op.RS256, "rsa") }},
		{op.EdDSA, func() { provider.setKey(newEdKey(t), op.EdDSA, "ed") }},
	} {
		t.Run(string(c.algorithm), func(t *testing.T) {
			c.set()
			verifier := provider.open(provider.config())
			idToken, accessToken := provider.login()
			first, err := verifier.Verify(t.Context(), idToken)
			if err != nil {
				t.Fatal(err)
			}
			if want := noon.Add(time.Hour); !first.ExpiresAt.Equal(want) {
				t.Errorf("ends at %v, want %v", first.ExpiresAt, want)
			}
			if first.Principal != verifier.pseudonyms.Of(provider.Addr(), testSubject) {
				t.Error("the principal is not the pseudonym of issuer and subject")
			}
			for _, token := range []string{accessToken, provider.sign(nil)} {
				if again, err := verifier.Verify(t.Context(), token); err != nil || again != first {
					t.Errorf("another token of the same person gave %v, %v", again, err)
				}
			}
		})
	}
}

// The table of tokens and outcomes. Every row starts from a token that is good.
func TestTokensOfAProvider(t *testing.T) {
	provider, stranger := startProvider(t), startProvider(t)
	signer := newRSAKey(t)
	provider.setKey(signer, op.RS256, "first")
	verifier := provider.open(provider.config())

	der, err := x509.MarshalPKIXPublicKey(signer.Public())
	if err != nil {
		t.Fatal(err)
	}
	publicPEM := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	publicJWK, err := (&jose.JSONWebKey{Key: signer.Public(), KeyID: "first"}).MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	named := map[string]any{"kid": "first"}
	eve := newRSAKey(t)
	good := provider.sign(nil)
	parts := strings.Split(good, ".")
	payload := func(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
	theirs, _ := stranger.login()
	encrypter, err := jose.NewEncrypter(jose.A128GCM, jose.Recipient{Algorithm: jose.RSA_OAEP, Key: signer.Public()}, nil)
	if err != nil {
		t.Fatal(err)
	}
	encrypted, err := encrypter.Encrypt([]byte(good))
	if err != nil {
		t.Fatal(err)
	}
	fiveParts, err := encrypted.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	at := func(d time.Duration) *jwt.NumericDate { return jwt.NewNumericDate(noon.Add(d)) }

	for _, c := range []struct {
		name, token string
		want        string // of the error; empty for a token that is taken
	}{
		{"good", good, ""},
		{"good, for several audiences", provider.sign(func(c *jwt.RegisteredClaims) { c.Audience = jwt.ClaimStrings{"else", testAudience} }), ""},
		{"without the key's name, as long as there is one key", signAs(t, "RS256", signer, map[string]any{"kid": nil}, provider.claims(nil)), ""},

		{"another audience", provider.sign(func(c *jwt.RegisteredClaims) { c.Audience = jwt.ClaimStrings{"somebody-else"} }), "another audience than tempogate-app"},
		{"no audience", provider.sign(func(c *jwt.RegisteredClaims) { c.Audience = nil }), "lacks a claim"},
		{"another issuer", provider.sign(func(c *jwt.RegisteredClaims) { c.Issuer = "https://login.example" }), "another issuer than https://127.0.0.1"},
		// Issuers are compared letter by letter.
		{"issuer with a slash", provider.sign(func(c *jwt.RegisteredClaims) { c.Issuer += "/" }), "another issuer"},
		{"no issuer", provider.sign(func(c *jwt.RegisteredClaims) { c.Issuer = "" }), "lacks a claim"},
		{"nobody", provider.sign(func(c *jwt.RegisteredClaims) { c.Subject = "" }), "names nobody"},
		{"endless name", provider.sign(func(c *jwt.RegisteredClaims) { c.Subject = strings.Repeat("a", maxSubject+1) }), "names nobody"},

		// 60 seconds are let pass either way, 61 are not.
		{"no end", provider.sign(func(c *jwt.RegisteredClaims) { c.ExpiresAt = nil }), "lacks a claim"},
		{"ended 59 s ago", provider.sign(func(c *jwt.RegisteredClaims) { c.ExpiresAt = at(-59 * time.Second) }), ""},
		{"ended 61 s ago", provider.sign(func(c *jwt.RegisteredClaims) { c.ExpiresAt = at(-61 * time.Second) }), "has expired"},
		{"begins in 59 s", provider.sign(func(c *jwt.RegisteredClaims) { c.NotBefore = at(59 * time.Second) }), ""},
		{"begins in 61 s", provider.sign(func(c *jwt.RegisteredClaims) { c.NotBefore = at(61 * time.Second) }), "does not hold yet"},
		{"issued in 59 s", provider.sign(func(c *jwt.RegisteredClaims) { c.IssuedAt = at(59 * time.Second) }), ""},
		{"issued in 61 s", provider.sign(func(c *jwt.RegisteredClaims) { c.IssuedAt = at(61 * time.Second) }), "in the future"},

		// Algorithms: the token may not pick what is done with the key.
		{"no signature", signAs(t, "none", jwt.UnsafeAllowNoneSignatureType, named, provider.claims(nil)), "signature or algorithm"},
		{"none in capitals", payload(`{"alg":"NONE","kid":"first"}`) + "." + parts[1] + ".", "signature or algorithm"},
		{"HMAC with the public key in PEM", signAs(t, "HS256", publicPEM, named, provider.claims(nil)), "signature or algorithm"},
		{"HMAC with the public key in DER", signAs(t, "HS256", der, named, provider.claims(nil)), "signature or algorithm"},
		{"HMAC with the public key as JWK", signAs(t, "HS256", publicJWK, named, provider.claims(nil)), "signature or algorithm"},
		{"another RSA algorithm with the right key", signAs(t, "PS256", signer, named, provider.claims(nil)), "signature or algorithm"},
		{"longer digest with the right key", signAs(t, "RS512", signer, named, provider.claims(nil)), "signature or algorithm"},
		{"elliptic curve under the RSA key's name", signAs(t, "ES256", newECKey(t), named, provider.claims(nil)), "signature or algorithm"},

		// Keys.
		{"somebody else's key under our name", signAs(t, "RS256", eve, named, provider.claims(nil)), "signature or algorithm"},
		{"somebody else's key without a name", signAs(t, "RS256", eve, map[string]any{"kid": nil}, provider.claims(nil)), "signature or algorithm"},
		{"unknown key", signAs(t, "RS256", eve, map[string]any{"kid": "eve"}, provider.claims(nil)), "does not publish"},
		{"key that the token brings", signAs(t, "RS256", eve, map[string]any{"kid": "eve",
			"jwk": jose.JSONWebKey{Key: eve.Public(), KeyID: "eve"}}, provider.claims(nil)), "does not publish"},
		{"address of a key that the token brings", signAs(t, "RS256", eve, map[string]any{"kid": "eve", "jku": stranger.Addr() + "/.well-known/jwks.json"}, provider.claims(nil)), "does not publish"},
		{"extension that has to be understood", signAs(t, "RS256", signer, map[string]any{"kid": "first", "crit": []string{"x"}, "x": 1}, provider.claims(nil)), "signature or algorithm"},
		{"token of another provider", theirs, "signature or algorithm"},
		{"token of another provider with its key's name", stranger.sign(nil), "signature or algorithm"}, // that is "first", too

		// Form.
		{"nothing", "", "no bearer token"},
		{"tampered payload", parts[0] + "." + payload(`{"sub":"eve"}`) + "." + parts[2], "signature or algorithm"},
		{"signature cut", good[:len(good)-2], "signature or algorithm"},
		{"signature left out", parts[0] + "." + parts[1] + ".", "signature or algorithm"},
		{"words", "Bearer " + good, "not a JSON Web Token"},
		{"line end", good[:len(good)-4] + "\n" + good[len(good)-4:], "not a JSON Web Token"},
		{"four parts", good + ".x", "not a JSON Web Token"},
		{"encrypted", fiveParts, "not a JSON Web Token"},
		{"JSON form", `{"payload":"` + parts[1] + `","protected":"` + parts[0] + `","signature":"` + parts[2] + `"}`, "not a JSON Web Token"},
		{"header that is no JSON", payload("{") + "." + parts[1] + "." + parts[2], "not a JSON Web Token"},
		{"claims that are no object", signText(t, signer, `"ada"`), "not a JSON Web Token"},
		// Refused by its length, before a byte of it is decoded.
		{"huge", good + strings.Repeat("A", maxToken), "at most 8192 are taken"},
		{"the longest that is looked at", strings.Repeat("A", maxToken-2) + "..", "not a JSON Web Token"},
	} {
		t.Run(c.name, func(t *testing.T) {
			identity, err := verifier.Verify(t.Context(), c.token)
			if c.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if err == nil || identity != (Identity{}) {
				t.Fatalf("it was taken: %v", identity)
			}
			if !strings.Contains(err.Error(), c.want) || errors.Is(err, ErrUnavailable) {
				t.Errorf("error %q does not say %q", err, c.want)
			}
			if quotes(err, c.token) {
				t.Errorf("error %q quotes the token", err)
			}
		})
	}
}

// signText signs any text in place of claims.
func signText(t testing.TB, key any, text string) string {
	t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: key, KeyID: "first"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := signer.Sign([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	token, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// Two providers may both know an "ada": they are two people.
func TestPeopleOfTwoProvidersAreApart(t *testing.T) {
	one, two := startProvider(t), startProvider(t)
	config := one.config()
	first, err := one.open(config).Verify(t.Context(), one.sign(nil))
	if err != nil {
		t.Fatal(err)
	}
	other := two.config()
	other.Dir = config.Dir
	second, err := two.open(other).Verify(t.Context(), two.sign(nil))
	if err != nil {
		t.Fatal(err)
	}
	if first.Principal == second.Principal {
		t.Error("the same principal for two people")
	}
}

// A key is good for the one algorithm of its kind, and for none when the
// provider published it for another one.
func TestAKeyServesOneAlgorithm(t *testing.T) {
	rsaKey, ecKey, edKey := newRSAKey(t).Public(), newECKey(t).Public(), newEdKey(t).Public()
	for _, c := range []struct {
		key             any
		published, used string
		want            bool
	}{
		{rsaKey, "", "RS256", true},
		{rsaKey, "RS256", "RS256", true},
		{rsaKey, "PS256", "RS256", false},
		{rsaKey, "", "ES256", false},
		{ecKey, "", "ES256", true},
		{ecKey, "ES256K", "ES256", false},
		{ecKey, "", "EdDSA", false},
		{edKey, "", "EdDSA", true},
		{edKey, "", "RS256", false},
		{[]byte("secret"), "", "HS256", false},
	} {
		if got := fits(&jose.JSONWebKey{Key: c.key, Algorithm: c.published}, c.used); got != c.want {
			t.Errorf("%T published for %q, used for %s: %v, want %v", c.key, c.published, c.used, got, c.want)
		}
	}
}

// Keys that do not serve are stepped over, as RFC 7517 asks; a set in which
// none serves is an error.
func TestKeysThatAreTaken(t *testing.T) {
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	marshal := func(key jose.JSONWebKey) string {
		text, err := key.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	ec := newECKey(t)
	good := marshal(jose.JSONWebKey{Key: ec.Public(), KeyID: "good"})
	for _, c := range []struct {
		name, key string
		taken     bool
	}{
		{"P-256", good, true},
		{"RSA for signatures", marshal(jose.JSONWebKey{Key: newRSAKey(t).Public(), KeyID: "a", Use: "sig", Algorithm: "RS256"}), true},
		{"Ed25519", marshal(jose.JSONWebKey{Key: newEdKey(t).Public(), KeyID: "a"}), true},
		{"for encryption", marshal(jose.JSONWebKey{Key: ec.Public(), KeyID: "a", Use: "enc"}), false},
		{"P-384", marshal(jose.JSONWebKey{Key: p384.Public(), KeyID: "a"}), false},
		{"private", marshal(jose.JSONWebKey{Key: ec, KeyID: "a"}), false},
		{"shared secret", marshal(jose.JSONWebKey{Key: []byte("0123456789abcdef0123456789abcdef"), KeyID: "a"}), false},
		{"RSA of 512 bits", `{"kty":"RSA","n":"` + strings.Repeat("A", 1) + strings.Repeat("_", 84) + `","e":"AQAB"}`, false},
		{"kind of the future", `{"kty":"AKP","alg":"ML-DSA-44","pub":"AAAA"}`, false},
		{"no object", `7`, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			keys, err := parseKeySet([]byte(`{"keys":[` + c.key + `]}`))
			if taken := err == nil && len(keys) == 1; taken != c.taken {
				t.Errorf("taken: %v, want %v (error %v)", taken, c.taken, err)
			}
			if keys, err := parseKeySet([]byte(`{"keys":[` + c.key + `,` + good + `]}`)); err != nil || keys[len(keys)-1].KeyID != "good" {
				t.Errorf("the good key beside it was lost: %v", err)
			}
		})
	}
	many := strings.Repeat(good+",", maxPublished) + good
	for _, text := range []string{"", "[]", `{"keys":{}}`, `{"keys":[]}`, `{"keys":[` + many + `]}`} {
		if _, err := parseKeySet([]byte(text)); err == nil {
			t.Errorf("a set came out of %.40q", text)
		}
	}
}

// FuzzProviderVerify: no token stands for anybody but one that was signed. Keys and
// times are fixed, because each process of a fuzzer makes its own: what one of them
// signs has to hold for the others.
func FuzzProviderVerify(f *testing.F) {
	pseudonyms, err := OpenPseudonyms(f.TempDir())
	if err != nil {
		f.Fatal(err)
	}
	curve, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), bytes.Repeat([]byte{7}, 32))
	if err != nil {
		f.Fatal(err)
	}
	edwards := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, ed25519.SeedSize))
	keys := &keySet{limiter: rate.NewLimiter(0, 0), now: time.Now, life: f.Context()} // nothing that comes out may need the network
	keys.current.Store(&[]jose.JSONWebKey{
		{Key: curve.Public(), KeyID: "first", Algorithm: "ES256", Use: "sig"},
		{Key: edwards.Public(), KeyID: "second"},
	})
	verifier := newProvider(ProviderConfig{
		Issuer: "https://login.example.org", Audience: testAudience, now: func() time.Time { return noon },
	}, keys, pseudonyms)
	claims := jwt.RegisteredClaims{
		Issuer: verifier.config.Issuer, Subject: testSubject, Audience: jwt.ClaimStrings{testAudience},
		IssuedAt: jwt.NewNumericDate(noon), ExpiresAt: jwt.NewNumericDate(noon.Add(time.Hour)),
	}
	principal := pseudonyms.Of(claims.Issuer, testSubject)
	token := signAs(f, "ES256", curve, map[string]any{"kid": "first"}, claims)
	f.Add(token)
	f.Add(signAs(f, "EdDSA", edwards, map[string]any{"kid": "second"}, claims))
	f.Add(signAs(f, "EdDSA", edwards, map[string]any{"kid": nil}, claims))
	f.Add(token + "\n")
	f.Add("..")
	f.Add("eyJhbGciOiJub25lIn0.e30.")
	f.Add("eyJhbGciOiJFUzI1NiIsImtpZCI6ImEifQ.e30.AAAA")
	f.Add(strings.Replace(token, ".", ".a", 1))
	if got, err := verifier.Verify(f.Context(), token); err != nil || got.Principal != principal {
		f.Fatalf("a good token stands for %q: %v", got.Principal, err)
	}
	f.Fuzz(func(t *testing.T, mutated string) {
		identity, err := verifier.Verify(context.Background(), mutated)
		switch {
		case err == nil && (identity.Principal != principal || !identity.ExpiresAt.Equal(noon.Add(time.Hour))):
			t.Errorf("a token that was never issued was taken")
		case err != nil && !strings.HasPrefix(err.Error(), "identity: "):
			t.Errorf("%v does not say where it comes from", err)
		case err != nil && len(mutated) >= 40 && strings.Contains(err.Error(), mutated):
			t.Errorf("the error quotes the token")
		}
	})
}

// FuzzParseKeySet: whatever a provider publishes, no key comes out of it that
// tokens must not be signed with.
func FuzzParseKeySet(f *testing.F) {
	f.Add([]byte(`{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"a","use":"sig","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}`))
	f.Add([]byte(`{"keys":[{"kty":"EC","crv":"P-256","kid":"b","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}`))
	f.Add([]byte(`{"keys":[{"kty":"oct","k":"AAAA"},{"kty":"RSA","n":"AQAB","e":"AQAB"},null,1]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		keys, err := parseKeySet(data)
		if err != nil && keys != nil || err == nil && (len(keys) == 0 || len(keys) > maxPublished) {
			t.Fatalf("%d keys, %v", len(keys), err)
		}
		for i := range keys {
			if !keys[i].IsPublic() || !usable(&keys[i]) {
				t.Errorf("a key of type %T came out", keys[i].Key)
			}
		}
	})
}
