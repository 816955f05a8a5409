package consent

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
)

// A GiveRequest is a yes. The ledger keeps none of its slices.
type GiveRequest struct {
	NoticeVersion string     `json:"notice_version"` // of the notice that was shown
	NoticeSHA256  string     `json:"notice_sha256"`
	Categories    []Category `json:"categories"` // every required one, and any of the others
	Recipients    []string   `json:"recipients"` // any of the notice's, or none
	Method        string     `json:"-"`          // how it was said: 1 to 32 of a-z, 0-9, '-' and '_'
}

// Give records a yes and returns the receipt for it, once it is on disk and
// every watcher has been told. Giving again renews: the new yes stands in place
// of the old one.
//
// A yes does not undo a no that was said while it was on its way, and is not kept
// for a caller whose context has ended.
//
// It fails with notice_changed, consent_changed, no_category, unknown_category,
// category_required, unknown_recipient, bad_principal, bad_method or
// ledger_unavailable, and as WithRequestKey says. After ledger_unavailable what held before still holds,
// unless the store comes back with the yes in it.
func (l *Ledger) Give(ctx context.Context, principal string, request GiveRequest) (*Receipt, error) {
	if err := errors.Join(checkPrincipal(principal), checkMethod(request.Method)); err != nil {
		return nil, err
	}
	asked, err := requestOf(ctx, "give", request)
	if err != nil {
		return nil, err
	}
	overtaken := l.overtaken(ctx, principal)
	if done, err := l.again(ctx, asked, principal); err != nil || done.entry != nil {
		return l.answer(ctx, done, err)
	}
	n, err := l.shown(request.NoticeVersion, request.NoticeSHA256)
	if err != nil {
		return nil, err
	}
	categories, recipients, err := n.read(request)
	if err != nil {
		return nil, err
	}
	done, err := l.change(ctx, principal, n, asked, func(p *person) (*changeEntry, error) {
		if err := overtaken(p); err != nil {
			return nil, err
		}
		now := l.clock()
		e := &changeEntry{
			Event: EventGiven, State: Given, At: now, Method: request.Method,
			Categories: categories, Recipients: recipients,
			NoticeVersion: n.Version, NoticeSHA256: n.SHA256,
			GivenAt: now, ExpiresAt: now.Add(l.grantTTL),
		}
		if p != nil && p.state == Given && !p.expired(now) {
			e.Event = EventRenewed
		}
		return e, nil
	})
	return l.answer(ctx, done, err)
}

// overtaken returns what a yes has to be held against before it is written down,
// each time that it is tried. A yes that waited, on a node that was cut off from
// its store say, must not undo a no that was said meanwhile through another node,
// and it is worth nothing to somebody who has not waited for the answer and does
// not know that they gave it.
func (l *Ledger) overtaken(ctx context.Context, principal string) func(p *person) error {
	revision := func(p *person) uint64 {
		if p == nil {
			return 0
		}
		return p.revision
	}
	known, _ := l.person(principal) // nobody is one too
	before := revision(known)
	return func(p *person) error {
		switch {
		case ctx.Err() != nil:
			return &overtakenError{unavailable("whoever said yes has not waited for the answer", ctx.Err())}
		case p != nil && p.state == Given, revision(p) == before:
			return nil
		}
		return &overtakenError{&Error{Code: CodeConsentChanged,
			Message: "consent was taken back while this yes was on its way: if it still stands, say it again"}}
	}
}

// An overtakenError says that a change is not to be tried again.
type overtakenError struct{ why *Error }

// Error returns why.
func (e *overtakenError) Error() string { return e.why.Error() }

// answer returns the receipt of a change.
func (l *Ledger) answer(ctx context.Context, d done, err error) (*Receipt, error) {
	if err != nil {
		return nil, err
	}
	if d.entry == nil {
		return l.receiptOf(ctx, d.person)
	}
	n, err := l.noticeOf(d.sequence, d.entry)
	if err != nil {
		return nil, err
	}
	return l.signer.sign(n, d.entry, d.sequence, d.digest)
}

