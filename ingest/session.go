package ingest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
	"golang.org/x/time/rate"

	"github.com/tempogate/tempogate/classifier"
	"github.com/tempogate/tempogate/classifier/tempo"
	"github.com/tempogate/tempogate/consent"
	"github.com/tempogate/tempogate/ingest/wire"
)

// A session is one live stream of one person. One goroutine walks each frame
// down the line: read, gate, decode, classify, answer. Nothing is queued.
//
// Other goroutines do one thing to a session: they end it, or take a part of
// its consent away, through learn, stop and sweep. Those take mu, so that they
// fall between two frames and never into one, and they never wait for the
// network: the session's own goroutine is woken and closes the connection.
type session struct {
	server    *Server
	principal string
	number    uint64 // for the log; counts sessions of this process
	ws        *websocket.Conn
	conn      net.Conn      // below ws
	wake      func()        // tells whoever serves the session that it has ended; called once, under mu
	forget    func()        // clears what a pusher keeps beside the window; nil without one, called under mu
	reader    *bufio.Reader // between ws and conn
	samples   *rate.Limiter
	messages  *rate.Limiter
	lastFrame atomic.Int64 // when the last frame was whole, Unix nanoseconds
	resident  atomic.Int64 // samples in the window

	mu       sync.Mutex
	ending   *ending // set once; no frame is taken from then on
	revision uint64  // of the grant that was learned last
	location bool    // whether that grant covers location
	decoder  wire.Decoder
	stream   *classifier.Stream
	held     holding // readings in the window

	toldRefused bool // that location is not granted; for the session's goroutine only
}

func newSession(server *Server, principal string, music tempo.Range) *session {
	limits := &server.config.Limits
	motion := server.config.Classifier
	motion.BPMRange = music
	s := &session{
		server:    server,
		principal: principal,
		number:    server.sessions.Add(1),
		samples:   rate.NewLimiter(rate.Limit(limits.SamplesPerSecond), limits.SampleBurst),
		messages:  rate.NewLimiter(rate.Limit(limits.FramesPerSecond), limits.FrameBurst),
		stream:    classifier.NewStream(motion),
	}
	s.lastFrame.Store(time.Now().UnixNano())
	return s
}

// attach gives the session its connection.
func (s *session) attach(ws *websocket.Conn, conn net.Conn, reader *bufio.Reader) {
	s.ws, s.conn, s.reader = ws, conn, reader
	s.wake = func() { conn.SetReadDeadline(past) }
	ws.SetPingHandler(s.pong)
}

// serve runs the session until its connection is closed. Whatever happens, the
// samples are cleared and the place is given back.
func (s *session) serve() {
	server := s.server
	end := endWith(internalError, "the server failed: reconnect, and tell its operator")
	server.log.Debug("session started", "session", s.number)
	defer server.registry.closed(s)
	defer func() {
		if end.vanished {
			abandon(s.conn, s.reader)
		} else {
			linger(s.conn, s.reader)
		}
	}()
	defer func() {
		s.stop(end)
		s.sayClose(end)
		server.registry.remove(s)
		server.metrics.closes.WithLabelValues(end.label).Inc()
		server.log.Debug("session ended", "session", s.number, "code", end.code)
	}()
	defer s.caught()

	defer server.config.Ledger.Watch(s.principal, s.learn)()
	if !server.registry.add(s) {
		s.stop(endOfDrain())
	}
	// What changed between the gate and the watch was told to nobody.
	if grant, err := server.config.Ledger.Grant(s.principal); err == nil {
		s.learn(grant)
	}
	s.check()
	end = s.run()
}

// caught, deferred, keeps a fault of ours from ending more than this session.
// What is logged of it is where it happened: the value of a panic and the
// arguments in a stack trace could be somebody's samples.
func (s *session) caught() {
	if fault := recover(); fault != nil {
		s.server.metrics.panics.Inc()
		s.server.log.Error("session failed", "session", s.number, "fault", faultKind(fault), "at", panicSite())
	}
}

// run takes frames until something ends the session.
func (s *session) run() *ending {
	for {
		if err := s.step(); err != nil {
			return endOfRead(s.woken(err))
		}
	}
}

// step takes one frame along the whole line. An error ends the session.
func (s *session) step() error {
	kind, r, err := s.ws.NextReader()
	if err != nil {
		return err
	}
	f := frames.Get().(*frame)
	defer f.release()
	switch err := f.read(r, s.server.config.Limits.FrameBytes); {
	case errors.Is(err, errFrameTooLarge):
		return endWith(wire.CloseTooLarge, fmt.Sprintf("a frame may have at most %d bytes: send one second of samples a frame",
			s.server.config.Limits.FrameBytes))
	case err != nil:
		return err
	}
	received := time.Now()
	s.noteOldest(received)
	s.lastFrame.Store(received.UnixNano())
	if !s.messages.AllowN(received, 1) {
		return endWith(wire.CloseTooMuch, "too many frames: send one a second")
	}
	s.server.metrics.frame(kind, len(f.data))

	w := workspaces.Get().(*workspace)
	defer w.release()
	control, err := s.infer(w, kind == websocket.BinaryMessage, f.data, received)
	if err != nil {
		w.grown = true
		return err
	}
	if err := s.answer(w, received); err != nil {
		return err
	}
	s.deliver(w, received)
	switch control {
	case wire.ControlWithdraw:
		return s.withdraw()
	case wire.ControlEnd:
		return endWith(wire.CloseDone, "")
	}
	return nil
}

