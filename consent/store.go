package consent

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"os"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	streamName   = "CONSENT"        // the chain
	registerName = "CONSENT_PEOPLE" // the register

	// putTimeout bounds one change.
	putTimeout = 5 * time.Second

	// electionTimeout bounds one change in an external store: the election of a
	// new leader, 4 to 9 s, fits in.
	electionTimeout = 10 * time.Second

	// readHeartbeat is how often the server shows that a reader without news
	// is not forgotten; two missed ones start the reader anew.
	readHeartbeat = 500 * time.Millisecond

	// readerIdle is when the server forgets a reader that is gone.
	readerIdle = 30 * time.Second

	reconnectWait = 20 * time.Millisecond
)

// A store is the stream that keeps the entries: in a server inside this
// process, or in an external one. Both are spoken to in the same way.
type store struct {
	conn     *nats.Conn
	tempo    *nats.Conn       // for derived tempo: whoever is slow to take that holds up no change
	stream   jetstream.Stream // the chain
	register jetstream.Stream
	js       jetstream.JetStream
	embedded *embedded // nil for an external server

	mu    sync.Mutex
	link  context.Context         // ends when the connection is another one
	cut   context.CancelFunc      // ends link
	allow context.CancelCauseFunc // called with what the server does not allow; nil once the store is open
}

// relink tells readers to begin anew. A server that was away may have
// forgotten them, which they would notice only by its silence.
func (s *store) relink() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cut != nil {
		s.cut()
	}
	s.link, s.cut = context.WithCancel(context.Background())
}

func (s *store) currentLink() context.Context {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.link
}

// An intake takes in what the files of an embedded store hold before its server
// is started: the bodies are valid during the call only.
type intake struct {
	chain, register func(sequence uint64, subject string, body []byte) error
}

// A storeConfig says where a store is.
type storeConfig struct {
	dir          string // of the embedded store
	servers      string // addresses of an external one; empty for the embedded one
	access       NATSAccess
	replicas     int
	acknowledged uint64 // the newest entry that is known to have been there
	found        intake
	log          *slog.Logger
}

// openStore connects. It makes the streams in an embedded store and in a server
// of its own, if there are none and nothing was ever acknowledged; those of a
// cluster are made by InitCluster.
func openStore(ctx context.Context, config storeConfig) (_ *store, err error) {
	s := &store{}
	s.relink()
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	if config.servers == "" {
		if s.embedded, err = startEmbedded(config.dir, config.acknowledged, config.found, config.log); err != nil {
			return s, err
		}
	}
	if err = s.connect(config); err != nil {
		return s, err
	}
	ctx, done := s.watchPermissions(ctx)
	defer done()
	if config.servers == "" {
		return s, s.openStreams(ctx, config.acknowledged == 0, 1)
	}
	return s, s.openExternal(ctx, config)
}

// openStreams finds the streams, or makes them if it may, and sees whether they
// keep what they are given.
func (s *store) openStreams(ctx context.Context, make bool, replicas int) (err error) {
	s.stream, err = s.js.Stream(ctx, streamName)
	if make && errors.Is(err, jetstream.ErrStreamNotFound) {
		// Nodes that start together all ask for the same, and the same is made once.
		s.stream, err = s.js.CreateStream(ctx, replicated(streamConfig(), replicas))
	}
	if err != nil {
		return fmt.Errorf("stream %s: %w", streamName, err)
	}
	if err = checkStream(s.stream.CachedInfo().Config); err != nil {
		return err
	}
	s.register, err = s.js.Stream(ctx, registerName)
	if errors.Is(err, jetstream.ErrStreamNotFound) && (make || s.embedded != nil) {
		// Should it be lost, that shows by records that belong to nobody.
		s.register, err = s.js.CreateStream(ctx, replicated(registerConfig(), replicas))
	}
	if err != nil {
		return fmt.Errorf("stream %s: %w", registerName, err)
	}
	return checkRegister(s.register.CachedInfo().Config)
}

// errNoConnection says that the store cannot be reached now.
var errNoConnection = errors.New("no connection")

// errMoved says that another entry came first.
var errMoved = errors.New("another entry came first")

// append puts an entry after the entry with the sequence after, and returns
// its own sequence when it is on disk. It returns errMoved when that entry is
// not the newest one. After any other error the entry may or may not be there.
func (s *store) append(ctx context.Context, subject string, body []byte, after uint64) (uint64, error) {
	return s.publish(ctx, subject, body, jetstream.WithExpectLastSequence(after), jetstream.WithExpectStream(streamName))
}

// put puts a message into the register in the place of the one with the
// sequence after, 0 for none, and returns as append does.
func (s *store) put(ctx context.Context, subject string, body []byte, after uint64) (uint64, error) {
	return s.publish(ctx, subject, body, jetstream.WithExpectLastSequencePerSubject(after), jetstream.WithExpectStream(registerName))
}

// untilDone is a number of attempts that the context ends before.
const untilDone = math.MaxInt32

// publishOnce has a message written once. Where nobody answers, as while a cluster
// elects a leader, or where the leader is lost before it has, the external store
// is asked again for as long as the context holds: it knows the message by its
// name and writes it once.
func (s *store) publishOnce(ctx context.Context, message *nats.Msg, expect []jetstream.PublishOpt) (ack *jetstream.PubAck, err error) {
	if s.embedded != nil {
		return s.js.PublishMsg(ctx, message, expect...)
	}
	expect = append(expect, jetstream.WithRetryAttempts(untilDone), jetstream.WithMsgID(rand.Text()))
	err = s.ask(ctx, func(ctx context.Context) error {
		ack, err = s.js.PublishMsg(ctx, message, expect...)
		return err
	})
	return ack, err
}

