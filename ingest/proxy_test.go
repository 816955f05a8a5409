package ingest

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/tempogate/tempogate/consent"
	"github.com/tempogate/tempogate/ingest/client"
)

func TestAddressBehindProxies(t *testing.T) {
	config := Config{Proxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}}
	for _, test := range []struct{ remote, said, want string }{
		{"198.51.100.7:1234", "", "198.51.100.7:1234"},
		{"198.51.100.7:1234", "203.0.113.9", "198.51.100.7:1234"}, // it is no proxy: anybody may write that
		{"10.1.2.3:1234", "203.0.113.9", "203.0.113.9:0"},
		{"[::ffff:10.1.2.3]:1234", "203.0.113.9", "203.0.113.9:0"},
		{"[fd00::1]:1234", "2001:db8::9", "[2001:db8::9]:0"},
		{"10.1.2.3:1234", "192.0.2.1, 203.0.113.9", "203.0.113.9:0"}, // the client made up the first
		{"10.1.2.3:1234", "192.0.2.1, 203.0.113.9, 10.9.9.9", "203.0.113.9:0"},
		{"10.1.2.3:1234", "10.4.4.4", "10.4.4.4:0"},
		{"10.1.2.3:1234", "", "10.1.2.3:1234"},
		{"10.1.2.3:1234", "203.0.113.9, unknown", "10.1.2.3:1234"},
		{"pipe", "203.0.113.9", "pipe"},
	} {
		r := httptest.NewRequest("POST", "/v1/identity", nil)
		r.RemoteAddr = test.remote
		if test.said != "" {
			r.Header.Set("X-Forwarded-For", test.said)
		}
		if got := config.addressOf(r); got != test.want {
			t.Errorf("from %s, saying %q: %s, want %s", test.remote, test.said, got, test.want)
		}
	}
}

// announcement returns a header of the PROXY protocol.
func announcement(command, family byte, body string) string {
	head := append([]byte("\r\n\r\n\x00\r\nQUIT\n"), command, family)
	return string(binary.BigEndian.AppendUint16(head, uint16(len(body)))) + body
}

const (
	tcp4Body = "\xcb\x00\x71\x09" + "\x0a\x00\x00\x01" + "\x04\xd2" + "\x01\xbb"                                            // 203.0.113.9:1234
	tcp6Body = "\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x09" + "0123456789abcdef" + "\x04\xd2\x01\xbb" // [2001:db8::9]:1234
)

func TestAnnouncement(t *testing.T) {
	for _, test := range []struct{ name, header, want string }{
		{"TCP over IPv4", announcement(0x21, 0x11, tcp4Body), "203.0.113.9:1234"},
		{"TCP over IPv6", announcement(0x21, 0x21, tcp6Body), "[2001:db8::9]:1234"},
		{"with more behind the addresses", announcement(0x21, 0x11, tcp4Body+"\x03\x00\x04abcd"), "203.0.113.9:1234"},
		{"the proxy for itself", announcement(0x20, 0x00, ""), "invalid AddrPort"},
		{"a UNIX socket", announcement(0x21, 0x31, strings.Repeat("x", 216)), "invalid AddrPort"},
		{"addresses cut short", announcement(0x21, 0x11, tcp4Body[:11]), "invalid AddrPort"},
		{"version 1", "PROXY TCP4 203.0.113.9 10.0.0.1 1234 443\r\n", "error"},
		{"none", "GET /v1/notice HTTP/1.1\r\n\r\n", "error"},
		{"another version", announcement(0x31, 0x11, tcp4Body), "error"},
		{"another command", announcement(0x22, 0x11, tcp4Body), "error"},
		{"too long", announcement(0x21, 0x11, strings.Repeat("x", mostAnnounced+1)), "error"},
		{"cut short", announcement(0x21, 0x11, tcp4Body)[:20], "error"},
	} {
		input := strings.NewReader(test.header + "GET /")
		if test.name == "cut short" {
			input = strings.NewReader(test.header)
		}
		got := "error"
		if from, err := readAnnouncement(input); err == nil {
			got = from.String()
			if rest, _ := io.ReadAll(input); string(rest) != "GET /" {
				t.Errorf("%s: what follows is %q", test.name, rest)
			}
		}
		if got != test.want {
			t.Errorf("%s: %s, want %s", test.name, got, test.want)
		}
	}
}

