package ingest

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"fmt"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/tempogate/tempogate/consent"
	"github.com/tempogate/tempogate/consent/identity"
)

// net/http keeps the buffer of a connection that ends, for another one, with what
// was read into it. The ways in which a connection ends that has carried a push:
// none leaves a buffer with it.
func TestPushLeavesNothingWhenItsConnectionEnds(t *testing.T) {
	const plain = "POST %s HTTP/1.1\r\nHost: x\r\n%sContent-Length: %d\r\n\r\n%s"
	var packed bytes.Buffer
	z, err := gzip.NewWriterLevel(&packed, gzip.NoCompression)
	if err != nil {
		t.Fatal(err)
	}
	z.Write(canary)
	z.Close()
	for _, test := range []struct {
		name    string
		request func(link string) string
		end     func(*testing.T, *node, net.Conn)
		status  int // 0 for no answer
	}{
		{"the app asks for its end", func(link string) string {
			return fmt.Sprintf(plain, link, "Connection: close\r\n", len(canary), canary)
		}, nil, 200},
		{"an old app that knows no other", func(link string) string {
			return fmt.Sprintf("POST %s HTTP/1.0\r\nContent-Length: %d\r\n\r\n%s", link, len(canary), canary)
		}, nil, 200},
		{"gzip, and its end", func(link string) string {
			return fmt.Sprintf(plain, link, "Connection: close\r\nContent-Encoding: gzip\r\n", packed.Len(), packed.Bytes())
		}, nil, 200},
		{"malformed, and its end", func(link string) string {
			return fmt.Sprintf(plain, link, "Connection: close\r\n", len(canary)-3, canary[:len(canary)-3])
		}, nil, 400},
		{"hung up in the middle", func(link string) string {
			return fmt.Sprintf(plain, link, "", 2*len(canary), canary)
		}, func(_ *testing.T, _ *node, conn net.Conn) { conn.Close() }, 0},
		{"too large", func(link string) string {
			return fmt.Sprintf(plain, link, "", 1<<30, canary)
		}, func(_ *testing.T, _ *node, conn net.Conn) { conn.(*net.TCPConn).CloseWrite() }, 0},
		{"a link that is none", func(string) string {
			return fmt.Sprintf(plain, "/v1/push/nonsense", "", len(canary), canary)
		}, nil, 401},
		{"consent was withdrawn", func(link string) string {
			return fmt.Sprintf(plain, link, "", len(canary), canary)
		}, nil, statusNoConsent},
		{"an encoding that is none", func(link string) string {
			return fmt.Sprintf(plain, link, "Content-Encoding: br\r\n", len(canary), canary)
		}, func(_ *testing.T, _ *node, conn net.Conn) { conn.Close() }, 415},
		{"the app hangs up", func(link string) string {
			return fmt.Sprintf(plain, link, "", len(canary), canary)
		}, func(_ *testing.T, _ *node, conn net.Conn) { conn.Close() }, 200},
		{"the node drains", func(link string) string {
			return fmt.Sprintf(plain, link, "", len(canary), canary)
		}, func(_ *testing.T, n *node, _ net.Conn) { n.stop() }, 200},
	} {
		t.Run(test.name, func(t *testing.T) {
			capabilities, err := identity.OpenCapabilities(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			look := &lookout{}
			n := startNode(t, func(config *Config) {
				config.Capabilities = capabilities
				config.wrap = look.wrapper(true)
			})
			anna := n.person("anna", consent.Acceleration)
			link := n.pushLink("anna")
			if test.status == statusNoConsent {
				if err := anna.Withdraw(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			conn := rawDial(t, "http://"+n.server.PublicAddr().String())
			fmt.Fprint(conn, test.request(link))
			if test.status != 0 {
				resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
				if err != nil || resp.StatusCode != test.status {
					t.Fatalf("%v %v, want %d", resp, err, test.status)
				}
			}
			if test.end != nil {
				test.end(t, n, conn)
			} else {
				conn.SetReadDeadline(time.Now().Add(10 * time.Second))
				for p := make([]byte, 512); err == nil; {
					_, err = conn.Read(p) // until the server hangs up
				}
			}
			conn.Close()
			n.stop()
			if look.finds(holdsCanary) != nil {
				t.Error("a buffer of the connection holds the canary")
			}
		})
	}
}

// A push that came before its turn waits for five seconds, even if no other one
// ever comes.
func TestEarlyPushIsForgottenInTime(t *testing.T) {
	n := startPushNode(t, nil)
	n.person("anna", consent.Acceleration)
	link := n.pushLink("anna")
	early := fmt.Sprintf(`{"messageId":2,"sessionId":"s",%s`, canary[1:])
	if status, answer := n.push(link, early); status != http.StatusOK {
		t.Fatal(status, answer)
	}
	var waiting *pusher
	n.server.pushers.mu.Lock()
	for _, p := range n.server.pushers.byID {
		waiting = p
	}
	n.server.pushers.mu.Unlock()
	s := waiting.session
	held := func() []byte {
		s.mu.Lock()
		defer s.mu.Unlock()
		if len(waiting.early) == 0 {
			return nil
		}
		return waiting.early[0].payload
	}
	payload := held()
	if !holdsCanary(payload) {
		t.Fatal("the push does not wait, so this test shows nothing")
	}
	arrived := time.Unix(0, s.lastFrame.Load())
	s.sweep(arrived.Add(earlyHold - time.Millisecond))
	if held() == nil {
		t.Error("forgotten before its time")
	}
	s.sweep(arrived.Add(earlyHold + time.Millisecond))
	if held() != nil || holdsCanary(payload) {
		t.Error("it waits for more than five seconds, or its memory was not overwritten")
	}
}

// Batches that wait behind one that is refused are overwritten with it.
func TestPushesBehindARefusedOneAreCleared(t *testing.T) {
	n := startPushNode(t, nil)
	n.person("anna", consent.Acceleration)
	link := n.pushLink("anna")
	capability, err := n.server.config.Capabilities.Open(link[len("/v1/push/"):])
	if err != nil {
		t.Fatal(err)
	}
	p, refused := n.server.pusherOf(capability)
	if refused != nil {
		t.Fatal(refused)
	}
	now := time.Now()
	broken, behind := []byte(`{"payload":[7.2538196`), bytes.Clone(canary)
	if _, err := p.push(nil, "s", 1, broken, now); err != nil {
		t.Fatal(err)
	}
	if _, err := p.push(nil, "s", 2, behind, now); err != nil {
		t.Fatal(err)
	}
	if !holdsCanary(behind) {
		t.Fatal("it does not wait, so this test shows nothing")
	}
	if _, err := p.push(nil, "s", 0, []byte(`{"payload":[]}`), now); err == nil {
		t.Error("a broken push is taken")
	}
	if holdsAnything(broken) || holdsAnything(behind) {
		t.Error("something is left of what was not taken")
	}
}
