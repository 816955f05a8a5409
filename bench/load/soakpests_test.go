package load

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/klauspost/compress/s2"

	"github.com/tempogate/tempogate/consent"
	"github.com/tempogate/tempogate/ingest/client"
	"github.com/tempogate/tempogate/ingest/framing"
)

// A pest is somebody with a token and a grant who behaves in a way of their own, once
// for each call that returns true.
type pest struct {
	server *soaked
	client *client.Client
	dialer *dialer
	token  string
	motion *Motion
	rng    *rand.Rand
}

// plagues are the ways to behave, by the name under which they are counted.
var plagues = map[string]func(*pest, context.Context) (done bool){
	"s2_streams":       (*pest).compressed,
	"pushes":           (*pest).push,
	"half_open":        (*pest).halfOpen,
	"vanished":         (*pest).vanish,
	"broken_frames":    (*pest).broken,
	"ping_floods":      (*pest).flood,
	"http_withdrawals": (*pest).withdraw,
	"bad_requests":     (*pest).badRequest,
	"silent_streams":   (*pest).silent,
}

// plague has one pest behave until ctx is done.
func (s *soaked) plague(ctx context.Context, name string, behave func(*pest, context.Context) bool, motions []*Motion, total *soakTotal) {
	rng := rand.New(rand.NewPCG(rand.Uint64(), 1))
	p := &pest{server: s, motion: motions[rng.IntN(len(motions))], rng: rng}
	transport := &http.Transport{TLSClientConfig: s.trust, MaxIdleConnsPerHost: 2}
	defer transport.CloseIdleConnections()
	var err error
	if p.token, err = s.issuer.Token("pest-"+name, 24*time.Hour); err != nil {
		return
	}
	if p.client, err = client.New(client.Config{URL: s.url, Token: p.token, TLS: s.trust, HTTPClient: &http.Client{Transport: transport, Timeout: 20 * time.Second}}); err != nil {
		return
	}
	if p.dialer, err = newDialer(s.url, s.trust, 1); err != nil {
		return
	}
	p.grant(ctx)
	for ctx.Err() == nil {
		if behave(p, ctx) {
			total.pest(name)
		}
		sleep(ctx, time.Duration(rng.IntN(200))*time.Millisecond)
	}
}

func (p *pest) grant(ctx context.Context) {
	if notice, err := p.client.Notice(ctx); err == nil {
		p.client.Grant(ctx, notice, []consent.Category{consent.Acceleration}, nil)
	}
}

// stream opens a stream, nil where that does not succeed.
func (p *pest) stream(ctx context.Context) net.Conn {
	conn, _, err := p.dialer.dial(ctx, 0, p.token, 0)
	if err != nil {
		return nil
	}
	conn.SetDeadline(time.Now().Add(30 * time.Second))
	return conn
}

// bare opens a connection and nothing on it.
func (p *pest) bare() net.Conn {
	conn, err := net.DialTimeout("tcp", p.dialer.address, 10*time.Second)
	if err != nil {
		return nil
	}
	conn.SetDeadline(time.Now().Add(30 * time.Second))
	return conn
}

var soakKey = [4]byte{1, 2, 3, 4}

// compressed sends ten seconds with S2, in either form.
func (p *pest) compressed(ctx context.Context) bool {
	conn := p.stream(ctx)
	if conn == nil {
		return false
	}
	defer conn.Close()
	go io.Copy(io.Discard, conn)
	for n := range 10 {
		var payload []byte
		if n%2 == 0 {
			payload = append([]byte{0x81}, s2.Encode(nil, p.motion.appendPacked(nil, p.motion.turned[0], n)[1:])...)
		} else {
			payload = append([]byte{0x82}, s2.Encode(nil, p.motion.appendJSON(nil, p.motion.turned[0], n))...)
		}
		if _, err := conn.Write(framing.AppendMasked(nil, framing.Binary, payload, soakKey)); err != nil {
			return false
		}
		sleep(ctx, 300*time.Millisecond)
	}
	return true
}

// push pushes a few batches: plain, gzip, out of order, garbage.
func (p *pest) push(ctx context.Context) bool {
	link, err := p.client.NewPushLink(ctx)
	if err != nil {
		return false
	}
	caller := &http.Client{Transport: &http.Transport{TLSClientConfig: p.server.trust}, Timeout: 20 * time.Second}
	defer caller.CloseIdleConnections()
	session := fmt.Sprint(p.rng.Uint64())
	// Over TLS the link says http where the server does not know better.
	_, path, _ := strings.Cut(link.URL, "/v1/")
	for n := range 6 {
		body := p.motion.appendJSON(nil, p.motion.turned[0], n)
		body = append(fmt.Appendf(nil, `{"messageId":%d,"sessionId":%q,`, n^1, session), bytes.TrimPrefix(body, []byte("{"))...)
		if n == 4 {
			body = body[:len(body)/2]
		}
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, p.server.url+"/v1/"+path, nil)
		if err != nil {
			return false
		}
		if n%2 == 0 {
			var packed bytes.Buffer
			w := gzip.NewWriter(&packed)
			w.Write(body)
			w.Close()
			body = packed.Bytes()
			request.Header.Set("Content-Encoding", "gzip")
		}
		request.Body, request.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		resp, err := caller.Do(request)
		if err != nil {
			return false
		}
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
	}
	sleep(ctx, time.Second)
	return true
}

