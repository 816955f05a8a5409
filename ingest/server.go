package ingest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"

	"github.com/tempogate/tempogate/classifier"
	"github.com/tempogate/tempogate/ingest/presence"
)

// A Server takes motion from people who said yes and answers with their tempo.
//
// Its methods may be called from any goroutine.
type Server struct {
	config    Config
	log       *slog.Logger
	registry  *registry
	metrics   *metrics
	upgrader  websocket.Upgrader
	sessions  atomic.Uint64 // ever started, for their numbers
	pushers   pushers
	newcomers newcomers
	strangers strangers
	serving   atomic.Bool

	leaving context.Context // done when the server goes away
	leave   context.CancelFunc

	recipients connections // of third parties
	account    account     // for the transparency page

	pressure              pressure
	crowd                 crowd
	ownPaces, personPaces paces

	mu            sync.Mutex
	public, admin net.Listener
}

// New returns a server that does not listen yet.
func New(config Config) (*Server, error) {
	config, err := config.withDefaults()
	if err != nil {
		return nil, err
	}
	s := &Server{
		config:   config,
		log:      config.Logger,
		registry: newRegistry(config.Limits),
		upgrader: newUpgrader(),
		pushers:  pushers{byID: make(map[uint64]*pusher)},
		pressure: pressure{limit: config.ShedLateness, quota: quota()},

		ownPaces:    config.Limits.paces(1),
		personPaces: config.Limits.paces(config.Limits.PersonMultiple),
	}
	s.account.since = time.Now()
	s.strangers.config = &s.config
	s.leaving, s.leave = context.WithCancel(context.Background())
	s.metrics = newMetrics(config.NodeName, s.registry, &s.pressure, &s.account, &s.strangers, config.Ledger)
	classifier.NewStream(config.Classifier) // reads the model now, not for the first session
	return s, nil
}

// Listen takes the addresses, so that PublicAddr and AdminAddr are known and a
// busy port shows before anything else starts. Serve calls it when it has not
// been called.
func (s *Server) Listen() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.public != nil {
		return nil
	}
	public, err := net.Listen("tcp", s.config.Listen)
	if err != nil {
		return fmt.Errorf("ingest: listen: %w", err)
	}
	if s.config.Admin != "" {
		if s.admin, err = net.Listen("tcp", s.config.Admin); err != nil {
			public.Close()
			return fmt.Errorf("ingest: listen for admin: %w", err)
		}
	}
	s.public = public
	return nil
}

// PublicAddr returns the address of the public listener, nil before Listen.
func (s *Server) PublicAddr() net.Addr { return s.addr(func() net.Listener { return s.public }) }

// AdminAddr returns the address of the admin listener, nil before Listen and
// where there is none.
func (s *Server) AdminAddr() net.Addr { return s.addr(func() net.Listener { return s.admin }) }

func (s *Server) addr(listener func() net.Listener) net.Addr {
	s.mu.Lock()
	defer s.mu.Unlock()
	if l := listener(); l != nil {
		return l.Addr()
	}
	return nil
}

// URL returns the address of the public listener as clients write it, "" before
// Listen.
func (s *Server) URL() string {
	addr := s.PublicAddr()
	if addr == nil {
		return ""
	}
	scheme := "http"
	if s.config.TLS != nil {
		scheme = "https"
	}
	return scheme + "://" + addr.String()
}

