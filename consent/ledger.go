package consent

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"maps"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/time/rate"
)

// What a LedgerConfig means when it leaves a field out.
const (
	DefaultDir      = "tempogate-data"
	DefaultGrantTTL = 180 * 24 * time.Hour
	DefaultLease    = 5 * time.Second
)

// A LedgerConfig says where the ledger lives and how it judges. The zero value
// keeps it under DefaultDir with the notice that is built in.
type LedgerConfig struct {
	// Dir holds the key that signs receipts and, unless NATSURL is set, the
	// embedded store. DefaultDir when empty. It is made if it is not there, and
	// one process at a time may have it.
	Dir string

	// NATSURL names an external NATS server or cluster with JetStream, for
	// example "nats://a,nats://b", in place of the embedded store. Nodes that
	// share it share all grants; give them the same keys by copying the key
	// files. InitCluster makes the streams of a cluster. The durability of an
	// acknowledged change is then the servers': configure them with
	// "sync_interval: always".
	NATSURL string

	// NATS says how to get in there.
	NATS NATSAccess

	// Replicas is how many servers of a cluster have to keep the ledger at
	// least. DefaultReplicas when 0, and 1 on a server that is in no cluster.
	Replicas int

	// Notices are the words that people are asked with: the newest version of
	// them in each of its languages, and earlier versions, so that it is known
	// which of them the newest replaces without a fresh consent. All languages
	// of a version ask for the same. BuiltInNotices when both this and Notice
	// are empty.
	Notices []*Notice
	Notice  *Notice // Notices with one notice in it

	GrantTTL time.Duration    // how long a yes holds; DefaultGrantTTL when 0
	Lease    time.Duration    // how long the ledger answers without having heard from its store; DefaultLease when 0
	Now      func() time.Time // the clock that grants run by; time.Now when nil
	Logger   *slog.Logger     // told of the store's health, never of people; nobody when nil
}

// A Ledger keeps consent. Its methods may be called from any goroutine.
//
// Every change goes into the store first and comes back through the one reader
// that keeps the state in memory, whichever node made it. So there is one place
// where state changes, and one order in which everybody sees it.
type Ledger struct {
	store    *store
	dir      string
	notice   *Notice // the current one in the default language
	grantTTL time.Duration
	lease    time.Duration
	now      func() time.Time // nil for time.Now
	log      *slog.Logger
	signer   *signer
	witness  *witness

	taking sync.Mutex // held while something is taken in and watchers are told, so that there is one order

	begun      bool             // the state is what the store held at the opening; guarded by taking
	changes    map[Event]uint64 // since begun; guarded by taking
	unfinished []uint64         // erased, and still in the register at the opening; guarded by taking
	registered uint64           // how far the register has been taken in; for followRegister

	mu        sync.RWMutex
	state     *state // written under taking too
	register  register
	unsettled map[string]struct{} // people whose no could not be kept, see settle

	deliveries deliveries

	watching sync.Mutex
	watchers map[string][]*watcher

	progress progress
	putting  chan struct{} // holds one token while a change is under way
	patience time.Duration // with one change, putTimeout or electionTimeout but in tests

	opened     time.Time     // lease times count from here, on the monotonic clock
	anew       *rate.Limiter // of DecideAnew's questions to the store
	heardUntil atomic.Int64  // the ledger answers until this time, nanoseconds after opened

	health sync.Mutex
	ended  error // why the ledger answers no more, for good

	closed bool // guarded by putting
	cancel context.CancelFunc
	tasks  sync.WaitGroup
}

