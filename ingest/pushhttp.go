package ingest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/klauspost/compress/gzip"
	"rsc.io/qr"

	"github.com/tempogate/tempogate/consent"
	"github.com/tempogate/tempogate/consent/identity"
)

// A Sealer makes and opens the capabilities that stand in the addresses of
// pushes. *identity.Capabilities is one.
type Sealer interface {
	Seal(identity.Capability) string
	Open(sealed string) (identity.Capability, error)
}

// statusNoConsent is what a push is answered with where the grant is missing:
// an app shows the number to its user, who must not mistake it for a network
// that asks for a password.
const statusNoConsent = 499

// pushTTL is how long a link for pushes holds, if the consent does.
const pushTTL = 30 * 24 * time.Hour

// A pushLink is the answer to POST /v1/push.
type pushLink struct {
	URL       string    `json:"url"`
	ExpiresAt time.Time `json:"expires_at"`
	QR        []string  `json:"qr"` // rows of the code from the top, '1' for dark
}

// postPushLink answers POST /v1/push with a new link for an app that can only
// push. It holds for the consent that it was made under: after a withdrawal it
// is of no use, even when there is a new yes.
func (s *Server) postPushLink(w http.ResponseWriter, r *http.Request, principal string) error {
	if s.config.Capabilities == nil {
		return problem(http.StatusNotFound, CodeNotFound, "this server takes no pushes")
	}
	if d := s.config.Ledger.DecideAnew(r.Context(), principal, consent.Acceleration); !d.Allowed {
		return s.noGrant(principal, d.Reason)
	}
	grant, err := s.config.Ledger.Grant(principal)
	if err != nil {
		return err
	}
	expires := time.Now().Add(pushTTL).Truncate(time.Second).UTC()
	if grant.ExpiresAt.Before(expires) {
		expires = grant.ExpiresAt.Truncate(time.Second)
	}
	link := pushLink{ExpiresAt: expires}
	link.URL = s.originOf(r) + "/v1/push/" + s.config.Capabilities.Seal(identity.Capability{
		Principal: principal, GivenAt: grant.GivenAt, ExpiresAt: expires,
	})
	code, err := qr.Encode(link.URL, qr.M)
	if err != nil {
		return err
	}
	for y := range code.Size {
		row := make([]byte, code.Size)
		for x := range row {
			row[x] = '0'
			if code.Black(x, y) {
				row[x] = '1'
			}
		}
		link.QR = append(link.QR, string(row))
	}
	return writeJSON(w, http.StatusCreated, link)
}

// originOf returns the address of this server as the caller reached it: through
// a proxy it is not the one that it listens at.
func (s *Server) originOf(r *http.Request) string {
	scheme := "http"
	// Not r.TLS: net/http does not see TLS through the connections that clear.
	if s.config.TLS != nil || strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https") {
		scheme = "https"
	}
	return scheme + "://" + r.Host
}

// A pushState is the answer to GET /v1/push.
type pushState struct {
	Live     bool            `json:"live"`               // a push came lately
	Pushes   int             `json:"pushes"`             // of the live session
	LastS    float64         `json:"last_s"`             // seconds since the last one
	Estimate json.RawMessage `json:"estimate,omitempty"` // the newest
	Waiting  int             `json:"waiting"`            // batches that came before their turn
	Refused  string          `json:"refused,omitempty"`  // why pushes are turned away now
}

// getPushState answers GET /v1/push: what comes in from the person's apps, for
// the page that shows the code.
func (s *Server) getPushState(w http.ResponseWriter, r *http.Request, principal string) error {
	var state pushState
	var newest time.Time
	s.pushers.mu.Lock()
	for _, p := range s.pushers.byID {
		if p.session.principal != principal {
			continue
		}
		p.session.mu.Lock()
		if p.session.ending == nil && p.readAt.After(newest) {
			newest = p.readAt
			state = pushState{Live: true, Pushes: p.pushes, Waiting: len(p.early), Estimate: bytes.Clone(p.latest)}
		}
		p.session.mu.Unlock()
	}
	s.pushers.mu.Unlock()
	if state.Live {
		state.LastS = float64(time.Since(newest).Milliseconds()) / 1000
	}
	if d := s.config.Ledger.Decide(principal, consent.Acceleration); !d.Allowed {
		state.Refused = string(d.Reason)
	}
	return writeJSON(w, http.StatusOK, state)
}

// postPush answers POST /v1/push/{capability}: one JSON batch, plain or gzip.
func (s *Server) postPush(w http.ResponseWriter, r *http.Request) error {
	if s.config.Capabilities == nil {
		return problem(http.StatusNotFound, CodeNotFound, "this server takes no pushes")
	}
	capability, err := s.config.Capabilities.Open(r.PathValue("capability"))
	if err != nil {
		return problem(http.StatusUnauthorized, CodeBadCapability, err.Error())
	}
	if refused := s.pushGate(capability); refused != nil {
		s.metrics.admissions.WithLabelValues(refused.Code).Inc()
		s.account.refuse(refused)
		return refused
	}
	p, refused := s.pusherOf(capability)
	if refused != nil {
		return refused
	}
	payload, err := s.readPush(w, r)
	if err != nil {
		return err
	}
	series, number, err := numberOf(payload)
	if err != nil {
		clear(payload)
		return err
	}
	answer, err := p.push(nil, series, number, payload, time.Now())
	if err != nil {
		return p.asProblem(err)
	}
	return writeJSON(w, http.StatusOK, struct {
		Estimates json.RawMessage `json:"estimates"`
	}{append(append([]byte{'['}, answer...), ']')})
}

