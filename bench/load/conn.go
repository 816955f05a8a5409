package load

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha1"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/tempogate/tempogate/ingest/framing"
	"github.com/tempogate/tempogate/ingest/wire"
)

// A refusal is an answer to a handshake that is not 101.
type refusal struct {
	status     int
	code       string
	retryAfter time.Duration
}

// Error returns status and code.
func (r *refusal) Error() string { return fmt.Sprintf("load: refused with %d %s", r.status, r.code) }

// shed reports whether the server has asked to come back later.
func (r *refusal) shed() bool {
	return r.status == http.StatusTooManyRequests || r.status == http.StatusServiceUnavailable
}

// A dialer opens connections as light as can be: no buffer of their own, no
// goroutine.
type dialer struct {
	address, host string // to dial, and for the Host header
	path          string
	tls           *tls.Config // nil for http
	sources       []net.Addr  // nil for the usual one
}

// newDialer returns a dialer for the stream of a server.
func newDialer(address string, config *tls.Config, sources int) (*dialer, error) {
	u, err := url.Parse(strings.TrimRight(address, "/"))
	if err != nil {
		return nil, fmt.Errorf("load: %w", err)
	}
	d := &dialer{address: u.Host, host: u.Host, path: u.Path + "/v1/stream"}
	if u.Scheme == "https" {
		d.tls = config.Clone()
		if d.tls == nil {
			d.tls = &tls.Config{}
		}
		d.tls.ServerName = u.Hostname()
		d.tls.NextProtos = []string{"http/1.1"}
	}
	if u.Port() == "" {
		d.address = net.JoinHostPort(u.Hostname(), map[string]string{"http": "80", "https": "443"}[u.Scheme])
	}
	if sources > 1 {
		for i := range sources {
			d.sources = append(d.sources, &net.TCPAddr{IP: net.IPv4(127, 0, byte((2+i)>>8), byte(2+i))})
		}
	}
	return d, nil
}

// handshakeBytes bounds the answer to a handshake.
const handshakeBytes = 16 << 10

// dial opens a stream and returns the connection, and what has been read of the
// stream already. receive is the size of the kernel's buffer for answers, 0 for
// the usual one.
func (d *dialer) dial(ctx context.Context, number int, token string, receive int) (net.Conn, []byte, error) {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	var nd net.Dialer
	nd.KeepAlive = -1
	if len(d.sources) > 0 {
		nd.LocalAddr = d.sources[number%len(d.sources)]
	}
	if receive > 0 {
		nd.Control = receiveBuffer(receive)
	}
	conn, err := nd.DialContext(ctx, "tcp", d.address)
	if err != nil {
		return nil, nil, err
	}
	if d.tls != nil {
		secured := tls.Client(conn, d.tls)
		if err := secured.HandshakeContext(ctx); err != nil {
			conn.Close()
			return nil, nil, err
		}
		conn = secured
	}
	deadline, _ := ctx.Deadline()
	conn.SetDeadline(deadline)
	early, err := d.handshake(conn, token)
	if err != nil {
		conn.Close()
		return nil, nil, err
	}
	conn.SetDeadline(time.Time{})
	return conn, early, nil
}

// acceptGUID is what RFC 6455, section 1.3, adds to the key of a handshake.
const acceptGUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

// handshake asks for the stream and returns what came behind the answer.
func (d *dialer) handshake(conn net.Conn, token string) ([]byte, error) {
	var nonce [16]byte
	rand.Read(nonce[:])
	key := base64.StdEncoding.EncodeToString(nonce[:])
	request := make([]byte, 0, 1024)
	request = fmt.Appendf(request, "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\nSec-WebSocket-Protocol: %s\r\n", d.path, d.host, key, wire.Subprotocol)
	if token != "" {
		request = fmt.Appendf(request, "Authorization: Bearer %s\r\n", token)
	}
	if _, err := conn.Write(append(request, "\r\n"...)); err != nil {
		return nil, err
	}
	answer := make([]byte, 0, 1024)
	for {
		if i := bytes.Index(answer, []byte("\r\n\r\n")); i >= 0 {
			early := answer[i+4:]
			return early, checkAnswer(answer[:i+4], early, conn, key)
		}
		if len(answer) >= handshakeBytes {
			return nil, errors.New("load: an endless answer to the handshake")
		}
		answer = append(answer, make([]byte, 512)...)[:len(answer)]
		n, err := conn.Read(answer[len(answer):cap(answer)])
		answer = answer[:len(answer)+n]
		if err != nil {
			return nil, err
		}
	}
}

// checkAnswer reads the head of an answer. What else a refusal says is read from
// early and conn.
func checkAnswer(head, early []byte, conn net.Conn, key string) error {
	all := io.MultiReader(bytes.NewReader(head), bytes.NewReader(early), conn)
	resp, err := http.ReadResponse(bufio.NewReader(all), nil)
	if err != nil {
		return fmt.Errorf("load: handshake: %w", err)
	}
	if resp.StatusCode == http.StatusSwitchingProtocols {
		sum := sha1.Sum([]byte(key + acceptGUID))
		if resp.Header.Get("Sec-Websocket-Accept") != base64.StdEncoding.EncodeToString(sum[:]) {
			return errors.New("load: handshake: the server accepts another key")
		}
		return nil
	}
	defer resp.Body.Close()
	r := &refusal{status: resp.StatusCode}
	var problem struct{ Code string }
	if json.NewDecoder(io.LimitReader(resp.Body, handshakeBytes)).Decode(&problem) == nil {
		r.code = problem.Code
	}
	if s, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil && s >= 0 {
		r.retryAfter = time.Duration(s) * time.Second
	}
	return r
}

// largestAnswer bounds what is read of one message of the server.
const largestAnswer = 64 << 10

// newReader returns a reader for the server's messages.
func newReader(socket *framing.Socket, early []byte) *framing.Reader {
	r := framing.NewReader(socket, largestAnswer, false)
	r.Feed(early)
	return r
}
