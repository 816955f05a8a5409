package consent

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"time"
)

// The register says who is behind each record of the ledger. It is the part
// that can forget: the chain holds records, which are random to anybody who
// does not have the person's secret, and the secret lies here and nowhere else.
// Erasing a person overwrites it. The chain stays as it is, to the last byte,
// and nobody can tell any more whose record it was.
//
// It is a stream of its own beside the chain, with one message a person under
// the subject person.PRINCIPAL. A secret is on disk before the first entry of
// its record, and an entry says that it was erased before it is overwritten, so
// that each node forgets by reading the chain, and a node that died in between
// finishes what it had begun.

// secretSize is the length of a person's secret in bytes.
const secretSize = sha256.Size

// A who is a person as the register has it. It never changes.
type who struct {
	principal string
	secret    [secretSize]byte
	sequence  uint64 // of the message in the register
}

// Lower-case letters and digits only, so that what is encoded can stand in a
// subject.
var codeEncoding = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// code derives a name that only the secret leads to. The kind keeps names for
// different uses apart, the length one kind from the beginning of another.
func (w *who) code(kind, of string) string {
	mac := hmac.New(sha256.New, w.secret[:])
	fmt.Fprintf(mac, "%d %s %s", len(kind), kind, of)
	return codeEncoding.EncodeToString(mac.Sum(nil))
}

// record is the name of the person's record in the chain. It commits to the
// person: nobody finds a secret that leads from somebody else to it.
func (w *who) record() string { return w.code("record", w.principal) }

// pseudonym is what a recipient knows the person by. Those of two recipients
// have nothing in common, and neither has with the record.
func (w *who) pseudonym(recipient string) string { return w.code("recipient", recipient) }

// A register finds the person behind a record and the record of a person. It is
// guarded by Ledger.mu.
type register struct {
	// people is where each person stands whom the register knows: what the gate
	// looks into. Somebody without an entry has a person without a state.
	people map[string]*person

	// waiting are those without an entry, by record.
	waiting map[string]*who
}

func newRegister() register {
	return register{people: map[string]*person{}, waiting: map[string]*who{}}
}

// find returns where a person stands, nil when the ledger knows nothing of
// them, and their place in the register, nil when they have none.
func (r *register) find(principal string) (*person, *who) {
	p := r.people[principal]
	if p == nil {
		return nil, nil
	}
	if p.state == "" {
		return nil, p.who
	}
	return p, p.who
}

// took enters where an entry left a record. It returns the principal to tell,
// or "" when nobody is known to be behind it.
func (r *register) took(record string, before, now *person) string {
	if before != nil {
		now.who = before.who
	} else if w := r.waiting[record]; w != nil {
		now.who = w
		delete(r.waiting, record)
	}
	w := now.who
	if w == nil {
		return ""
	}
	if now.erased {
		now.who = nil
		// Somebody who was erased may have been entered anew already.
		if known := r.people[w.principal]; known != nil && known.who == w {
			delete(r.people, w.principal)
		}
	} else if known := r.people[w.principal]; known == nil || known.who == w {
		r.people[w.principal] = now
	}
	return w.principal
}

// knownPerson takes in who is behind a record. It returns false for a record
// that was erased: the message is what is left of an erasure.
func (l *Ledger) knownPerson(w *who) bool {
	l.taking.Lock()
	defer l.taking.Unlock()
	record := w.record()
	l.mu.Lock()
	if known := l.register.people[w.principal]; known != nil && known.who.secret == w.secret {
		l.mu.Unlock()
		return true
	}
	p := l.state.people[record]
	switch {
	case p == nil:
		l.register.waiting[record] = w
		l.register.people[w.principal] = &person{who: w}
	case p.erased:
		l.mu.Unlock()
		return false
	case !l.begun: // nobody else reads it yet
		p.who = w
		l.register.people[w.principal] = p
	default:
		known := *p // those who read the old one do so without the lock
		known.who = w
		l.state.people[record] = &known
		l.register.people[w.principal] = &known
		p = &known
	}
	l.mu.Unlock()
	if p != nil {
		l.tell(w.principal, p)
	}
	return true
}

// followRegister keeps the register up to date for as long as the ledger is
// open. It closes loaded when it has everything that was there.
func (l *Ledger) followRegister(ctx context.Context, loaded chan<- struct{}) {
	if l.store.embedded != nil { // what its files hold has been taken in
		close(loaded)
		loaded = nil
	}
	wait := reconnectWait
	for ctx.Err() == nil {
		var err error
		if loaded != nil {
			if err = l.store.load(ctx, l.store.register, l.takeRegistered); err == nil {
				close(loaded)
				loaded = nil
				continue
			}
		} else {
			began := time.Now()
			err = l.store.read(ctx, l.store.register, l.registered+1, "", l.takeRegistered)
			if time.Since(began) > time.Second {
				wait = reconnectWait
			}
		}
		if ctx.Err() != nil {
			return
		}
		l.log.Debug("ledger reads its register anew", "cause", err)
		select {
		case <-time.After(wait):
		case <-ctx.Done():
		}
		wait = min(2*wait, l.lease/4)
	}
}

