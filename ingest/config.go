package ingest

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/tempogate/tempogate/classifier"
	"github.com/tempogate/tempogate/consent"
	"github.com/tempogate/tempogate/consent/identity"
	"github.com/tempogate/tempogate/ingest/presence"
	"github.com/tempogate/tempogate/ingest/wire"
)

// A Ledger answers for everybody's consent. *consent.Ledger is one.
type Ledger interface {
	// Give records a yes and returns the signed receipt once it is on disk.
	Give(ctx context.Context, principal string, req consent.GiveRequest) (*consent.Receipt, error)

	// Refuse records a no to a notice and returns the signed receipt once it
	// is on disk and every Watch has been told.
	Refuse(ctx context.Context, principal string, req consent.RefuseRequest) (*consent.Receipt, error)

	// Withdraw takes a yes back, for all categories when none is named. It
	// returns once the change is on disk and every Watch has been told.
	Withdraw(ctx context.Context, principal, method string, categories ...consent.Category) (consent.Grant, error)

	// Erase ends what is in force, as Withdraw does, makes the ledger forget
	// whose the record is, and returns the receipt of that.
	Erase(ctx context.Context, principal, method string) (*consent.Receipt, error)

	// Grant, History, Receipt and Export tell what is recorded of a person.
	Grant(principal string) (consent.Grant, error)
	History(ctx context.Context, principal string) ([]consent.Change, error)
	Receipt(ctx context.Context, principal string) (*consent.Receipt, error)
	Export(ctx context.Context, principal string) (*consent.Export, error)

	// Decide is the gate. It must not wait.
	Decide(principal string, c consent.Category) consent.Decision

	// DecideAnew is Decide for somebody who comes in now. A no may wait until it is
	// known that no other node has a newer yes.
	DecideAnew(ctx context.Context, principal string, c consent.Category) consent.Decision

	// Permit is the gate for a frame: Decide for each category, and whether anybody
	// is to get this person's tempo. It must not wait, and allocates nothing.
	Permit(principal string) consent.Permit

	// Watch has told called for each change of a person's grant, in order,
	// before the change is acknowledged to whoever made it.
	Watch(principal string, told func(consent.Grant)) (stop func())

	// Deliver hands an estimate to the recipients that the grant names. It
	// takes a copy and must not wait.
	Deliver(principal string, estimate []byte)

	// Receive calls each with what there is for a recipient, and with nil when
	// it begins and every few seconds without anything.
	Receive(ctx context.Context, recipient string, each func(line []byte) error) error

	// DeliveryCounts says what became of the estimates, by recipient.
	DeliveryCounts() map[string]consent.DeliveryCounts

	// Changes counts the changes of consent since the ledger was opened.
	Changes() map[consent.Event]uint64

	// Notices are the notice that people are asked under now, in each language
	// that there is, the default first.
	Notices() []*consent.Notice

	// NoticeChanges says what is different in it from an earlier version.
	NoticeChanges(from, language string) (*consent.NoticeChanges, error)

	// Keys are the public keys that receipts are verified with.
	Keys() consent.KeySet

	// Healthy returns nil, or why the ledger cannot answer.
	Healthy() error
}

// A Verifier finds out whom a bearer token stands for. *identity.Issuer is
// one. The text of an error is shown to the client: it names what to mend and
// never the token. An error that wraps identity.ErrUnavailable is answered with
// 503, every other one with 401.
type Verifier interface {
	Verify(ctx context.Context, token string) (identity.Identity, error)
}

// A RecipientVerifier finds out which recipient a bearer token stands for.
// *identity.Issuer is one. Errors are as those of a Verifier.
type RecipientVerifier interface {
	VerifyRecipient(ctx context.Context, token string) (name string, err error)
}