// read returns the categories and recipients of a request in the order of the
// notice, each once, or says what does not fit the notice.
func (n *Notice) read(request GiveRequest) ([]Category, []string, error) {
	if len(request.Categories) == 0 {
		return nil, nil, &Error{Code: CodeNoCategory, Message: "a yes names at least one category; to say no, refuse or withdraw"}
	}
	for _, c := range request.Categories {
		if n.category(c) == nil {
			return nil, nil, n.unknownCategory()
		}
	}
	categories := make([]Category, 0, len(n.Categories))
	for _, c := range n.Categories {
		switch {
		case slices.Contains(request.Categories, c.Name):
			categories = append(categories, c.Name)
		case c.Required:
			return nil, nil, &Error{Code: CodeCategoryRequired,
				Message: fmt.Sprintf("without %s there is no tempo: grant it, or refuse", c.Name)}
		}
	}
	recipients := make([]string, 0, len(request.Recipients))
	for _, r := range n.Recipients {
		if slices.Contains(request.Recipients, r.Name) {
			recipients = append(recipients, r.Name)
		}
	}
	for _, name := range request.Recipients {
		if !slices.Contains(recipients, name) {
			return nil, nil, &Error{Code: CodeUnknownRecipient, Message: "the notice names no such recipient"}
		}
	}
	return categories, recipients, nil
}

func (n *Notice) unknownCategory() error {
	known := make([]string, len(n.Categories))
	for i, c := range n.Categories {
		known[i] = string(c.Name)
	}
	return &Error{Code: CodeUnknownCategory, Message: fmt.Sprintf("no such category, the notice has %q", known)}
}

// A RefuseRequest is a no to a notice that was shown.
type RefuseRequest struct {
	NoticeVersion string `json:"notice_version"` // of the notice that was shown
	NoticeSHA256  string `json:"notice_sha256"`
	Method        string `json:"-"` // how it was said: 1 to 32 of a-z, 0-9, '-' and '_'
}

// Refuse records a no, so that nobody is asked twice, and returns the receipt
// for it, once it is on disk and every watcher has been told. Whatever was in
// force ends. To refuse the same notice again changes nothing and returns the
// receipt of the first no.
//
// It fails with notice_changed, bad_principal, bad_method or
// ledger_unavailable. After ledger_unavailable the no is not on disk, or not
// known to be, and nothing of that person is let in, as after Withdraw.
func (l *Ledger) Refuse(ctx context.Context, principal string, request RefuseRequest) (*Receipt, error) {
	if err := errors.Join(checkPrincipal(principal), checkMethod(request.Method)); err != nil {
		return nil, err
	}
	asked, err := requestOf(ctx, "refuse", request)
	if err != nil {
		return nil, err
	}
	if done, err := l.againNo(ctx, asked, principal); err != nil || done.entry != nil {
		return l.answer(ctx, done, err)
	}
	n, err := l.shown(request.NoticeVersion, request.NoticeSHA256)
	if err != nil {
		return nil, err
	}
	done, err := l.no(ctx, principal, n, asked, func(p *person) (*changeEntry, error) {
		if p != nil && p.state == Refused && p.notice.ID == n.ID && p.notice.Version == n.Version {
			return nil, nil
		}
		e := &changeEntry{
			Event: EventRefused, State: Refused, At: l.clock(), Method: request.Method,
			NoticeVersion: n.Version, NoticeSHA256: n.SHA256,
		}
		if p != nil {
			e.GivenAt, e.TakenBack = p.givenAt, p.categories
		}
		return e, nil
	})
	return l.answer(ctx, done, err)
}

