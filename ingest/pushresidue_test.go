package ingest

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"testing"

	"github.com/tempogate/tempogate/consent"
	"github.com/tempogate/tempogate/consent/identity"
)

// wrapper puts the lookout above the clearing layer, or in its place.
func (l *lookout) wrapper(clears bool) func(net.Listener, *tls.Config) net.Listener {
	return func(below net.Listener, config *tls.Config) net.Listener {
		watched := l.listener(below)
		if clears {
			return clearing(watched, config)
		}
		return watched
	}
}

// A pushed canary is in no buffer that its connection was read through, while
// the connection waits for the next push, nor what it was unpacked from.
func TestPushBuffersHoldNothing(t *testing.T) {
	var packed bytes.Buffer
	z, err := gzip.NewWriterLevel(&packed, gzip.NoCompression) // so that the canary can be found in it as it is
	if err != nil {
		t.Fatal(err)
	}
	z.Write(canary)
	z.Close()
	for _, c := range []struct {
		name, encoding string
		body           []byte
		clears, found  bool
	}{
		{"plain", "identity", canary, true, false},
		{"gzip", "gzip", packed.Bytes(), true, false},
		{"the control: without clearing connections it is found", "identity", canary, false, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			capabilities, err := identity.OpenCapabilities(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			look := &lookout{}
			n := startNode(t, func(config *Config) {
				config.Capabilities = capabilities
				config.wrap = look.wrapper(c.clears)
			})
			n.person("anna", consent.Acceleration)
			link := n.pushLink("anna")
			conn := rawDial(t, "http://"+n.server.PublicAddr().String())
			answers := bufio.NewReader(conn)
			// The second request is there to show that the first was done with
			// and its buffers were ready for more.
			for range 2 {
				fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Encoding: %s\r\nContent-Length: %d\r\n\r\n%s", link, c.encoding, len(c.body), c.body)
				resp, err := http.ReadResponse(answers, nil)
				if err != nil || resp.StatusCode != http.StatusOK {
					t.Fatalf("%v %v", resp, err)
				}
				resp.Body.Close()
				fmt.Fprintf(conn, "GET /v1/keys HTTP/1.1\r\nHost: x\r\n\r\n")
				if resp, err = http.ReadResponse(answers, nil); err != nil {
					t.Fatal(err)
				}
				resp.Body.Close()
			}
			if taken := n.metric(`tempogate_samples_accepted_total{category="acceleration"}`); taken == 0 {
				t.Fatal("the canary was not taken")
			}
			if look.waiting() != c.found {
				t.Errorf("a buffer holds the canary: %t, want %t", look.waiting(), c.found)
			}
		})
	}
}