// infer asks the gate, and only then has the frame parsed and classified. When
// it returns, the estimates are in w and nothing raw is: neither in w nor in
// the payload.
func (s *session) infer(w *workspace, binary bool, payload []byte, now time.Time) (wire.Control, error) {
	defer w.clearSamples()
	defer clear(payload)
	server := s.server

	// Outside the lock: a ledger may hold its own while it calls learn. What
	// changes after these lines is seen below, in ending and location.
	motion := server.config.Ledger.Decide(s.principal, consent.Acceleration)
	if !motion.Allowed {
		return wire.ControlNone, endOfConsent(motion.Reason)
	}
	location := server.config.Ledger.Decide(s.principal, consent.Location)

	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ending != nil {
		return wire.ControlNone, s.ending
	}
	allowed := wire.Allowed{Acceleration: true, Location: location.Allowed && s.location}
	if err := server.config.decode(&s.decoder, &w.batch, &w.scratch, binary, payload, allowed); err != nil {
		return wire.ControlNone, endOfDecode(err)
	}
	b := &w.batch
	server.metrics.ignored.Add(float64(b.Ignored))
	if allowed.Location {
		s.toldRefused = false // should it be taken back, that is news again
	}
	if b.RefusedLocation > 0 {
		reason := location.Reason
		if location.Allowed { // and yet not covered: withdrawn this very moment
			reason = consent.CategoryNotGranted
		}
		server.metrics.refusedSamples(consent.Location, reason, b.RefusedLocation)
		if !s.toldRefused {
			s.toldRefused = true
			w.refusedLocation = true
		}
	}

	var err error
	w.estimates, err = s.stream.Push(w.estimates[:0], w.classifier, b.Samples, b.Fixes)
	s.countResident()
	if err != nil {
		return wire.ControlNone, endOfPush(err)
	}
	s.held.take(b, &server.account)
	server.metrics.accelerations.Add(float64(len(b.Samples)))
	server.metrics.locations.Add(float64(len(b.Fixes)))
	cost := len(b.Samples) + len(b.Fixes) + b.RefusedLocation + b.Ignored + estimateCost*len(w.estimates)
	if !s.samples.AllowN(now, cost) {
		return wire.ControlNone, endWith(wire.CloseTooMuch, fmt.Sprintf("too many readings: send at most %d a second on average",
			server.config.Limits.SamplesPerSecond))
	}
	return b.Control, nil
}

// answer sends what came out of a frame.
func (s *session) answer(w *workspace, received time.Time) error {
	if w.refusedLocation {
		w.answer = wire.AppendRefused(w.answer[:0], string(consent.Location), wire.CodeNotGranted)
		if err := s.write(w.answer); err != nil {
			return err
		}
	}
	for i := range w.estimates {
		e := &w.estimates[i]
		w.answer = wire.AppendEstimate(w.answer[:0], e, float64(e.SensorTime)/1e9)
		if err := s.write(w.answer); err != nil {
			return err
		}
	}
	if n := len(w.estimates); n > 0 {
		s.server.metrics.estimates.Add(float64(n))
		s.server.metrics.frameToEstimate.Observe(time.Since(received).Seconds())
	}
	return nil
}

// write sends one text message.
func (s *session) write(text []byte) error {
	s.ws.SetWriteDeadline(time.Now().Add(s.server.config.WriteTimeout))
	err := s.ws.WriteMessage(websocket.TextMessage, text)
	// Not errors.Is: the WebSocket library hides what a temporary error was.
	if slow, ok := err.(net.Error); ok && slow.Timeout() {
		end := endWith(wire.CloseTooMuch, "answers are not read")
		end.silent, end.vanished = true, true // nothing gets through any more
		return end
	}
	return err
}

// pong answers a ping. A ping counts as a frame against the limit, and not as
// one against idleness: a client that only pings sends no motion.
func (s *session) pong(data string) error {
	if !s.messages.Allow() {
		return endWith(wire.CloseTooMuch, "too many pings")
	}
	s.ws.WriteControl(websocket.PongMessage, []byte(data), time.Now().Add(s.server.config.WriteTimeout))
	return nil // a pong that does not get out shows at the next read
}

