package consent

import (
	"bytes"
	"context"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
)

// An estimate takes this way to a third party:
//
//	session ──Deliver──▶ outbox ──▶ tempo.RECIPIENT ──▶ Receive ──▶ recipient
//	                       │ the grant names it, now        │
//	                       └────────── counted ◀── taken ───┘
//
// It is asked once more behind the outbox whether the person's yes is in force
// and names the recipient, so a withdrawal stops what is still queued. The
// recipient's answer is what counts as a delivery; what nobody listens for is
// gone, because nothing derived is kept beyond the session.

const (
	tempoSubject = "tempo." // and the recipient

	outboxSize  = 1024             // estimates; when full, what comes is dropped
	maxUnheard  = 8192             // estimates handed over whose recipient has not answered yet
	takenWithin = 5 * time.Second  // an answer after that does not count
	keepEvery   = 30 * time.Second // how often what recipients got is put on disk
	receiveBeat = 15 * time.Second // how often Receive says that nothing came
)

// DeliveryCounts says what became of the estimates for one recipient since the
// ledger was opened, on this node.
type DeliveryCounts struct {
	Taken   uint64 `json:"taken"`   // the recipient got it
	Unheard uint64 `json:"unheard"` // nobody was listening, or did not answer
	Dropped uint64 `json:"dropped"` // the node had no time for it
}

// Missed returns how many the recipient did not get.
func (c DeliveryCounts) Missed() uint64 { return c.Unheard + c.Dropped }

// An outgoing estimate is on its way to whom the grant names.
type outgoing struct {
	principal string
	estimate  []byte
}

// A handed estimate waits for its recipient to answer.
type handed struct {
	recipient, pseudonym string
	at                   time.Time
}

// deliveries hands estimates over and knows what was received.
type deliveries struct {
	outbox chan outgoing
	inbox  string // subject that recipients answer to, without the number
	stop   context.CancelFunc
	over   <-chan struct{} // closed when the ledger is
	done   chan struct{}

	mu       sync.Mutex
	waiting  map[uint64]handed
	oldest   uint64 // nothing before it waits
	next     uint64
	counts   map[string]*DeliveryCounts
	received receipts
}

// startDelivering starts handing over what Deliver is given.
func (l *Ledger) startDelivering(ctx context.Context) error {
	d := &l.deliveries
	d.outbox = make(chan outgoing, outboxSize)
	d.waiting = map[uint64]handed{}
	d.counts = map[string]*DeliveryCounts{}
	d.inbox = nats.NewInbox() + "."
	if _, err := l.store.tempo.Subscribe(d.inbox+"*", d.answered); err != nil {
		return unavailable("recipients cannot be heard", err)
	}
	d.over = ctx.Done()
	ctx, d.stop = context.WithCancel(ctx)
	d.done = make(chan struct{})
	l.tasks.Go(func() {
		defer close(d.done)
		ticks := time.NewTicker(keepEvery)
		defer ticks.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case o := <-d.outbox:
				l.handOver(o)
			case now := <-ticks.C:
				d.expire(now)
				l.keepReceived(ctx)
			}
		}
	})
	return nil
}

// stopDelivering puts on disk what recipients got. The caller holds putting.
func (l *Ledger) stopDelivering() {
	d := &l.deliveries
	if d.stop == nil {
		return
	}
	d.stop()
	<-d.done
	// A cluster that is electing a leader is not worth a late end.
	ctx, cancel := context.WithTimeout(context.Background(), min(l.patience, putTimeout))
	defer cancel()
	l.putReceived(ctx)
}

// Delivers reports whether anybody is to get this person's tempo. It looks at
// memory only and allocates nothing.
func (l *Ledger) Delivers(principal string) bool {
	l.mu.RLock()
	defer l.mu.RUnlock()
	p := l.register.people[principal]
	return p != nil && len(p.recipients) > 0
}

// Deliver hands an estimate, a JSON object with at least one member, to every
// recipient that the person's grant names, with the member "person" in front:
// the name that this recipient alone knows the person by. It takes a copy and
// never waits: when the node cannot keep up, estimates are dropped and counted.
func (l *Ledger) Deliver(principal string, estimate []byte) {
	if !l.Delivers(principal) {
		return
	}
	select {
	case l.deliveries.outbox <- outgoing{principal, bytes.Clone(estimate)}:
	default:
		l.mu.RLock()
		p, _ := l.register.find(principal)
		l.mu.RUnlock()
		if p != nil {
			l.deliveries.dropped(p.recipients)
		}
	}
}