// A Config configures a Server. Ledger and Verifier have to be there, the zero
// value of everything else works.
type Config struct {
	// Listen is the public address, 127.0.0.1:8080 when empty. Port 0 takes a
	// free one.
	Listen string

	// Admin is the address of the admin listener, which serves /healthz,
	// /readyz, /metrics and /debug/pprof and must not be reachable from
	// outside. Empty: no admin listener.
	Admin string

	// TLS, when set, makes the public listener speak TLS. The server takes a
	// copy and offers HTTP/1.1 only, which WebSocket needs.
	TLS *tls.Config

	Ledger   Ledger
	Verifier Verifier

	// Page serves the running-mode page and the JavaScript client at /.
	Page bool

	// Anonymous gives identities to visitors of the page who have none. Nobody
	// does when nil, and only people with a token can say yes.
	Anonymous AnonymousIssuer

	// Capabilities seals the links of apps that can only push. Without it there
	// are none.
	Capabilities Sealer

	// Recipients, when set, lets third parties get the tempo of people who
	// named them. Without it none can.
	Recipients RecipientVerifier

	// Nodes, when set, carries messages between the nodes that share the ledger,
	// so that Limits.SessionsPerPerson holds for all of them together.
	// *consent.Ledger is one.
	Nodes presence.Bus

	// NodeHold is how long the sessions of a node that has fallen silent count
	// for their people. It has to be longer than the lease of the ledger. 10 s
	// when zero.
	NodeHold time.Duration

	// NodeName is what this node is called in the metrics. The name of the machine
	// when empty.
	NodeName string

	// Proxies are the networks of the load balancers in front of this server.
	// What they say of where a client comes from is believed: with
	// ProxyProtocol in the header that begins each of their connections,
	// otherwise in X-Forwarded-For.
	Proxies       []netip.Prefix
	ProxyProtocol bool

	// Classifier configures the stream of each session.
	Classifier classifier.Config

	// Origins are the origins, such as "https://run.example.org", whose pages
	// may call this server beside its own. Requests without an Origin header
	// do not come from a page and are always allowed.
	Origins []string

	Limits Limits

	// IdleTimeout ends a session that sends no frame for so long. 60 s when
	// zero.
	IdleTimeout time.Duration

	// WindowHold is how long a session's window may outlive the last frame
	// before it is cleared, while the session goes on. 10 s when zero.
	WindowHold time.Duration

	// WriteTimeout ends a session whose client does not read. 5 s when zero.
	WriteTimeout time.Duration

	// ShedLateness is how late, on average over about a second, the node may
	// come to what is due before it lets nobody in any more, to the benefit of
	// the sessions that it has. 25 ms when zero.
	ShedLateness time.Duration

	// DrainDelay is how long a server that is to go away still lets people in,
	// while /readyz says that it is not ready: a load balancer has to notice
	// before somebody is refused.
	DrainDelay time.Duration

	// Grace is how long a shutdown may take before what is left is cut off.
	// 10 s when zero.
	Grace time.Duration

	// Logger takes what the operator should know. Nothing that is logged
	// holds a sample, a token or a person. slog.Default() when nil.
	Logger *slog.Logger

	// decode is (*wire.Decoder).Decode, unless a test replaces it.
	decode decodeFunc

	// wrap is clearing, unless a test wants to look between the layers.
	wrap func(net.Listener, *tls.Config) net.Listener
}

type decodeFunc func(d *wire.Decoder, dst *wire.Batch, scratch *wire.Scratch, binary bool, payload []byte, allowed wire.Allowed) error

// withDefaults checks a configuration and fills it in.
func (c Config) withDefaults() (Config, error) {
	if c.Ledger == nil {
		return c, errors.New("ingest: no ledger: without one nobody can be let in")
	}
	if c.Verifier == nil {
		return c, errors.New("ingest: no verifier: without one nobody can be told apart")
	}
	for _, origin := range c.Origins {
		u, err := url.Parse(origin)
		if err != nil || u.Scheme == "" || u.Host == "" || u.Path != "" || strings.Contains(origin, "*") {
			return c, fmt.Errorf("ingest: %q is no origin: write scheme://host or scheme://host:port, nothing after it", origin)
		}
	}
	if c.ProxyProtocol && len(c.Proxies) == 0 {
		return c, errors.New("ingest: the PROXY protocol is spoken by proxies, and none is named")
	}
	if c.NodeName == "" {
		if name, err := os.Hostname(); err == nil {
			c.NodeName = name
		}
	}
	if c.Listen == "" {
		c.Listen = "127.0.0.1:8080"
	}
	if c.TLS != nil {
		c.TLS = c.TLS.Clone()
		c.TLS.NextProtos = []string{"http/1.1"}
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	if c.decode == nil {
		c.decode = (*wire.Decoder).Decode
	}
	if c.wrap == nil {
		c.wrap = clearing
	}
	orDuration(&c.IdleTimeout, 60*time.Second)
	orDuration(&c.WindowHold, 10*time.Second)
	orDuration(&c.WriteTimeout, 5*time.Second)
	orDuration(&c.Grace, 10*time.Second)
	orDuration(&c.ShedLateness, 25*time.Millisecond)
	c.Limits.withDefaults()
	return c, nil
}

func orDuration(d *time.Duration, otherwise time.Duration) {
	if *d <= 0 {
		*d = otherwise
	}
}

func orInt(n *int, otherwise int) {
	if *n <= 0 {
		*n = otherwise
	}
}

// Timeouts of the HTTP server. They end slow-loris handshakes; a session that
// has been upgraded has its own.
const (
	readHeaderTimeout = 5 * time.Second
	requestTimeout    = 15 * time.Second
	keepAliveTimeout  = 60 * time.Second
	maxHeaderBytes    = 16 << 10
	maxBodyBytes      = 64 << 10 // of PUT /v1/consent
)

// allowedOrigin reports whether a page of the request's origin may call: it
// is this server's own, or one of the configured ones, or there is no page.
func (c *Config) allowedOrigin(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" {
		return true
	}
	if len(r.Header.Values("Origin")) > 1 {
		return false // no browser sends two
	}
	for _, o := range c.Origins {
		if strings.EqualFold(o, origin) {
			return true
		}
	}
	u, err := url.Parse(origin)
	// Without a host there is no own origin: "null" and "file://" have none either.
	return err == nil && u.Host != "" && strings.EqualFold(u.Host, r.Host)
}
