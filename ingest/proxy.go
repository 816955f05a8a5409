package ingest

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Where a client comes from matters for one thing: how many identities its network
// may have. A proxy in front of this server hides it, and says it in one of two
// ways: in a header of the request, which it can write only where it ends TLS, or
// in one that begins the connection (the PROXY protocol), below TLS. Nobody else
// is believed.

// addressOf returns the address that a request comes from, as host:port or as it
// is.
func (c *Config) addressOf(r *http.Request) string {
	address := r.RemoteAddr
	said := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	// Each proxy adds at the end whom it heard from: whatever is before the first
	// that is none of ours, anybody may have written.
	for i := len(said) - 1; i >= 0 && c.isProxy(address); i-- {
		before, err := netip.ParseAddr(strings.TrimSpace(said[i]))
		if err != nil {
			break
		}
		address = netip.AddrPortFrom(before, 0).String()
	}
	return address
}

// isProxy reports whether an address, host:port, is one of our proxies.
func (c *Config) isProxy(address string) bool {
	from, err := netip.ParseAddrPort(address)
	if err != nil {
		return false
	}
	return slices.ContainsFunc(c.Proxies, func(p netip.Prefix) bool { return p.Contains(from.Addr().Unmap().WithZone("")) })
}

// proxied has connections of proxies say where they come from, if they are to.
func (s *Server) proxied(l net.Listener) net.Listener {
	if !s.config.ProxyProtocol {
		return l
	}
	return clearingListener{l, func(conn net.Conn) net.Conn {
		tcp, ok := conn.(*net.TCPConn)
		if !ok || !s.config.isProxy(conn.RemoteAddr().String()) {
			return conn
		}
		return &announcedConn{TCPConn: tcp}
	}}
}

// An announcedConn begins with the header of the PROXY protocol, version 2. It is
// read before anything else is asked of the connection, and up to its last byte:
// nothing of what follows is held here.
type announcedConn struct {
	*net.TCPConn
	once   sync.Once
	remote net.Addr // nil where the proxy speaks for itself
	err    error
}

// Read reads what comes after the header.
func (c *announcedConn) Read(p []byte) (int, error) {
	if c.announced(); c.err != nil {
		return 0, c.err
	}
	return c.TCPConn.Read(p)
}

// RemoteAddr returns where the client is, as the proxy has said.
func (c *announcedConn) RemoteAddr() net.Addr {
	if c.announced(); c.remote != nil {
		return c.remote
	}
	return c.TCPConn.RemoteAddr()
}

// SyscallConn gives out the descriptor once the header has been read.
func (c *announcedConn) SyscallConn() (syscall.RawConn, error) {
	if c.announced(); c.err != nil {
		return nil, c.err
	}
	return c.TCPConn.SyscallConn()
}

func (c *announcedConn) announced() {
	c.once.Do(func() {
		c.SetReadDeadline(time.Now().Add(readHeaderTimeout))
		from, err := readAnnouncement(c.TCPConn)
		c.SetReadDeadline(time.Time{})
		if c.err = err; err == nil && from.IsValid() {
			c.remote = net.TCPAddrFromAddrPort(from)
		}
	})
}

// proxySignature begins the header (the PROXY protocol, version 2, section 2.2 of
// https://www.haproxy.org/download/1.8/doc/proxy-protocol.txt).
var proxySignature = []byte("\r\n\r\n\x00\r\nQUIT\n")

const (
	mostAnnounced = 1024 // bytes behind the fixed part; addresses and what proxies add take a few hundred

	proxyVersion       = 0x2 // in the upper half of byte 12
	proxyLocal         = 0x0 // in the lower half: the proxy speaks for itself
	proxyForClient     = 0x1
	proxyTCP4          = 0x11 // byte 13
	proxyTCP6          = 0x21
	proxyTCP4AddrBytes = 12
	proxyTCP6AddrBytes = 36
)

var errNotAnnounced = errors.New("ingest: the proxy does not begin with a header of the PROXY protocol, version 2")

// readAnnouncement reads the header, and not a byte more. The address is not valid
// where the proxy names none.
func readAnnouncement(r io.Reader) (from netip.AddrPort, err error) {
	var fixed [16]byte
	if _, err := io.ReadFull(r, fixed[:]); err != nil {
		return from, fmt.Errorf("ingest: PROXY header: %w", err)
	}
	command, family, length := fixed[12], fixed[13], int(binary.BigEndian.Uint16(fixed[14:]))
	if !bytes.Equal(fixed[:12], proxySignature) || command>>4 != proxyVersion || length > mostAnnounced {
		return from, errNotAnnounced
	}
	rest := make([]byte, length)
	if _, err := io.ReadFull(r, rest); err != nil {
		return from, fmt.Errorf("ingest: PROXY header: %w", err)
	}
	switch command & 0xf {
	case proxyLocal:
		return from, nil
	case proxyForClient:
	default:
		return from, errNotAnnounced
	}
	switch {
	case family == proxyTCP4 && length >= proxyTCP4AddrBytes:
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte(rest)), binary.BigEndian.Uint16(rest[8:])), nil
	case family == proxyTCP6 && length >= proxyTCP6AddrBytes:
		return netip.AddrPortFrom(netip.AddrFrom16([16]byte(rest)), binary.BigEndian.Uint16(rest[32:])), nil
	}
	return from, nil // another family: no address that could be counted by
}
