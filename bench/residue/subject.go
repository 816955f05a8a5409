package residue

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/gorilla/websocket"

	"github.com/tempogate/tempogate/classifier"
	"github.com/tempogate/tempogate/consent"
	"github.com/tempogate/tempogate/ingest/client"
	"github.com/tempogate/tempogate/ingest/framing"
	"github.com/tempogate/tempogate/ingest/wire"
)

// A subject is one session that is looked for: somebody who sends in one way and
// ends in one way.
type subject struct {
	run    *runner
	index  int // owner of its needles
	how    *sending
	ending Ending
	token  string
	client *client.Client
	rng    *rand.Rand

	// What it sends, made before anything is sent.
	first    message   // canaries
	ordinary []message // until they have left the window
	second   message   // canaries again
	third    message   // canaries of which the server gets a part, or which wait

	conn   net.Conn // of a stream
	reader *framing.Reader
	http   *http.Transport // of a push
	link   string
}

const (
	readingsEach = 100 // in a message: a second

	// secondsToLeave is how much other motion is sent until the canaries have left
	// the window (5.12 s), and what was made of it.
	secondsToLeave = 7

	// answerTimeout bounds the wait for any answer of the server.
	answerTimeout = 30 * time.Second
)

// open has the person say yes and opens the session.
func (s *subject) open(ctx context.Context) error {
	notice, err := s.client.Notice(ctx)
	if err != nil {
		return err
	}
	if _, err := s.client.Grant(ctx, notice, []consent.Category{consent.Acceleration}, nil); err != nil {
		return err
	}
	if !s.how.push {
		s.conn, err = s.run.dialStream(ctx, s.token)
		if err == nil {
			s.reader = framing.NewReader(framing.NewSocket(s.conn), 1<<20, false)
		}
		return err
	}
	s.http = &http.Transport{TLSClientConfig: s.run.config.TLS}
	answer, err := s.ask(ctx, s.run.config.URL+"/v1/push", nil, false)
	if err != nil {
		return err
	}
	var link struct{ URL string }
	if err := json.Unmarshal(answer, &link); err != nil {
		return fmt.Errorf("residue: no link to push to: %w", err)
	}
	// The server may be known by another name to others.
	at := strings.Index(link.URL, "/v1/push/")
	if at < 0 {
		return errors.New("residue: no link to push to")
	}
	s.link = s.run.config.URL + link.URL[at:]
	return nil
}

// dialStream opens a stream by hand, so that its bytes are known.
func (r *runner) dialStream(ctx context.Context, token string) (net.Conn, error) {
	dialer := websocket.Dialer{Subprotocols: []string{wire.Subprotocol}, TLSClientConfig: r.config.TLS, HandshakeTimeout: answerTimeout}
	address := strings.Replace(r.config.URL, "http", "ws", 1) + "/v1/stream"
	ws, resp, err := dialer.DialContext(ctx, address, http.Header{"Authorization": {"Bearer " + token}})
	if err != nil {
		if resp != nil {
			defer resp.Body.Close()
			text, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<10))
			return nil, fmt.Errorf("residue: no stream: %s %s", resp.Status, bytes.TrimSpace(text))
		}
		return nil, fmt.Errorf("residue: no stream: %w", err)
	}
	return ws.NetConn(), nil // the server says nothing before it is spoken to
}

// close drops what is open.
func (s *subject) close() {
	if s.conn != nil {
		s.conn.Close()
	}
	if s.http != nil {
		s.http.CloseIdleConnections()
	}
}

// A message is what is sent at once, with the key that masks it.
type message struct {
	op      byte
	payload []byte
	key     [4]byte
}

