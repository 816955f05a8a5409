package ingest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/tempogate/tempogate/classifier"
	"github.com/tempogate/tempogate/classifier/signal"
	"github.com/tempogate/tempogate/classifier/tempo"
	"github.com/tempogate/tempogate/consent"
	"github.com/tempogate/tempogate/ingest/framing"
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
	// What a turn of the wheel looks at is in one line of the processor's cache
	// (TestSweepLooksAtOneLine): it looks at all sessions once a second, none of which
	// is in a cache.
	server    *Server
	lastFrame atomic.Int64 // when the last frame was whole, Unix nanoseconds
	resident  atomic.Int64 // samples in the window
	lapse     func()       // clears what of it has waited too long, as forget does all; nil without one
	answers   answers

	principal string
	number    uint64   // for the log; counts sessions of this process
	conn      net.Conn // nil for a pusher
	reader    *framing.Reader
	wake      func() // tells whoever serves the session that it has ended; called once, under mu
	forget    func() // clears what a pusher keeps beside the window; nil without one, called under mu
	place     int    // on the wheel
	person    *person
	used      meters      // for the session's goroutine only
	received  int64       // when the newest message was whole, Unix nanoseconds; likewise
	leaving   atomic.Bool // the node drains or has too much to do: end as soon as what has arrived is answered

	mu       sync.Mutex
	ending   *ending // no frame is taken from then on
	closing  bool    // the ending is what it will be: the close frame goes out
	revision uint64  // of the grant that was learned last
	location bool    // whether that grant covers location
	decoder  wire.Decoder
	stream   *classifier.Stream
	held     holding // readings in the window

	toldRefused bool // that location is not granted; for the session's goroutine only
}

func newSession(server *Server, principal string, music tempo.Range) *session {
	motion := server.config.Classifier
	motion.BPMRange = music
	s := &session{
		server:    server,
		principal: principal,
		number:    server.sessions.Add(1),
		person:    server.registry.personOf(principal),
		stream:    classifier.NewStream(motion),
	}
	s.lastFrame.Store(time.Now().UnixNano())
	return s
}

// attach gives the session its connection.
func (s *session) attach(conn net.Conn) {
	socket := framing.NewSocket(conn)
	s.conn, s.reader = conn, framing.NewReader(socket, s.server.config.Limits.FrameBytes, true)
	s.answers = answers{socket: socket, timeout: s.server.config.WriteTimeout}
	s.wake = func() { conn.SetReadDeadline(past) }
	socket.OnArrival(s.fetch)
}

// fetch has the processor fetch what a frame needs, which with thousands of
// sessions is in no cache any more, while the kernel hands the frame over.
func (s *session) fetch() {
	prefetch(unsafe.Pointer(s), unsafe.Sizeof(*s))
	prefetch(unsafe.Pointer(s.stream), unsafe.Sizeof(*s.stream))
	prefetch(unsafe.Pointer(s.person), unsafe.Sizeof(*s.person))
	prefetchStack()
}

// serve runs the session until its connection is closed. Whatever happens, the
// samples are cleared and the place is given back.
//
// The stack below run is there as long as the session is, and thousands of them
// are: what comes before and after it has functions of its own.
func (s *session) serve() {
	end := s.live()
	s.finish(end)
}

// live is the session's life, from its entry into the registry.
func (s *session) live() (end *ending) {
	end = endOfFault
	defer s.caught()
	growStack(lineStack)
	unwatch := s.begin()
	defer unwatch()
	return s.run()
}

// endOfFault is the ending of a session that no other was found for.
var endOfFault = endWith(internalError, "the server failed: reconnect, and tell its operator")

// begin enters the session into the registry, and has it told of changes of its
// person's consent.
func (s *session) begin() (unwatch func()) {
	server := s.server
	server.log.Debug("session started", "session", s.number)
	server.registry.add(s)
	unwatch = server.config.Ledger.Watch(s.principal, s.learn)
	if server.registry.isDraining() {
		s.leave(drainFirst)
	}
	// What changed between the gate and the watch was told to nobody.
	if grant, err := server.config.Ledger.Grant(s.principal); err == nil {
		s.learn(grant)
	}
	s.check()
	return unwatch
}

// finish takes the session out of everything and closes its connection.
func (s *session) finish(end *ending) {
	server := s.server
	defer server.registry.closed(s)
	clearStack() // of a fault
	s.stop(end)
	end = s.awaitAnswers(end)
	s.sayClose(end)
	server.registry.remove(s)
	server.metrics.closes.WithLabelValues(end.label).Inc()
	server.log.Debug("session ended", "session", s.number, "code", end.code)
	s.reader.Release()
	if end.vanished {
		abandon(s.conn)
	} else {
		patience := end.patience()
		if server.registry.isDraining() {
			patience = lingerTime
		}
		linger(s.conn, patience)
	}
	s.answers.wait() // the connection is closed: whoever still wrote to it is through
}

