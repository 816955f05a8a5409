package ingest

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tempogate/tempogate/consent"
	"github.com/tempogate/tempogate/ingest/client"
)

// A lookout remembers every buffer that connections were read into, and looks
// into them: when a connection is about to wait for more, and afterwards.
type lookout struct {
	mu    sync.Mutex
	conns []*watchedConn
}

// waiting reports whether a buffer of any connection held the canary when the
// connection was last read from.
func (l *lookout) waiting() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.ContainsFunc(l.conns, func(c *watchedConn) bool { return c.held.Load() })
}

// finds returns the first buffer for which holds is true. The connections must
// not be in use any more.
func (l *lookout) finds(holds func([]byte) bool) []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.conns {
		if b := c.finds(holds); b != nil {
			return b
		}
	}
	return nil
}

// listener puts the lookout below whatever reads from the connections of l.
func (l *lookout) listener(below net.Listener) net.Listener {
	return clearingListener{below, func(conn net.Conn) net.Conn {
		l.mu.Lock()
		defer l.mu.Unlock()
		c := &watchedConn{Conn: conn, buffers: make(map[*byte][]byte)}
		l.conns = append(l.conns, c)
		return c
	}}
}

// A watchedConn remembers the buffers that it was read into.
type watchedConn struct {
	net.Conn
	held atomic.Bool // one of the buffers held the canary at the last Read

	mu      sync.Mutex
	buffers map[*byte][]byte // the longest from each start
}

func (c *watchedConn) finds(holds func([]byte) bool) []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, b := range c.buffers {
		if holds(b) {
			return b
		}
	}
	return nil
}

func (c *watchedConn) Read(p []byte) (int, error) {
	c.mu.Lock()
	if len(p) > 0 && len(p) > len(c.buffers[&p[0]]) {
		c.buffers[&p[0]] = p
	}
	c.mu.Unlock()
	c.held.Store(c.finds(holdsCanary) != nil)
	n, err := c.Conn.Read(p)
	// net/http reads ahead in a goroutine that it does not wait for: who looks
	// afterwards comes after what was read.
	c.mu.Lock()
	defer c.mu.Unlock()
	return n, err
}

func (c *watchedConn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}

// canary is a batch with a value that is found nowhere else. The frames of the
// tests below have a mask of zeros, so that it can be found in them as it is.
var canary = []byte(`{"payload":[{"name":"totalacceleration","time":1700000000000000000,"values":{"x":7.2538196,"y":9.7,"z":0.4}}]}`)

func holdsCanary(b []byte) bool { return bytes.Contains(b, canary[80:100]) }

func holdsAnything(b []byte) bool { return !bytes.Equal(b, make([]byte, len(b))) }

