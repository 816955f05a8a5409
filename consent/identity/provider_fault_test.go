package identity

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	op "github.com/hashicorp/cap/oidc"
)

// The provider signs with a new key: the first token with it makes the server
// ask once, and it is taken. The old key is not published any more, so its
// tokens are not taken any more.
func TestANewKeyOfTheProviderIsFound(t *testing.T) {
	provider := startProvider(t)
	verifier := provider.open(provider.config())
	old := provider.sign(nil)
	if _, err := verifier.Verify(t.Context(), old); err != nil {
		t.Fatal(err)
	}
	if n := provider.fetches.Load(); n != 1 {
		t.Fatalf("the keys were fetched %d times for a known key, want once, at the start", n)
	}
	provider.setKey(newRSAKey(t), op.RS256, "second")
	for range 3 {
		if _, err := verifier.Verify(t.Context(), provider.sign(nil)); err != nil {
			t.Fatal(err)
		}
	}
	if n := provider.fetches.Load(); n != 2 {
		t.Errorf("the keys were fetched %d times, want once more", n)
	}
	if _, err := verifier.Verify(t.Context(), old); err == nil || !strings.Contains(err.Error(), "does not publish") {
		t.Errorf("a token of a key that was taken out: %v", err)
	}

	// The provider's own tokens do not name the key, here: it is found all the same.
	provider.setKey(newECKey(t), op.ES256, "third")
	idToken, _ := provider.login()
	if _, err := verifier.Verify(t.Context(), idToken); err != nil {
		t.Error(err)
	}
}

// Anybody can name keys that nobody has. That must not make this server a
// hammer on the provider: the first few make it ask, then one in ten seconds.
func TestUnknownKeysAskTheProviderRarely(t *testing.T) {
	provider := startProvider(t)
	config := provider.config()
	var mutex sync.Mutex
	now := noon
	config.now = func() time.Time { mutex.Lock(); defer mutex.Unlock(); return now }
	verifier := provider.open(config)
	eve := newECKey(t)
	attack := func(from, to int) {
		var all sync.WaitGroup
		for i := from; i < to; i++ {
			token := signAs(t, "ES256", eve, map[string]any{"kid": fmt.Sprintf("made-up-%d", i)}, provider.claims(nil))
			all.Go(func() {
				if _, err := verifier.Verify(t.Context(), token); err == nil || errors.Is(err, ErrUnavailable) {
					t.Errorf("token with an unknown key: %v", err)
				}
			})
		}
		all.Wait()
	}
	attack(0, 50)
	if n := provider.fetches.Load(); n != 1+fetchBurst {
		t.Errorf("%d fetches for 50 unknown keys, want %d and the one at the start", n, fetchBurst)
	}
	// Who has a good token does not notice.
	if _, err := verifier.Verify(t.Context(), provider.sign(nil)); err != nil {
		t.Error(err)
	}
	mutex.Lock()
	now = now.Add(fetchPause)
	mutex.Unlock()
	attack(50, 100)
	if n := provider.fetches.Load(); n != 2+fetchBurst {
		t.Errorf("%d fetches after a pause, want one more", n)
	}
}

