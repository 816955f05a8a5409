package ingest

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"github.com/tempogate/tempogate/consent"
	"github.com/tempogate/tempogate/ingest/framing"
	"github.com/tempogate/tempogate/ingest/wire"
)

// transports are the ways to a server.
var transports = []string{"ws", "wss"}

// upgradedOver opens a session of anna, who has said yes, and returns both
// layers of her end: what is read from the upper one was in the receive buffer
// of the lower one, which is as small as can be.
func upgradedOver(t *testing.T, transport string, change func(*Config)) (n *node, conn net.Conn, r io.Reader) {
	t.Helper()
	certificate, roots := selfSigned(t)
	n = startNode(t, func(c *Config) {
		if transport == "wss" {
			c.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}}
		}
		change(c)
	})
	if _, err := n.ledger.Give(t.Context(), n.principal("anna"), consent.GiveRequest{
		NoticeVersion: n.ledger.Notice().Version, NoticeSHA256: n.ledger.Notice().SHA256,
		Categories: []consent.Category{consent.Acceleration}, Recipients: []string{}, Method: httpMethod,
	}); err != nil {
		t.Fatal(err)
	}
	conn = rawDial(t, "http://"+n.server.PublicAddr().String())
	conn.(*net.TCPConn).SetReadBuffer(1 << 12)
	if transport == "wss" {
		conn = tls.Client(conn, &tls.Config{RootCAs: roots, ServerName: "localhost"})
	}
	return n, conn, upgrade(t, conn, n.token("anna"))
}

// A client that does not read is closed, and told so. One that lets more pile up
// than is kept for it is told that some were dropped, and goes on once it reads.
// Nothing waits for either.
func TestSlowReader(t *testing.T) {
	lenient := Limits{FramesPerSecond: 1e6, SamplesPerSecond: 1e6, SampleBurst: 1e9, BytesPerSecond: 1e8}
	connect := func(t *testing.T, transport string, timeout time.Duration) (*node, net.Conn, io.Reader) {
		return upgradedOver(t, transport, func(c *Config) {
			c.WriteTimeout, c.Limits = timeout, lenient
			c.WindowHold = 2 * time.Second // the wheel turns faster
		})
	}
	empty := func(t *testing.T, n *node) {
		eventually(t, "nothing is held any more", func() bool { return n.metric("tempogate_raw_samples_resident") == 0 })
	}
	for _, transport := range transports {
		t.Run(transport+"/for too long", func(t *testing.T) {
			n, conn, r := connect(t, transport, 50*time.Millisecond)
			conn.Write(backlog(t, noon))
			eventually(t, "the session is closed", func() bool { return n.metric("tempogate_sessions") == 0 })
			empty(t, n)
			if code, _, _ := readAll(t, r); code != wire.CloseTooMuch {
				t.Errorf("closed with %d", code)
			}
			if n.metric(`tempogate_closes_total{code="4429"}`) != 1 {
				t.Error("the close was not counted")
			}
		})
		t.Run(transport+"/and sends on", func(t *testing.T) {
			n, conn, r := connect(t, transport, 50*time.Millisecond)
			conn.Write(backlog(t, noon))
			eventually(t, "the session is closed", func() bool { return n.metric("tempogate_sessions") == 0 })
			// For longer than others are waited for. A reset would throw the close
			// frame away.
			for until := time.Now().Add(lingerTime + lingerTime/2); time.Now().Before(until); time.Sleep(20 * time.Millisecond) {
				if _, err := conn.Write(masked(0x89, nil)); err != nil {
					t.Fatal(err)
				}
			}
			if code, _, _ := readAll(t, r); code != wire.CloseTooMuch {
				t.Errorf("closed with %d", code)
			}
		})
		t.Run(transport+"/for a while", func(t *testing.T) {
			n, conn, r := connect(t, transport, ages)
			// Three are more than is kept.
			for i := range 3 {
				conn.Write(backlog(t, noon+int64(i)*2000e9))
			}
			eventually(t, "answers are dropped", func() bool { return n.metric("tempogate_estimates_dropped_total") > 0 })
			conn.Write(masked(0x81, []byte(`{"type":"end"}`)))
			code, estimates, slow := readAll(t, r)
			if code != wire.CloseDone || slow != 1 || estimates < backlogAnswers {
				t.Errorf("closed with %d after %d estimates, told %d times", code, estimates, slow)
			}
			empty(t, n)
		})
		t.Run(transport+"/and withdraws", func(t *testing.T) {
			n, conn, r := connect(t, transport, ages)
			conn.Write(append(backlog(t, noon), masked(0x81, []byte(`{"type":"withdraw"}`))...))
			eventually(t, "the session is over", func() bool { return n.metric("tempogate_sessions") == 0 })
			empty(t, n)
			if code, estimates, _ := readAll(t, r); code != wire.CloseConsent || estimates >= backlogAnswers {
				t.Errorf("closed with %d after %d estimates", code, estimates)
			}
		})
	}
}

// A connection that can only be waited for is waited for, and then the session
// ends without a word: nothing can be written in part.
func TestSlowReaderThatCanOnlyBeWaitedFor(t *testing.T) {
	_, there := net.Pipe() // whose other end reads nothing
	defer there.Close()
	a := answers{socket: framing.NewSocket(there), timeout: time.Millisecond}
	var end *ending
	if _, err := a.send([]byte("an answer"), time.Now()); !errors.As(err, &end) || end.code != wire.CloseTooMuch || !end.vanished {
		t.Errorf("ended with %v", err)
	}
}
