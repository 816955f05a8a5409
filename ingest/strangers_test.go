package ingest

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"testing"

	"github.com/tempogate/tempogate/consent"
	"github.com/tempogate/tempogate/ingest/client"
)

// A peer is a connection from an address, of which nothing else is asked.
type peer struct {
	net.Conn
	address string
	closed  bool
}

func (p *peer) RemoteAddr() net.Addr { return address(p.address) }
func (p *peer) Close() error         { p.closed = true; return nil }

type address string

func (a address) Network() string { return "tcp" }
func (a address) String() string  { return string(a) }

// Each address has its share, and gets back what it no longer uses.
func TestStrangers(t *testing.T) {
	config := Config{Proxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}, Limits: Limits{ConnectionsPerAddress: 2}}
	s := strangers{config: &config}
	open := map[string]*peer{}
	for i, step := range []struct {
		state http.ConnState
		from  string
		fine  bool
		all   int
	}{
		{http.StateNew, "192.0.2.1:1", true, 1},
		{http.StateNew, "192.0.2.1:2", true, 2},
		{http.StateActive, "192.0.2.1:2", true, 2}, // what it does meanwhile is its affair
		{http.StateNew, "192.0.2.1:3", false, 3},
		{http.StateClosed, "192.0.2.1:3", true, 2},
		{http.StateNew, "192.0.2.2:1", true, 3}, // another address
		{http.StateNew, "10.0.0.1:1", true, 4},  // a proxy
		{http.StateNew, "10.0.0.1:2", true, 5},
		{http.StateNew, "10.0.0.1:3", true, 6},
		{http.StateHijacked, "192.0.2.1:1", true, 5}, // a session by now
		{http.StateNew, "192.0.2.1:4", true, 6},
		{http.StateNew, "192.0.2.1:5", false, 7},
		{http.StateNew, "[2001:db8::1]:1", true, 8},
		{http.StateNew, "[2001:db8::2]:1", true, 9}, // the same /64
		{http.StateNew, "[2001:db8::3]:1", false, 10},
		{http.StateNew, "[2001:db8:0:1::1]:1", true, 11},
	} {
		p := open[step.from]
		if p == nil {
			p = &peer{address: step.from}
			open[step.from] = p
		}
		p.closed = false
		s.note(&clearingConn{Conn: p}, step.state)
		if p.closed == step.fine || s.open() != step.all {
			t.Errorf("step %d, %v of %s: closed %t, and %d in all, want %t and %d", i, step.state, step.from, p.closed, s.open(), !step.fine, step.all)
		}
	}
	if n := s.refused.Load(); n != 3 {
		t.Errorf("%d counted as refused, want 3", n)
	}
	for from, p := range open {
		if from != "192.0.2.1:1" && from != "192.0.2.1:3" { // which have gone
			s.note(p, http.StateClosed)
		}
	}
	if len(s.from) != 0 || s.open() != 0 {
		t.Errorf("%d addresses are left, and %d connections", len(s.from), s.open())
	}
}

// An address that has too many idle connections gets no more of them, until it lets
// some go. A session is none of these, and goes on.
func TestTooManyConnectionsOfOneAddress(t *testing.T) {
	const most = 5
	for _, secure := range []bool{false, true} {
		t.Run(fmt.Sprintf("TLS %t", secure), func(t *testing.T) {
			certificate, roots := selfSigned(t)
			n := startNode(t, func(c *Config) {
				c.Limits.ConnectionsPerAddress = most
				if secure {
					c.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}}
				}
			})
			waiting := func(want float64) {
				t.Helper()
				eventually(t, fmt.Sprintf("%v connections wait", want), func() bool {
					return n.metric("tempogate_connections_waiting") == want
				})
			}
			anna, err := client.New(client.Config{URL: n.url, Token: n.token("anna"), TLS: &tls.Config{RootCAs: roots}})
			if err != nil {
				t.Fatal(err)
			}
			notice, err := anna.Notice(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if _, err := anna.Grant(t.Context(), notice, []consent.Category{consent.Acceleration}, nil); err != nil {
				t.Fatal(err)
			}
			stream := n.stream(anna, client.StreamOptions{})
			anna.Close()
			waiting(0)

			dial := func() net.Conn { return rawDial(t, "http://"+n.server.PublicAddr().String()) }
			var idle []net.Conn
			for range most {
				idle = append(idle, dial())
			}
			waiting(most)
			if _, err := dial().Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("one too many: %v, want that it is closed", err)
			}
			waiting(most)
			if refused := n.metric("tempogate_connections_refused_total"); refused != 1 {
				t.Errorf("%v counted as refused, want 1", refused)
			}
			sendWalk(t, n, stream, noon, 3)
			for _, conn := range idle {
				conn.Close()
			}
			waiting(0)
			if resp, err := anna.Notice(t.Context()); err != nil {
				t.Errorf("with room again: %v, %v", resp, err)
			}
			anna.Close()
		})
	}
}
