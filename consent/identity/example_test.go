package identity_test

import (
	"context"
	"fmt"
	"os"
	"time"

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
