package ingest

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"text/template"
	"time"
	"unicode/utf8"

	"github.com/cockroachdb/datadriven"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/s2"

	"github.com/tempogate/tempogate/ingest/wire"
)

// A shape is how a frame is made, right or wrong.
type shape struct {
	first     byte    // FIN, reserved bits and opcode
	key       [4]byte // that the payload is masked with
	shown     [4]byte // that the frame says so
	unmasked  bool
	claim     int64 // the length that the frame says, -1 for the true one
	width     int   // bytes that the length stands in: 1, 2 or 8; 0 for the right one
	announced bool  // claim holds
}

// appendFrame appends one frame. It is written from RFC 6455, section 5.2, and
// shares nothing with package framing.
func appendFrame(dst []byte, s shape, payload []byte) []byte {
	length := int64(len(payload))
	if s.announced {
		length = s.claim
	}
	width := s.width
	switch {
	case width != 0:
	case length < 126:
		width = 1
	case length < 1<<16:
		width = 2
	default:
		width = 8
	}
	mask := byte(0x80)
	if s.unmasked {
		mask = 0
	}
	dst = append(dst, s.first)
	switch width {
	case 1:
		dst = append(dst, mask|byte(length))
	case 2:
		dst = binary.BigEndian.AppendUint16(append(dst, mask|126), uint16(length))
	default:
		dst = binary.BigEndian.AppendUint64(append(dst, mask|127), uint64(length))
	}
	if s.unmasked {
		return append(dst, payload...)
	}
	dst = append(dst, s.shown[:]...)
	for i, b := range payload {
		dst = append(dst, b^s.key[i%4])
	}
	return dst
}

// next reads one frame of the server, which has to be as RFC 6455 wants it:
// whole, without a mask, its length in as few bytes as will do, text that is
// UTF-8, control frames that are short.
func (s *rawStream) next() (op byte, payload []byte, err error) {
	var head [2]byte
	if _, err := io.ReadFull(s.r, head[:]); err != nil {
		return 0, nil, err
	}
	op = head[0] & 0x0f
	length, least := uint64(head[1]&0x7f), uint64(0)
	if width := map[uint64]int{126: 2, 127: 8}[length]; width > 0 {
		wide := make([]byte, 8)
		if _, err := io.ReadFull(s.r, wide[8-width:]); err != nil {
			return 0, nil, err
		}
		length, least = binary.BigEndian.Uint64(wide), map[int]uint64{2: 126, 8: 1 << 16}[width]
	}
	switch {
	case head[0]&0xf0 != 0x80:
		return 0, nil, fmt.Errorf("a frame that begins with %#x: a fragment, or reserved bits", head[0])
	case head[1]&0x80 != 0:
		return 0, nil, errors.New("a masked frame")
	case length < least:
		return 0, nil, fmt.Errorf("a length of %d in too many bytes", length)
	case op >= 8 && length > 125:
		return 0, nil, errors.New("a long control frame")
	}
	payload = make([]byte, min(length, 1<<20))
	if _, err := io.ReadFull(s.r, payload); err != nil {
		return 0, nil, fmt.Errorf("within a frame: %w", err)
	}
	text := payload
	if op == 8 {
		text = payload[min(2, len(payload)):]
	}
	if op != 0xa && !utf8.Valid(text) {
		return 0, nil, fmt.Errorf("text that is not UTF-8: %q", text)
	}
	return op, payload, nil
}

// A streamPlay is a case of a stream: steps of a client.
type streamPlay struct {
	token string
	steps []streamStep
	pings []string // that were sent, in their order
}

type streamStep struct {
	verb  string
	bytes []byte
	times int
	chop  int    // bytes a write; 0 for all at once
	until string // for await: how a line begins
}

// size is how much is sent.
func (p *streamPlay) size() (n int) {
	for _, s := range p.steps {
		n += len(s.bytes) * s.times
	}
	return n
}

var opcodes = map[string]byte{"cont": 0, "text": 1, "binary": 2, "close": 8, "ping": 9, "pong": 0xa}

