package ingest

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"
)

// An httpPlay is a case of HTTP: the bytes of a request, or of several.
type httpPlay struct {
	method     string
	request    []byte
	unfinished bool // nothing more comes: that is what is tested
}

func (p *httpPlay) size() int { return len(p.request) }

// parseHTTP reads a case: a request line, header lines and, behind an empty
// line, the body. Lines end with CR LF, with "lf" with a bare LF.
func (h *hostile) parseHTTP(t *testing.T, d *datadriven.TestData) *httpPlay {
	p := &httpPlay{unfinished: d.HasArg("unfinished")}
	ending := "\r\n"
	if d.HasArg("lf") {
		ending = "\n"
	}
	words := h.words()
	head, body, hasBody := strings.Cut(d.Input, "\n\n")
	if hasBody {
		lines := strings.Split(body, "\n")
		for i := range lines {
			lines[i] = words.fill(t, lines[i])
		}
		body = strings.Join(lines, ending)
	}
	for line := range strings.SplitSeq(head, "\n") {
		if line == "Content-Length: auto" {
			line = fmt.Sprintf("Content-Length: %d", len(body))
		}
		p.request = append(p.request, words.fill(t, line)+ending...)
	}
	if !p.unfinished || hasBody {
		p.request = append(p.request, ending...)
	}
	p.request = append(p.request, body...)
	p.method, _, _ = strings.Cut(d.Input, " ")
	return p
}

// play sends the request and returns the answers, a line each, and what became of
// the connection.
func (p *httpPlay) play(t *testing.T, conn net.Conn) string {
	t.Helper()
	defer conn.Close()
	written := make(chan struct{})
	go func() {
		defer close(written)
		conn.Write(p.request) // a server that closes has said why
		if p.unfinished {
			conn.(interface{ CloseWrite() error }).CloseWrite()
		}
	}()
	defer func() { conn.Close(); <-written }()
	var said strings.Builder
	r := bufio.NewReader(conn)
	for asked := false; ; {
		resp, err := http.ReadResponse(r, &http.Request{Method: p.method})
		if err != nil {
			if timeout, ok := err.(net.Error); ok && timeout.Timeout() {
				said.WriteString("nothing more\n")
			} else {
				said.WriteString("closed\n")
			}
			return said.String()
		}
		body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
		if err != nil && resp.StatusCode != http.StatusSwitchingProtocols {
			fmt.Fprintf(&said, "%d, cut off\n", resp.StatusCode)
			return said.String()
		}
		if asked && resp.StatusCode == http.StatusOK && strings.Contains(string(body), "Ed25519") {
			said.WriteString("open\n")
			return said.String()
		}
		said.WriteString(summary(resp, body) + "\n")
		if resp.StatusCode == http.StatusSwitchingProtocols {
			return said.String()
		}
		if !asked && !p.unfinished && !resp.Close {
			// Is this connection still one that takes requests, and does it take
			// this one for what it is?
			asked = true
			<-written
			conn.SetDeadline(time.Now().Add(ages))
			io.WriteString(conn, "GET /v1/keys HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
			p.method = http.MethodGet
		}
	}
}

// summary says what an answer is.
func summary(resp *http.Response, body []byte) string {
	if resp.StatusCode == http.StatusSwitchingProtocols {
		return fmt.Sprintf("101 subprotocol %q extensions %q", resp.Header.Get("Sec-Websocket-Protocol"), resp.Header.Get("Sec-Websocket-Extensions"))
	}
	line := fmt.Sprint(resp.StatusCode)
	var p Problem
	switch {
	case json.Unmarshal(body, &p) == nil && p.Code != "":
		line += " " + p.Code
		if p.Reason != "" {
			line += " " + p.Reason
		}
	case resp.StatusCode >= http.StatusBadRequest:
		line += " " + strings.TrimSpace(string(body))
	}
	if to := resp.Header.Get("Location"); to != "" {
		line += " to " + to
	}
	return line
}
