package consent

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// renew asks the store for its newest entry and, once that has been taken in,
// lets the ledger answer for another lease from the time of asking, less the age
// of the answer.
func (l *Ledger) renew(ctx context.Context) error {
	_, err := l.renewed(ctx)
	return err
}

// renewed is renew, and returns as of when everything has been taken in, as time
// since the ledger was opened.
func (l *Ledger) renewed(ctx context.Context) (asOf time.Duration, err error) {
	asked := time.Since(l.opened)
	l.mu.RLock()
	taken := l.state.sequence
	l.mu.RUnlock()
	newest, age, err := l.store.last(ctx, taken)
	if errors.Is(err, &Error{Code: CodeLedgerDamaged}) {
		l.end(err)
		return 0, err
	}
	if err != nil {
		return 0, unavailable("the ledger's store does not answer", err)
	}
	if age >= l.lease {
		return 0, unavailable("the ledger's store is cut off from most of its servers", fmt.Errorf("its leader has not heard from them for %v", age))
	}
	if newest < taken {
		lost := damaged(newest+1, "the store ends before it, although entry %d was there", taken)
		if l.store.replicated() { // a leader may be catching up; should the entry be gone, the next one does not follow
			return 0, unavailable("the ledger's store is behind", lost)
		}
		l.end(lost)
		return 0, lost
	}
	if err := l.progress.wait(ctx, newest); err != nil {
		return 0, err
	}
	l.health.Lock()
	defer l.health.Unlock()
	if l.ended != nil {
		return 0, l.ended
	}
	asOf = asked - age
	// One that was asked earlier may be answered later.
	l.heardUntil.Store(max(l.heardUntil.Load(), int64(asOf+l.lease)))
	return asOf, nil
}

// shortestLease is what a node in a cluster needs: its servers are in touch with
// each other once a second, and it asks them four times a lease.
const shortestLease = 3 * time.Second

// hearAgain is how long hear waits before it asks again.
const hearAgain = 50 * time.Millisecond

// hear returns when everything that was acknowledged before it was called, on
// whichever node, has been taken in. In a cluster that takes until its leader has
// heard from most of the others once more: they are in touch once a second.
func (l *Ledger) hear(ctx context.Context) error {
	for begun := time.Since(l.opened); ; {
		asOf, err := l.renewed(ctx)
		if err != nil || asOf >= begun {
			return err
		}
		select {
		case <-time.After(hearAgain):
		case <-ctx.Done():
			return unavailable("the ledger's store does not answer", ctx.Err())
		}
	}
}

// keepLease renews the lease for as long as the store answers, and mends an
// embedded store that takes no more writes.
func (l *Ledger) keepLease(ctx context.Context) {
	ticks := time.NewTicker(max(l.lease/4, time.Millisecond))
	defer ticks.Stop()
	renewed := true
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticks.C:
		}
		if l.store.embedded != nil {
			if mended, err := l.store.embedded.mend(); err != nil {
				l.log.Error("ledger store cannot be mended", "cause", err)
			} else if mended {
				l.log.Warn("ledger store was started anew after a failed write")
			}
		}
		asking, cancel := context.WithTimeout(ctx, max(l.lease/2, time.Millisecond))
		err := l.renew(asking)
		cancel()
		switch {
		case ctx.Err() != nil:
			return
		case err != nil && renewed:
			l.log.Warn("ledger lease not renewed", "cause", err)
		case err == nil && !renewed:
			l.log.Info("ledger lease renewed again")
		}
		renewed = err == nil
	}
}

// end makes every decision no, for good.
func (l *Ledger) end(why error) {
	l.health.Lock()
	defer l.health.Unlock()
	if l.ended == nil {
		l.ended = why
	}
	l.heardUntil.Store(0)
	l.progress.end(l.ended)
}

// hasEnded returns why the ledger answers no more, and nil while it does.
func (l *Ledger) hasEnded() error {
	l.health.Lock()
	defer l.health.Unlock()
	return l.ended
}

// Healthy returns nil, or why the ledger cannot answer, or why it cannot keep
// a change. With a disk that is full it still answers Decide.
func (l *Ledger) Healthy() error {
	if ended := l.hasEnded(); ended != nil {
		return ended
	}
	if !l.answers(time.Now()) {
		return unavailable(fmt.Sprintf("the ledger has not heard from its store for %v or longer", l.lease), nil)
	}
	if l.store.embedded != nil {
		if err := l.store.embedded.writable(); err != nil {
			return unavailable("the ledger cannot keep a change now", err)
		}
	}
	return nil
}

// answers reports whether the lease holds.
func (l *Ledger) answers(now time.Time) bool {
	return int64(now.Sub(l.opened)) < l.heardUntil.Load()
}
