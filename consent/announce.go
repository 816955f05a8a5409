package consent

import (
	"errors"
	"time"

	"github.com/nats-io/nats.go"
)

// nodesSubject is what the nodes that share a ledger talk to each other on.
const nodesSubject = "nodes.presence"

// Announce sends a message to every node that shares the ledger, this one among
// them. It takes a copy, does not wait, and keeps nothing: who is not there does
// not hear it.
func (l *Ledger) Announce(message []byte) error {
	if err := l.store.tempo.Publish(nodesSubject, message); err != nil {
		return unavailable("the other nodes cannot be told", err)
	}
	return nil
}

// Listen has each called with what nodes announce from now on, one message at a
// time. A message is valid during the call only.
func (l *Ledger) Listen(each func(message []byte)) (stop func(), err error) {
	subscription, err := l.store.tempo.Subscribe(nodesSubject, func(m *nats.Msg) { each(m.Data) })
	if err == nil {
		err = l.store.tempo.Flush()
	}
	if err != nil {
		return nil, unavailable("the other nodes cannot be heard", err)
	}
	return func() {
		if err := subscription.Unsubscribe(); err != nil && !errors.Is(err, nats.ErrConnectionClosed) {
			l.log.Warn("ledger store", "says", err)
		}
	}, nil
}

// Lease returns how long the ledger answers without having heard from its store.
func (l *Ledger) Lease() time.Duration { return l.lease }