// endings are the ways in which a session can end, as its client or somebody
// else brings them about after a canary was sent.
var endings = map[string]func(*testing.T, *node, net.Conn){
	"end": func(t *testing.T, _ *node, conn net.Conn) { conn.Write(masked(0x81, []byte(`{"type":"end"}`))) },
	"end in the same breath": func(t *testing.T, _ *node, conn net.Conn) {
		conn.Write(append(masked(0x81, canary), masked(0x81, []byte(`{"type":"end"}`))...))
	},
	"frames behind the end": func(t *testing.T, _ *node, conn net.Conn) {
		conn.Write(append(masked(0x81, []byte(`{"type":"end"}`)), bytes.Repeat(masked(0x81, canary), 5)...))
	},
	"withdrawal on the stream": func(t *testing.T, _ *node, conn net.Conn) {
		conn.Write(masked(0x81, []byte(`{"type":"withdraw"}`)))
	},
	"withdrawal over HTTP": func(t *testing.T, n *node, conn net.Conn) {
		if _, err := n.ledger.Withdraw(t.Context(), n.principal("anna"), httpMethod); err != nil {
			t.Error(err)
		}
	},
	"withdrawal in mid-frame": func(t *testing.T, n *node, conn net.Conn) {
		conn.Write(masked(0x81, canary)[:110])
		if _, err := n.ledger.Withdraw(t.Context(), n.principal("anna"), httpMethod); err != nil {
			t.Error(err)
		}
	},
	"malformed": func(t *testing.T, _ *node, conn net.Conn) { conn.Write(masked(0x81, canary[:100])) },
	"too large": func(t *testing.T, _ *node, conn net.Conn) {
		for range 100 { // fragments of one message; the server stops reading it somewhere
			if _, err := conn.Write(masked(0x01&^0x80, bytes.Repeat(canary, 100))); err != nil {
				return
			}
		}
	},
	"protocol error":     func(t *testing.T, _ *node, conn net.Conn) { conn.Write(masked(0xff, canary)) },
	"hung up":            func(t *testing.T, _ *node, conn net.Conn) { conn.Close() },
	"hung up mid-frame":  func(t *testing.T, _ *node, conn net.Conn) { conn.Write(masked(0x81, canary)[:110]); conn.Close() },
	"idle":               func(t *testing.T, _ *node, conn net.Conn) {},
	"drain":              func(t *testing.T, n *node, conn net.Conn) { n.stop() },
	"drain in mid-frame": func(t *testing.T, n *node, conn net.Conn) { conn.Write(masked(0x81, canary)[:110]); n.stop() },
}

// A canary is sent, and every buffer that the connection was read through is
// searched: while the session waits for its next frame, and after it ended in
// each possible way. Over TLS there are twice as many buffers.
func TestBuffersHoldNothing(t *testing.T) {
	certificate, roots := selfSigned(t)
	for _, transport := range []string{"ws", "wss"} {
		for name, end := range endings {
			t.Run(transport+"/"+name, func(t *testing.T) {
				above, below := &lookout{}, &lookout{}
				idle := time.Duration(0) // the usual minute
				if name == "idle" {
					idle = time.Second
				}
				n := startWatched(t, above, below, transport == "wss", certificate, true, idle)
				conn := sendCanary(t, n, roots, transport == "wss")
				for where, l := range map[string]*lookout{"above": above, "below": below} {
					if l.waiting() {
						t.Errorf("while the session waits, a buffer %s holds its last frame", where)
					}
				}
				end(t, n, conn)
				go io.Copy(io.Discard, conn) // until the server hangs up
				eventually(t, "the session is over", func() bool { return n.server.registry.count() == 0 })
				conn.Close()
				n.stop()
				if b := above.finds(holdsAnything); b != nil {
					t.Errorf("after the session a buffer of %d bytes is not empty; it holds the canary: %t", len(b), holdsCanary(b))
				}
				if below.finds(holdsCanary) != nil {
					t.Error("after the session a buffer below holds the canary")
				}
			})
		}
	}
}

// The control: the lookout finds what others leave. A buffered reader keeps what
// it has read, and TLS does without the clearing layer below it. If the lookout
// does not find that, the test above shows nothing.
func TestLookoutFindsWhatIsLeft(t *testing.T) {
	l := &lookout{}
	here, there := net.Pipe()
	conn, err := l.listener(oneConn{there}).Accept()
	if err != nil {
		t.Fatal(err)
	}
	go func() { here.Write(canary); here.Close() }()
	reader := bufio.NewReader(conn)
	if _, err := io.Copy(io.Discard, struct{ io.Reader }{reader}); err != nil {
		t.Fatal(err)
	}
	if !l.waiting() || l.finds(holdsCanary) == nil {
		t.Error("nothing found in a buffered reader")
	}

	certificate, roots := selfSigned(t)
	above, below := &lookout{}, &lookout{}
	n := startWatched(t, above, below, true, certificate, false, 0)
	sendCanary(t, n, roots, true).Close()
	if !below.waiting() {
		t.Error("nothing found below TLS while the session waits")
	}
	n.stop()
	if below.finds(holdsCanary) == nil {
		t.Error("nothing found below TLS after the session")
	}
}