// halfOpen sends a part of a handshake and waits to be thrown out, or not so long.
func (p *pest) halfOpen(ctx context.Context) bool {
	var conns []net.Conn
	for range 10 {
		if conn := p.bare(); conn != nil {
			conns = append(conns, conn)
			const head = "GET /v1/stream HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n"
			io.WriteString(conn, head[:p.rng.IntN(len(head))])
		}
	}
	sleep(ctx, time.Duration(p.rng.IntN(7000))*time.Millisecond)
	for _, conn := range conns {
		conn.Close()
	}
	return true
}

// vanish tears the connection off in the middle of a frame.
func (p *pest) vanish(ctx context.Context) bool {
	conn := p.stream(ctx)
	if conn == nil {
		return false
	}
	frame := framing.AppendMasked(nil, framing.Binary, p.motion.appendPacked(nil, p.motion.turned[0], 0), soakKey)
	conn.Write(append(frame, frame[:p.rng.IntN(len(frame))]...))
	below := conn
	if secured, ok := conn.(*tls.Conn); ok {
		below = secured.NetConn()
	}
	below.(*net.TCPConn).SetLinger(0)
	below.Close()
	return true
}

// broken sends what no client should, and reads until it is thrown out.
func (p *pest) broken(ctx context.Context) bool {
	conn := p.stream(ctx)
	if conn == nil {
		return false
	}
	defer conn.Close()
	masked := func(first byte, payload string) []byte {
		frame := framing.AppendMasked(nil, 0, []byte(payload), soakKey)
		frame[0] = first
		return frame
	}
	frames := [][]byte{
		masked(0xc1, "{}"),                                                // a reserved bit
		masked(0x83, "{}"),                                                // an opcode that there is not
		masked(0x80, "{}"),                                                // a continuation of nothing
		masked(0x09, "x"),                                                 // a ping in fragments
		masked(0x89, strings.Repeat("x", 126)),                            // a ping too long
		masked(0x88, "\x03\xee"),                                          // a close code that nobody may send
		{0x81, 0x02, '{', '}'},                                            // not masked
		{0x82, 0xff, 0, 0, 0, 2, 0x80, 0, 0, 0, 1, 2, 3, 4},               // ten gigabytes
		masked(0x81, `{"x":"`+"\xff"+`"}`),                                // no UTF-8
		masked(0x81, `{"x":`+strings.Repeat("[", 100_000)),                // deep
		masked(0x82, "\x82\x80\x80\x80\x80\x04\x00"),                      // a bomb
		masked(0x82, "\x01\xff\xff\xff\xff\xff\xff\xff\x7f"),              // samples without end
		append(masked(0x01, ""), bytes.Repeat(masked(0x00, ""), 5000)...), // fragments without end
	}
	conn.Write(frames[p.rng.IntN(len(frames))])
	io.Copy(io.Discard, conn)
	return true
}

// flood pings until it is thrown out.
func (p *pest) flood(ctx context.Context) bool {
	conn := p.stream(ctx)
	if conn == nil {
		return false
	}
	defer conn.Close()
	go func() {
		pings := bytes.Repeat(framing.AppendMasked(nil, framing.Ping, nil, soakKey), 5000)
		conn.Write(pings)
	}()
	io.Copy(io.Discard, conn)
	sleep(ctx, 2*time.Second)
	return true
}

// withdraw takes consent back beside a live stream, and gives it again.
func (p *pest) withdraw(ctx context.Context) bool {
	conn := p.stream(ctx)
	if conn != nil {
		defer conn.Close()
		conn.Write(framing.AppendMasked(nil, framing.Binary, p.motion.appendPacked(nil, p.motion.turned[0], 0), soakKey))
	}
	err := p.client.Withdraw(ctx)
	if conn != nil {
		io.Copy(io.Discard, conn)
	}
	p.grant(ctx)
	sleep(ctx, time.Second)
	return conn != nil && err == nil
}

// badRequest sends requests that are refused.
func (p *pest) badRequest(ctx context.Context) bool {
	caller := &http.Client{Transport: &http.Transport{TLSClientConfig: p.server.trust}, Timeout: 20 * time.Second}
	defer caller.CloseIdleConnections()
	large, _ := json.Marshal(strings.Repeat("x", 70_000))
	for _, r := range []struct{ method, path, body string }{
		{http.MethodGet, "/v1/stream?token=x", ""},
		{http.MethodGet, "/v1/consent", ""},
		{http.MethodGet, "/metrics", ""},
		{http.MethodPut, "/v1/consent", string(large)},
		{http.MethodPost, "/v1/push/garbage", "{}"},
		{http.MethodDelete, "/v1/nothing", ""},
	} {
		request, err := http.NewRequestWithContext(ctx, r.method, p.server.url+r.path, strings.NewReader(r.body))
		if err != nil {
			return false
		}
		if r.method == http.MethodPut {
			request.Header.Set("Authorization", "Bearer "+p.token)
		}
		resp, err := caller.Do(request)
		if err != nil {
			continue
		}
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
	}
	if conn := p.bare(); conn != nil {
		conn.Write(bytes.Repeat([]byte("X-Flood: y\r\n"), 5000))
		conn.Close()
	}
	return true
}

// silent opens a stream and says nothing until it is thrown out for that.
func (p *pest) silent(ctx context.Context) bool {
	conn := p.stream(ctx)
	if conn == nil {
		return false
	}
	defer conn.Close()
	_, err := io.Copy(io.Discard, conn)
	return err == nil
}