// withdraw records what a client said on the stream. The ledger tells every
// session of the person, this one too, before it returns.
func (s *session) withdraw() error {
	began := time.Now()
	ctx, cancel := context.WithTimeout(context.Background(), requestTimeout)
	defer cancel()
	if _, err := s.server.config.Ledger.Withdraw(ctx, s.principal, streamMethod); err != nil {
		// This session ends in any case; the person must know that the rest
		// of the consent still stands.
		s.server.log.Error("withdrawal not recorded", "session", s.number, "code", problemOf(err).Code)
		return endWith(wire.CloseLedgerLost, "stopped here, but the withdrawal could not be recorded: repeat it with DELETE /v1/consent")
	}
	end := endOfConsent(consent.Withdrawn)
	end.since = began
	return end
}

// woken returns why the session was told to end, if it was, and err otherwise:
// an error of the connection may only be the way in which it was woken.
func (s *session) woken(err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ending != nil {
		return s.ending
	}
	return err
}

// learn takes note of a change of the person's grant. The ledger calls it
// before it acknowledges the change: when it returns, nothing that the change
// took away is taken any more or held.
func (s *session) learn(g consent.Grant) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if g.Revision < s.revision { // an older one, overtaken
		return
	}
	s.revision = g.Revision
	if !g.Covers(consent.Acceleration) {
		reason := consent.CategoryNotGranted
		switch g.State {
		case consent.Withdrawn:
			reason = consent.Withdrawn
		case consent.Refused:
			reason = consent.Refused
		case consent.Expired:
			reason = consent.Expired
		}
		end := endOfConsent(reason)
		end.since = time.Now()
		s.endLocked(end)
		return
	}
	if s.location && !g.Covers(consent.Location) {
		s.stream.ForgetLocation()
		s.decoder.Clear()
	}
	s.location = g.Covers(consent.Location)
}

// check ends the session when the gate no longer lets it through.
func (s *session) check() {
	if d := s.server.config.Ledger.Decide(s.principal, consent.Acceleration); !d.Allowed {
		s.stop(endOfConsent(d.Reason))
	}
}

// stop ends the session from outside its goroutine.
func (s *session) stop(end *ending) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.endLocked(end)
}

// endLocked sets the ending, if there is none yet, clears what the session
// holds and wakes its goroutine.
func (s *session) endLocked(end *ending) {
	if s.ending == nil {
		s.ending = end
		s.wake()
	}
	s.forgetLocked()
}

// forgetLocked clears the window and the last position.
func (s *session) forgetLocked() {
	s.noteOldest(time.Now())
	s.held.clear(&s.server.account)
	s.stream.Clear()
	s.decoder.Clear()
	if s.forget != nil {
		s.forget()
	}
	s.countResident()
}

// countResident brings the count of samples held up to date.
func (s *session) countResident() {
	n := int64(s.stream.Resident())
	s.server.metrics.resident.Add(n - s.resident.Swap(n))
}

// sweep is called about once a second. It notices what no frame would: a
// consent that ran out, a ledger that fell silent, a client that did.
func (s *session) sweep(now time.Time) {
	s.check()
	silent := now.Sub(time.Unix(0, s.lastFrame.Load()))
	if silent > s.server.config.IdleTimeout {
		s.stop(endWith(wire.CloseIdle, ""))
		return
	}
	if silent <= s.server.config.WindowHold || s.resident.Load() == 0 {
		return
	}
	if s.mu.TryLock() { // if not, a frame is just renewing the window
		s.forgetLocked()
		s.mu.Unlock()
		s.server.metrics.windowsCleared.Inc()
	}
}

// sayClose tells the client why its session ends.
func (s *session) sayClose(end *ending) {
	if !end.silent {
		deadline := time.Now().Add(s.server.config.WriteTimeout)
		if end.draining {
			s.ws.SetWriteDeadline(deadline)
			s.ws.WriteMessage(websocket.TextMessage, wire.AppendDraining(nil, reconnectAfter()))
		}
		s.ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(end.code, end.reason), deadline)
	}
	if !end.since.IsZero() {
		s.server.metrics.withdrawalToClose.Observe(time.Since(end.since).Seconds())
	}
}

// endOfDrain is the ending of a session on a node that goes away.
func endOfDrain() *ending {
	end := endWith(wire.CloseGoingAway, "")
	end.draining = true
	return end
}

// reconnectAfter is spread over ten seconds, so that the sessions of a node
// that goes away do not all knock at the next one at once.
func reconnectAfter() float64 { return float64(10+rand.IntN(91)) / 10 }

// faultKind describes the value of a panic without its content.
func faultKind(fault any) string {
	if _, ok := fault.(runtime.Error); ok {
		return "runtime error"
	}
	return fmt.Sprintf("%T", fault)
}

// panicSite returns the functions and lines that led to a panic, innermost
// first, without arguments. It is for deferred functions that recover.
func panicSite() []string {
	pcs := make([]uintptr, 24)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(3, pcs)])
	var site []string
	for {
		f, more := frames.Next()
		site = append(site, fmt.Sprintf("%s:%d", f.Function, f.Line))
		if !more {
			return site
		}
	}
}
