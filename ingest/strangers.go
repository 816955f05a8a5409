package ingest

import (
	"crypto/tls"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
)

// strangers counts the public connections that are no session: handshakes, calls, and
// those that are kept for the next call. Each is ended in time, but until then it
// costs an open file and some memory, so that one address may have only so many at
// once.
type strangers struct {
	config  *Config // whose Limits.ConnectionsPerAddress and Proxies count
	refused atomic.Int64

	mu   sync.Mutex
	all  int
	from map[netip.Prefix]int
}

// note is told by net/http what becomes of a connection. It closes one that is too
// many, which counts until net/http has noticed.
func (s *strangers) note(conn net.Conn, state http.ConnState) {
	change := 0
	switch state {
	case http.StateNew:
		change = 1
	case http.StateHijacked, http.StateClosed: // the former is about to be a session
		change = -1
	default:
		return
	}
	if !s.count(conn, change) {
		s.refused.Add(1)
		conn.Close()
	}
}

// count adds a change, and reports whether there may be so many. Those of proxies,
// whose clients are elsewhere, are counted and bounded by nobody's address.
func (s *strangers) count(conn net.Conn, change int) (fine bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all += change
	below := transportOf(conn)
	if _, announced := below.(*announcedConn); announced {
		return true
	}
	remote := below.RemoteAddr().String()
	if s.config.isProxy(remote) {
		return true
	}
	network := networkOf(remote)
	n := s.from[network] + change
	if n == 0 {
		delete(s.from, network)
		return true
	}
	if s.from == nil {
		s.from = make(map[netip.Prefix]int)
	}
	s.from[network] = n
	return change < 0 || n <= s.config.Limits.ConnectionsPerAddress
}

// open returns how many there are.
func (s *strangers) open() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.all
}

// transportOf returns what is below TLS and the layers that clear.
func transportOf(conn net.Conn) net.Conn {
	for {
		switch c := conn.(type) {
		case *clearingConn:
			conn = c.Conn
		case *recordConn:
			conn = c.Conn
		case *tls.Conn:
			conn = c.NetConn()
		default:
			return conn
		}
	}
}
