package fleet

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/tempogate/tempogate/ingest/client"
	"github.com/tempogate/tempogate/ingest/wire"
)

// A RestartConfig says what Restart does. The zero value works.
type RestartConfig struct {
	Sessions int // 300 when zero
	Nodes    int // how many are restarted; all when zero
	Seed     uint64

	// Through is the address of a load balancer in front of the nodes. When it is
	// empty, sessions go to the nodes themselves, and to none that is stopped.
	Through string

	// Tell is called with each thing that happens, in words. It may be nil.
	Tell func(at time.Duration, what string)
}

// A RestartReport says how sessions came back.
type RestartReport struct {
	Visits  int // short sessions that were opened all the while, by others
	Moves   int // sessions that a node sent away
	InTime  int // of these, those that were back within the time that they were told
	Refused int // attempts to come back, and visits, that were refused
	Lost    int // sessions that ended without being told when to come back
	Denied  int // times that a node said that there is no consent

	// Latest is the longest that an attempt to come back took, beyond the time
	// at which the session was told to come. AwayMax counts from the end of the
	// stream.
	Latest, AwayMax time.Duration
	Duration        time.Duration

	// GrantsPerSecond is how fast people said yes at the beginning, eight at a
	// time through all nodes.
	GrantsPerSecond float64

	Failures map[string]int // in words: what else happened, and how often
}

// doorTime is how long before it stops a node is sent nobody any more: whoever was
// on the way has come in by then.
const doorTime = 500 * time.Millisecond

// backWithin is how long a session may take to be admitted once it comes back.
const backWithin = time.Second

