package consent

import "slices"

type watcher struct{ told func(Grant) }

// Watch calls told for each change of a person's consent, in order, one at a
// time, after Decide has begun to answer by it and before whoever asked for the
// change hears that it is done. That is how a withdrawal reaches live sessions
// before it is acknowledged.
//
// To miss nothing, call Watch first and Decide afterwards. told must be quick,
// because the whole ledger waits for it, and must not change consent itself,
// because that would wait for ever. A call that has begun when stop is called
// runs to its end; none begins after stop has returned. An expiry is no change:
// Decide tells of it.
func (l *Ledger) Watch(principal string, told func(Grant)) (stop func()) {
	w := &watcher{told}
	l.watching.Lock()
	defer l.watching.Unlock()
	l.watchers[principal] = append(l.watchers[principal], w)
	return func() {
		l.watching.Lock()
		defer l.watching.Unlock()
		// A new slice: tell may be walking along the old one.
		rest := slices.DeleteFunc(slices.Clone(l.watchers[principal]), func(other *watcher) bool { return other == w })
		if len(rest) == 0 {
			delete(l.watchers, principal)
			return
		}
		l.watchers[principal] = rest
	}
}

// tell calls everybody who watches a person.
func (l *Ledger) tell(principal string, p *person) {
	l.watching.Lock()
	watchers := l.watchers[principal]
	l.watching.Unlock()
	for _, w := range watchers {
		w.told(p.grant(l.clock()))
	}
}