// Many people come with the new key at once: one request serves all.
func TestOneFetchServesAllWhoWait(t *testing.T) {
	provider := startProvider(t)
	verifier := provider.open(provider.config())
	provider.setKey(newECKey(t), op.ES256, "second")
	token := provider.sign(nil)
	var all sync.WaitGroup
	for range 32 {
		all.Go(func() {
			if _, err := verifier.Verify(t.Context(), token); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	// A straggler may start a second one between a miss and the answer.
	if n := provider.fetches.Load(); n > 1+fetchBurst {
		t.Errorf("%d fetches for 32 tokens with one new key", n)
	}
}

// The provider is away: known keys go on serving, and what cannot be decided is
// not called a bad token.
func TestTheProviderIsAway(t *testing.T) {
	for _, c := range []struct {
		name string
		away func(*testProvider)
	}{
		{"stopped", func(p *testProvider) { p.Stop() }},
		{"answers 404", func(p *testProvider) { p.SetDisableJWKs(true) }},
		{"answers nonsense", func(p *testProvider) { p.SetInvalidJWKS(true) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			provider := startProvider(t)
			verifier := provider.open(provider.config())
			known := provider.sign(nil)
			provider.setKey(newECKey(t), op.ES256, "second")
			unknown := provider.sign(nil)
			c.away(provider)
			for range fetchBurst + 2 { // also once it does not ask any more
				_, err := verifier.Verify(t.Context(), unknown)
				if !errors.Is(err, ErrUnavailable) || !strings.HasPrefix(err.Error(), "identity: identity provider unavailable") {
					t.Errorf("a key that is not known: %v", err)
				}
				if quotes(err, unknown) {
					t.Errorf("error %q quotes the token", err)
				}
			}
			if _, err := verifier.Verify(t.Context(), known); err != nil {
				t.Errorf("a known key: %v", err)
			}
			// What is bad stays bad.
			if _, err := verifier.Verify(t.Context(), known[:len(known)-2]); err == nil || errors.Is(err, ErrUnavailable) {
				t.Errorf("a bad token: %v", err)
			}
		})
	}
}

// A provider that takes the connection and says nothing holds up nobody who
// does not want to wait.
func TestASilentProviderHoldsUpNobody(t *testing.T) {
	provider := startProvider(t)
	silent := make(chan struct{})
	defer close(silent)
	config := provider.config()
	quiet := false
	config.HTTPClient.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
		if quiet {
			select {
			case <-silent:
			case <-r.Context().Done():
			}
			return nil, errors.New("silence")
		}
		return provider.RoundTrip(r)
	})
	verifier := provider.open(config)
	known := provider.sign(nil)
	quiet = true
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	token := signAs(t, "ES256", newECKey(t), map[string]any{"kid": "second"}, provider.claims(nil))
	if _, err := verifier.Verify(ctx, token); !errors.Is(err, ErrUnavailable) {
		t.Errorf("a caller that has gone got %v", err)
	}
	if _, err := verifier.Verify(t.Context(), known); err != nil {
		t.Errorf("a known key: %v", err)
	}
}

// Close ends a fetch that is under way, and does not come back before the
// goroutine of the Provider has ended.
func TestCloseEndsFetches(t *testing.T) {
	provider := startProvider(t)
	config := provider.config()
	config.Refresh = time.Millisecond
	started := make(chan struct{})
	var once sync.Once
	quiet := false
	config.HTTPClient.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
		if !quiet {
			quiet = strings.HasSuffix(r.URL.Path, "/jwks.json") // that was the one at the start
			return provider.RoundTrip(r)
		}
		once.Do(func() { close(started) })
		<-r.Context().Done()
		return nil, r.Context().Err()
	})
	verifier := provider.open(config)
	<-started
	verifier.Close()
	if _, err := verifier.Verify(t.Context(), provider.sign(nil)); err != nil {
		t.Errorf("a known key, after Close: %v", err)
	}
}

// The provider takes a key out, perhaps because it was stolen: it is refused
// without any token having asked. That the provider is away, and back, is said
// once each.
func TestKeysAreRefreshed(t *testing.T) {
	provider := startProvider(t)
	config := provider.config()
	config.Refresh = time.Millisecond
	var log lockedBuffer
	config.Logger = slog.New(slog.NewTextHandler(&log, nil))
	verifier := provider.open(config)
	stolen := provider.sign(nil)
	provider.setKey(newECKey(t), op.ES256, "second")
	eventually(t, "the stolen key is refused", func() bool {
		return verifier.keys.current.Load() != nil && (*verifier.keys.current.Load())[0].KeyID == "second"
	})
	if _, err := verifier.Verify(t.Context(), stolen); err == nil {
		t.Error("the key that was taken out still serves")
	}
	provider.SetDisableJWKs(true)
	eventually(t, "it is said that the provider is away", func() bool { return strings.Contains(log.String(), "cannot be reached") })
	before := provider.fetches.Load()
	eventually(t, "it asks again", func() bool { return provider.fetches.Load() > before+2 })
	provider.SetDisableJWKs(false)
	eventually(t, "it is said that it is back", func() bool { return strings.Contains(log.String(), "reached again") })
	if n := strings.Count(log.String(), "cannot be reached"); n != 1 {
		t.Errorf("said %d times that the provider is away, want once", n)
	}
}