// awaitAnswers lets a client that reads have the answers to what was taken
// before its stream ended, and returns the ending: what cuts them off, such as a
// withdrawal, does so here too.
func (s *session) awaitAnswers(end *ending) *ending {
	if end.silent {
		return end
	}
	if !end.cuts {
		s.answers.wait()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closing = true
	if s.ending.cuts {
		return s.ending
	}
	return end
}

// caught, deferred, keeps a fault of ours from ending more than this session.
// What is logged of it is where it happened: the value of a panic and the
// arguments in a stack trace could be somebody's samples.
func (s *session) caught() {
	if fault := recover(); fault != nil {
		clearSignalStack()
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
		s.giveWay()
	}
}

// step takes one frame along the whole line. An error ends the session.
func (s *session) step() error {
	op, payload, err := s.reader.Next()
	if err != nil {
		return s.endOfNext(err)
	}
	received := time.Now()
	s.received = received.UnixNano()
	if excess := s.takeFrame(s.received, len(payload)); excess != "" {
		return endWith(wire.CloseTooMuch, "too many "+excess)
	}
	switch op {
	case framing.Close:
		return endOfClient(payload)
	case framing.Ping:
		return s.pong(payload)
	case framing.Pong:
		return nil
	}
	// A ping is none of these: a client that only pings sends no motion.
	s.noteOldest(received)
	s.lastFrame.Store(s.received)
	s.server.metrics.frame(op == framing.Binary, len(payload))

	w := workspaces.Get().(*workspace)
	defer w.release()
	control, err := s.inferPrivately(w, op == framing.Binary, payload, received)
	if err != nil {
		w.grown = true
		return err
	}
	if len(w.estimates) > 0 {
		s.server.metrics.inference.Observe(time.Since(received).Seconds())
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

// endOfNext is the ending for an error of reading, where there is one to say.
func (s *session) endOfNext(err error) error {
	if errors.Is(err, framing.ErrTooLarge) {
		return endWith(wire.CloseTooLarge, fmt.Sprintf("a frame may have at most %d bytes: send one second of samples a frame",
			s.server.config.Limits.FrameBytes))
	}
	if errors.Is(err, framing.ErrTooManyFragments) {
		return endWith(wire.CloseTooMuch, fmt.Sprintf("a message may have at most %d fragments: send it in one", framing.MaxFragments))
	}
	return err
}

// infer asks the gate, and only then has the frame parsed and classified. When
// it returns, the estimates are in w and nothing raw is: neither in w nor in
// the payload.
//
// Its parts are functions of their own, because the stack of the classifier
// stands on this one, and what both need together each session keeps.
func (s *session) infer(w *workspace, binary bool, payload []byte, now time.Time) (wire.Control, error) {
	w.holds = true
	defer w.clearSamples()
	defer erase(payload)

	// Outside the lock: a ledger may hold its own while it calls learn. What
	// changes after this line is seen below, in ending and location.
	if err := s.gate(w); err != nil {
		return wire.ControlNone, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ending != nil {
		return wire.ControlNone, s.ending
	}
	if err := s.decodeLocked(w, binary, payload); err != nil {
		return wire.ControlNone, err
	}
	var err error
	w.estimates, err = s.stream.Push(w.estimates[:0], w.classifier, w.batch.Samples, w.batch.Fixes)
	s.countResident()
	if err != nil {
		return wire.ControlNone, endOfPush(err)
	}
	return w.batch.Control, s.countTaken(w, now)
}

// gate asks what may be taken in of a frame. Without acceleration there is nothing.
func (s *session) gate(w *workspace) error {
	w.permit = s.server.config.Ledger.Permit(s.principal)
	if motion := &w.permit.Acceleration; !motion.Allowed {
		return endOfConsent(motion.Reason)
	}
	return nil
}

// decodeLocked parses what may be parsed of a frame.
func (s *session) decodeLocked(w *workspace, binary bool, payload []byte) error {
	location := &w.permit.Location
	allowed := wire.Allowed{Acceleration: true, Location: location.Allowed && s.location}
	b := &w.batch
	if err := s.server.config.decode(&s.decoder, b, &w.scratch, binary, payload, allowed); err != nil {
		return endOfDecode(err)
	}
	s.server.metrics.ignored.Add(float64(b.Ignored))
	if allowed.Location {
		s.toldRefused = false // should it be taken back, that is news again
	}
	if b.RefusedLocation > 0 {
		reason := location.Reason
		if location.Allowed { // and yet not covered: withdrawn this very moment
			reason = consent.CategoryNotGranted
		}
		s.server.metrics.refusedSamples(consent.Location, reason, b.RefusedLocation)
		if !s.toldRefused {
			s.toldRefused = true
			w.refusedLocation = true
		}
	}
	return nil
}

// countTaken counts what the classifier has taken, and holds it against the
// limits.
func (s *session) countTaken(w *workspace, now time.Time) error {
	b := &w.batch
	s.held.take(b, &s.server.account)
	s.server.metrics.accelerations.Add(float64(len(b.Samples)))
	s.server.metrics.locations.Add(float64(len(b.Fixes)))
	cost := len(b.Samples) + len(b.Fixes) + b.RefusedLocation + b.Ignored + estimateCost*len(w.estimates)
	if excess := s.takeSamples(now.UnixNano(), cost); excess != "" {
		return endWith(wire.CloseTooMuch, "too many "+excess)
	}
	return nil
}

// answer sends what came out of a frame, in one go.
func (s *session) answer(w *workspace, received time.Time) error {
	w.answer = w.answer[:0]
	if w.refusedLocation {
		w.answer = framing.Open(w.answer)
		w.answer = wire.AppendRefused(w.answer, string(consent.Location), wire.CodeNotGranted)
		w.answer = framing.Seal(w.answer, 0, framing.Text)
	}
	for i := range w.estimates {
		e := &w.estimates[i]
		at := len(w.answer)
		w.answer = framing.Open(w.answer)
		w.answer = wire.AppendEstimate(w.answer, e, float64(e.SensorTime)/1e9)
		w.answer = framing.Seal(w.answer, at, framing.Text)
	}
	if len(w.answer) == 0 {
		return nil
	}
	metrics := s.server.metrics
	switch sent, err := s.answers.send(w.answer, received); {
	case err != nil:
		return err
	case !sent:
		metrics.unread.Add(float64(len(w.estimates)))
	case len(w.estimates) > 0:
		metrics.estimates.Add(float64(len(w.estimates)))
		metrics.frameToEstimate.Observe(time.Since(received).Seconds())
	}
	return nil
}

// pong answers a ping.
func (s *session) pong(payload []byte) error {
	w := workspaces.Get().(*workspace)
	defer w.release()
	w.answer = append(framing.Open(w.answer[:0]), payload...)
	w.answer = framing.Seal(w.answer, 0, framing.Pong)
	_, err := s.answers.send(w.answer, time.Now())
	return err
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
	if s.leaving.Load() && errors.Is(err, os.ErrDeadlineExceeded) {
		return endOfDrain()
	}
	return err
}

// leave has the session end after a while because the node drains or has too much
// to do. Until then it goes on: what has arrived, and what arrives, is answered.
func (s *session) leave(after time.Duration) {
	s.leaving.Store(true)
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.ending != nil:
	case s.conn == nil: // a pusher: its app comes again, to another node
		s.endLocked(endOfDrain())
	default:
		s.conn.SetReadDeadline(time.Now().Add(after))
	}
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

// endLocked sets the ending, clears what the session holds and wakes its
// goroutine. The first ending stands, unless one that cuts comes before it was
// said.
func (s *session) endLocked(end *ending) {
	first := s.ending == nil
	if first || end.cuts && !s.ending.cuts && !s.closing {
		s.ending = end
		if end.cuts && s.conn != nil {
			s.answers.cut()
		}
		if first {
			s.wake()
		}
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

// askedLately is how long after a frame sweep takes the gate's answer to it for
// new enough. Asking for each of thousands of sessions a second costs as much as a
// part of their frames: nothing of it is near the processor any more.
const askedLately = time.Second

// sweep is called about once a second. It notices what no frame would: a
// consent that ran out, a ledger that fell silent, a client that did, and one
// that does not read. It returns how old the oldest sample is that the session
// holds, 0 where it holds none.
func (s *session) sweep(now time.Time) (oldest time.Duration) {
	silent := now.Sub(time.Unix(0, s.lastFrame.Load()))
	if silent > askedLately { // a frame asks the gate itself
		s.check()
	}
	switch {
	case s.answers.overdue(now):
		s.stop(endOfUnread())
		return 0
	case silent > s.server.config.IdleTimeout:
		s.stop(endWith(wire.CloseIdle, ""))
		return 0
	}
	if s.lapse != nil && silent > earlyHold && s.mu.TryLock() {
		s.lapse()
		s.mu.Unlock()
	}
	held := s.resident.Load()
	if held == 0 {
		return 0
	}
	if silent > s.server.config.WindowHold && s.mu.TryLock() { // if not, a frame is just renewing the window
		s.forgetLocked()
		s.mu.Unlock()
		s.server.metrics.windowsCleared.Inc()
		return 0
	}
	return silent + time.Duration(held)*time.Second/signal.RateHz
}

// sayClose tells the client why its session ends.
func (s *session) sayClose(end *ending) {
	if !end.silent {
		var last []byte
		if end.draining {
			last = wire.AppendDraining(framing.Open(last), reconnectAfter())
			last = framing.Seal(last, 0, framing.Text)
		}
		at := len(last)
		last = framing.AppendClose(framing.Open(last), end.code, end.reason)
		s.answers.sendLast(framing.Seal(last, at, framing.Close))
	}
	if !end.since.IsZero() {
		s.server.metrics.withdrawalToClose.Observe(time.Since(end.since).Seconds())
	}
}
