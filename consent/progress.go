package consent

import (
	"context"
	"sync"
)

// A progress lets goroutines wait until the ledger has taken in an entry and
// told everybody who watches.
type progress struct {
	mu       sync.Mutex
	sequence uint64
	ended    error         // why it will move no more
	moved    chan struct{} // closed at the next move; nil while nobody waits
}

// move says that everything up to sequence has been taken in.
func (p *progress) move(sequence uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sequence = sequence
	p.wake()
}

// end says that nothing will be taken in any more.
func (p *progress) end(why error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ended = why
	p.wake()
}

func (p *progress) wake() {
	if p.moved != nil {
		close(p.moved)
		p.moved = nil
	}
}

// wait returns when everything up to sequence has been taken in. It fails when
// that does not happen before the context or the ledger ends.
func (p *progress) wait(ctx context.Context, sequence uint64) error {
	for {
		p.mu.Lock()
		if p.sequence >= sequence {
			p.mu.Unlock()
			return nil
		}
		if p.ended != nil {
			p.mu.Unlock()
			return p.ended
		}
		if p.moved == nil {
			p.moved = make(chan struct{})
		}
		moved := p.moved
		p.mu.Unlock()
		select {
		case <-moved:
		case <-ctx.Done():
			return unavailable("the ledger has not caught up with its store", ctx.Err())
		}
	}
}