// ask asks a question that may be asked again, for as long as the context holds
// and nobody answers it. While the connection moves on to another server nothing is
// sent: that is waited for as long as an answer is.
func (s *store) ask(ctx context.Context, question func(context.Context) error) error {
	if s.embedded != nil {
		return question(ctx)
	}
	for begun := time.Now(); ; {
		attempt, cancel := context.WithTimeout(ctx, askTimeout)
		err := question(attempt)
		cancel()
		var api *jetstream.APIError
		notYet := errors.As(err, &api) && (api.ErrorCode == codeLeaderless || api.ErrorCode == codeInProcess) ||
			errors.Is(err, nats.ErrReconnectBufExceeded) && time.Since(begun) < askTimeout
		if ctx.Err() != nil || !notYet && !errors.Is(err, context.DeadlineExceeded) {
			return err
		}
		if notYet { // it says so at once
			select {
			case <-time.After(askAgain):
			case <-ctx.Done():
				return err
			}
		}
	}
}

func (s *store) publish(ctx context.Context, subject string, body []byte, expect ...jetstream.PublishOpt) (uint64, error) {
	if s.embedded != nil {
		if err := s.embedded.writable(); err != nil {
			return 0, err
		}
		watched, done := s.embedded.watch(ctx)
		defer done()
		ctx = watched
	}
	ack, err := s.publishOnce(ctx, &nats.Msg{Subject: subject, Data: body}, expect)
	if err == nil {
		return ack.Sequence, nil
	}
	var api *jetstream.APIError
	if errors.As(err, &api) {
		switch api.ErrorCode {
		case jetstream.JSErrCodeStreamWrongLastSequence, jetstream.JSErrCodeStreamWrongLastSequenceConstant:
			return 0, errMoved
		}
	}
	if errors.Is(err, nats.ErrReconnectBufExceeded) {
		return 0, errNoConnection // nothing was sent
	}
	if s.embedded != nil {
		// Nobody but this process writes, so this was no conflict: the write failed.
		s.embedded.spoiled.Store(true)
		if cause := context.Cause(ctx); cause != nil {
			err = cause
		}
	}
	return 0, err
}

// last asks the store for its newest sequence, given how far the caller has
// read. It fails when the store owns up to entries that are missing, for it
// never deletes one.
//
// In a cluster it is the leader of the stream that answers, and one that was cut
// off from the others goes on believing that it leads for 20 s. So the answer
// comes with its age: how long ago the leader last heard from so many of the
// others that nobody else can have been made leader before. That is what was
// acknowledged by then is in it.
func (s *store) last(ctx context.Context, read uint64) (newest uint64, age time.Duration, err error) {
	var info *jetstream.StreamInfo
	err = s.ask(ctx, func(ctx context.Context) (err error) {
		info, err = s.stream.Info(ctx)
		return err
	})
	switch {
	case errors.Is(err, nats.ErrReconnectBufExceeded):
		return 0, 0, errNoConnection
	case err != nil:
		return 0, 0, err
	}
	if age, err = heardFromMost(info.Cluster); err != nil {
		return 0, 0, err
	}
	newest = info.State.LastSeq
	if missing := info.State.NumDeleted; missing > 0 {
		return 0, 0, &Error{Code: CodeLedgerDamaged, Message: fmt.Sprintf("the ledger is damaged: %d of the entries up to %d are missing", missing, newest)}
	}
	if newest > read {
		// A newest entry that is spoiled counts, but cannot be had, so a reader
		// would wait for it for ever.
		if _, _, err := s.get(ctx, newest); errors.Is(err, jetstream.ErrMsgNotFound) {
			if s.replicated() { // another leader may have answered
				return 0, 0, fmt.Errorf("entry %d cannot be read: %w", newest, err)
			}
			return 0, 0, damaged(newest, "it cannot be read")
		}
	}
	return newest, age, nil
}

// get returns one entry.
func (s *store) get(ctx context.Context, sequence uint64) (subject string, body []byte, err error) {
	var m *jetstream.RawStreamMsg
	err = s.ask(ctx, func(ctx context.Context) error {
		m, err = s.stream.GetMsg(ctx, sequence)
		return err
	})
	if err != nil {
		return "", nil, err
	}
	return m.Subject, m.Data, nil
}

// newest returns the message of one subject of the register, and the sequence 0
// when there is none.
func (s *store) newest(ctx context.Context, subject string) (sequence uint64, body []byte, err error) {
	var m *jetstream.RawStreamMsg
	err = s.ask(ctx, func(ctx context.Context) error {
		m, err = s.register.GetLastMsgForSubject(ctx, subject)
		return err
	})
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return 0, nil, nil
	}
	if err != nil {
		return 0, nil, err
	}
	return m.Sequence, m.Data, nil
}

// forget overwrites a message of the register. One that is gone is no error.
func (s *store) forget(ctx context.Context, sequence uint64) error {
	err := s.ask(ctx, func(ctx context.Context) error { return s.register.SecureDeleteMsg(ctx, sequence) })
	if err == nil {
		return nil
	}
	// The server has one code for all that can go wrong with it.
	if _, missing := s.register.GetMsg(ctx, sequence); errors.Is(missing, jetstream.ErrMsgNotFound) {
		return nil
	}
	return err
}

func (s *store) close() error {
	s.cut()
	for _, conn := range []*nats.Conn{s.tempo, s.conn} {
		if conn != nil {
			conn.Close()
		}
	}
	if s.embedded != nil {
		return s.embedded.close()
	}
	return nil
}

// makeDir makes the ledger's folder and sees whether it can be written to.
func makeDir(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	probe, err := os.CreateTemp(dir, ".writable.*")
	if err != nil {
		return err
	}
	return errors.Join(probe.Close(), os.Remove(probe.Name()))
}