// A server that could let nobody in does not start, and says why.
func TestAProviderThatCannotBeUsed(t *testing.T) {
	document := func(text string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprint(w, strings.ReplaceAll(text, "SELF", "http://"+r.Host))
		}
	}
	keys := func(text string) http.Handler {
		mux := http.NewServeMux()
		mux.Handle("/.well-known/openid-configuration", document(`{"issuer":"SELF","jwks_uri":"SELF/keys"}`))
		mux.Handle("/keys", document(text))
		return mux
	}
	for _, c := range []struct {
		name    string
		handler http.Handler
		want    string
	}{
		{"no discovery", http.NotFoundHandler(), "404"},
		{"a web page", document("<html>" + strings.Repeat("a", 1000)), "cannot be used"},
		{"another issuer", document(`{"issuer":"https://login.example","jwks_uri":"SELF/keys"}`), "https://login.example"},
		{"no keys named", document(`{"issuer":"SELF"}`), "jwks_uri"},
		{"keys over plain http from elsewhere", document(`{"issuer":"SELF","jwks_uri":"http://login.example/keys"}`), "https"},
		{"no key", keys(`{"keys":[]}`), "no key is published"},
		{"only a shared secret", keys(`{"keys":[{"kty":"oct","k":"AAAA"}]}`), "no key is published"},
		{"keys that are none", keys(`It's not a keyset!`), "no JSON Web Key Set"},
		{"endless keys", keys(strings.Repeat(" ", maxDocument+1)), "too large"},
		{"redirected to plain http", http.RedirectHandler("http://login.example/", http.StatusFound), "https"},
		{"redirected for ever", http.RedirectHandler("/again", http.StatusFound), "redirects"},
	} {
		t.Run(c.name, func(t *testing.T) {
			server := httptest.NewServer(c.handler)
			defer server.Close()
			_, err := OpenProvider(t.Context(), ProviderConfig{Dir: t.TempDir(), Issuer: server.URL, Audience: "a"})
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), server.URL) {
				t.Errorf("error %v does not say %q and which provider", err, c.want)
			}
			if err != nil && len(err.Error()) > 500 {
				t.Errorf("%d bytes of error", len(err.Error()))
			}
		})
	}

	t.Run("not there", func(t *testing.T) {
		server := httptest.NewServer(http.NotFoundHandler())
		server.Close()
		if _, err := OpenProvider(t.Context(), ProviderConfig{Dir: t.TempDir(), Issuer: server.URL, Audience: "a"}); err == nil || !strings.Contains(err.Error(), "refused") {
			t.Errorf("error %v", err)
		}
	})
	t.Run("silent", func(t *testing.T) {
		silent := make(chan struct{})
		server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-silent }))
		defer server.Close()
		defer close(silent)
		if _, err := OpenProvider(t.Context(), ProviderConfig{Dir: t.TempDir(), Issuer: server.URL, Audience: "a", timeout: 50 * time.Millisecond}); err == nil || !strings.Contains(err.Error(), "deadline exceeded") {
			t.Errorf("error %v", err)
		}
	})
	t.Run("certificate of nobody", func(t *testing.T) {
		provider := startProvider(t)
		config := provider.config()
		config.HTTPClient = nil
		if _, err := OpenProvider(t.Context(), config); err == nil || !strings.Contains(err.Error(), "certificate") {
			t.Errorf("error %v", err)
		}
	})
}

func TestAddressesOfProviders(t *testing.T) {
	for _, c := range []struct{ issuer, audience, want string }{
		{"", "a", "no address"},
		{"login.example.org", "a", "no address"},
		{"https://", "a", "no address"},
		{"https://ada:secret@login.example.org", "a", "no address"},
		{"https://login.example.org?tenant=1", "a", "no address"},
		{"https://login.example.org#a", "a", "no address"},
		{"http://login.example.org", "a", "has to be https"},
		{"http://10.0.0.1", "a", "has to be https"},
		{"ftp://127.0.0.1", "a", "has to be https"},
		{"https://login.example.org", "", "audience is empty"},
	} {
		_, err := OpenProvider(t.Context(), ProviderConfig{Dir: t.TempDir(), Issuer: c.issuer, Audience: c.audience})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q, %q: error %v does not say %q", c.issuer, c.audience, err, c.want)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("%v shows a password", err)
		}
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// A lockedBuffer is a log that is written and read at the same time.
type lockedBuffer struct {
	mutex sync.Mutex
	text  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.text.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.text.String()
}

// eventually waits longer than any machine needs.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited for ages until %s", what)
		}
	}
}