// rehearse makes all messages, and the needles of those that hold canaries.
func (s *subject) rehearse(session string, time int64) error {
	encoder := wire.NewEncoder(wire.EncoderConfig{ResolutionMPS2: step, SessionID: session})
	twin := newTwin()
	var err error
	make := func(n *needles) (m message) {
		samples := still(s.rng, readingsEach, time)
		calm := samples
		if n != nil {
			samples = canaries(s.rng, readingsEach, time)
		}
		time += readingsEach * periodNS
		var failed error
		if m, failed = s.encode(encoder, samples); failed != nil {
			err = fmt.Errorf("residue: %w", failed)
		}
		if n != nil {
			n.addValues(s.index, samples, s.how.packed())
			n.addMessage(s.index, m.payload, samples, s.how.text(), &m.key)
		}
		twin.push(samples, calm, n, s.index) // last: it holds values as they are, too
		return m
	}
	s.first = make(s.run.needles)
	for range secondsToLeave {
		s.ordinary = append(s.ordinary, make(nil))
	}
	s.second = make(s.run.needles)
	if s.how.push && (s.ending == Withdrawal || s.ending == Drain) {
		make(nil) // is never sent: the third waits for it
	}
	s.third = make(s.run.needles)
	return err
}

// encode makes a message of readings.
func (s *subject) encode(encoder *wire.Encoder, samples []classifier.Sample) (m message, err error) {
	m.op = framing.Binary
	switch {
	case s.how.push || s.how.form == client.JSON:
		m.op = framing.Text
		m.payload, err = encoder.AppendJSON(nil, samples, nil)
	case s.how.form == client.JSONS2:
		m.payload, err = encoder.AppendJSONS2(nil, samples, nil)
	case s.how.form == client.Packed:
		m.payload, err = encoder.AppendPacked(nil, samples, nil)
	default:
		m.payload, err = encoder.AppendPackedS2(nil, samples, nil)
	}
	if s.how.gzip {
		var packed bytes.Buffer
		w := gzip.NewWriter(&packed)
		w.Write(m.payload)
		w.Close()
		m.payload = packed.Bytes()
	}
	for i := range m.key { // without a zero in it: that would mask nothing
		m.key[i] = byte(1 + s.rng.IntN(255))
	}
	return m, err
}

// send sends a message and waits until it is taken.
func (s *subject) send(ctx context.Context, m message) error {
	if s.how.push {
		_, err := s.ask(ctx, s.link, m.payload, false)
		return err
	}
	// The server takes messages in turn: with the answer to a ping it is done with
	// the one before.
	frames := framing.AppendMasked(framing.AppendMasked(nil, m.op, m.payload, m.key), framing.Ping, nil, m.key)
	s.conn.SetDeadline(time.Now().Add(answerTimeout))
	if _, err := s.conn.Write(frames); err != nil {
		return fmt.Errorf("residue: %s: %w", s, err)
	}
	return s.read(framing.Pong)
}

// read reads until a message with an opcode comes.
func (s *subject) read(until byte) error {
	for {
		op, payload, err := s.reader.Next()
		switch {
		case err != nil:
			return fmt.Errorf("residue: %s: %w", s, err)
		case op == until:
			return nil
		case op == framing.Close:
			code, reason, _ := framing.ParseClose(payload)
			return fmt.Errorf("residue: %s was closed with %d %s", s, code, reason)
		}
	}
}

