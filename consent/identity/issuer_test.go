package identity

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

var noon = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

func open(t testing.TB, dir string) *Issuer {
	t.Helper()
	issuer, err := OpenIssuer(dir)
	if err != nil {
		t.Fatal(err)
	}
	issuer.now = func() time.Time { return noon }
	return issuer
}

// signing returns the key that signs.
func (i *Issuer) signing() signingKey { return i.last.Load().keys[0] }

func TestAnOwnTokenVerifies(t *testing.T) {
	issuer := open(t, filepath.Join(t.TempDir(), "made", "on", "demand"))
	token, err := issuer.Token("ada", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	identity, err := issuer.Verify(t.Context(), token)
	if err != nil {
		t.Fatal(err)
	}
	if want := noon.Add(time.Hour); !identity.ExpiresAt.Equal(want) {
		t.Errorf("ends at %v, want %v", identity.ExpiresAt, want)
	}
	if identity.Principal != issuer.pseudonyms.Of(BuiltinIssuer, "ada") {
		t.Error("the principal is not the pseudonym of issuer and subject")
	}
	if len(identity.Principal) != 52 || strings.Contains(identity.Principal, "ada") {
		t.Errorf("principal %q is not 52 characters of a pseudonym", identity.Principal)
	}
}

// A principal must come out the same for ever: it is what grants are kept under.
// The values were computed with the hmac and base64 modules of Python.
func TestPseudonymsAreStable(t *testing.T) {
	p := &Pseudonyms{key: []byte("0123456789abcdef0123456789abcdef")}
	for _, c := range []struct{ issuer, subject, want string }{
		{"tempogate-builtin", "ada", "4vrneemecd525gtmivbtxmkxne2wxyodzaazi7nbe5mj2jiqm7ha"},
		{"tempogate-builtin", "Ada", "tjf7yri4gzjt24k7krrhi73wtqqzcmr3ofxovn544ow3ncesi6xq"}, // case counts
		{"ab", "c", "wpki5kxn32ewlwvlrj765jxpwqmivtoesdtwakjuqhdplsfnktqq"},
		{"a", "bc", "5nxne3zz52ksiqzhk22j4ejbvybdxckphg4tu64a6l2vrjnttmhq"}, // not the same as the row above
	} {
		if got := p.Of(c.issuer, c.subject); got != c.want {
			t.Errorf("%s, %s: %s, want %s", c.issuer, c.subject, got, c.want)
		}
	}
}

func TestTwoIssuersOnOneFolder(t *testing.T) {
	dir := t.TempDir()
	issuers := make([]*Issuer, 8)
	var all sync.WaitGroup
	for i := range issuers {
		all.Go(func() {
			issuer, err := OpenIssuer(dir)
			if err != nil {
				t.Error(err)
			}
			issuers[i] = issuer
		})
	}
	all.Wait()
	token, err := issuers[0].Token("ada", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	first, err := issuers[0].Verify(t.Context(), token)
	if err != nil {
		t.Fatal(err)
	}
	for i, issuer := range issuers {
		got, err := issuer.Verify(t.Context(), token)
		if err != nil {
			t.Fatalf("issuer %d: %v", i, err)
		}
		if got != first {
			t.Errorf("issuer %d sees another person than issuer 0", i)
		}
	}
}

func TestForeignTokensAreRefused(t *testing.T) {
	issuer := open(t, t.TempDir())
	other := open(t, t.TempDir())

	good := func() jwt.RegisteredClaims {
		return jwt.RegisteredClaims{
			Issuer: BuiltinIssuer, Subject: "ada", Audience: jwt.ClaimStrings{BuiltinAudience},
			IssuedAt: jwt.NewNumericDate(noon), ExpiresAt: jwt.NewNumericDate(noon.Add(time.Hour)),
		}
	}
	sign := func(method jwt.SigningMethod, key any, header map[string]any, claims jwt.RegisteredClaims) string {
		t.Helper()
		token := jwt.NewWithClaims(method, claims)
		token.Header["kid"] = issuer.signing().id
		for name, value := range header {
			token.Header[name] = value
		}
		signed, err := token.SignedString(key)
		if err != nil {
			t.Fatal(err)
		}
		return signed
	}
	own := func(change func(*jwt.RegisteredClaims)) string {
		claims := good()
		change(&claims)
		return sign(jwt.SigningMethodEdDSA, issuer.signing().private, nil, claims)
	}
	whole := own(func(*jwt.RegisteredClaims) {})
	if _, err := issuer.Verify(t.Context(), whole); err != nil {
		t.Fatalf("the token that the rows below spoil is not good itself: %v", err)
	}
	theirPublic, theirPrivate, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(whole, ".")
	jwk := map[string]any{"kty": "OKP", "crv": "Ed25519", "x": base64.RawURLEncoding.EncodeToString(theirPublic)}

	for _, c := range []struct{ name, token, want string }{
		{"none at all", "", "there is no bearer token"},
		{"not a token", "Bearer", "not a JSON Web Token"},
		{"two parts", parts[0] + "." + parts[1], "not a JSON Web Token"},
		{"header that is not base64", "!" + whole, "not a JSON Web Token"},
		{"ten thousand bytes", strings.Repeat("a", 10_000), "at most 8192"},
		// The classic: no signature, and the header says that this is fine.
		{"algorithm none", sign(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, nil, good()), "signature or algorithm"},
		// The other classic: the public key, which everybody has, used as a shared secret.
		{"HMAC with the public key", sign(jwt.SigningMethodHS256, []byte(issuer.signing().private.Public().(ed25519.PublicKey)), nil, good()), "signature or algorithm"},
		{"other issuer's key under its own name", sign(jwt.SigningMethodEdDSA, other.signing().private, map[string]any{"kid": other.signing().id}, good()), "another key"},
		{"other issuer's key under our name", sign(jwt.SigningMethodEdDSA, other.signing().private, nil, good()), "signature or algorithm"},
		{"token that brings its own key", sign(jwt.SigningMethodEdDSA, theirPrivate, map[string]any{"jwk": jwk}, good()), "signature or algorithm"},
		{"key without a name", sign(jwt.SigningMethodEdDSA, issuer.signing().private, map[string]any{"kid": ""}, good()), "another key"},
		{"name that is a number", sign(jwt.SigningMethodEdDSA, issuer.signing().private, map[string]any{"kid": 7}, good()), "another key"},
		{"signature cut", whole[:len(whole)-2], "signature or algorithm"},
		{"line end inside the signature", whole[:len(whole)-4] + "\n" + whole[len(whole)-4:], "not a JSON Web Token"},
		{"signature of another text", parts[0] + "." + base64.RawURLEncoding.EncodeToString([]byte(`{"sub":"eve"}`)) + "." + parts[2], "signature or algorithm"},
		{"other issuer named", own(func(c *jwt.RegisteredClaims) { c.Issuer = "https://accounts.example" }), "another issuer"},
		{"no issuer", own(func(c *jwt.RegisteredClaims) { c.Issuer = "" }), "lacks a claim"},
		{"other audience", own(func(c *jwt.RegisteredClaims) { c.Audience = jwt.ClaimStrings{"somebody-else"} }), "another audience"},
		{"no audience", own(func(c *jwt.RegisteredClaims) { c.Audience = nil }), "lacks a claim"},
		{"no end", own(func(c *jwt.RegisteredClaims) { c.ExpiresAt = nil }), "lacks a claim"},
		{"ended", own(func(c *jwt.RegisteredClaims) { c.ExpiresAt = jwt.NewNumericDate(noon.Add(-6 * time.Second)) }), "has expired"},
		{"from the future", own(func(c *jwt.RegisteredClaims) { c.IssuedAt = jwt.NewNumericDate(noon.Add(time.Minute)) }), "in the future"},
		{"not yet", own(func(c *jwt.RegisteredClaims) { c.NotBefore = jwt.NewNumericDate(noon.Add(time.Minute)) }), "does not hold yet"},
		{"nobody", own(func(c *jwt.RegisteredClaims) { c.Subject = "" }), "names nobody"},
		{"endless name", own(func(c *jwt.RegisteredClaims) { c.Subject = strings.Repeat("a", maxSubject+1) }), "names nobody"},
	} {
		t.Run(c.name, func(t *testing.T) {
			identity, err := issuer.Verify(t.Context(), c.token)
			if err == nil {
				t.Fatal("it was taken")
			}
			if identity != (Identity{}) {
				t.Error("a refused token gave an identity")
			}
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %q does not say %q", err, c.want)
			}
			if quotes(err, c.token) {
				t.Errorf("error %q quotes the token", err)
			}
		})
	}
}

// Clocks of two machines differ: five seconds are let pass, six are not (above).
func TestClocksMayBeApart(t *testing.T) {
	issuer := open(t, t.TempDir())
	token, err := issuer.Token("ada", time.Second)
	if err != nil {
		t.Fatal(err)
	}
	issuer.now = func() time.Time { return noon.Add(5 * time.Second) }
	if _, err := issuer.Verify(t.Context(), token); err != nil {
		t.Errorf("4 seconds after its end: %v", err)
	}
	issuer.now = func() time.Time { return noon.Add(-4 * time.Second) }
	if _, err := issuer.Verify(t.Context(), token); err != nil {
		t.Errorf("4 seconds before it was issued: %v", err)
	}
}

func TestTokenRefusesWhatNobodyMeans(t *testing.T) {
	issuer := open(t, t.TempDir())
	for _, c := range []struct {
		name, subject string
		ttl           time.Duration
	}{
		{"nobody", "", time.Hour},
		{"endless name", strings.Repeat("a", maxSubject+1), time.Hour},
		{"no time", "ada", 0},
		{"time running backwards", "ada", -time.Hour},
		{"less than the second that a token counts in", "ada", 999 * time.Millisecond},
	} {
		if _, err := issuer.Token(c.subject, c.ttl); err == nil {
			t.Errorf("%s: a token came out", c.name)
		}
	}
}

func TestADamagedKeyIsNamed(t *testing.T) {
	for _, name := range []string{issuerKeyFile, pseudonymKeyFile} {
		dir := t.TempDir()
		open(t, dir)
		if err := os.WriteFile(filepath.Join(dir, name), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := OpenIssuer(dir); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("error %v does not name %s", err, name)
		}
	}
}

func TestAFolderThatCannotBeMadeIsAnError(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenIssuer(filepath.Join(file, "data")); err == nil {
		t.Error("an issuer came out of a folder that cannot be")
	}
}

// quotes reports whether err holds any eight characters in a row of the token
// or of what it carries. Known words of the error texts are shorter than that
// or do not occur in tokens.
func quotes(err error, token string) bool {
	texts := []string{token}
	for part := range strings.SplitSeq(token, ".") {
		if decoded, decodeErr := base64.RawURLEncoding.DecodeString(part); decodeErr == nil {
			var fields map[string]any
			if json.Unmarshal(decoded, &fields) == nil {
				for _, name := range []string{"sub", "jti"} {
					if text, ok := fields[name].(string); ok {
						texts = append(texts, text)
					}
				}
			}
		}
	}
	for _, text := range texts {
		for i := 0; i+8 <= len(text); i++ {
			if strings.Contains(err.Error(), text[i:i+8]) {
				return true
			}
		}
	}
	return false
}

// FuzzVerify: one token is taken, in one spelling. The key is fixed, because each
// process of a fuzzer makes its own issuer.
func FuzzVerify(f *testing.F) {
	dir := f.TempDir()
	key, err := formatKeys([]signingKey{newSigningKey(ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)), time.Time{})})
	if err != nil {
		f.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, issuerKeyFile), key, 0o600); err != nil {
		f.Fatal(err)
	}
	issuer := open(f, dir)
	token, err := issuer.Token("ada", time.Hour)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(token)
	f.Add(token + "\n")
	f.Add("..")
	f.Add(strings.Replace(token, ".", ".a", 1))
	f.Add("eyJhbGciOiJub25lIn0.e30.")
	if _, err := issuer.Verify(f.Context(), token); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, mutated string) {
		identity, err := issuer.Verify(context.Background(), mutated)
		switch {
		case err == nil && mutated != token:
			t.Errorf("a token that was never issued was taken")
		case err == nil && identity.Principal != issuer.pseudonyms.Of(BuiltinIssuer, "ada"):
			t.Errorf("it stands for somebody else")
		case err != nil && !strings.HasPrefix(err.Error(), "identity: "):
			t.Errorf("%v does not say where it comes from", err)
		case err != nil && len(mutated) >= 40 && strings.Contains(err.Error(), mutated):
			t.Errorf("the error quotes the token")
		}
	})
}
