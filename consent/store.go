package consent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	streamName   = "CONSENT"        // the chain
	registerName = "CONSENT_PEOPLE" // the register

	// putTimeout bounds one change: an election of a new leader in a cluster
	// fits in.
	putTimeout = 5 * time.Second

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
	stream   jetstream.Stream // the chain
	register jetstream.Stream
	js       jetstream.JetStream
	embedded *embedded // nil for an external server

	mu   sync.Mutex
	link context.Context    // ends when the connection is another one
	cut  context.CancelFunc // ends link
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

// openStore connects. It makes the stream if there is none and nothing was ever
// acknowledged.
func openStore(ctx context.Context, dir, servers string, acknowledged uint64, found intake, log *slog.Logger) (_ *store, err error) {
	s := &store{}
	s.relink()
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	options := []nats.Option{
		nats.Name("tempogate ledger"),
		nats.MaxReconnects(-1),
		nats.ReconnectWait(reconnectWait),
		nats.ReconnectJitter(reconnectWait, reconnectWait),
		// A change that could not be sent has failed, and must not happen later.
		nats.ReconnectBufSize(-1),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil {
				log.Warn("ledger lost its store", "cause", err)
			}
		}),
		nats.ReconnectHandler(func(*nats.Conn) {
			log.Info("ledger found its store again")
			s.relink()
		}),
		// Without a handler the library writes to standard error.
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			log.Warn("ledger store", "says", withoutPeople(err.Error()))
		}),
	}
	if servers == "" {
		if s.embedded, err = startEmbedded(dir, acknowledged, found, log); err != nil {
			return s, err
		}
		options = append(options, nats.InProcessServer(s.embedded))
	}
	if err = checkServers(servers); err != nil {
		return s, err
	}
	if s.conn, err = nats.Connect(servers, options...); err != nil {
		return s, fmt.Errorf("no connection: %w", err)
	}
	if s.js, err = jetstream.New(s.conn); err != nil {
		return s, err
	}
	s.stream, err = s.js.Stream(ctx, streamName)
	if acknowledged == 0 && errors.Is(err, jetstream.ErrStreamNotFound) {
		// Nodes that start together all ask for the same, and the same is made once.
		s.stream, err = s.js.CreateStream(ctx, streamConfig())
	}
	if err != nil {
		return s, fmt.Errorf("stream %s: %w", streamName, err)
	}
	if err = checkStream(s.stream.CachedInfo().Config); err != nil {
		return s, err
	}
	s.register, err = s.js.Stream(ctx, registerName)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		// Should it be lost, that shows by records that belong to nobody.
		s.register, err = s.js.CreateStream(ctx, registerConfig())
	}
	if err != nil {
		return s, fmt.Errorf("stream %s: %w", registerName, err)
	}
	return s, checkRegister(s.register.CachedInfo().Config)
}

// checkServers sees to it that no error of the library quotes an address, which
// may hold a password.
func checkServers(servers string) error {
	for i, server := range strings.Split(servers, ",") {
		if _, err := url.Parse(strings.TrimSpace(server)); err != nil {
			return fmt.Errorf("server %d is not an address like nats://host:4222", i+1)
		}
	}
	return nil
}

func streamConfig() jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:        streamName,
		Description: "consent: every change of every person, each entry chained to the one before",
		Subjects:    []string{changeSubject + "*", noticeSubject + "*.*"},
		Retention:   jetstream.LimitsPolicy,
		Storage:     jetstream.FileStorage,
		Discard:     jetstream.DiscardNew,
		MaxMsgSize:  2 * maxEntry,
		DenyDelete:  true,
		DenyPurge:   true,
	}
}

// checkStream makes sure that a stream that is there already forgets nothing.
func checkStream(c jetstream.StreamConfig) error {
	for _, subject := range streamConfig().Subjects {
		if !slices.Contains(c.Subjects, subject) {
			return fmt.Errorf("stream %s does not take %s: it was made for something else", streamName, subject)
		}
	}
	if c.Storage != jetstream.FileStorage || c.Retention != jetstream.LimitsPolicy || !c.DenyDelete || !c.DenyPurge ||
		c.MaxAge > 0 || c.MaxMsgs > 0 || c.MaxMsgsPerSubject > 0 || (c.MaxBytes > 0 && c.Discard != jetstream.DiscardNew) {
		return fmt.Errorf("stream %s may forget entries: it needs file storage, retention by limits, no limit of age or number, and deletion and purging denied", streamName)
	}
	return nil
}

// registerConfig is that of the stream that can forget.
func registerConfig() jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:              registerName,
		Description:       "consent: who is behind each record, for as long as it may be known; what recipients got",
		Subjects:          []string{personSubject + "*", receivedSubject + "*.*"},
		Retention:         jetstream.LimitsPolicy,
		Storage:           jetstream.FileStorage,
		Discard:           jetstream.DiscardNew,
		MaxMsgSize:        maxRegistered,
		MaxMsgsPerSubject: 1,
	}
}