// ask posts a body and returns the answer.
func (s *subject) ask(ctx context.Context, address string, body []byte, close bool) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("residue: %w", err)
	}
	req.Close = close
	if body == nil {
		req.Header.Set("Authorization", "Bearer "+s.token)
	} else {
		req.Header.Set("Content-Type", "application/json")
		if s.how.gzip {
			req.Header.Set("Content-Encoding", "gzip")
		}
	}
	resp, err := s.http.RoundTrip(req)
	if err != nil {
		return nil, fmt.Errorf("residue: %s: %w", s, err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err == nil && resp.StatusCode >= 300 {
		err = &refusal{resp.StatusCode, string(bytes.TrimSpace(answer))}
	}
	return answer, err
}

// A refusal is an answer that is an error.
type refusal struct {
	status int
	text   string
}

// Error returns status and text.
func (r *refusal) Error() string {
	return fmt.Sprintf("residue: refused with %d: %s", r.status, r.text)
}

// String names the subject in errors.
func (s *subject) String() string {
	return fmt.Sprintf("the session that sends %s and ends by %s", s.how.name, s.ending)
}

// withdraw takes the consent back, over HTTP.
func (s *subject) withdraw(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	return s.client.Withdraw(ctx)
}

// part sends the third message as far as half of it.
func (s *subject) part() error {
	if s.how.push {
		return s.partOfPush(s.third.payload)
	}
	frame := framing.AppendMasked(nil, s.third.op, s.third.payload, s.third.key)
	_, err := s.conn.Write(frame[:len(frame)/2])
	return err
}

// partOfPush begins a push on a connection of its own, which replaces the one
// before.
func (s *subject) partOfPush(body []byte) (err error) {
	u, err := url.Parse(s.link)
	if err != nil {
		return err
	}
	if s.conn, err = s.run.dial(); err != nil {
		return err
	}
	encoding := "identity"
	if s.how.gzip {
		encoding = "gzip"
	}
	request := fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Encoding: %s\r\nContent-Length: %d\r\n\r\n", u.Path, u.Host, encoding, len(body))
	_, err = s.conn.Write(append(request, body[:len(body)/2]...))
	return err
}

// finish ends the session in its way, and returns when the server has been told;
// over says when it has ended.
func (s *subject) finish(ctx context.Context) error {
	if s.how.push {
		return s.finishPush(ctx)
	}
	if err := s.send(ctx, s.second); err != nil {
		return err
	}
	s.conn.SetDeadline(time.Now().Add(answerTimeout + s.run.config.IdleTimeout))
	switch s.ending {
	case End:
		_, err := s.conn.Write(framing.AppendMasked(nil, framing.Text, wire.AppendControl(nil, wire.ControlEnd), s.third.key))
		return err
	case Withdrawal:
		return errors.Join(s.part(), s.withdraw(ctx))
	case Malformed:
		_, err := s.conn.Write(framing.AppendMasked(nil, s.third.op, s.broken(), s.third.key))
		return err
	case Cut:
		return s.cut()
	}
	return s.part() // Timeout; Drain is the runner's to bring about
}

// broken is the third message, whole as a message, and its content not.
func (s *subject) broken() []byte { return s.third.payload[:len(s.third.payload)*9/10] }

// cut drops the connection within the third message.
func (s *subject) cut() error {
	if err := s.part(); err != nil {
		return fmt.Errorf("residue: %s: %w", s, err)
	}
	// Not at once: what was sent should arrive as something to be read.
	time.Sleep(50 * time.Millisecond)
	return s.conn.Close()
}

// finishPush is finish for pushes. A push that is refused does not end its
// session, so the canaries are in that one alone.
func (s *subject) finishPush(ctx context.Context) error {
	switch s.ending {
	case Malformed:
		_, err := s.ask(ctx, s.link, s.broken(), false)
		var refused *refusal
		if errors.As(err, &refused) && refused.status == http.StatusBadRequest {
			return nil
		}
		return errors.Join(fmt.Errorf("residue: %s: a broken push was not refused", s), err)
	case Cut:
		return s.cut()
	case End:
		_, err := s.ask(ctx, s.link, s.second.payload, true)
		return err
	case Timeout:
		return s.send(ctx, s.second)
	}
	// One that comes before its turn waits, unparsed.
	if err := errors.Join(s.send(ctx, s.second), s.send(ctx, s.third)); err != nil || s.ending == Drain {
		return err
	}
	return s.withdraw(ctx)
}

// over waits until the server has ended the session.
func (s *subject) over() error {
	switch {
	case s.how.push && (s.ending == End || s.ending == Timeout):
		// Nobody says so: the wheel of sessions turns once a second.
		time.Sleep(s.run.config.IdleTimeout + 2*time.Second)
		return nil
	case s.how.push, s.ending == Cut:
		return nil
	}
	s.conn.SetReadDeadline(time.Now().Add(answerTimeout + s.run.config.IdleTimeout))
	if err := s.read(framing.Close); err != nil {
		return err
	}
	return s.conn.Close()
}