func FuzzAnnouncement(f *testing.F) {
	f.Add([]byte(announcement(0x21, 0x11, tcp4Body)))
	f.Add([]byte(announcement(0x21, 0x21, tcp6Body+"\x03\x00\x04abcd")))
	f.Add([]byte(announcement(0x20, 0x00, "")))
	f.Fuzz(func(t *testing.T, input []byte) {
		r := bytes.NewReader(input)
		from, err := readAnnouncement(r)
		if err == nil && len(input)-r.Len() != 16+int(binary.BigEndian.Uint16(input[14:])) {
			t.Errorf("read %d bytes", len(input)-r.Len())
		}
		if err != nil && from.IsValid() {
			t.Error("an address with an error")
		}
	})
}

type anonymousTokens struct{}

func (anonymousTokens) Token(subject string, ttl time.Duration) (string, error) { return "token", nil }

// Through a proxy that says where clients are, each network has its own share of
// identities, plain and over TLS; a proxy that says nothing is told off.
func TestProxyProtocolTellsNetworksApart(t *testing.T) {
	n := startNode(t, func(c *Config) {
		c.Anonymous = anonymousTokens{}
		c.Proxies, c.ProxyProtocol = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, true
	})
	ask := func(header string) int {
		conn := rawDial(t, n.url)
		io.WriteString(conn, header+"POST /v1/identity HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
		answer, _ := io.ReadAll(conn)
		code := 0
		if _, rest, ok := strings.Cut(string(answer), " "); ok {
			for _, digit := range rest[:3] {
				code = 10*code + int(digit-'0')
			}
		}
		return code
	}
	minute := func() int {
		n.server.newcomers.mu.Lock()
		defer n.server.newcomers.mu.Unlock()
		return n.server.newcomers.minute.Minute()
	}
	for tries := 0; ; tries++ { // a minute may end in between
		began := minute()
		var codes []int
		for range identitiesPerAddress + 1 {
			codes = append(codes, ask(announcement(0x21, 0x11, tcp4Body)))
		}
		other := ask(announcement(0x21, 0x21, tcp6Body))
		if tries == 0 || minute() != began {
			if tries > 5 {
				t.Fatal("minutes pass too fast")
			}
			continue
		}
		if last := codes[len(codes)-1]; last != http.StatusTooManyRequests || other != http.StatusCreated {
			t.Errorf("%v, and %d for another network", codes, other)
		}
		break
	}
	if code := ask(""); code != 0 && code != http.StatusBadRequest {
		t.Errorf("a connection without the header was answered with %d", code)
	}
}

// A stream works through a proxy: the header is read before the session waits
// for frames at the descriptor itself.
func TestStreamThroughProxyProtocol(t *testing.T) {
	n := startNode(t, func(c *Config) {
		c.Proxies, c.ProxyProtocol = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, true
	})
	proxy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer proxy.Close()
	behind := strings.TrimPrefix(n.url, "http://")
	go func() {
		for {
			near, err := proxy.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp", behind)
			if err != nil {
				near.Close()
				continue
			}
			io.WriteString(far, announcement(0x21, 0x11, tcp4Body))
			go func() { io.Copy(far, near); far.Close() }()
			go func() { io.Copy(near, far); near.Close() }()
		}
	}()
	n.url = "http://" + proxy.Addr().String()
	s := n.stream(n.person("anna", consent.Acceleration), client.StreamOptions{})
	sendWalk(t, n, s, noon, 3)
	if err := s.End(); err != nil {
		t.Fatal(err)
	}
	if code, reason := closeOf(t, s, nil); code != 1000 {
		t.Errorf("closed with %d %s", code, reason)
	}
}
