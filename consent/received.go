package consent

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"
)

// Delivered says how many estimates a recipient has received of one person.
type Delivered struct {
	Recipient string    `json:"recipient"`
	Estimates uint64    `json:"estimates"`
	Since     time.Time `json:"since,omitzero"` // the first; zero when there was none
	Last      time.Time `json:"last,omitzero"`
}

// maxRegistered bounds a message of the register in bytes.
const maxRegistered = 1 << 10

// A receivedKey is one person as one recipient knows them.
type receivedKey struct{ recipient, pseudonym string }

// A tally is what one recipient has received of one person, as the register
// keeps it under received.RECIPIENT.PSEUDONYM. When the person is erased nothing
// leads to it any more.
type tally struct {
	Estimates uint64    `json:"estimates"` // on disk, from all nodes
	Since     time.Time `json:"since"`
	Last      time.Time `json:"last"`

	sequence uint64 // in the register, 0 when it is not there yet
	fresh    uint64 // estimates of this node that come on top
}

// receipts are the tallies of all. The zero value has none. It is guarded by
// deliveries.mu.
type receipts map[receivedKey]*tally

// add counts an estimate that was taken.
func (r *receipts) add(recipient, pseudonym string, at time.Time) {
	t := r.at(receivedKey{recipient, pseudonym})
	at = at.UTC().Truncate(time.Second)
	if t.Since.IsZero() {
		t.Since = at
	}
	t.fresh++
	t.Last = at
}

func (r *receipts) at(key receivedKey) *tally {
	if *r == nil {
		*r = receipts{}
	}
	t := (*r)[key]
	if t == nil {
		t = &tally{}
		(*r)[key] = t
	}
	return t
}

// receivedIn returns whom a message of the register with that subject counts
// for.
func receivedIn(subject string) (recipient, pseudonym string, ok bool) {
	rest, ok := strings.CutPrefix(subject, receivedSubject)
	recipient, pseudonym, two := strings.Cut(rest, ".")
	return recipient, pseudonym, ok && two
}

// stored takes in a tally that this or another node has put on disk. What this
// node has counted since comes on top.
func (d *deliveries) stored(recipient, pseudonym string, sequence uint64, body []byte) {
	var read tally
	if json.Unmarshal(body, &read) != nil {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	t := d.received.at(receivedKey{recipient, pseudonym})
	if sequence <= t.sequence {
		return
	}
	t.sequence, t.Estimates, t.Since = sequence, read.Estimates, read.Since
	if t.Last.Before(read.Last) {
		t.Last = read.Last
	}
}

// keepReceived puts on disk what recipients got, in turn with changes.
func (l *Ledger) keepReceived(ctx context.Context) {
	select {
	case l.putting <- struct{}{}:
	case <-ctx.Done():
		return
	}
	defer func() { <-l.putting }()
	ctx, cancel := context.WithTimeout(ctx, l.patience)
	defer cancel()
	l.putReceived(ctx)
}

// putReceived puts on disk what recipients got. The caller holds putting. What
// cannot be written now is at the next time.
func (l *Ledger) putReceived(ctx context.Context) {
	d := &l.deliveries
	d.mu.Lock()
	var behind []receivedKey
	for key, t := range d.received {
		if t.fresh > 0 {
			behind = append(behind, key)
		}
	}
	d.mu.Unlock()
	for _, key := range behind {
		if err := l.putTally(ctx, key); err != nil {
			l.log.Warn("ledger could not note what a recipient received", "cause", withoutPeople(err.Error()))
			return
		}
	}
}

func (l *Ledger) putTally(ctx context.Context, key receivedKey) error {
	d := &l.deliveries
	subject := receivedSubject + key.recipient + "." + key.pseudonym
	for range maxTries {
		d.mu.Lock()
		t := d.received.at(key)
		now := *t
		now.Estimates += now.fresh
		d.mu.Unlock()
		body, err := json.Marshal(&now)
		if err != nil {
			return err
		}
		sequence, err := l.store.put(ctx, subject, body, now.sequence)
		if err == nil {
			d.mu.Lock()
			t.fresh -= now.fresh
			if t.sequence < sequence { // the register has not told yet
				t.sequence, t.Estimates = sequence, now.Estimates
			}
			d.mu.Unlock()
			return nil
		}
		if !errors.Is(err, errMoved) {
			return err
		}
		// Another node has counted for the same person.
		sequence, body, err = l.store.newest(ctx, subject)
		if err != nil {
			return err
		}
		d.stored(key.recipient, key.pseudonym, sequence, body)
	}
	return errMoved
}

// recipients returns every recipient that a notice on record or a current one
// names, in the order of their names.
func (l *Ledger) recipients() []string {
	var names []string
	note := func(n *Notice) {
		for _, r := range n.Recipients {
			names = append(names, r.Name)
		}
	}
	for _, n := range l.state.current {
		note(n)
	}
	l.mu.RLock()
	defer l.mu.RUnlock()
	for _, n := range l.state.notices {
		note(n.Notice)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// grantOf returns where a person stands, with who received how much.
func (l *Ledger) grantOf(p *person) Grant {
	g := p.grant(l.clock())
	if p.who == nil { // erased meanwhile
		return g
	}
	names := l.recipients()
	d := &l.deliveries
	for _, name := range names {
		pseudonym := p.who.pseudonym(name)
		d.mu.Lock()
		t, got := d.received[receivedKey{name, pseudonym}]
		var now Delivered
		if got {
			now = Delivered{name, t.Estimates + t.fresh, t.Since, t.Last}
		}
		d.mu.Unlock()
		if got || slices.Contains(p.recipients, name) {
			now.Recipient = name
			g.Deliveries = append(g.Deliveries, now)
		}
	}
	return g
}