// handOver gives an estimate to those who may have it now.
func (l *Ledger) handOver(o outgoing) {
	if !l.Decide(o.principal, Acceleration).Allowed {
		return
	}
	p, err := l.person(o.principal)
	if err != nil {
		return
	}
	d := &l.deliveries
	for _, recipient := range p.recipients {
		pseudonym := p.who.pseudonym(recipient)
		line := append(append(append(make([]byte, 0, len(o.estimate)+80), `{"person":"`...), pseudonym...), `",`...)
		message := nats.Msg{Subject: tempoSubject + recipient, Reply: d.wait(recipient, pseudonym), Data: append(line, o.estimate[1:]...)}
		if err := l.store.tempo.PublishMsg(&message); err != nil {
			d.dropped([]string{recipient})
		}
	}
}

// wait remembers an estimate until its recipient answers, and returns the
// subject of the answer.
func (d *deliveries) wait(recipient, pseudonym string) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.next++
	d.waiting[d.next] = handed{recipient, pseudonym, time.Now()}
	for len(d.waiting) > maxUnheard {
		d.giveUp()
	}
	return d.inbox + strconv.FormatUint(d.next, 10)
}

// giveUp counts the oldest estimate that waits as one that nobody heard.
func (d *deliveries) giveUp() {
	if h, ok := d.waiting[d.oldest]; ok {
		d.of(h.recipient).Unheard++
		delete(d.waiting, d.oldest)
	}
	d.oldest++
}

// expire gives up on whoever has not answered in time.
func (d *deliveries) expire(now time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for d.oldest <= d.next {
		if h, ok := d.waiting[d.oldest]; ok && now.Sub(h.at) < takenWithin {
			return
		}
		d.giveUp()
	}
}

// answered is called when a recipient has taken an estimate or, by the server
// with a status in the header, when there is nobody to take it.
func (d *deliveries) answered(m *nats.Msg) {
	number, err := strconv.ParseUint(strings.TrimPrefix(m.Subject, d.inbox), 10, 64)
	if err != nil {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	h, ok := d.waiting[number]
	if !ok {
		return
	}
	delete(d.waiting, number)
	if m.Header.Get("Status") != "" {
		d.of(h.recipient).Unheard++
		return
	}
	d.of(h.recipient).Taken++
	d.received.add(h.recipient, h.pseudonym, time.Now())
}

func (d *deliveries) dropped(recipients []string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, recipient := range recipients {
		d.of(recipient).Dropped++
	}
}

// of returns the counts of a recipient. The caller holds mu.
func (d *deliveries) of(recipient string) *DeliveryCounts {
	c := d.counts[recipient]
	if c == nil {
		c = &DeliveryCounts{}
		d.counts[recipient] = c
	}
	return c
}

// DeliveryCounts returns what became of the estimates for each recipient that
// there were any for.
func (l *Ledger) DeliveryCounts() map[string]DeliveryCounts {
	d := &l.deliveries
	d.mu.Lock()
	defer d.mu.Unlock()
	all := make(map[string]DeliveryCounts, len(d.counts))
	for recipient, c := range d.counts {
		all[recipient] = *c
	}
	return all
}

// Receive calls each with every estimate for a recipient, from all nodes, until
// the context ends or each fails, and returns that error. An estimate counts as
// delivered when each has returned nil. Every receiveBeat without one each is
// called with nil, so that somebody who is gone is noticed; and once when it
// begins to listen. What comes while
// each is busy waits, up to a bound. It fails with unknown_recipient when no
// notice on record names the recipient.
func (l *Ledger) Receive(ctx context.Context, recipient string, each func(line []byte) error) error {
	if !l.namesRecipient(recipient) {
		return &Error{Code: CodeUnknownRecipient, Message: "no notice names such a recipient"}
	}
	lines := make(chan *nats.Msg, outboxSize)
	subscription, err := l.store.tempo.ChanSubscribe(tempoSubject+recipient, lines)
	if err != nil {
		return unavailable("tempo cannot be received now", err)
	}
	defer subscription.Unsubscribe() // fails only when the connection has ended, and the subscription with it
	if err := each(nil); err != nil {
		return err
	}
	beat := time.NewTicker(receiveBeat)
	defer beat.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-l.deliveries.over:
			return errClosed
		case m := <-lines:
			if err := each(m.Data); err != nil {
				return err
			}
			if err := m.Respond(nil); err != nil {
				return unavailable("tempo cannot be received now", err)
			}
		case <-beat.C:
			if err := each(nil); err != nil {
				return err
			}
		}
	}
}

// namesRecipient reports whether any notice names a recipient.
func (l *Ledger) namesRecipient(name string) bool {
	for _, known := range l.recipients() {
		if known == name {
			return true
		}
	}
	return false
}