// Withdraw takes back a yes, wholly or, with categories named, for those. It
// returns when the withdrawal is on disk and every watcher has been told: from
// then on Decide refuses. Taking back a category that the feature cannot do
// without takes back everything. Taking back what is not in force changes
// nothing and is no error.
//
// It fails with never_asked, unknown_category, bad_principal, bad_method or
// ledger_unavailable, and as WithRequestKey says. After ledger_unavailable the withdrawal is not on disk,
// or not known to be, and nothing of that person is let in until a later change
// has been kept or the ledger has been opened anew.
func (l *Ledger) Withdraw(ctx context.Context, principal string, method string, categories ...Category) (Grant, error) {
	if err := errors.Join(checkPrincipal(principal), checkMethod(method)); err != nil {
		return Grant{}, err
	}
	asked, err := requestOf(ctx, "withdraw", categories)
	if err != nil {
		return Grant{}, err
	}
	if done, err := l.againNo(ctx, asked, principal); err != nil || done.entry != nil {
		if err != nil {
			return Grant{}, err
		}
		return done.person.grant(l.clock()), nil
	}
	done, err := l.no(ctx, principal, nil, asked, func(p *person) (*changeEntry, error) {
		if p == nil {
			return nil, ErrNeverAsked
		}
		back, err := p.takenBack(categories)
		if err != nil || len(back) == 0 {
			return nil, err
		}
		e := &changeEntry{
			Event: EventWithdrawn, State: Withdrawn, At: l.clock(), Method: method, TakenBack: back,
			NoticeVersion: p.notice.Version, NoticeSHA256: p.notice.SHA256, GivenAt: p.givenAt,
		}
		if len(back) < len(p.categories) {
			e.State, e.Recipients, e.ExpiresAt = Given, p.recipients, p.expiresAt()
			for _, c := range p.categories {
				if !slices.Contains(back, c) {
					e.Categories = append(e.Categories, c)
				}
			}
		}
		return e, nil
	})
	if err != nil {
		return Grant{}, err
	}
	return done.person.grant(l.clock()), nil
}

// takenBack returns what of the categories in force a withdrawal takes out of
// force, in the order of the notice.
func (p *person) takenBack(categories []Category) ([]Category, error) {
	all := len(categories) == 0
	for _, c := range categories {
		named := p.notice.category(c)
		if named == nil {
			return nil, p.notice.unknownCategory()
		}
		all = all || named.Required
	}
	if p.state != Given || all {
		return p.categories, nil
	}
	var back []Category
	for _, c := range p.categories {
		if slices.Contains(categories, c) {
			back = append(back, c)
		}
	}
	return back, nil
}

// no makes a change that takes something back. When it cannot be kept, the
// person is left unsettled: they said no, so nothing of theirs is let in,
// although the ledger still holds their yes.
func (l *Ledger) no(ctx context.Context, principal string, n *Notice, asked *request, write func(*person) (*changeEntry, error)) (done, error) {
	done, err := l.change(ctx, principal, n, asked, write)
	if errors.Is(err, &Error{Code: CodeLedgerUnavailable}) {
		l.mu.Lock()
		// The change may have come through in the meantime.
		if p, _ := l.register.find(principal); p != nil && p.state == Given {
			l.unsettled[principal] = struct{}{}
		}
		l.mu.Unlock()
	}
	return done, err
}

// A done change is where a change left a person. entry is nil when nothing had
// to change, and the one of old when the same request was made before.
type done struct {
	person   *person
	entry    *changeEntry
	sequence uint64
	digest   digest
}

// maxTries bounds how often a change starts again because another node was
// faster.
const maxTries = 64

