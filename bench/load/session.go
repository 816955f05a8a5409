package load

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math"
	"math/rand/v2"
	"net"
	"sync"
	"time"

	"github.com/tempogate/tempogate/classifier"
	"github.com/tempogate/tempogate/ingest/framing"
	"github.com/tempogate/tempogate/ingest/wire"
)

// A session is one running app. Its goroutine connects, reads and comes back;
// the pacer sends.
type session struct {
	run    *runner
	number int // among all processes
	person int
	phase  float64 // its moment in every second, 0 to 1
	rng    *rand.Rand

	motion *Motion
	turned *turned
	json   bool
	dialer *dialer
	slow   bool
	verify bool

	withdrawAt time.Duration // after the ramp; 0 for never

	mu       sync.Mutex
	socket   *framing.Socket // nil while not connected
	sending  bool
	first    time.Time // when frame 0 was due
	start    int       // where in the motion frame 0 is
	due      int       // frames that have been due
	sent     int       // frames that have been sent whole, or begun
	rest     []byte    // of a frame that the connection did not take whole
	sentAt   [8]time.Time
	expected int  // close code that is to come, 0 for none
	said     bool // End or a withdrawal has been sent
	hungUp   bool // for a storm
	asked    time.Time
	pinged   time.Time // when the last ping was sent
	pinging  bool      // and not answered

	twin *twin // of a session that is verified

	// For the reading goroutine.
	answered int
}

// live keeps the session alive until ctx is done.
func (s *session) live(ctx context.Context) {
	pause := time.Second
	for ctx.Err() == nil {
		wait := s.once(ctx)
		switch {
		case wait < 0: // failed
			wait = time.Duration(float64(pause) * (0.5 + s.rng.Float64()))
			pause = min(2*pause, 16*time.Second)
		default:
			pause = time.Second
		}
		sleep(ctx, wait)
	}
}

// sleep waits, or until ctx is done.
func sleep(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// failed as a wait says that the pause has to grow.
const failed = time.Duration(-1)

// once opens the session, and returns how long to wait before it is opened
// again.
func (s *session) once(ctx context.Context) time.Duration {
	tally := s.run.tally
	began := time.Now()
	receive := 0
	if s.slow {
		receive = 1 // the kernel makes it the least that it has
	}
	conn, early, err := s.dialer.dial(ctx, s.number, s.run.token(s.person), receive)
	if err != nil {
		var refused *refusal
		switch {
		case ctx.Err() != nil:
		case errors.As(err, &refused) && refused.shed():
			tally.count(Shed, 1)
			after := max(refused.retryAfter, time.Second)
			return after + time.Duration(s.rng.Float64()*float64(after))
		default:
			tally.count(ConnectFailed, 1)
			s.run.note(err)
		}
		return failed
	}
	tally.record(Connecting, time.Since(began))
	tally.count(Connects, 1)
	tally.live.Add(1)
	s.opened(conn)
	s.run.pacer(s.number).add(s)
	if ctx.Err() != nil { // too late to begin
		s.end()
	}
	err = s.read(ctx, newReader(s.socket, early))
	s.run.pacer(s.number).remove(s)
	wait := s.closed(ctx, err)
	conn.Close()
	tally.live.Add(-1)
	tally.record(SessionDuration, time.Since(began))
	return wait
}

// opened prepares for a new connection.
func (s *session) opened(conn net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.socket = framing.NewSocket(conn)
	s.sending = true
	s.start = s.rng.IntN(s.motion.Seconds())
	s.due, s.sent, s.rest, s.expected, s.said, s.hungUp = 0, 0, nil, 0, false, false
	s.answered = 0
	s.pinged, s.pinging = time.Now(), false
	if s.verify {
		s.twin = newTwin()
	}
}

// send is called by the pacer when a frame is due. It returns scratch, perhaps
// grown.
func (s *session) send(due time.Time, scratch []byte) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.sending {
		return scratch
	}
	if s.due == 0 {
		s.first = due
	}
	s.due++
	s.run.tally.count(Frames, 1)
	if len(s.rest) > 0 && !s.flush() {
		return scratch
	}
	for s.sent < s.due {
		scratch = s.encode(scratch[:0])
		s.sentAt[s.sent%len(s.sentAt)] = time.Now()
		s.sent++
		if !s.write(scratch) || s.said {
			return scratch
		}
	}
	s.ping(time.Now())
	return scratch
}

