package consent

import (
	"context"
	"errors"
)

// Erase makes the ledger forget whose a record is, and returns the receipt of
// that. Whatever was in force ends, in the way of Withdraw: when Erase returns,
// every watcher has been told and Decide refuses. The record stays in the chain
// under a name that nothing leads to any more, so that the chain can still be
// checked; the secret that led to it has been overwritten, and with it went what
// linked the names that recipients know the person by. Whoever is asked again
// afterwards is somebody whom the ledger has never met.
//
// The receipt and those before it verify as ever. They are the only thing that
// can still show what the record says of this person, and only the person has
// them.
//
// It fails with never_asked, bad_principal, bad_method or ledger_unavailable.
// After ledger_unavailable nothing of the person is let in; call it again to
// finish, or open the ledger anew, which does.
func (l *Ledger) Erase(ctx context.Context, principal, method string) (*Receipt, error) {
	if err := errors.Join(checkPrincipal(principal), checkMethod(method)); err != nil {
		return nil, err
	}
	var erased *who
	done, err := l.no(ctx, principal, nil, nil, func(p *person) (*changeEntry, error) {
		if p == nil {
			return nil, ErrNeverAsked
		}
		erased = p.who
		e := &changeEntry{
			Event: EventErased, State: p.state, At: l.clock(), Method: method, TakenBack: p.categories,
			NoticeVersion: p.notice.Version, NoticeSHA256: p.notice.SHA256, GivenAt: p.givenAt,
		}
		if p.state == Given {
			e.State = Withdrawn
		}
		return e, nil
	})
	if err != nil {
		return nil, err
	}
	// What was begun is finished, whether or not the caller is still there.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), l.patience)
	defer cancel()
	if err := l.store.forget(ctx, erased.sequence); err != nil {
		return nil, unavailable("the consent has ended, but what says whose it was could not be overwritten yet: ask again", err)
	}
	return l.answer(ctx, done, nil)
}