// Serve serves until ctx is done, and then shuts down: it is not ready any
// more, lets nobody in, tells each session that it drains, clears all samples
// and returns when every connection is closed or Config.Grace is over.
//
// It returns nil after a shutdown, however many connections had to be cut, and
// an error when it could not listen or a listener failed.
func (s *Server) Serve(ctx context.Context) error {
	if err := s.Listen(); err != nil {
		return err
	}
	if s.config.Nodes != nil {
		others, err := presence.New(presence.Config{
			Bus: s.config.Nodes, Most: s.config.Limits.SessionsPerPerson, Hold: s.config.NodeHold,
		})
		if err != nil {
			return fmt.Errorf("ingest: the other nodes cannot be heard: %w", err)
		}
		defer others.Close()
		s.registry.others = others
	}
	public := s.httpServer(s.publicHandler())
	public.ConnState = s.strangers.note
	admin := s.httpServer(s.adminHandler())
	admin.WriteTimeout = 0 // a CPU profile takes as long as was asked for
	failed := make(chan error, 2)
	serve := func(server *http.Server, l net.Listener) {
		if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			failed <- fmt.Errorf("ingest: serve %s: %w", l.Addr(), err)
		}
	}
	var goroutines sync.WaitGroup
	goroutines.Go(func() { serve(public, s.config.wrap(s.proxied(boundedListener{s.public}), s.config.TLS)) })
	if s.admin != nil {
		goroutines.Go(func() { serve(admin, clearing(s.admin, nil)) })
	}
	sweeping, stopSweeping := context.WithCancel(context.Background())
	goroutines.Go(func() { s.sweep(sweeping) })
	goroutines.Go(func() { s.pressure.watch(sweeping, s.registry.count) })
	goroutines.Go(func() { s.relieve(sweeping) })
	s.serving.Store(true)

	var err error
	select {
	case <-ctx.Done():
		s.serving.Store(false)
		if s.config.DrainDelay > 0 {
			s.log.Info("not ready any more, draining soon", "after", s.config.DrainDelay)
			select {
			case <-time.After(s.config.DrainDelay):
			case err = <-failed:
			}
		}
	case err = <-failed:
		s.serving.Store(false)
	}

	s.shutDown(public)
	admin.Close()
	stopSweeping()
	goroutines.Wait()
	return err
}

// drainFirst is how long a draining session still goes on, so that a frame that
// is on its way is answered.
const drainFirst = 50 * time.Millisecond

// cutTime is what sessions get to notice that their connections were cut.
const cutTime = time.Second

// shutDown lets the public side finish, within the grace period.
func (s *Server) shutDown(public *http.Server) {
	s.registry.drain()
	s.leave()
	live := s.registry.appendSessions(nil)
	s.log.Info("draining", "sessions", len(live))
	// One after the other within a part of the grace period: what has arrived is
	// answered first, and nobody's last answer waits for everybody else's.
	spread := min(s.config.Grace/4, time.Duration(len(live))*time.Millisecond)
	for i, session := range live {
		session.leave(drainFirst + spread*time.Duration(i)/time.Duration(len(live)))
	}
	grace, cancel := context.WithTimeout(context.Background(), s.config.Grace)
	defer cancel()
	if err := public.Shutdown(grace); err != nil {
		public.Close()
	}
	closed := make(chan struct{})
	go func() {
		s.registry.running.Wait()
		close(closed)
	}()
	select {
	case <-closed:
	case <-grace.Done():
		s.log.Warn("grace period over", "connections_cut", s.registry.cut())
		select {
		case <-closed:
		case <-time.After(cutTime):
			s.log.Error("sessions do not end", "sessions", s.registry.count())
			return
		}
	}
	s.log.Info("drained")
}

// Close gives the listeners back when Serve is never called.
func (s *Server) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for _, l := range []net.Listener{s.public, s.admin} {
		if l != nil {
			errs = append(errs, l.Close())
		}
	}
	return errors.Join(errs...)
}

// httpServer returns an HTTP server with the timeouts of this package.
func (s *Server) httpServer(handler http.Handler) *http.Server {
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       requestTimeout,
		WriteTimeout:      requestTimeout,
		IdleTimeout:       keepAliveTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		// Broken handshakes and the like: the peer's doing, and each line
		// holds an address.
		ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
}

// sweep turns the wheel: it looks after all sessions once a revolution, a few at
// a time, instead of a timer for each.
func (s *Server) sweep(ctx context.Context) {
	revolution := min(max(min(s.config.IdleTimeout, s.config.WindowHold)/8, 10*time.Millisecond), time.Second)
	ticker := time.NewTicker(revolution / wheelPlaces)
	defer ticker.Stop()
	var some []*session
	var oldest time.Duration
	var tidier tidier
	for at := 0; ; at = (at + 1) % wheelPlaces {
		select {
		case <-ctx.Done():
			return
		case now := <-ticker.C:
			some = s.registry.appendAt(some[:0], at)
			for _, session := range some {
				oldest = max(oldest, session.sweep(now))
			}
			clear(some)
			if at == wheelPlaces-1 {
				s.registry.settle()
				if tidier.due(s.sessions.Load(), s.registry.count()) {
					go tidy() // it may take longer than a turn
				}
				s.registry.endSurplus(now)
				s.metrics.oldest.Store(int64(oldest))
				oldest = 0
			}
		}
	}
}