// checkRegister makes sure that a register that is there already forgets nobody
// by itself, and can be made to.
func checkRegister(c jetstream.StreamConfig) error {
	for _, subject := range registerConfig().Subjects {
		if !slices.Contains(c.Subjects, subject) {
			return fmt.Errorf("stream %s does not take %s: it was made for something else", registerName, subject)
		}
	}
	if c.Storage != jetstream.FileStorage || c.Retention != jetstream.LimitsPolicy || c.DenyDelete || c.MaxMsgsPerSubject != 1 ||
		c.MaxAge > 0 || c.MaxMsgs > 0 || (c.MaxBytes > 0 && c.Discard != jetstream.DiscardNew) {
		return fmt.Errorf("stream %s is not set up to keep one message a subject until it is deleted: "+
			"it needs file storage, retention by limits, one message a subject, no other limit, and deletion allowed", registerName)
	}
	return nil
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

func (s *store) publish(ctx context.Context, subject string, body []byte, expect ...jetstream.PublishOpt) (uint64, error) {
	if s.embedded != nil {
		if err := s.embedded.writable(); err != nil {
			return 0, err
		}
		watched, done := s.embedded.watch(ctx)
		defer done()
		ctx = watched
	}
	message := &nats.Msg{Subject: subject, Data: body}
	ack, err := s.js.PublishMsg(ctx, message, expect...)
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
func (s *store) last(ctx context.Context, read uint64) (uint64, error) {
	info, err := s.stream.Info(ctx)
	switch {
	case errors.Is(err, nats.ErrReconnectBufExceeded):
		return 0, errNoConnection
	case err != nil:
		return 0, err
	}
	newest := info.State.LastSeq
	if missing := info.State.NumDeleted; missing > 0 {
		return 0, &Error{Code: CodeLedgerDamaged, Message: fmt.Sprintf("the ledger is damaged: %d of the entries up to %d are missing", missing, newest)}
	}
	if newest > read {
		// A newest entry that is spoiled counts, but cannot be had, so a reader
		// would wait for it for ever.
		if _, _, err := s.get(ctx, newest); errors.Is(err, jetstream.ErrMsgNotFound) {
			return 0, damaged(newest, "it cannot be read")
		}
	}
	return newest, nil
}

// get returns one entry.
func (s *store) get(ctx context.Context, sequence uint64) (subject string, body []byte, err error) {
	m, err := s.stream.GetMsg(ctx, sequence)
	if err != nil {
		return "", nil, err
	}
	return m.Subject, m.Data, nil
}

// newest returns the message of one subject of the register, and the sequence 0
// when there is none.
func (s *store) newest(ctx context.Context, subject string) (sequence uint64, body []byte, err error) {
	m, err := s.register.GetLastMsgForSubject(ctx, subject)
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
	err := s.register.SecureDeleteMsg(ctx, sequence)
	if err == nil {
		return nil
	}
	// The server has one code for all that can go wrong with it.
	if _, missing := s.register.GetMsg(ctx, sequence); errors.Is(missing, jetstream.ErrMsgNotFound) {
		return nil
	}
	return err
}

// load calls each for every message of a stream that is there now, in order.
func (s *store) load(ctx context.Context, stream jetstream.Stream, each func(sequence uint64, subject string, body []byte) error) error {
	consumer, err := stream.CreateConsumer(ctx, readerConfig(1, ""))
	if err != nil {
		return err
	}
	defer s.leave(ctx, stream, consumer)
	const batch = 5000
	for {
		messages, err := consumer.FetchNoWait(batch)
		if err != nil {
			return err
		}
		n := 0
		for message := range messages.Messages() {
			at, err := message.Metadata()
			if err != nil {
				return err
			}
			if err := each(at.Sequence.Stream, message.Subject(), message.Data()); err != nil {
				return err
			}
			n++
		}
		if err := messages.Error(); err != nil {
			return err
		}
		if n == 0 {
			return nil
		}
	}
}

// readerConfig is that of a reader from a sequence on.
func readerConfig(from uint64, subject string) jetstream.ConsumerConfig {
	return jetstream.ConsumerConfig{
		DeliverPolicy:     jetstream.DeliverByStartSequencePolicy,
		OptStartSeq:       from,
		FilterSubject:     subject,
		AckPolicy:         jetstream.AckNonePolicy,
		InactiveThreshold: readerIdle,
		MemoryStorage:     true, // a reader that is lost is made anew
		Replicas:          1,
	}
}

// leave has the server forget a reader. Best effort: it does after readerIdle
// anyway.
func (s *store) leave(ctx context.Context, stream jetstream.Stream, reader jetstream.Consumer) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), readHeartbeat)
	defer cancel()
	_ = stream.DeleteConsumer(ctx, reader.CachedInfo().Name)
}

// errEnough ends a reading.
var errEnough = errors.New("enough")

// read calls each for every message of a stream from a sequence on, in order and
// without a gap, as they come. subject picks the entries of one subject; empty means all.
// It returns nil when each returns errEnough, and otherwise the first error:
// that of each, of the store, or of the context. body belongs to each.
func (s *store) read(ctx context.Context, stream jetstream.Stream, from uint64, subject string, each func(sequence uint64, subject string, body []byte) error) error {
	link := s.currentLink()
	consumer, err := stream.CreateConsumer(ctx, readerConfig(from, subject))
	if err != nil {
		return err
	}
	defer s.leave(ctx, stream, consumer)
	messages, err := consumer.Messages(jetstream.PullHeartbeat(readHeartbeat))
	if err != nil {
		return err
	}
	defer messages.Stop()
	defer context.AfterFunc(ctx, messages.Stop)()
	defer context.AfterFunc(link, messages.Stop)()
	for next := uint64(1); ; next++ {
		message, err := messages.Next()
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			return err
		}
		at, err := message.Metadata()
		if err != nil {
			return err
		}
		if at.Sequence.Consumer != next {
			return fmt.Errorf("reader was given message %d in place of %d", at.Sequence.Consumer, next)
		}
		if err := each(at.Sequence.Stream, message.Subject(), message.Data()); err != nil {
			if errors.Is(err, errEnough) {
				return nil
			}
			return err
		}
	}
}

func (s *store) close() error {
	s.cut()
	if s.conn != nil {
		s.conn.Close()
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
