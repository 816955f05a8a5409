package identity

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/golang-jwt/jwt/v5"
	"golang.org/x/time/rate"
)

const (
	// ProviderSkew is how far the clocks of this server and of the identity
	// provider may be apart, either way.
	ProviderSkew = time.Minute

	// startTimeout bounds discovery and the first fetch of the keys together.
	startTimeout = 10 * time.Second

	// refreshEvery is how often the keys are fetched anew, so that one that the
	// provider took out is refused from then on.
	refreshEvery = 10 * time.Minute

	maxRedirects = 3
)

// A ProviderConfig says whose tokens a Provider verifies. Dir, Issuer and
// Audience have to be there.
type ProviderConfig struct {
	// Dir is the data folder: the key of the pseudonyms is kept there.
	Dir string

	// Issuer is the provider's address, exactly as its tokens have it in "iss".
	// Discovery is at Issuer + "/.well-known/openid-configuration". It has to be
	// https, or http on the loopback: who can change the answers underway could
	// be anybody.
	Issuer string

	// Audience has to be in a token's "aud": the client's ID for ID tokens, the
	// name of this server for access tokens in JWT form (RFC 9068).
	Audience string

	// Refresh is how often the provider's keys are fetched anew, 10 minutes when
	// 0. A key that was taken out at the provider is refused that much later at
	// the latest, unless the provider cannot be reached.
	Refresh time.Duration

	// HTTPClient reaches the provider; nil takes the system's certificates and
	// proxies. Its CheckRedirect and Timeout are not used.
	HTTPClient *http.Client

	// Logger is told when the provider goes away and comes back; nil for
	// nobody.
	Logger *slog.Logger

	now     func() time.Time // in tests
	timeout time.Duration    // in tests: for startTimeout
}

// A Provider verifies the tokens of an OpenID Connect provider, after OpenID
// Connect Core 1.0, section 3.1.3.7, and RFC 9068, section 4. Its methods may
// be called from any goroutine.
type Provider struct {
	config     ProviderConfig
	keys       *keySet
	expect     expectation
	pseudonyms *Pseudonyms
	end        context.CancelFunc
	ended      chan struct{}
}

// OpenProvider finds the provider's keys by discovery (OpenID Connect Discovery
// 1.0), and fails when that takes over 10 seconds: a server whose provider is
// not there could let nobody in. From then on the provider may be away, see
// Verify. ctx bounds the opening alone; Close ends the Provider.
func OpenProvider(ctx context.Context, config ProviderConfig) (*Provider, error) {
	if config.Audience == "" {
		return nil, errors.New("identity: the audience is empty: name what the tokens have in \"aud\"")
	}
	if err := checkAddress(config.Issuer); err != nil {
		return nil, fmt.Errorf("identity: the issuer %w", err)
	}
	if strings.ContainsAny(config.Issuer, "?#") { // OpenID Connect Discovery, section 3
		return nil, errors.New("identity: the issuer is no address such as https://login.example.org: it has a query or a fragment")
	}
	if config.Refresh <= 0 {
		config.Refresh = refreshEvery
	}
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	if config.now == nil {
		config.now = time.Now
	}
	if config.timeout == 0 {
		config.timeout = startTimeout
	}
	if err := makeFolder(config.Dir); err != nil {
		return nil, err
	}
	pseudonyms, err := OpenPseudonyms(config.Dir)
	if err != nil {
		return nil, err
	}
	client := boundedClient(config.HTTPClient)
	ctx, cancel := context.WithTimeout(ctx, config.timeout)
	defer cancel()
	keys, err := discover(ctx, &config, client)
	if err != nil {
		return nil, fmt.Errorf("identity: the provider %s cannot be used: %w", config.Issuer, shorten(err))
	}
	p := newProvider(config, keys, pseudonyms)
	keys.life, p.end = context.WithCancel(context.Background())
	go p.refresh(keys.life)
	return p, nil
}

// newProvider returns a Provider that has these keys, and nobody to refresh them.
func newProvider(config ProviderConfig, keys *keySet, pseudonyms *Pseudonyms) *Provider {
	return &Provider{
		config:     config,
		keys:       keys,
		pseudonyms: pseudonyms,
		ended:      make(chan struct{}),
		expect: newExpectation(config.Issuer, config.Audience, ProviderSkew, config.now,
			"the token was signed with a key that "+config.Issuer+" does not publish: get one from there, or try again in some seconds if its keys have just changed"),
	}
}

// discover asks the provider where its keys are, and for the keys.
func discover(ctx context.Context, config *ProviderConfig, client *http.Client) (*keySet, error) {
	provider, err := oidc.NewProvider(oidc.ClientContext(ctx, client), config.Issuer)
	if err != nil {
		return nil, err
	}
	var metadata struct {
		JWKSURI string `json:"jwks_uri"`
	}
	if err := provider.Claims(&metadata); err != nil {
		return nil, err
	}
	if err := checkAddress(metadata.JWKSURI); err != nil {
		return nil, fmt.Errorf("its jwks_uri %w", err)
	}
	keys := &keySet{
		url:     metadata.JWKSURI,
		client:  client,
		life:    ctx,
		limiter: rate.NewLimiter(rate.Every(fetchPause), fetchBurst),
		now:     config.now,
	}
	if err := keys.fetch(); err != nil {
		return nil, err
	}
	return keys, nil
}