// encode makes the next message: a frame of motion, and sometimes something
// else.
func (s *session) encode(dst []byte) []byte {
	op := framing.Binary
	var payload []byte
	room := s.run.buffers.Get().(*[]byte)
	defer s.run.buffers.Put(room)
	n := s.start + s.sent
	config := &s.run.config
	switch {
	case s.withdrawAt > 0 && s.run.since() >= s.withdrawAt:
		s.withdrawAt, s.said, s.expected, s.asked = 0, true, wire.CloseConsent, time.Now()
		s.run.tally.count(Withdrawn, 1)
		op, payload = framing.Text, wire.AppendControl((*room)[:0], wire.ControlWithdraw)
	case config.Bad > 0 && s.rng.Float64() < config.Bad:
		s.said, s.expected = true, wire.CloseMalformed
		s.run.tally.count(BadSent, 1)
		op, payload = s.malformed((*room)[:0], n)
	case s.json:
		op, payload = framing.Text, s.motion.appendJSON((*room)[:0], s.turned, n)
	default:
		payload = s.motion.appendPacked((*room)[:0], s.turned, n)
	}
	*room = payload
	if s.twin != nil && !s.said {
		s.twin.push(op == framing.Binary, payload)
	}
	return s.mask(dst, op, payload)
}

func (s *session) mask(dst []byte, op byte, payload []byte) []byte {
	r := s.rng.Uint32()
	return framing.AppendMasked(dst, op, payload, [4]byte{byte(r), byte(r >> 8), byte(r >> 16), byte(r >> 24)})
}

// malformed returns a message that no server should take.
func (s *session) malformed(dst []byte, n int) (op byte, payload []byte) {
	switch s.rng.IntN(4) {
	case 0: // a packed frame cut short
		dst = s.motion.appendPacked(dst, s.turned, n)
		return framing.Binary, dst[:len(dst)/2]
	case 1: // JSON cut short
		dst = s.motion.appendJSON(dst, s.turned, n)
		return framing.Text, dst[:len(dst)/2]
	case 2: // an unknown form
		return framing.Binary, append(dst, 0x7f, 1, 2, 3)
	}
	return framing.Text, append(dst, `{"payload":[{"name":"totalacceleration","time":1.5e18}]}`...)
}

// write sends a message as far as the connection takes it, and keeps the rest.
// It returns false when there is one, or the connection is gone.
func (s *session) write(p []byte) bool {
	n, err := s.socket.TryWrite(p, time.Now().Add(time.Second))
	s.run.tally.count(DataSent, n)
	if err != nil {
		s.sending = false // the reading goroutine finds out why
		return false
	}
	if n < len(p) {
		s.rest = append([]byte(nil), p[n:]...)
		return false
	}
	s.run.tally.count(Sent, 1)
	if s.said {
		s.sending = false
	}
	return true
}

// flush sends what is left of a message. It reports whether all of it went.
func (s *session) flush() bool {
	rest := s.rest
	s.rest = nil
	return s.write(rest)
}

// end says goodbye, if nothing else was said.
func (s *session) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.socket == nil || !s.sending || len(s.rest) > 0 {
		return
	}
	s.said, s.expected = true, wire.CloseDone
	s.write(s.mask(nil, framing.Text, wire.AppendControl(nil, wire.ControlEnd)))
}

// hangUp drops the connection, for a storm.
func (s *session) hangUp() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.socket != nil && !s.said {
		s.hungUp, s.sending = true, false
		s.run.tally.count(Hangups, 1)
		s.socket.Conn().Close()
	}
}