// change makes one change: it asks write what to put down, given where the person
// stands, puts that after the newest entry of the ledger, and waits until this
// node has taken it in. When another entry came first it starts again, so write
// is called once or more. It returns nil when there is nothing to change. When
// the change is about a notice that is not on record yet, n, that is put on
// record first, and so is a person whom the register does not know. A request
// that was made before changes nothing.
//
// The caller's context bounds the waiting for other changes, not the change
// itself: a client that hangs up does not leave a withdrawal half done.
func (l *Ledger) change(ctx context.Context, principal string, n *Notice, asked *request, write func(*person) (*changeEntry, error)) (done, error) {
	waiting, cancel := context.WithTimeout(ctx, l.patience)
	defer cancel()
	select {
	case l.putting <- struct{}{}:
		defer func() { <-l.putting }()
	case <-waiting.Done():
		return done{}, unavailable("the ledger is busy", waiting.Err())
	}
	if ended := l.hasEnded(); ended != nil {
		return done{}, unavailable("the ledger does not answer", ended)
	}
	ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), l.patience)
	defer cancel()

	current := false // whether this node has heard of everything from before it was asked
	for range maxTries {
		l.mu.RLock()
		p, w := l.register.find(principal)
		after, head := l.state.sequence, l.state.head
		l.mu.RUnlock()

		if before, err := l.earlier(ctx, asked, p); err != nil || before.entry != nil {
			return before, err
		}
		e, err := write(p)
		var late *overtakenError
		if errors.As(err, &late) {
			return done{}, late.why
		}
		if e == nil {
			if current {
				return done{person: p}, err
			}
			// Before saying that nothing has to change, or that it cannot, see
			// whether another node has changed it.
			if err := l.hear(ctx); err != nil {
				return done{}, asUnavailable(err)
			}
			if p == nil {
				if _, err := l.lookUp(ctx, principal); err != nil {
					return done{}, asUnavailable(err)
				}
			}
			current = true
			continue
		}
		if n != nil && l.onRecord(n.SHA256) == nil {
			if err := l.record(ctx, n); err != nil {
				return done{}, err
			}
			continue
		}
		if w == nil {
			if err := l.enter(ctx, principal); err != nil {
				return done{}, l.notKept(err)
			}
			continue
		}
		record := w.record()
		e.Format, e.Previous, e.Record, e.Revision = entryFormat, head.String(), record, 1
		if p != nil {
			e.Revision = p.revision + 1
		}
		if asked != nil {
			e.RequestKey, e.Request = asked.in(record), asked.asks
		}
		if e.Categories == nil {
			e.Categories = []Category{}
		}
		if e.Recipients == nil {
			e.Recipients = []string{}
		}
		body, err := encodeEntry(e)
		if err == nil {
			// Nothing goes into the store that could not be read back, whatever
			// the clock and the configuration say.
			_, err = decodeChange(changeSubject+record, body)
		}
		if err != nil {
			return done{}, unavailable("the change cannot be kept: the operator has to look at the clock and the configuration", err)
		}
		sequence, err := l.store.append(ctx, changeSubject+record, body, after)
		if errors.Is(err, errMoved) {
			// The reader is about to bring the entry that came first. Asking the
			// store for it would take longer than the other node takes to begin
			// with its next change, and it would always be the faster one.
			if err := l.progress.wait(ctx, after+1); err != nil {
				return done{}, asUnavailable(err)
			}
			continue
		}
		if err != nil {
			return done{}, l.notKept(err)
		}
		if err := l.progress.wait(ctx, sequence); err != nil {
			return done{}, asUnavailable(err)
		}
		own := sha256.Sum256(body)
		if err := l.witness.note(sequence, own); err != nil {
			l.log.Warn("ledger could not note how far it has come", "cause", err)
		}
		return done{e.person(l.onRecord(e.NoticeSHA256), e.Categories, sequence), e, sequence, own}, nil
	}
	return done{}, unavailable("the ledger is busy: other nodes were faster every time, try again", nil)
}

// notKept logs why a change could not be kept and says so.
func (l *Ledger) notKept(err error) error {
	l.log.Error("ledger could not keep a change", "cause", withoutPeople(err.Error()))
	if errors.Is(err, errDiskFull) {
		return unavailable("no change can be kept because the ledger's disk is full: the operator has to make room", err)
	}
	return unavailable("the change could not be kept, try again later", err)
}

// asUnavailable gives an error the code that callers of a change look for.
func asUnavailable(err error) error {
	if errors.Is(err, &Error{Code: CodeLedgerUnavailable}) {
		return err
	}
	return unavailable("the ledger does not answer", err)
}
