package ingest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/tempogate/tempogate/consent/identity"
)

// An app that is told that its token is bad throws it away. It must not be told
// so when nobody could check.
func TestATokenThatCannotBeCheckedIsNotCalledBad(t *testing.T) {
	for _, c := range []struct {
		err    error
		status int
		code   string
	}{
		{errors.New("identity: the token has expired"), http.StatusUnauthorized, CodeBadToken},
		{fmt.Errorf("identity: %w: try again later", identity.ErrUnavailable), http.StatusServiceUnavailable, CodeIdentityUnavailable},
	} {
		n := startNode(t, func(config *Config) { config.Verifier = refusing{c.err} })
		for _, path := range []string{"/v1/stream", "/v1/consent"} {
			request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, n.url+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			request.Header.Set("Authorization", "Bearer x")
			if path == "/v1/stream" {
				for name, value := range map[string]string{"Connection": "Upgrade", "Upgrade": "websocket",
					"Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==", "Sec-WebSocket-Protocol": "tempogate.v1"} {
					request.Header.Set(name, value)
				}
			}
			response, err := http.DefaultClient.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(response.Body)
			response.Body.Close()
			if err != nil || response.StatusCode != c.status || !strings.Contains(string(body), `"code":"`+c.code+`"`) {
				t.Errorf("%s: %s %s, want %d %s", path, response.Status, body, c.status, c.code)
			}
			if again := response.Header.Get("Retry-After") != ""; again != (c.status == http.StatusServiceUnavailable) {
				t.Errorf("%s: Retry-After is %q", path, response.Header.Get("Retry-After"))
			}
		}
		http.DefaultClient.CloseIdleConnections()
	}
}

// refusing is a Verifier that always fails.
type refusing struct{ err error }

func (r refusing) Verify(context.Context, string) (identity.Identity, error) {
	return identity.Identity{}, r.err
}
