package ingest

import (
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// A slowCase is a client that keeps a connection and hardly says a word. The
// server ends it by itself.
type slowCase struct {
	name string
	send string
	drip string // one byte of it now and then, for ever
	many int    // such connections at once
	want string // how an answer may begin, where there may be one
}

// dripPause is the pause between two bytes of a drip: far less than any timeout
// of the server, so that no byte of them is what it waits for.
const dripPause = 50 * time.Millisecond

// slowCases are those of a plain server, slowTLSCases those of one over TLS.
func (h *hostile) slowCases(t *testing.T) []slowCase {
	auth := "Authorization: Bearer " + h.newcomer(t) + "\r\n"
	const upgrade = "GET /v1/stream HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
	return []slowCase{
		{name: "a connection, and nothing", many: 1},
		{name: "two hundred connections, and nothing", many: 200},
		{name: "half a request line", send: "GET /v1/str", many: 1},
		{name: "an empty line, again and again", drip: "\r\n", many: 1},
		{name: "a request line that never ends", send: "GET /v1/", drip: "x", many: 1},
		{name: "a handshake but for its last line", send: upgrade + auth, many: 1},
		{name: "a handshake whose header never ends", send: upgrade + auth + "X-Note: ", drip: "x", many: 1},
		{name: "a handshake with one more header, and one more", send: upgrade + auth, drip: "A: b\r\n", many: 20},
		{name: "an answer to the notice of which nothing comes", send: "PUT /v1/consent HTTP/1.1\r\nHost: x\r\n" + auth + "Content-Length: 100\r\n\r\n", many: 1},
		{name: "an answer to the notice byte by byte", send: "PUT /v1/consent HTTP/1.1\r\nHost: x\r\n" + auth + "Content-Length: 60000\r\n\r\n", drip: " ", many: 1},
		{name: "a push byte by byte", send: "POST " + h.capability + " HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n\r\n", drip: " ", many: 1},
		{name: "a push in chunks of a byte", send: "POST " + h.capability + " HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", drip: "1\r\n \r\n", many: 1},
		{name: "a body for a call that takes none", send: "GET /v1/keys HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n\r\n", drip: " ", many: 1, want: "HTTP/1.1 200 OK"},
	}
}

func (h *hostile) slowTLSCases() []slowCase {
	return []slowCase{
		{name: "no handshake of TLS", many: 1},
		{name: "two hundred without a handshake of TLS", many: 200},
		{name: "half the header of a record", send: "\x16\x03", many: 1},
		{name: "a record of 16 KiB byte by byte", send: "\x16\x03\x01\x40\x00\x01\x00\x3f\xfc", drip: "\x00", many: 1},
		{name: "no TLS", send: "GET /v1/stream HTTP/1.1\r\nHost: x\r\n\r\n", many: 1},
		{name: "a record of a type that there is not", send: "\xff\x03\x01\x00\x05hello", many: 1},
	}
}

// startSlow starts the slow cases; they go on while others are played. What it
// returns waits for their ends.
func (h *hostile) startSlow(t *testing.T) (finish func(t *testing.T) (count int)) {
	cases := h.slowTLSCases()
	if !h.secure {
		name := "of pushes"
		h.grant(t, name)
		h.capability = h.pushLink(name)
		cases = h.slowCases(t)
	}
	type outcome struct {
		of   slowCase
		line string
		err  error
	}
	outcomes := make(chan outcome)
	connections := 0
	for _, c := range cases {
		for range c.many {
			connections++
			conn, err := net.Dial("tcp", h.server.PublicAddr().String())
			if err != nil {
				t.Fatal(err)
			}
			go func() {
				line, err := c.play(conn)
				outcomes <- outcome{c, line, err}
			}()
		}
	}
	return func(t *testing.T) int {
		for range connections {
			o := <-outcomes
			// Where time ran out within a line, net/http says that it is broken.
			fits := o.line == "" || o.line == "HTTP/1.1 400 Bad Request" || o.line == o.of.want
			if o.err != nil || !fits {
				t.Errorf("%s: answered %q, %v", o.of.name, o.line, o.err)
			}
		}
		return len(cases)
	}
}

// play returns what the server said first, and an error when the connection did
// not end.
func (c *slowCase) play(conn net.Conn) (first string, err error) {
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(2 * ages))
	if _, err := io.WriteString(conn, c.send); err != nil {
		return "", err
	}
	ended := make(chan struct{})
	dripped := make(chan struct{})
	go func() {
		defer close(dripped)
		for i := 0; c.drip != ""; i++ {
			select {
			case <-ended:
				return
			case <-time.After(dripPause):
			}
			if _, err := conn.Write([]byte{c.drip[i%len(c.drip)]}); err != nil {
				return
			}
		}
	}()
	defer func() { close(ended); <-dripped }()
	answer, err := io.ReadAll(io.LimitReader(conn, 64<<10))
	if timeout, ok := err.(net.Error); ok && timeout.Timeout() {
		return "", fmt.Errorf("still open after %v", 2*ages)
	}
	first, _, _ = strings.Cut(string(answer), "\r\n")
	return first, nil
}
