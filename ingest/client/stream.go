package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"

	"github.com/tempogate/tempogate/classifier"
	"github.com/tempogate/tempogate/classifier/tempo"
	"github.com/tempogate/tempogate/ingest/wire"
)

// A Form is how frames are written on the wire.
type Form uint8

// The forms. Packed is the smallest and the cheapest to read.
const (
	Packed Form = iota
	JSON
	PackedS2
	JSONS2
)

var formNames = [...]string{"packed", "json", "packed-s2", "json-s2"}

// String returns the name of a form, as commands take it.
func (f Form) String() string {
	if int(f) < len(formNames) {
		return formNames[f]
	}
	return fmt.Sprintf("Form(%d)", uint8(f))
}

// ParseForm is the inverse of String.
func ParseForm(name string) (Form, error) {
	for i, n := range formNames {
		if n == name {
			return Form(i), nil
		}
	}
	return 0, fmt.Errorf("client: no form is called %q (known: %s)", name, strings.Join(formNames[:], " "))
}

// StreamOptions configure a stream. The zero value works.
type StreamOptions struct {
	Form Form

	// Encoder says how frames are encoded. Its Version is 2 when zero: a stream
	// sends every frame, in order.
	Encoder wire.EncoderConfig

	// ReadBuffer and WriteBuffer are bytes for each stream; 4096 when zero.
	ReadBuffer, WriteBuffer int

	// BPMRange is what the server maps the tempo for music to, by halving or
	// doubling; the zero value leaves it as it is.
	BPMRange tempo.Range

	// WriteTimeout fails a Send that the server does not take. 10 s when zero.
	WriteTimeout time.Duration
}

// A Stream is one live session. One goroutine may send while another receives.
// Receive has to be called all the time: a server that cannot write its
// answers ends the session.
type Stream struct {
	ws      *websocket.Conn
	form    Form
	timeout time.Duration

	sending   sync.Mutex
	encoder   *wire.Encoder
	buffer    []byte
	positions []wire.Position

	reading []byte
	drained atomic.Int64 // nanoseconds that the server asked to wait before the next stream
}

// Stream opens a session. Without a grant the server refuses with an *Error
// whose Code is "no_grant".
//
// ctx is for the opening only.
func (c *Client) Stream(ctx context.Context, options StreamOptions) (*Stream, error) {
	if options.WriteTimeout <= 0 {
		options.WriteTimeout = 10 * time.Second
	}
	if options.Encoder.Version == 0 {
		options.Encoder.Version = 2
	}
	dialer := websocket.Dialer{
		Subprotocols:     []string{wire.Subprotocol},
		TLSClientConfig:  c.config.TLS,
		NetDialContext:   c.config.NetDial,
		HandshakeTimeout: callTimeout,
		ReadBufferSize:   options.ReadBuffer,
		WriteBufferSize:  options.WriteBuffer,
	}
	if c.config.NetDial == nil {
		dialer.Proxy = http.ProxyFromEnvironment
	}
	address := *c.base
	address.Scheme = strings.Replace(address.Scheme, "http", "ws", 1)
	address.Path += "/v1/stream"
	if options.BPMRange != (tempo.Range{}) {
		address.RawQuery = url.Values{wire.BPMRangeParameter: {options.BPMRange.String()}}.Encode()
	}
	header := http.Header{}
	if c.config.Token != "" {
		header.Set("Authorization", "Bearer "+c.config.Token)
	}
	ws, resp, err := dialer.DialContext(ctx, address.String(), header)
	if errors.Is(err, websocket.ErrBadHandshake) && resp != nil {
		defer resp.Body.Close()
		return nil, problemOf(resp)
	}
	if err != nil {
		return nil, fmt.Errorf("client: %w", err)
	}
	return &Stream{
		ws:      ws,
		form:    options.Form,
		timeout: options.WriteTimeout,
		encoder: wire.NewEncoder(options.Encoder),
	}, nil
}

// Send sends one frame: a second of samples and the fixes that fell into it.
// Both slices stay the caller's.
//
// The JSON forms have coordinates where a fix has displacements. They start at
// latitude 0 and longitude 0, so that the distances are right and the place is
// not; SendPositions sends real ones.
func (s *Stream) Send(samples []classifier.Sample, fixes []classifier.Fix) error {
	s.sending.Lock()
	defer s.sending.Unlock()
	s.positions = s.positions[:0]
	if s.form == JSON || s.form == JSONS2 {
		s.positions = s.encoder.AppendPositions(s.positions, fixes)
	}
	return s.send(samples, fixes, s.positions)
}