// OpenLedger opens the ledger and rebuilds its state from the store. The
// context bounds the opening only. Close the ledger when done.
func OpenLedger(ctx context.Context, config LedgerConfig) (*Ledger, error) {
	l := &Ledger{
		grantTTL:  config.GrantTTL,
		lease:     config.Lease,
		now:       config.Now,
		log:       config.logger(),
		state:     newState(),
		register:  newRegister(),
		unsettled: map[string]struct{}{},
		changes:   map[Event]uint64{},
		watchers:  map[string][]*watcher{},
		putting:   make(chan struct{}, 1),
		patience:  putTimeout,
		opened:    time.Now(),
		anew:      rate.NewLimiter(anewPerSecond, anewPerSecond),
	}
	config.Dir = config.dir()
	l.dir = config.Dir
	if config.NATSURL != "" {
		l.patience = electionTimeout
	}
	if l.grantTTL == 0 {
		l.grantTTL = DefaultGrantTTL
	}
	if l.lease == 0 {
		l.lease = DefaultLease
	}
	if l.grantTTL < 0 || l.lease < 0 || config.Replicas < 0 {
		return nil, &Error{Code: CodeBadConfig, Message: "GrantTTL, Lease and Replicas must not be negative"}
	}
	if err := l.takeNotices(config); err != nil {
		return nil, err
	}
	if err := makeDir(config.Dir); err != nil {
		return nil, unavailable("the ledger folder cannot be written to", err)
	}
	var err error
	if l.signer, err = openSigner(config.file(receiptKeyFile)); err != nil {
		return nil, err
	}
	if l.witness, err = openWitness(config.file(witnessFile)); err != nil {
		return nil, err
	}
	if config.NATSURL == "" {
		if err := l.witness.inPlace(); err != nil {
			return nil, errors.Join(err, l.witness.close())
		}
	}
	if l.store, err = openStore(ctx, config.store(l.witness.sequence, intake{l.take, l.takeRegistered}, l.log)); err != nil {
		closing := l.witness.close()
		if errors.Is(err, jetstream.ErrStreamNotFound) {
			if lost := l.witness.reached(0); lost != nil {
				return nil, errors.Join(lost, closing)
			}
		}
		return nil, errors.Join(notOpened(err), closing)
	}
	running, cancel := context.WithCancel(context.Background())
	l.cancel = cancel
	registered := make(chan struct{})
	l.tasks.Go(func() { l.follow(running) })
	l.tasks.Go(func() { l.followRegister(running, registered) })
	if err := l.begin(ctx, registered); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	if err := l.startDelivering(running); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	if l.store.replicated() && l.lease < shortestLease {
		l.log.Warn("the lease is shorter than the cluster can hold: its servers are in touch with each other once a second", "lease", l.lease, "at_least", shortestLease)
	}
	l.tasks.Go(func() { l.keepLease(running) })
	return l, nil
}

// store returns where the store is.
func (c *LedgerConfig) store(acknowledged uint64, found intake, log *slog.Logger) storeConfig {
	return storeConfig{
		dir: c.dir(), servers: c.NATSURL, access: c.NATS, replicas: c.Replicas,
		acknowledged: acknowledged, found: found, log: log,
	}
}

// dir returns where the ledger's files are.
func (c *LedgerConfig) dir() string { return cmp.Or(c.Dir, DefaultDir) }

// file returns the path of one of them.
func (c *LedgerConfig) file(name string) string { return filepath.Join(c.dir(), name) }

// logger returns who is told of the store's health.
func (c *LedgerConfig) logger() *slog.Logger {
	if c.Logger == nil {
		return slog.New(slog.DiscardHandler)
	}
	return c.Logger
}

// takeNotices reads the words that people are asked with from the configuration.
func (l *Ledger) takeNotices(config LedgerConfig) (err error) {
	all := config.Notices
	if config.Notice != nil {
		all = append([]*Notice{config.Notice}, all...)
	}
	if len(all) == 0 {
		if all, err = BuiltInNotices(); err != nil {
			return err
		}
	}
	current, err := currentOf(all)
	if err != nil {
		return err
	}
	l.state.configured, l.state.current, l.notice = all, current, current[0]
	return nil
}

// begin waits until the state is what the store holds, and puts the current
// notice on record.
func (l *Ledger) begin(ctx context.Context, registered <-chan struct{}) error {
	if err := l.catchUp(ctx); err != nil {
		return err
	}
	select {
	case <-registered:
	case <-ctx.Done():
		return unavailable("the ledger has not caught up with its register", ctx.Err())
	}
	if err := l.whole(ctx); err != nil {
		return err
	}
	// An edited notice is found in every language, whether or not anybody was
	// ever asked in it.
	for _, n := range l.state.configured {
		if err := l.unedited(n); err != nil {
			return err
		}
	}
	return l.record(ctx, l.notice)
}

// notOpened is the error for a store that could not be opened.
func notOpened(err error) error {
	var own *Error
	if errors.As(err, &own) && own.Code != CodeLedgerUnavailable {
		return err
	}
	return unavailable("the ledger's store cannot be opened", err)
}

// catchUp waits until this node has taken in what the store holds, and sees
// whether that goes as far as it did.
func (l *Ledger) catchUp(ctx context.Context) error {
	for deadline := time.Now().Add(registerLag); ; {
		if err := l.renew(ctx); err != nil {
			return err
		}
		l.mu.RLock()
		reached := l.state.sequence
		l.mu.RUnlock()
		err := l.witness.reached(reached)
		// In a cluster the one that has answered may be catching up itself.
		if err == nil || !l.store.replicated() || time.Now().After(deadline) {
			return err
		}
		select {
		case <-time.After(reconnectWait):
		case <-ctx.Done():
			return err
		}
	}
}