// cut wakes the reading goroutine for good.
func (s *session) cut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.socket != nil {
		s.socket.Conn().SetReadDeadline(time.Unix(1, 0))
	}
}

// A closeError is a close frame of the server.
type closeError struct {
	code   int
	reason string
	after  time.Duration // from a drain: when to come back
}

// Error returns the reason.
func (e *closeError) Error() string { return "load: closed by the server: " + e.reason }

// slowFor is how long a slow reader reads nothing.
const slowFor = 30 * time.Second

// read takes the server's messages until the connection ends.
func (s *session) read(ctx context.Context, r *framing.Reader) error {
	defer r.Release()
	if s.slow {
		sleep(ctx, slowFor)
	}
	var after time.Duration
	for {
		op, payload, err := r.Next()
		if err != nil {
			return err
		}
		now := time.Now()
		tally := s.run.tally
		tally.count(DataReceived, len(payload))
		switch op {
		case framing.Close:
			code, reason, _ := framing.ParseClose(payload)
			s.mu.Lock()
			s.sending = false
			s.write(s.mask(nil, framing.Close, payload))
			s.mu.Unlock()
			return &closeError{code, reason, after}
		case framing.Ping:
			s.mu.Lock()
			if len(s.rest) == 0 {
				s.write(s.mask(nil, framing.Pong, payload))
			}
			s.mu.Unlock()
			continue
		case framing.Pong:
			s.pong(now)
			continue
		}
		tally.count(Received, 1)
		if s.run.config.Plain {
			s.answer(s.start+s.answered, now)
			continue
		}
		m, err := wire.ParseMessage(payload)
		switch {
		case err != nil:
			continue // types that are news to this program
		case m.Type == wire.TypeEstimate:
			tally.count(Estimates, 1)
			if s.twin != nil {
				s.twin.compare(payload, tally)
			}
			s.answer(s.motion.frameOf(m.T), now)
			s.check(&m)
		case m.Type == wire.TypeDraining:
			after = time.Duration(m.ReconnectAfterS * float64(time.Second))
		}
	}
}

// answer takes note of an answer to a frame, numbered from the motion's start.
// Where a second ends at the edge of a frame, one may have two answers and the
// next none.
func (s *session) answer(n int, now time.Time) {
	n -= s.start
	s.mu.Lock()
	due := s.first.Add(time.Duration(n) * s.run.interval)
	sent := s.sentAt[max(n, 0)%len(s.sentAt)]
	known := n >= 0 && n < s.sent
	s.mu.Unlock()
	if !known {
		return
	}
	s.answered++
	s.run.tally.count(Answered, 1)
	if s.slow {
		return // its answers come when it reads them
	}
	switch run := s.run; {
	case run.config.Flood == 0 || run.since() < 0:
		run.tally.recordAnswer(now.Sub(due), now.Sub(sent))
	case run.flooding.Load():
		run.tally.recordAnswer(now.Sub(due), now.Sub(sent), LatencyFlooded)
	default:
		run.tally.recordAnswer(now.Sub(due), now.Sub(sent), LatencyBetween)
	}
}

// tolerance is how far off a cadence may be, of what is known.
const tolerance = 0.04

// check holds an estimate against the truth.
func (s *session) check(m *wire.Message) {
	n := s.motion.frameOf(m.T)
	at := n % s.motion.Seconds()
	if n-s.start < warmUp || n >= s.motion.Seconds() && at < warmUp || n < 0 {
		return
	}
	tally := s.run.tally
	if s.motion.Activity != classifier.Unknown {
		tally.count(Activities, 1)
		if m.Estimate.Activity == s.motion.Activity {
			tally.count(ActivitiesRight, 1)
		}
	}
	if known := s.motion.cadence[at]; !math.IsNaN(known) {
		tally.count(Cadences, 1)
		if math.Abs(m.Estimate.CadenceSPM-known) <= tolerance*known {
			tally.count(CadencesRight, 1)
		}
	}
}

