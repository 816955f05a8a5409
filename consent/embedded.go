package consent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/tempogate/tempogate/consent/internal/filelock"
)

const (
	storeFolder = "ledger"      // the store of the embedded server, under the ledger's Dir
	lockFile    = "ledger.lock" // held while a process has the store open

	startTimeout = 30 * time.Second // for an embedded server with a large store on a slow disk
	startPoll    = 100 * time.Millisecond

	// minRoom is the free disk space in bytes under which nothing is put into
	// the store. A write that fails for want of space stops JetStream as a
	// whole, so the ledger refuses a little earlier, one change at a time.
	minRoom = 4 << 20
)

// An embedded is a NATS server inside this process: no listener, no signal
// handler, and connections through memory only.
//
// After a failed write JetStream refuses all others until it is started anew,
// so the server can be: connections find the new one through InProcessConn as
// they would find an external server that came back.
type embedded struct {
	dir  string
	log  *slog.Logger
	room func(dir string) (uint64, error) // free bytes on the disk of dir
	lock *os.File

	mu     sync.Mutex
	server *server.Server // nil while it cannot be started

	spoiled atomic.Bool                             // a write failed
	writing atomic.Pointer[context.CancelCauseFunc] // gives up the write that is under way
}

var errNoServer = errors.New("the embedded server is down")

// startEmbedded starts a server with its store under dir, after its files have
// been found whole as far as they were acknowledged, and what they hold has been
// taken in.
func startEmbedded(dir string, acknowledged uint64, found intake, log *slog.Logger) (*embedded, error) {
	// Two processes would write over each other.
	lock, err := filelock.TryLock(filepath.Join(dir, lockFile))
	if errors.Is(err, filelock.ErrHeld) {
		err = fmt.Errorf("%s is held by another process: one ledger folder serves one process", filepath.Join(dir, lockFile))
	}
	if err != nil {
		return nil, err
	}
	e := &embedded{dir: filepath.Join(dir, storeFolder), log: log, room: freeSpace, lock: lock}
	if err := os.MkdirAll(e.dir, 0o700); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	// The server takes what it finds for true before it checks it: one damaged
	// sequence number can keep it from ever coming to the end of its start.
	if err := readBlocks(dir, acknowledged, found.chain); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	if err := readRegister(dir, found.register); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	if err := e.start(); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return e, nil
}

func (e *embedded) start() error {
	s, err := server.NewServer(&server.Options{
		ServerName: "tempogate",
		DontListen: true,
		NoSigs:     true,
		NoLog:      true, // nothing goes to the standard streams; serverLog below takes what matters
		JetStream:  true,
		StoreDir:   e.dir,
		// Acknowledged means on disk, not in the system's cache.
		SyncAlways:             true,
		MaxPayload:             2 * maxEntry,
		JetStreamMaxMemory:     64 << 20,
		JetStreamMaxStore:      1 << 50, // the disk is the limit, see minRoom
		DisableJetStreamBanner: true,
	})
	if err != nil {
		return fmt.Errorf("embedded server: %w", err)
	}
	log := &serverLog{log: e.log, alarm: e.alarm}
	s.SetLoggerV2(log, false, false, false)
	started := make(chan struct{})
	go func() {
		defer close(started)
		s.Start()
	}()
	for deadline := time.Now().Add(startTimeout); !s.ReadyForConnections(startPoll) || !s.JetStreamEnabled(); {
		why := log.fatal.Load()
		if why == nil && time.Now().Before(deadline) {
			continue
		}
		select {
		case <-started:
		default:
			// It is lost in its files and would not hear of a shutdown.
			return fmt.Errorf("embedded server: the store under %s did not start within %v: put back the newest copy of the ledger's folder", e.dir, startTimeout)
		}
		s.Shutdown()
		s.WaitForShutdown()
		if why == nil {
			return fmt.Errorf("embedded server: the store under %s did not start within %v", e.dir, startTimeout)
		}
		return fmt.Errorf("embedded server: the store under %s did not start, is the folder writable and is there room on the disk: %s", e.dir, *why)
	}
	e.mu.Lock()
	e.server = s
	e.mu.Unlock()
	return nil
}

// alarm gives up the write that is under way. The server logs a write that
// failed and leaves whoever asked for it without an answer.
func (e *embedded) alarm(text string) {
	if giveUp := e.writing.Load(); giveUp != nil {
		(*giveUp)(errors.New(text))
	}
}

// watch returns a context that ends when the server reports an error, with that
// as its cause, or when done is called. One write at a time is watched.
func (e *embedded) watch(ctx context.Context) (watched context.Context, done func()) {
	watched, giveUp := context.WithCancelCause(ctx)
	e.writing.Store(&giveUp)
	return watched, func() {
		e.writing.Store(nil)
		giveUp(nil)
	}
}

func (e *embedded) stop() {
	e.mu.Lock()
	s := e.server
	e.server = nil
	e.mu.Unlock()
	if s != nil {
		s.Shutdown()
		s.WaitForShutdown()
	}
}

// InProcessConn connects to the server that runs now.
func (e *embedded) InProcessConn() (net.Conn, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.server == nil {
		return nil, errNoServer
	}
	return e.server.InProcessConn()
}

// mend starts the server anew if it is down or takes no more writes, and
// reports whether it did.
func (e *embedded) mend() (bool, error) {
	if e.takesWrites() {
		return false, nil
	}
	if err := e.hasRoom(); err != nil {
		return false, err
	}
	e.stop()
	e.spoiled.Store(false)
	return true, e.start()
}

func (e *embedded) takesWrites() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.server != nil && e.server.JetStreamEnabled() && !e.spoiled.Load()
}

// writable returns nil, or why the store takes no change now.
func (e *embedded) writable() error {
	if err := e.hasRoom(); err != nil {
		return err
	}
	if !e.takesWrites() {
		return errNoWrites
	}
	return nil
}

var errNoWrites = errors.New("the store takes no writes until it has been started anew")

var errDiskFull = errors.New("the disk under the ledger is full")

// hasRoom returns errDiskFull when the store should not be written to.
func (e *embedded) hasRoom() error {
	free, err := e.room(e.dir)
	if err != nil {
		return fmt.Errorf("free disk space cannot be told: %w", err)
	}
	if free < minRoom {
		return errDiskFull
	}
	return nil
}

func (e *embedded) close() error {
	e.stop()
	return e.lock.Close()
}
