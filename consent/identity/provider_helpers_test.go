package identity

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	op "github.com/hashicorp/cap/oidc"
)

const (
	testAudience = "tempogate-app"
	testSubject  = "ada.lovelace@example.org"
)

// A testProvider is a running OpenID Connect provider, with TLS, in whose time
// it is always noon.
type testProvider struct {
	*op.TestProvider
	t       testing.TB
	fetches atomic.Int64 // requests for its keys
}

func startProvider(t testing.TB) *testProvider {
	t.Helper()
	p := &testProvider{t: t, TestProvider: op.StartTestProvider(t)}
	p.SetClientCreds(testAudience, "secret")
	p.SetExpectedAuthCode("code")
	p.SetExpectedSubject(testSubject)
	p.SetExpectedExpiry(time.Hour)
	p.SetNowFunc(func() time.Time { return noon })
	p.setKey(newECKey(t), op.ES256, "first")
	return p
}

// setKey makes the provider sign with a key and publish that one alone.
func (p *testProvider) setKey(key crypto.Signer, algorithm op.Alg, id string) {
	p.SetSigningKeys(key, key.Public(), algorithm, id)
}

// RoundTrip makes a testProvider the transport of a client that trusts its
// certificate, and counts.
func (p *testProvider) RoundTrip(r *http.Request) (*http.Response, error) {
	if strings.HasSuffix(r.URL.Path, "/jwks.json") {
		p.fetches.Add(1)
	}
	return p.HTTPClient().Transport.RoundTrip(r)
}

// config returns the configuration of a server that trusts the provider.
func (p *testProvider) config() ProviderConfig {
	return ProviderConfig{
		Dir: p.t.TempDir(), Issuer: p.Addr(), Audience: testAudience,
		HTTPClient: &http.Client{Transport: p},
		now:        func() time.Time { return noon },
	}
}

func (p *testProvider) open(config ProviderConfig) *Provider {
	p.t.Helper()
	verifier, err := OpenProvider(p.t.Context(), config)
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(verifier.Close)
	return verifier
}

// login gets tokens as an app does, by the authorization code flow. The
// provider signs them itself; it leaves the name of the key out.
func (p *testProvider) login() (idToken, accessToken string) {
	p.t.Helper()
	client := &http.Client{
		Transport:     p.HTTPClient().Transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	response, err := client.Get(p.Addr() + "/authorize?" + url.Values{
		"response_type": {"code"}, "scope": {"openid"}, "state": {"s"}, "nonce": {"n"},
		"client_id": {testAudience}, "redirect_uri": {"https://example.com"},
	}.Encode())
	if err != nil {
		p.t.Fatal(err)
	}
	response.Body.Close()
	back, err := response.Location()
	if err != nil {
		p.t.Fatal(err)
	}
	response, err = client.PostForm(p.Addr()+"/token", url.Values{
		"grant_type": {"authorization_code"}, "redirect_uri": {"https://example.com"},
		"client_id": {testAudience}, "client_secret": {"secret"}, "code": {back.Query().Get("code")},
	})
	if err != nil {
		p.t.Fatal(err)
	}
	defer response.Body.Close()
	var reply struct {
		IDToken     string `json:"id_token"`
		AccessToken string `json:"access_token"`
	}
	if err := json.NewDecoder(response.Body).Decode(&reply); err != nil || reply.IDToken == "" || reply.AccessToken == "" {
		p.t.Fatalf("no tokens from the provider: status %s, error %v", response.Status, err)
	}
	return reply.IDToken, reply.AccessToken
}

// claims returns what a good token of the provider says, after change.
func (p *testProvider) claims(change func(*jwt.RegisteredClaims)) jwt.RegisteredClaims {
	claims := jwt.RegisteredClaims{
		Issuer: p.Addr(), Subject: testSubject, Audience: jwt.ClaimStrings{testAudience},
		IssuedAt: jwt.NewNumericDate(noon), NotBefore: jwt.NewNumericDate(noon), ExpiresAt: jwt.NewNumericDate(noon.Add(time.Hour)),
	}
	if change != nil {
		change(&claims)
	}
	return claims
}

// sign signs claims with the provider's key and its name, after change.
func (p *testProvider) sign(change func(*jwt.RegisteredClaims)) string {
	key, _, algorithm, id := p.SigningKeys()
	return signAs(p.t, string(algorithm), key, map[string]any{"kid": id}, p.claims(change))
}

// signAs signs claims with any algorithm and key. A nil in header leaves out
// what stands there.
func signAs(t testing.TB, algorithm string, key any, header map[string]any, claims jwt.Claims) string {
	t.Helper()
	token := jwt.NewWithClaims(jwt.GetSigningMethod(algorithm), claims)
	for name, value := range header {
		token.Header[name] = value
		if value == nil {
			delete(token.Header, name)
		}
	}
	signed, err := token.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

func newECKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func newRSAKey(t testing.TB) *rsa.PrivateKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, minRSABits)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func newEdKey(t testing.TB) ed25519.PrivateKey {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}