// takeRegistered takes in one message of the register.
func (l *Ledger) takeRegistered(sequence uint64, subject string, body []byte) error {
	l.registered = sequence
	if recipient, pseudonym, ok := receivedIn(subject); ok {
		l.deliveries.stored(recipient, pseudonym, sequence, body)
		return nil
	}
	w, err := readWho(sequence, subject, body)
	if err != nil {
		l.log.Error("ledger passes over a message of its register", "cause", err)
		return nil
	}
	if l.knownPerson(w) {
		return nil
	}
	l.taking.Lock()
	defer l.taking.Unlock()
	if !l.begun { // see finishErasures; later, whoever began the erasure finishes it
		l.unfinished = append(l.unfinished, w.sequence)
	}
	return nil
}

// readWho reads a message of the register. The error names nobody.
func readWho(sequence uint64, subject string, body []byte) (*who, error) {
	w := &who{sequence: sequence}
	if len(subject) <= len(personSubject) || subject[:len(personSubject)] != personSubject ||
		!isWord(subject[len(personSubject):], maxPrincipal) || len(body) != secretSize {
		return nil, &Error{Code: CodeLedgerDamaged, Message: fmt.Sprintf("the register is damaged at message %d", sequence)}
	}
	w.principal = subject[len(personSubject):]
	copy(w.secret[:], body)
	return w, nil
}

// lookUp asks the store whether it knows a person whom this node does not: it
// may have been entered by another node just now. It returns nil for nobody.
func (l *Ledger) lookUp(ctx context.Context, principal string) (*who, error) {
	sequence, body, err := l.store.newest(ctx, personSubject+principal)
	if err != nil || sequence == 0 {
		return nil, err
	}
	w, err := readWho(sequence, personSubject+principal, body)
	if err != nil {
		return nil, err
	}
	if l.knownPerson(w) {
		return w, nil
	}
	return nil, l.store.forget(ctx, sequence)
}

// enter gives a person a place in the register, on disk, unless there is one.
func (l *Ledger) enter(ctx context.Context, principal string) error {
	w, err := l.lookUp(ctx, principal)
	if err != nil || w != nil {
		return err
	}
	w = &who{principal: principal}
	if _, err := rand.Read(w.secret[:]); err != nil {
		return err
	}
	w.sequence, err = l.store.put(ctx, personSubject+principal, w.secret[:], 0)
	switch {
	case errors.Is(err, errMoved): // another node was faster
		_, err = l.lookUp(ctx, principal)
		return err
	case err != nil:
		return err
	}
	l.knownPerson(w)
	return nil
}

// known returns a person as this node has it or, if it does not, the store.
func (l *Ledger) known(ctx context.Context, principal string) (*person, error) {
	if p, err := l.person(principal); err == nil {
		return p, nil
	}
	if _, err := l.lookUp(ctx, principal); err != nil {
		return nil, asUnavailable(err)
	}
	return l.person(principal)
}

// registerLag is how long a node that starts waits for the register to know of
// what other nodes are just changing.
const registerLag = 5 * time.Second

// whole checks that somebody is behind every record that was not erased.
func (l *Ledger) whole(ctx context.Context) error {
	for deadline := time.Now().Add(registerLag); ; {
		if err := l.renew(ctx); err != nil {
			return err
		}
		nobody := l.nobodys()
		if nobody == 0 {
			return l.finishErasures(ctx)
		}
		if l.store.embedded != nil || time.Now().After(deadline) {
			return damaged(nobody, "the register does not say whose it is, so nobody could take it back: put back the newest copy of the ledger's folder")
		}
		select {
		case <-time.After(reconnectWait):
		case <-ctx.Done():
			return unavailable("the ledger has not caught up with its store", ctx.Err())
		}
	}
}

// finishErasures overwrites what a process that died has left of people whom it
// had erased.
func (l *Ledger) finishErasures(ctx context.Context) error {
	l.taking.Lock()
	defer l.taking.Unlock()
	l.begun = true
	for _, sequence := range l.unfinished {
		if err := l.store.forget(ctx, sequence); err != nil {
			return unavailable("an erasure that was cut short cannot be finished", err)
		}
	}
	l.unfinished = nil
	return nil
}

// nobodys returns the first entry that belongs to nobody, 0 when there is none.
func (l *Ledger) nobodys() (sequence uint64) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	for _, p := range l.state.people {
		if p.who == nil && !p.erased && (sequence == 0 || p.sequence < sequence) {
			sequence = p.sequence
		}
	}
	return sequence
}