// closed takes note of how a connection ended, and returns how long to wait.
func (s *session) closed(ctx context.Context, err error) time.Duration {
	s.mu.Lock()
	expected, hungUp, asked := s.expected, s.hungUp, s.asked
	sent := s.sent
	s.socket, s.sending, s.twin = nil, false, nil
	s.mu.Unlock()
	tally := s.run.tally
	motionFrames := sent
	if expected == wire.CloseConsent || expected == wire.CloseMalformed {
		motionFrames-- // the last one was no frame of motion
	}
	// The first second of a stream has no estimate yet: its readings are only
	// just coming in.
	unanswered := max(0, motionFrames-1-s.answered)
	if s.run.config.Plain {
		unanswered = max(0, motionFrames-s.answered)
	}
	var closed *closeError
	switch {
	case errors.As(err, &closed):
		tally.closed(closed.code)
		switch {
		case closed.code == expected:
			tally.count(ClosedAsExpected, 1)
			if expected == wire.CloseDone {
				tally.count(Lost, unanswered)
				return 0
			}
			tally.count(CutOff, unanswered)
			if expected == wire.CloseConsent {
				if !s.slow {
					tally.record(WithdrawToClose, time.Since(asked))
				}
				if err := s.run.consent(ctx, s.person); err != nil && ctx.Err() == nil {
					s.run.note(err)
					return failed
				}
			}
			return time.Duration(s.rng.Float64() * float64(time.Second))
		case s.slow && closed.code == wire.CloseTooMuch:
			tally.count(ClosedAsExpected, 1)
			tally.count(CutOff, unanswered)
			return time.Second
		case closed.code == wire.CloseGoingAway:
			tally.count(Drained, 1)
			tally.count(CutOff, unanswered)
			return max(closed.after, time.Second)
		}
		tally.count(ClosedWrongly, 1)
		tally.count(Lost, unanswered)
		s.run.note(err)
		return failed
	case hungUp:
		tally.count(CutOff, unanswered)
		return 0
	case s.slow && sent > 0 && ctx.Err() == nil:
		// The close frame could not get through.
		tally.count(ClosedAsExpected, 1)
		tally.count(CutOff, unanswered)
		return time.Second
	case s.run.over():
		tally.count(Lost, unanswered)
		return 0
	}
	tally.count(ClosedWrongly, 1)
	tally.count(Lost, unanswered)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = errors.New("load: the server hung up without a close frame")
	}
	s.run.note(err)
	return failed
}

// A twin is what a server should answer: a decoder and a classifier that are
// given the same frames.
type twin struct {
	mu        sync.Mutex
	decoder   wire.Decoder
	batch     wire.Batch
	scratch   wire.Scratch
	stream    *classifier.Stream
	workspace *classifier.Workspace
	estimates []classifier.Estimate
	lines     [][]byte
}

func newTwin() *twin {
	return &twin{stream: classifier.NewStream(classifier.Config{}), workspace: classifier.NewWorkspace()}
}

// push does with a frame what the server does.
func (t *twin) push(binary bool, payload []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.batch.Clear()
	if t.decoder.Decode(&t.batch, &t.scratch, binary, payload, wire.Allowed{Acceleration: true, Location: true}) != nil {
		return
	}
	var err error
	if t.estimates, err = t.stream.Push(t.estimates[:0], t.workspace, t.batch.Samples, t.batch.Fixes); err != nil {
		return
	}
	for i := range t.estimates {
		e := &t.estimates[i]
		t.lines = append(t.lines, wire.AppendEstimate(nil, e, float64(e.SensorTime)/1e9))
	}
}

// compare holds an answer against the next line.
func (t *twin) compare(line []byte, tally *tally) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.lines) > 0 && bytes.Equal(line, t.lines[0]) {
		tally.count(Exact, 1)
	} else {
		tally.count(Inexact, 1)
	}
	if len(t.lines) > 0 {
		t.lines = t.lines[1:]
	}
}