// pushGate asks the gate before anything is read.
func (s *Server) pushGate(capability identity.Capability) *Problem {
	if d := s.config.Ledger.Decide(capability.Principal, consent.Acceleration); !d.Allowed {
		refused := s.noGrant(capability.Principal, d.Reason)
		if refused.Status == http.StatusForbidden {
			refused.Status, refused.Title = statusNoConsent, "No consent"
		}
		return refused
	}
	grant, err := s.config.Ledger.Grant(capability.Principal)
	if err != nil {
		return problemOf(err)
	}
	if grant.GivenAt.UnixMilli() != capability.GivenAt.UnixMilli() {
		return errEarlierConsent
	}
	return nil
}

const (
	seriesMost = 256     // bytes of a recording's name: it is kept as long as the pusher is
	numberMost = 1 << 53 // of a batch: the most that every JSON reader reads alike
)

// numberOf reads what puts a batch into its place. A batch without a number is
// always next.
func numberOf(payload []byte) (series string, number int64, err error) {
	var head struct {
		SessionID string `json:"sessionId"`
		MessageID *int64 `json:"messageId"`
	}
	if json.Unmarshal(payload, &head) != nil {
		// The text of that error may quote the batch.
		return "", 0, problem(http.StatusBadRequest, CodeMalformed,
			"a push is a JSON batch: messageId (a whole number), sessionId (a string) and payload (a list of readings)")
	}
	if len(head.SessionID) > seriesMost {
		return "", 0, problem(http.StatusBadRequest, CodeMalformed,
			"sessionId may have at most "+strconv.Itoa(seriesMost)+" bytes")
	}
	if head.MessageID != nil && *head.MessageID > numberMost {
		return "", 0, problem(http.StatusBadRequest, CodeMalformed, "messageId may be at most 2^53: count the batches from 0")
	}
	if head.MessageID == nil {
		return head.SessionID, -1, nil
	}
	return head.SessionID, max(*head.MessageID, 0), nil
}

// readPush reads the body, and unpacks it if it says so. What has been read of
// a body that is refused is cleared.
func (s *Server) readPush(w http.ResponseWriter, r *http.Request) (payload []byte, err error) {
	most := s.config.Limits.FrameBytes
	tooLarge := problem(http.StatusRequestEntityTooLarge, CodeTooLarge,
		"a push may have at most "+strconv.Itoa(most)+" bytes: push more often")
	body := frame{data: make([]byte, 0, frameBytesInitial)}
	defer func() {
		if err != nil {
			clear(body.data[:cap(body.data)])
		}
	}()
	switch err := body.read(http.MaxBytesReader(w, r.Body, int64(most)), most); {
	case errors.Is(err, errFrameTooLarge), isMaxBytes(err):
		return nil, tooLarge
	case err != nil:
		return nil, problem(http.StatusBadRequest, CodeMalformed, "the body ended before it was whole")
	}
	switch encoding := strings.ToLower(r.Header.Get("Content-Encoding")); encoding {
	case "", "identity":
		return body.data, nil
	case "gzip", "x-gzip":
	default:
		return nil, problem(http.StatusUnsupportedMediaType, CodeUnsupportedEncoding,
			"the body may be plain or gzip").because("encoding")
	}
	unpacked, err := gunzip(body.data, most)
	clear(body.data)
	if errors.Is(err, errFrameTooLarge) {
		return nil, tooLarge
	}
	if err != nil {
		return nil, problem(http.StatusBadRequest, CodeMalformed, "the body says that it is gzip, and is not, or is cut short")
	}
	return unpacked, nil
}

func isMaxBytes(err error) bool {
	var tooLarge *http.MaxBytesError
	return errors.As(err, &tooLarge)
}

// gunzip unpacks a gzip stream (RFC 1952: one member after another) of at most so
// many bytes. The decoder keeps the last 32 KiB of what it has unpacked, so it
// unpacks zeros afterwards.
func gunzip(packed []byte, most int) ([]byte, error) {
	rest := bytes.NewReader(packed)
	r, err := gzip.NewReader(rest)
	if err != nil {
		return nil, err
	}
	defer func() {
		if r.Reset(bytes.NewReader(zeros)) == nil {
			io.Copy(io.Discard, r)
		}
	}()
	unpacked := frame{data: make([]byte, 0, frameBytesInitial)}
	for {
		// Member by member: the decoder takes a header that ends within its name
		// for the end of the stream.
		r.Multistream(false)
		err := unpacked.read(r, most)
		if err == nil && rest.Len() > 0 {
			if err = r.Reset(rest); err == nil {
				continue
			}
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
		}
		if err != nil {
			clear(unpacked.data[:cap(unpacked.data)])
			return nil, err
		}
		return unpacked.data, nil
	}
}

// zeros is 64 KiB of them, packed: twice the window of a decoder.
var zeros = func() []byte {
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	w.Write(make([]byte, 64<<10))
	w.Close()
	return packed.Bytes()
}()