// refresh fetches the keys now and then until ctx is done.
func (p *Provider) refresh(ctx context.Context) {
	defer close(p.ended)
	ticker := time.NewTicker(p.config.Refresh)
	defer ticker.Stop()
	away := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		err := p.keys.fetch()
		switch {
		case ctx.Err() != nil:
			return
		case err != nil && !away:
			p.config.Logger.Warn("the identity provider cannot be reached: tokens signed with keys that are known already are still taken",
				"issuer", p.config.Issuer, "error", shorten(err))
		case err == nil && away:
			p.config.Logger.Info("the identity provider can be reached again", "issuer", p.config.Issuer)
		}
		away = err != nil
	}
}

// Close ends the requests to the provider. The Provider must not be used
// afterwards.
func (p *Provider) Close() {
	p.end()
	<-p.ended
	p.keys.client.CloseIdleConnections()
}

// Verify returns who a token stands for. It fails for everything but an
// unexpired token that the provider signed, with RS256, ES256 or EdDSA, for the
// audience.
//
// A token that names a key that is not known makes it ask the provider for its
// keys, for 5 seconds at most, and not again and again. While the provider is
// away, tokens signed with known keys are taken, and the error of others wraps
// ErrUnavailable. Every error says what to mend and never holds the token, the
// subject or a part of either.
func (p *Provider) Verify(ctx context.Context, token string) (Identity, error) {
	if err := p.expect.checkForm(token); err != nil {
		return Identity{}, err
	}
	attempt := attempt{keys: p.keys}
	_, err := oidc.NewVerifier(p.config.Issuer, &attempt, p.verifierConfig()).Verify(ctx, token)
	switch {
	case errors.Is(attempt.err, ErrUnavailable):
		return Identity{}, fmt.Errorf("identity: %w, and the token was signed with a key that is not known yet: try again later", ErrUnavailable)
	case errors.Is(attempt.err, context.Canceled), errors.Is(attempt.err, context.DeadlineExceeded):
		return Identity{}, fmt.Errorf("identity: %w: it did not answer in time", ErrUnavailable)
	case attempt.err != nil:
		return Identity{}, p.expect.explain(attempt.err)
	case attempt.payload == nil: // the library refused before it asked for the signature
		_, cause := parseSigned(token)
		return Identity{}, p.expect.explain(cause)
	}
	// The signature is good. Own checks come before the library's verdict on
	// issuer and audience, because they know what to say; both have to agree.
	var claims jwt.RegisteredClaims
	if json.Unmarshal(attempt.payload, &claims) != nil {
		return Identity{}, p.expect.explain(jwt.ErrTokenMalformed)
	}
	if err := p.expect.check(&claims); err != nil {
		return Identity{}, err
	}
	if err != nil {
		return Identity{}, p.expect.explain(nil)
	}
	return Identity{
		Principal: p.pseudonyms.Of(p.config.Issuer, claims.Subject),
		ExpiresAt: claims.ExpiresAt.Time,
	}, nil
}

// verifierConfig has the library check the form, the algorithm, the issuer and
// the audience. The times are checked by expectation: the library allows no
// skew at the end of a token and five minutes at its beginning.
func (p *Provider) verifierConfig() *oidc.Config {
	config := &oidc.Config{ClientID: p.config.Audience, SkipExpiryCheck: true}
	for _, a := range algorithms {
		config.SupportedSigningAlgs = append(config.SupportedSigningAlgs, string(a))
	}
	return config
}

// An attempt is the key set as one call of the library sees it: it keeps what
// the library's own error only has as text.
type attempt struct {
	keys    *keySet
	payload []byte
	err     error
}

// VerifySignature is called by the library.
func (a *attempt) VerifySignature(ctx context.Context, token string) ([]byte, error) {
	a.payload, a.err = a.keys.verify(ctx, token)
	return a.payload, a.err
}

// checkAddress returns what is wrong with an address of the provider. It does
// not quote it: there may be a password in it.
func checkAddress(address string) error {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.User != nil {
		return errors.New("is no address such as https://login.example.org")
	}
	return checkSafe(u)
}

func checkSafe(u *url.URL) error {
	if u.Scheme == "https" {
		return nil
	}
	if u.Scheme == "http" && (u.Hostname() == "localhost" || net.ParseIP(u.Hostname()).IsLoopback()) {
		return nil
	}
	return errors.New("has to be https, or http on the loopback: who can change keys underway could be anybody")
}

// boundedClient returns a client that bounds time, length and redirects of
// every answer. given may be nil.
func boundedClient(given *http.Client) *http.Client {
	client := &http.Client{}
	if given != nil {
		*client = *given
	}
	inner := client.Transport
	if inner == nil {
		inner = http.DefaultTransport.(*http.Transport).Clone()
	}
	client.Timeout = fetchTimeout
	client.Transport = boundedTransport{inner}
	client.CheckRedirect = func(request *http.Request, via []*http.Request) error {
		if len(via) > maxRedirects {
			return fmt.Errorf("over %d redirects", maxRedirects)
		}
		return checkSafe(request.URL)
	}
	return client
}

// A boundedTransport cuts answers off at maxDocument.
type boundedTransport struct{ inner http.RoundTripper }

func (t boundedTransport) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := t.inner.RoundTrip(request)
	if err == nil {
		response.Body = http.MaxBytesReader(nil, response.Body, maxDocument)
	}
	return response, err
}

// CloseIdleConnections is found by http.Client.
func (t boundedTransport) CloseIdleConnections() {
	if inner, ok := t.inner.(interface{ CloseIdleConnections() }); ok {
		inner.CloseIdleConnections()
	}
}

// shorten keeps an error of the library, which may quote a whole page, to what
// fits a line of the log.
func shorten(err error) error {
	const longest = 300
	if text := err.Error(); len(text) > longest {
		return fmt.Errorf("%.*s (and more)", longest, text)
	}
	return err
}
