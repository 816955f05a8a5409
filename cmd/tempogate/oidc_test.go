package main

import (
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"time"

	"github.com/hashicorp/cap/oidc"
	"github.com/rogpeppe/go-internal/testscript"
)

// startProvider starts an OpenID Connect provider for a script, puts its
// address into the variable ISSUER, and writes a token for the audience
// "running-app" to a file, as an app gets it that logs somebody in.
func startProvider(ts *testscript.TestScript, file string) {
	provider := oidc.StartTestProvider(scriptT{ts}, oidc.WithNoTLS())
	provider.SetClientCreds("running-app", "secret")
	provider.SetExpectedAuthCode("code")
	provider.SetExpectedSubject("ada.lovelace@example.org")
	provider.SetExpectedExpiry(time.Hour)
	ts.Setenv("ISSUER", provider.Addr())

	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := client.Get(provider.Addr() + "/authorize?" + url.Values{
		"response_type": {"code"}, "scope": {"openid"}, "state": {"s"},
		"client_id": {"running-app"}, "redirect_uri": {"https://example.com"},
	}.Encode())
	ts.Check(err)
	response.Body.Close()
	back, err := response.Location()
	ts.Check(err)
	response, err = client.PostForm(provider.Addr()+"/token", url.Values{
		"grant_type": {"authorization_code"}, "redirect_uri": {"https://example.com"},
		"client_id": {"running-app"}, "client_secret": {"secret"}, "code": {back.Query().Get("code")},
	})
	ts.Check(err)
	defer response.Body.Close()
	var reply struct {
		IDToken string `json:"id_token"`
	}
	ts.Check(json.NewDecoder(response.Body).Decode(&reply))
	ts.Check(os.WriteFile(ts.MkAbs(file), []byte(reply.IDToken), 0o600))
}

// scriptT is a script as the provider sees it: something that can fail and
// clean up.
type scriptT struct{ ts *testscript.TestScript }

func (t scriptT) Errorf(format string, args ...any) { t.ts.Logf(format, args...) }
func (t scriptT) FailNow()                          { t.ts.Fatalf("the identity provider failed") }
func (t scriptT) Cleanup(f func())                  { t.ts.Defer(f) }
