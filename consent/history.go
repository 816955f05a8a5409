package consent

import (
	"context"
	"crypto/sha256"
	"errors"
)

// History returns every change of a person's consent, oldest first, as the
// store holds it: those that other nodes have acknowledged before the call are
// among them. It fails with never_asked or ledger_unavailable.
func (l *Ledger) History(ctx context.Context, principal string) ([]Change, error) {
	newest, err := l.personInStore(ctx, principal)
	if err != nil {
		return nil, err
	}
	return l.historyOf(ctx, newest)
}

// historyOf returns the changes of a person up to the newest one.
func (l *Ledger) historyOf(ctx context.Context, newest *person) ([]Change, error) {
	changes := make([]Change, 0, newest.revision)
	err := l.store.readThrough(ctx, l.store.stream, 1, changeSubject+newest.who.record(), func(sequence uint64, subject string, body []byte) error {
		change, err := l.readChange(sequence, subject, body)
		if err != nil {
			return err
		}
		changes = append(changes, change)
		if sequence >= newest.sequence {
			return errEnough
		}
		return nil
	})
	if err != nil {
		return nil, readFailed(err)
	}
	return changes, nil
}

// personInStore returns a person as the store has it now, not as this node may
// still have it.
func (l *Ledger) personInStore(ctx context.Context, principal string) (*person, error) {
	if ended := l.hasEnded(); ended != nil {
		return nil, ended
	}
	if err := l.renew(ctx); err != nil {
		return nil, asUnavailable(err)
	}
	return l.known(ctx, principal)
}

func (l *Ledger) readChange(sequence uint64, subject string, body []byte) (Change, error) {
	e, err := decodeChange(subject, body)
	if err != nil {
		return Change{}, damaged(sequence, "%v", err)
	}
	n, err := l.noticeOf(sequence, e)
	if err != nil {
		return Change{}, err
	}
	return e.change(sequence, sha256.Sum256(body), n), nil
}

// noticeOf returns the notice that an entry names.
func (l *Ledger) noticeOf(sequence uint64, e *changeEntry) (*Notice, error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if n := l.state.notices[e.NoticeSHA256]; n != nil {
		return n.Notice, nil
	}
	return nil, damaged(sequence, "it names a notice that the ledger does not hold")
}

// Receipt returns the signed receipt of a person's newest change: the same one,
// byte for byte, however often it is asked for, as long as the key is the same.
// It fails with never_asked or ledger_unavailable.
func (l *Ledger) Receipt(ctx context.Context, principal string) (*Receipt, error) {
	p, err := l.personInStore(ctx, principal)
	if err != nil {
		return nil, err
	}
	return l.receiptOf(ctx, p)
}

// receiptOf signs the change that led to where a person stands.
func (l *Ledger) receiptOf(ctx context.Context, p *person) (*Receipt, error) {
	subject, body, err := l.store.get(ctx, p.sequence)
	if err != nil {
		return nil, readFailed(err)
	}
	e, err := decodeChange(subject, body)
	if err != nil {
		return nil, damaged(p.sequence, "%v", err)
	}
	return l.signer.sign(p.notice.Notice, e, p.sequence, sha256.Sum256(body))
}

// An Audit is what a whole reading of the ledger found in order.
type Audit struct {
	Entries uint64 `json:"entries"` // changes of people, and notices
	People  int    `json:"people"`  // records, those that were erased among them
	Erased  int    `json:"erased"`  // records that belong to nobody any more
	Notices int    `json:"notices"`
	Newest  uint64 `json:"newest_sequence"`
	Head    string `json:"head_sha256"` // digest of the newest entry; it stands for all
}

// Audit reads the whole store again, the files of an embedded one, and checks
// that every entry follows from the one before it, that nobody's changes have a gap, and that they add up to
// what the ledger decides by. It fails with ledger_damaged, naming the entry,
// or with ledger_unavailable.
func (l *Ledger) Audit(ctx context.Context) (Audit, error) {
	if ended := l.hasEnded(); ended != nil {
		return Audit{}, ended
	}
	l.mu.RLock()
	newest, head := l.state.sequence, l.state.head
	l.mu.RUnlock()

	again := newState()
	each := func(sequence uint64, subject string, body []byte) error {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		change, n, err := again.check(sequence, subject, body)
		if err != nil {
			return err
		}
		again.put(sequence, body, change, n)
		if sequence >= newest {
			return errEnough
		}
		return nil
	}
	var err error
	if l.store.embedded != nil { // its files are at hand, and what they hold counts
		err = readBlocks(l.dir, newest, each)
	} else {
		err = l.store.readThrough(ctx, l.store.stream, 1, "", each)
	}
	if err != nil && !errors.Is(err, errEnough) {
		return Audit{}, readFailed(err)
	}
	if again.sequence != newest || again.head != head {
		return Audit{}, damaged(newest, "the store holds another entry there than the one the ledger took in")
	}
	return again.audit(), nil
}

func (s *state) audit() Audit {
	erased := 0
	for _, p := range s.people {
		if p.erased {
			erased++
		}
	}
	return Audit{
		Entries: s.entries, People: len(s.people), Erased: erased, Notices: len(s.notices),
		Newest: s.sequence, Head: s.head.String(),
	}
}

func readFailed(err error) error {
	var e *Error
	if errors.As(err, &e) {
		return err
	}
	return unavailable("the ledger's store does not answer", err)
}