// SendPositions sends one frame with coordinates, which only the JSON forms
// can carry.
func (s *Stream) SendPositions(samples []classifier.Sample, positions []wire.Position) error {
	if s.form != JSON && s.form != JSONS2 {
		return errors.New("client: the packed form carries no coordinates: use Send, or a JSON form")
	}
	s.sending.Lock()
	defer s.sending.Unlock()
	return s.send(samples, nil, positions)
}

func (s *Stream) send(samples []classifier.Sample, fixes []classifier.Fix, positions []wire.Position) (err error) {
	kind := websocket.BinaryMessage
	switch s.form {
	case JSON:
		kind = websocket.TextMessage
		s.buffer, err = s.encoder.AppendJSON(s.buffer[:0], samples, positions)
	case JSONS2:
		s.buffer, err = s.encoder.AppendJSONS2(s.buffer[:0], samples, positions)
	case PackedS2:
		s.buffer, err = s.encoder.AppendPackedS2(s.buffer[:0], samples, fixes)
	default:
		s.buffer, err = s.encoder.AppendPacked(s.buffer[:0], samples, fixes)
	}
	if err != nil {
		return fmt.Errorf("client: %w", err)
	}
	return s.write(kind, s.buffer)
}

// SendRaw sends a frame as it is, for tests of servers.
func (s *Stream) SendRaw(binary bool, payload []byte) error {
	s.sending.Lock()
	defer s.sending.Unlock()
	kind := websocket.TextMessage
	if binary {
		kind = websocket.BinaryMessage
	}
	return s.write(kind, payload)
}

// Ping sends a ping. The answer is swallowed by Receive.
func (s *Stream) Ping() error {
	if err := s.ws.WriteControl(websocket.PingMessage, nil, time.Now().Add(s.timeout)); err != nil {
		return fmt.Errorf("client: ping: %w", err)
	}
	return nil
}

// Withdraw takes all consent back, on the stream itself. The server answers by
// closing with 4403, which Receive returns.
func (s *Stream) Withdraw() error { return s.control(wire.ControlWithdraw) }

// End says goodbye. The server sends what is due and closes with 1000, which
// Receive returns.
func (s *Stream) End() error { return s.control(wire.ControlEnd) }

func (s *Stream) control(c wire.Control) error {
	return s.SendRaw(false, wire.AppendControl(nil, c))
}

// write sends one message. When the stream has been closed, the error only
// says so: why, says Receive.
func (s *Stream) write(kind int, payload []byte) error {
	s.ws.SetWriteDeadline(time.Now().Add(s.timeout))
	if err := s.ws.WriteMessage(kind, payload); err != nil {
		return fmt.Errorf("client: send: %w", err)
	}
	return nil
}

// Receive waits for the next message of the server. The end of the stream is
// an *Error with its close code: 1000 after End, 4403 after a withdrawal.
func (s *Stream) Receive() (wire.Message, error) {
	line, err := s.ReceiveLine()
	if err != nil {
		return wire.Message{}, err
	}
	m, err := wire.ParseMessage(line)
	if err != nil {
		return m, fmt.Errorf("client: %w", err)
	}
	if m.Type == wire.TypeDraining {
		s.drained.Store(int64(m.ReconnectAfterS * float64(time.Second)))
	}
	return m, nil
}

// ReceiveLine is Receive for those who want the JSON as it came. The line is
// valid until the next call.
func (s *Stream) ReceiveLine() ([]byte, error) {
	_, r, err := s.ws.NextReader()
	if err != nil {
		return nil, closeOf(err)
	}
	if s.reading == nil {
		s.reading = make([]byte, 1024)
	}
	for n := 0; ; {
		k, err := r.Read(s.reading[n:])
		n += k
		switch {
		case err == io.EOF:
			return s.reading[:n], nil
		case err != nil:
			return nil, closeOf(err)
		case n == maxMessage:
			return nil, errors.New("client: the server sent a message larger than anything it should say")
		case n == len(s.reading):
			s.reading = append(s.reading, make([]byte, min(n, maxMessage-n))...)
		}
	}
}

// maxMessage bounds what is read of one message of the server.
const maxMessage = 1 << 20

// SetReceiveDeadline makes Receive fail after t. The stream is of no use for
// receiving after it has.
func (s *Stream) SetReceiveDeadline(t time.Time) error { return s.ws.SetReadDeadline(t) }

// NetConn returns the connection below, for measurements.
func (s *Stream) NetConn() net.Conn { return s.ws.NetConn() }

// Close hangs up without a word. End is the polite way.
func (s *Stream) Close() error { return s.ws.Close() }

// closeOf turns the close frame of a server into an Error.
func closeOf(err error) error {
	var closed *websocket.CloseError
	if errors.As(err, &closed) {
		detail := closed.Text
		if detail == "" {
			detail = wire.CloseReason(closed.Code)
		}
		return &Error{Close: closed.Code, Detail: detail}
	}
	return fmt.Errorf("client: receive: %w", err)
}
