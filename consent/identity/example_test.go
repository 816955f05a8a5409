package identity_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"fmt"
	"net/http/httptest"
	"os"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/coreos/go-oidc/v3/oidc/oidctest"

	"github.com/tempogate/tempogate/consent/identity"
)

// A server and the command that prints tokens share a data folder.
func ExampleIssuer() {
	dir, err := os.MkdirTemp("", "tempogate")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)

	issuer, err := identity.OpenIssuer(dir)
	if err != nil {
		panic(err)
	}
	token, err := issuer.Token("ada", time.Hour)
	if err != nil {
		panic(err)
	}
	who, err := issuer.Verify(context.Background(), token)
	if err != nil {
		panic(err)
	}
	fmt.Println(len(who.Principal), "characters that do not say ada")

	_, err = issuer.Verify(context.Background(), token[:len(token)-2])
	fmt.Println(err)
	// Output:
	// 52 characters that do not say ada
	// identity: the token's signature or algorithm is not the one of this server's issuer
}

// A server takes the tokens that an identity provider makes for its app.
func ExampleProvider() {
	dir, err := os.MkdirTemp("", "tempogate")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)

	// A provider on the loopback. A real one has an address with https.
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	login := &oidctest.Server{
		PublicKeys: []oidctest.PublicKey{{PublicKey: key.Public(), KeyID: "a", Algorithm: oidc.ES256}},
	}
	server := httptest.NewServer(login)
	defer server.Close()
	login.SetIssuer(server.URL)
	tokenFor := func(audience string) string {
		return oidctest.SignIDToken(key, "a", oidc.ES256, fmt.Sprintf(`{"iss":%q,"aud":%q,"sub":"ada","exp":%d}`,
			server.URL, audience, time.Now().Add(time.Hour).Unix()))
	}

	provider, err := identity.OpenProvider(context.Background(), identity.ProviderConfig{
		Dir: dir, Issuer: server.URL, Audience: "running-app",
	})
	if err != nil {
		panic(err)
	}
	defer provider.Close()
	who, err := provider.Verify(context.Background(), tokenFor("running-app"))
	if err != nil {
		panic(err)
	}
	fmt.Println(len(who.Principal), "characters that do not say ada")

	_, err = provider.Verify(context.Background(), tokenFor("another-app"))
	fmt.Println(err)
	// Output:
	// 52 characters that do not say ada
	// identity: the token is meant for another audience than running-app
}