// Restart opens sessions on all nodes, each with a person of its own who says yes
// once, and restarts the nodes one after the other while they send motion.
func (f *Fleet) Restart(ctx context.Context, config RestartConfig) (*RestartReport, error) {
	if config.Sessions == 0 {
		config.Sessions = 300
	}
	if config.Nodes <= 0 || config.Nodes > len(f.Nodes) {
		config.Nodes = len(f.Nodes)
	}
	if config.Tell == nil {
		config.Tell = func(time.Duration, string) {}
	}
	began := time.Now()
	now := func() time.Duration { return time.Since(began) }
	tell := func(format string, args ...any) { config.Tell(now(), fmt.Sprintf(format, args...)) }

	r := &restart{fleet: f, through: config.Through, now: now, live: map[int]int{}}
	tell("%d people say yes", config.Sessions)
	runners, err := r.runners(ctx, config.Sessions+1)
	if err != nil {
		return nil, err
	}
	life, enough := context.WithCancel(ctx)
	defer enough()
	var lives sync.WaitGroup
	r.report.GrantsPerSecond = float64(len(runners)) / now().Seconds()
	visitor, runners := runners[config.Sessions], runners[:config.Sessions]
	for i, clients := range runners {
		chance := rand.New(rand.NewPCG(config.Seed, uint64(i)))
		lives.Go(func() {
			sleep(life, upTo(chance, time.Second))
			r.run(life, clients, i%len(clients), chance)
		})
	}
	defer lives.Wait()
	defer enough()
	everybody := func() error {
		patient, cancel := context.WithTimeoutCause(ctx, recoveryTime, errors.New("not everybody comes back"))
		defer cancel()
		return until(patient, "all sessions", func() (bool, error) { return r.count() == config.Sessions, nil })
	}
	if err := everybody(); err != nil {
		return nil, err
	}
	lives.Go(func() { r.visit(life, visitor, rand.New(rand.NewPCG(config.Seed, 1<<40))) })
	for _, n := range f.Nodes[:config.Nodes] {
		tell("%d sessions; %s stops", config.Sessions, n.name)
		r.closeDoor(n.Number, true)
		sleep(ctx, doorTime)
		n.stop()
		if err := n.start(); err != nil {
			return nil, err
		}
		if err := n.awaitReady(ctx); err != nil {
			return nil, err
		}
		r.closeDoor(n.Number, false)
		tell("%s is back", n.name)
		if err := everybody(); err != nil {
			return nil, err
		}
		sleep(ctx, time.Second)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	report := r.report
	report.Duration = now()
	return &report, nil
}

// A restart keeps count of the sessions.
type restart struct {
	fleet   *Fleet
	through string
	now     func() time.Duration

	mu     sync.Mutex
	report RestartReport
	live   map[int]int // sessions that are answered, by node
	closed int         // node that takes nobody, as a load balancer learns from /readyz; from 1
}

// grantTries is how often somebody says yes who is told to try again.
const grantTries = 20

// runners makes people who have said yes.
func (r *restart) runners(ctx context.Context, n int) ([][]*client.Client, error) {
	all := make([][]*client.Client, n)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(8)
	for i := range n {
		group.Go(func() error {
			clients, err := r.fleet.clients(fmt.Sprintf("runner-%d", i), answerTimeout, r.through)
			if err != nil {
				return err
			}
			all[i] = clients
			c := clients[i%len(clients)]
			notice, err := c.Notice(ctx)
			if err != nil {
				return err
			}
			for range grantTries { // many at once, through all nodes
				if _, err = grant(ctx, c, notice); err == nil {
					break
				}
				sleep(ctx, leastPause)
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, fmt.Errorf("fleet: somebody cannot say yes: %w", err)
	}
	return all, nil
}

func (r *restart) count() (n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, live := range r.live {
		n += live
	}
	return n
}

func (r *restart) closeDoor(node int, closed bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = 0
	if closed {
		r.closed = node + 1
	}
}

// another returns a node to go to, as a load balancer would pick it.
func (r *restart) another(chance *rand.Rand) int {
	if r.through != "" {
		return 0
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for {
		if node := chance.IntN(len(r.fleet.Nodes)); node+1 != r.closed {
			return node
		}
	}
}

// run keeps one session alive.
func (r *restart) run(ctx context.Context, clients []*client.Client, node int, chance *rand.Rand) {
	var ended time.Duration // of the stream before
	var back time.Duration  // when it was told to come back
	for ctx.Err() == nil {
		came := r.now()
		after, err := r.stream(ctx, clients[node], node, func() {
			if ended > 0 {
				r.returned(r.now()-max(came, back), r.now()-ended)
			}
		})
		if ctx.Err() != nil {
			return
		}
		ended = r.now()
		if after > 0 {
			r.note(func(report *RestartReport) { report.Moves++ })
			back = ended + after
			sleep(ctx, after)
		} else {
			r.failed(err)
			back = ended
			sleep(ctx, time.Second)
		}
		node = r.another(chance)
	}
}

// visitEvery is how often somebody else opens a session.
const visitEvery = 50 * time.Millisecond

// visit opens sessions and ends them at once.
func (r *restart) visit(ctx context.Context, clients []*client.Client, chance *rand.Rand) {
	for ctx.Err() == nil {
		dialing, cancel := context.WithTimeout(ctx, answerTimeout)
		stream, err := clients[r.another(chance)].Stream(dialing, client.StreamOptions{WriteTimeout: answerTimeout})
		cancel()
		if err == nil {
			_ = stream.End()
			for err == nil {
				_ = stream.SetReceiveDeadline(time.Now().Add(answerTimeout))
				_, err = stream.Receive()
			}
			stream.Close()
		}
		var closed *client.Error
		if ctx.Err() != nil {
			return
		}
		if errors.As(err, &closed) && (closed.Close == wire.CloseDone || closed.Close == wire.CloseGoingAway) {
			r.note(func(report *RestartReport) { report.Visits++ })
		} else {
			r.failed(err)
		}
		sleep(ctx, visitEvery)
	}
}

func (r *restart) note(do func(*RestartReport)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	do(&r.report)
}

// returned notes that a session was admitted again.
func (r *restart) returned(took, away time.Duration) {
	r.note(func(report *RestartReport) {
		report.Latest, report.AwayMax = max(report.Latest, took), max(report.AwayMax, away)
		if took <= backWithin {
			report.InTime++
		}
	})
}

// failed notes that a session ended, or could not begin, in another way than by
// being sent away.
func (r *restart) failed(err error) {
	r.note(func(report *RestartReport) {
		if report.Failures == nil {
			report.Failures = map[string]int{}
		}
		report.Failures[err.Error()]++
		var refused *client.Error
		switch {
		case errors.As(err, &refused) && (refused.Code == "no_grant" || refused.Close == wire.CloseConsent):
			report.Denied++
		case errors.As(err, &refused) && refused.Status != 0:
			report.Refused++
		default:
			report.Lost++
		}
	})
}

// stream sends a second of motion each second until the node ends it, and
// returns when to come back, if it said so. It calls admitted when it was.
func (r *restart) stream(ctx context.Context, c *client.Client, node int, admitted func()) (after time.Duration, err error) {
	dialing, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	stream, err := c.Stream(dialing, client.StreamOptions{WriteTimeout: answerTimeout})
	if err != nil {
		return 0, err
	}
	defer stream.Close()
	defer context.AfterFunc(ctx, func() { stream.Close() })()
	admitted()
	r.mu.Lock()
	r.live[node]++
	r.mu.Unlock()
	defer func() {
		r.mu.Lock()
		r.live[node]--
		r.mu.Unlock()
	}()
	ended := make(chan error, 1)
	go func() {
		for {
			m, err := stream.Receive()
			if err != nil {
				ended <- err
				return
			}
			if m.Type == wire.TypeDraining {
				after = time.Duration(m.ReconnectAfterS * float64(time.Second))
			}
		}
	}()
	w := newWalk(uint64(node))
	turns := time.NewTicker(time.Second)
	defer turns.Stop()
	for n := 0; ; n++ {
		_ = stream.Send(w.frame(n), nil) // should it have ended, that is told here:
		select {
		case <-turns.C:
		case err := <-ended:
			return after, err
		}
	}
}