// parseStream reads the steps of a case.
func (h *hostile) parseStream(t *testing.T, d *datadriven.TestData) *streamPlay {
	p := &streamPlay{token: h.newcomer(t)}
	chop := 0
	words := h.words()
	for line := range strings.Lines(d.Input) {
		line = strings.TrimRight(line, "\n")
		if line == "" || line[0] == '#' {
			continue
		}
		step := streamStep{times: 1, chop: chop}
		split := 0
		key := [4]byte{0x37, 0xfa, 0x21, 0x3d} // of RFC 6455, section 5.7
		s := shape{first: 0x80, key: key, shown: key}
		for step.verb == "" {
			word, rest, _ := strings.Cut(line, " ")
			name, value, _ := strings.Cut(word, "=")
			line = rest
			number, _ := strconv.ParseInt(value, 0, 64)
			switch name {
			case "more":
				s.first &^= 0x80
			case "rsv":
				s.first |= byte(number) << 4
			case "times":
				step.times = int(number)
			case "claim":
				s.claim, s.announced = number, true
			case "width":
				s.width = int(number)
			case "key":
				if k, err := hex.DecodeString(value); err == nil {
					s.key, s.shown = [4]byte(k), [4]byte(k)
				}
			case "shown":
				if k, err := hex.DecodeString(value); err == nil {
					s.shown = [4]byte(k)
				}
			case "unmasked":
				s.unmasked = true
			case "split":
				split = int(number)
			case "":
				d.Fatalf(t, "a step without a verb")
			default:
				step.verb = word
			}
		}
		op, known := opcodes[step.verb]
		if n, ok := strings.CutPrefix(step.verb, "op"); ok {
			number, err := strconv.ParseUint(n, 0, 4)
			op, known = byte(number), err == nil
		}
		switch {
		case step.verb == "chop":
			chop, _ = strconv.Atoi(line)
			continue
		case step.verb == "await":
			step.until = line
		case step.verb == "half-close", step.verb == "reset":
		case step.verb == "raw":
			raw, err := hex.DecodeString(strings.ReplaceAll(line, " ", ""))
			if err != nil {
				d.Fatalf(t, "raw: %v", err)
			}
			step.bytes = raw
		case known:
			payload := words.fill(t, line)
			if step.verb == "close" && payload != "" { // the code comes first
				code, reason, _ := strings.Cut(payload, " ")
				if n, err := strconv.ParseUint(code, 10, 16); err == nil {
					payload = string(binary.BigEndian.AppendUint16(nil, uint16(n))) + reason
				}
			}
			if op == 9 {
				for range step.times {
					p.pings = append(p.pings, payload)
				}
			}
			s.first |= op
			rest := []byte(payload)
			for split > 0 && len(rest) > split {
				piece := s
				piece.first &^= 0x80
				step.bytes = appendFrame(step.bytes, piece, rest[:split])
				rest, s.first = rest[split:], s.first&0xf0
			}
			step.bytes = appendFrame(step.bytes, s, rest)
		default:
			d.Fatalf(t, "no such step: %s", step.verb)
		}
		p.steps = append(p.steps, step)
	}
	return p
}

// play sends the steps and returns what came back, a line a message.
func (p *streamPlay) play(t *testing.T, stream *rawStream) string {
	t.Helper()
	heard := &transcript{}
	read := make(chan struct{})
	go func() {
		defer close(read)
		p.listen(stream, heard)
	}()
	for _, step := range p.steps {
		if err := step.take(stream.conn, heard, read); err != nil {
			break // the server has closed; what it said is heard
		}
	}
	<-read
	stream.conn.Close()
	return heard.String()
}

// take does one step.
func (s *streamStep) take(conn net.Conn, heard *transcript, read chan struct{}) error {
	switch s.verb {
	case "half-close":
		return conn.(interface{ CloseWrite() error }).CloseWrite()
	case "reset": // without a FIN
		plain, ok := conn.(*net.TCPConn)
		if !ok {
			plain = conn.(interface{ NetConn() net.Conn }).NetConn().(*net.TCPConn)
		}
		plain.SetLinger(0)
		plain.Close()
		return net.ErrClosed
	case "await":
		for !heard.holds(s.until) {
			select {
			case <-read:
				return io.EOF
			case <-time.After(time.Millisecond):
			}
		}
		return nil
	}
	const atOnce = 64 << 10
	for sent := 0; sent < s.times; {
		n := max(1, min(s.times-sent, atOnce/max(len(s.bytes), 1)))
		all := s.bytes
		if n > 1 {
			all = bytes.Repeat(all, n)
		}
		sent += n
		for len(all) > 0 {
			piece := len(all)
			if s.chop > 0 {
				piece = min(piece, s.chop)
			}
			if _, err := conn.Write(all[:piece]); err != nil {
				return err
			}
			all = all[piece:]
		}
	}
	return nil
}