// unedited checks a notice against what people were asked under that version,
// in that language.
func (l *Ledger) unedited(n *Notice) error {
	l.mu.RLock()
	known := l.state.versions[n.subject()]
	l.mu.RUnlock()
	if known != "" && known != n.SHA256 {
		return badNotice("people were asked in language %s under other words that have the same version %s: "+
			"undo the edit, or give the new words a new version", n.Language, n.Version)
	}
	return nil
}

// record puts a notice into the ledger, unless it is there.
func (l *Ledger) record(ctx context.Context, n *Notice) error {
	for {
		if err := l.unedited(n); err != nil {
			return err
		}
		l.mu.RLock()
		known, after, head := l.state.notices[n.SHA256], l.state.sequence, l.state.head
		l.mu.RUnlock()
		if known != nil {
			return nil
		}
		body, err := encodeEntry(&noticeEntry{
			Format: entryFormat, Previous: head.String(), At: l.clock(),
			SHA256: n.SHA256, Source: string(n.source),
		})
		if err != nil {
			return unavailable("the notice cannot be put on record", err)
		}
		_, err = l.store.append(ctx, n.subject(), body, after)
		if err != nil && !errors.Is(err, errMoved) {
			return unavailable("the notice cannot be put on record", err)
		}
		if err := l.renew(ctx); err != nil {
			return err
		}
	}
}

// Close ends the ledger: from now on every decision is no. It waits for a
// change that is under way. Calling it again does nothing.
func (l *Ledger) Close() error {
	l.putting <- struct{}{}
	defer func() { <-l.putting }()
	if l.closed {
		return nil
	}
	l.closed = true
	l.stopDelivering()
	l.end(errClosed)
	l.cancel()
	l.tasks.Wait()
	return errors.Join(l.store.close(), l.witness.close())
}

var errClosed = unavailable("the ledger is closed", nil)

// Notice returns the notice that people are asked under now, in English if
// there is one in English.
func (l *Ledger) Notice() *Notice { return l.notice }

// clock returns the time that is written down: UTC, whole milliseconds.
func (l *Ledger) clock() time.Time {
	now := time.Now
	if l.now != nil {
		now = l.now
	}
	return now().UTC().Truncate(time.Millisecond)
}

// unavailable is the error of a ledger that cannot answer.
func unavailable(message string, cause error) *Error {
	return &Error{Code: CodeLedgerUnavailable, Message: message, cause: cause}
}

// follow takes in the entries of the store, from the first one on, for as long
// as the ledger is open.
func (l *Ledger) follow(ctx context.Context) {
	wait := reconnectWait
	for {
		l.mu.RLock()
		from := l.state.sequence + 1
		l.mu.RUnlock()
		err := l.store.read(ctx, l.store.stream, from, "", func(sequence uint64, subject string, body []byte) error {
			wait = reconnectWait
			return l.take(sequence, subject, body)
		})
		if ctx.Err() != nil {
			return
		}
		if errors.Is(err, &Error{Code: CodeLedgerDamaged}) {
			l.log.Error("ledger stopped", "cause", err)
			l.end(err)
			return
		}
		l.log.Debug("ledger reads anew", "cause", err)
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return
		}
		wait = min(2*wait, l.lease/4)
	}
}

// take takes in one entry and tells everybody who watches. It is the only
// place where the chain changes the state.
func (l *Ledger) take(sequence uint64, subject string, body []byte) error {
	l.taking.Lock()
	defer l.taking.Unlock()
	change, n, err := l.state.check(sequence, subject, body)
	if err != nil {
		return err
	}
	if err := l.witness.saw(sequence, body); err != nil {
		return err
	}
	l.mu.Lock()
	principal := ""
	if change.person != nil {
		principal = l.register.took(change.record, change.before, change.person)
	}
	l.state.put(sequence, body, change, n)
	delete(l.unsettled, principal)
	l.mu.Unlock()
	switch {
	case l.begun && change.person != nil:
		l.changes[change.event]++
	case principal != "" && change.person.erased:
		l.unfinished = append(l.unfinished, change.before.who.sequence)
	}
	if principal != "" {
		l.tell(principal, change.person)
	}
	l.progress.move(sequence)
	return nil
}

// Changes counts the changes of people's consent since the ledger was opened, on
// all nodes.
func (l *Ledger) Changes() map[Event]uint64 {
	l.taking.Lock()
	defer l.taking.Unlock()
	return maps.Clone(l.changes)
}