// oneConn is a listener that accepts one connection.
type oneConn struct{ conn net.Conn }

func (l oneConn) Accept() (net.Conn, error) { return l.conn, nil }
func (l oneConn) Close() error              { return nil }
func (l oneConn) Addr() net.Addr            { return nil }

// startWatched starts a node whose connections are watched above and below
// TLS, or twice at the same place without TLS; with the clearing layers of the
// server, or without.
func startWatched(t *testing.T, above, below *lookout, secure bool, certificate tls.Certificate, clears bool, idle time.Duration) *node {
	return startNode(t, func(c *Config) {
		c.IdleTimeout = idle
		if secure {
			c.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}}
		}
		c.wrap = func(l net.Listener, config *tls.Config) net.Listener {
			l = below.listener(l)
			if config != nil {
				if clears {
					l = clearingRecords(l)
				}
				l = tls.NewListener(l, config)
			}
			l = above.listener(l)
			if clears {
				l = clearing(l, nil)
			}
			return l
		}
	})
}

// sendCanary opens a session, sends the canary as text and in the packed form,
// and waits until both have been taken.
func sendCanary(t *testing.T, n *node, roots *x509.CertPool, secure bool) net.Conn {
	t.Helper()
	if _, err := n.ledger.Give(t.Context(), n.principal("anna"), consent.GiveRequest{
		NoticeVersion: n.ledger.Notice().Version, NoticeSHA256: n.ledger.Notice().SHA256,
		Categories: []consent.Category{consent.Acceleration}, Recipients: []string{}, Method: httpMethod,
	}); err != nil {
		t.Fatal(err)
	}
	conn := rawDial(t, "http://"+n.server.PublicAddr().String())
	if secure {
		conn = tls.Client(conn, &tls.Config{RootCAs: roots, ServerName: "localhost"})
	}
	fmt.Fprintf(conn, "GET /v1/stream HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nAuthorization: Bearer %s\r\n\r\n", n.token("anna"))
	answer := make([]byte, 1024)
	k, err := conn.Read(answer)
	if err != nil || !strings.HasPrefix(string(answer[:k]), "HTTP/1.1 101 ") {
		t.Fatalf("no upgrade: %v", err)
	}
	conn.Write(masked(0x81, canary))
	eventually(t, "the canary is taken", func() bool {
		return n.metric(`tempogate_samples_accepted_total{category="acceleration"}`) == 1
	})
	// By the time that a ping is answered, the server has waited for it.
	conn.Write(masked(0x89, nil))
	for k := 0; k == 0 || answer[k-2] != 0x8a; {
		if k, err = conn.Read(answer); err != nil {
			t.Fatal(err)
		}
	}
	return conn
}

// selfSigned returns a certificate for localhost, and the roots to trust it.
func selfSigned(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: "localhost"},
		DNSNames:     []string{"localhost"},
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(time.Hour),
		IsCA:         true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(parsed)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, roots
}

// The whole line over TLS, with the client that others use.
func TestStreamOverTLS(t *testing.T) {
	certificate, roots := selfSigned(t)
	n := startNode(t, func(c *Config) { c.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}} })
	anna, err := client.New(client.Config{URL: n.url, Token: n.token("anna"), TLS: &tls.Config{RootCAs: roots}})
	if err != nil {
		t.Fatal(err)
	}
	defer anna.Close()
	notice, err := anna.Notice(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := anna.Grant(t.Context(), notice, []consent.Category{consent.Acceleration}, nil); err != nil {
		t.Fatal(err)
	}
	estimates := 0
	err = n.stream(anna, client.StreamOptions{}).Replay(t.Context(), walking(noon, 10), nil, client.ReplayOptions{
		Answer: func([]byte) error { estimates++; return nil },
	})
	if err != nil || estimates < 9 {
		t.Errorf("%d estimates, %v", estimates, err)
	}
	if !strings.HasPrefix(n.url, "https://") {
		t.Errorf("the address is %s", n.url)
	}
}