// listen writes down what the server says until the connection ends.
func (p *streamPlay) listen(stream *rawStream, heard *transcript) {
	pings := p.pings
	closed := false
	for {
		op, payload, err := stream.next()
		switch {
		case closed && err == nil:
			heard.add("and more after the close")
			return
		case closed: // the connection ended, as it should
			if timeout, ok := err.(net.Error); ok && timeout.Timeout() {
				heard.add("and no end after the close")
			}
			return
		case err == io.EOF:
			heard.add("end without a close")
			return
		case err != nil:
			if timeout, ok := err.(net.Error); ok && timeout.Timeout() {
				heard.add("and then nothing")
			} else if errors.Is(err, net.ErrClosed) {
				heard.add("hung up")
			} else {
				heard.add("cut off: " + err.Error())
			}
			return
		case op == 8:
			closed = true
			if len(payload) < 2 {
				heard.add("close")
				continue
			}
			heard.add(strings.TrimSpace(fmt.Sprintf("close %d %s", binary.BigEndian.Uint16(payload), payload[2:])))
		case op == 0xa:
			if len(pings) == 0 || string(payload) != pings[0] {
				heard.add(fmt.Sprintf("pong %q, which nobody asked for", payload))
				continue
			}
			pings = pings[1:]
			heard.add(strings.TrimSpace("pong " + shortened(payload)))
		case op == 1:
			m, err := wire.ParseMessage(payload)
			switch {
			case err != nil:
				heard.add(fmt.Sprintf("%q: %v", payload, err))
			case m.Type == wire.TypeRefused:
				heard.add("refused " + m.Category + " " + m.Code)
			default:
				heard.add(m.Type)
			}
		default:
			heard.add(fmt.Sprintf("opcode %d: %q", op, payload))
		}
	}
}

// shortened shows a payload.
func shortened(payload []byte) string {
	if len(payload) > 20 {
		return fmt.Sprintf("of %d bytes", len(payload))
	}
	for _, b := range payload {
		if b < ' ' || b > '~' {
			return fmt.Sprintf("%x", payload)
		}
	}
	return string(payload)
}

// A transcript is lines; equal ones that follow each other are counted.
type transcript struct {
	mu    sync.Mutex
	lines []string
	times []int
}

func (tr *transcript) add(line string) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	if last := len(tr.lines) - 1; last >= 0 && tr.lines[last] == line {
		tr.times[last]++
		return
	}
	tr.lines, tr.times = append(tr.lines, line), append(tr.times, 1)
}

// holds reports whether a line begins like this.
func (tr *transcript) holds(begin string) bool {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	for _, line := range tr.lines {
		if strings.HasPrefix(line, begin) {
			return true
		}
	}
	return false
}

// String shows the lines. How many of very many there were depends on the clock.
func (tr *transcript) String() string {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	var all strings.Builder
	for i, line := range tr.lines {
		all.WriteString(line)
		switch n := tr.times[i]; {
		case n > 100:
			all.WriteString(" (more than 100 times)")
		case n > 1:
			fmt.Fprintf(&all, " (%d times)", n)
		}
		all.WriteByte('\n')
	}
	return all.String()
}

// caseWords are what a case can say in {{ }}.
type caseWords struct {
	template *template.Template
}

// words returns the words of a case.
func (h *hostile) words() *caseWords {
	return &caseWords{template.New("").Funcs(template.FuncMap{
		"crlf": func() string { return "\r\n" },
		"hex": func(digits string) (string, error) {
			b, err := hex.DecodeString(strings.ReplaceAll(digits, " ", ""))
			return string(b), err
		},
		"repeat": func(n int, s string) string { return strings.Repeat(s, n) },
		"cut":    func(n int, s string) string { return s[:n] },
		"from":   func(n int, s string) string { return s[n:] },
		"size":   func(s string) int { return len(s) },
		"join":   func(s ...string) string { return strings.Join(s, "") },
		// A batch of so many bytes, of which the last say that it was read to
		// the end: location is not granted, and the server says so once.
		"batch": func(n int) (string, error) {
			const head, tail = `{"payload":[`, `{"name":"location"}]}`
			if n < len(head)+len(tail) {
				return "", fmt.Errorf("no batch has %d bytes", n)
			}
			return head + strings.Repeat(" ", n-len(head)-len(tail)) + tail, nil
		},
		// A batch that shows in the same way that it was read, with something
		// else in it.
		"note": func(s string) string { return `{"x":"` + s + `","payload":[{"name":"location"}]}` },
		"walk": walkJSON,
		"packed": func(seconds int) (string, error) {
			frame, err := wire.NewEncoder(wire.EncoderConfig{}).AppendPacked(nil, slowWalk(noon, seconds), nil)
			return string(frame), err
		},
		"s2":    func(s string) string { return string(s2.Encode(nil, []byte(s))) },
		"gzip":  gzipped,
		"zeros": func(n int) string { return strings.Repeat("\x00", n) },
		"token": func() string { return h.member },
		"auth":  func() string { return "Authorization: Bearer " + h.member },
		"upgrade": func() string {
			return "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
		},
		"host":       func() string { return h.server.PublicAddr().String() },
		"capability": func() string { return h.capability },
	})}
}

// fill fills the words of a text in.
func (w *caseWords) fill(t *testing.T, text string) string {
	t.Helper()
	if !strings.Contains(text, "{{") {
		return text
	}
	parsed, err := w.template.Parse(text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	var all strings.Builder
	if err := parsed.Execute(&all, nil); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return all.String()
}

func gzipped(s string) (string, error) {
	var packed strings.Builder
	w := gzip.NewWriter(&packed)
	if _, err := io.WriteString(w, s); err != nil {
		return "", err
	}
	err := w.Close()
	return packed.String(), err
}
