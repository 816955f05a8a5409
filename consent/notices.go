package consent

import (
	"cmp"
	"io/fs"
	"slices"
	"sync/atomic"
)

// defaultLanguage is what people are asked in who have said nothing else, as
// long as there is a notice in it.
const defaultLanguage = "en"

// BuiltInNotices returns every notice that is built in: each version in each
// language, oldest version first. It fails when a file was edited and kept its
// version.
func BuiltInNotices() ([]*Notice, error) {
	folder, err := fs.Sub(notices, noticeFolder)
	if err != nil {
		return nil, &Error{Code: CodeBadNotice, Message: "the notices that are built in cannot be read", cause: err}
	}
	return LoadNotices(folder)
}

// LoadNotices reads every notice of a folder, an operator's own for example:
// files named VERSION.LANGUAGE.json, and beside them SHA256SUMS with the digest
// of each, as "sha256sum *.json > SHA256SUMS" writes it. It fails with
// bad_notice when there is none, when one cannot be used, and when one was
// edited and kept its version.
func LoadNotices(folder fs.FS) ([]*Notice, error) {
	files, err := fs.Glob(folder, "*.json")
	if err != nil {
		return nil, &Error{Code: CodeBadNotice, Message: "the folder of the notices cannot be read", cause: err}
	}
	all := make([]*Notice, 0, len(files))
	for _, file := range files { // sorted by name, and so by version
		n, err := loadNotice(folder, file)
		if err != nil {
			return nil, err
		}
		all = append(all, n)
	}
	if len(all) == 0 {
		return nil, badNotice("there is none in the folder: a notice is a file named VERSION.LANGUAGE.json, for example 2026-11-01.en.json")
	}
	return all, nil
}

// currentOf returns the languages of the newest version, the default first, and
// checks that all notices belong together.
func currentOf(all []*Notice) ([]*Notice, error) {
	if len(all) == 0 {
		return nil, badNotice("there is none")
	}
	for i, n := range all {
		if n == nil || n.source == nil {
			return nil, badNotice("it was not read by ParseNotice, so its digest stands for nothing")
		}
		for _, other := range all[:i] {
			if err := n.fits(other); err != nil {
				return nil, err
			}
		}
	}
	newest := slices.MaxFunc(all, func(a, b *Notice) int { return cmp.Compare(a.Version, b.Version) }).Version
	var current []*Notice
	for _, n := range all {
		switch {
		case n.Version != newest:
		case n.Language == defaultLanguage:
			current = slices.Insert(current, 0, n)
		default:
			current = append(current, n)
		}
	}
	return current, nil
}

// fits checks that two notices can stand beside each other. In every language a
// version has to ask for the same: a translation is not another consent.
func (n *Notice) fits(other *Notice) error {
	same := func(a, b NoticeCategory) bool { return a.Name == b.Name && a.Required == b.Required }
	sameName := func(a, b Recipient) bool { return a.Name == b.Name }
	switch {
	case n.ID != other.ID:
		return badNotice("version %s has another id than version %s: one ledger asks for one purpose", n.Version, other.Version)
	case n.Version != other.Version:
		return nil
	case n.Language == other.Language:
		return badNotice("version %s is there twice in language %s", n.Version, n.Language)
	case n.FreshConsent != other.FreshConsent,
		!slices.EqualFunc(n.Categories, other.Categories, same),
		!slices.EqualFunc(n.Recipients, other.Recipients, sameName):
		return badNotice("version %s asks for one thing in %s and for another in %s: "+
			"fresh_consent, categories and recipients have to be the same, in the same order", n.Version, n.Language, other.Language)
	}
	return nil
}

// Words are a notice on record, and what the ledger makes of it now.
type words struct {
	*Notice
	stand atomic.Bool // a yes to them counts
}

// counts reports whether a yes to a notice counts now: it was given to the
// current version in any language, or to an earlier one and no version since
// asks for a fresh consent.
//
// Versions are compared as text, so that two that nobody deployed together
// still have an order.
func (s *state) counts(n *Notice) bool {
	if len(s.current) == 0 {
		return false
	}
	now := s.current[0]
	if n.ID != now.ID || n.Version > now.Version {
		return false
	}
	since := func(m *Notice) bool {
		return m.ID == now.ID && m.FreshConsent && n.Version < m.Version && m.Version <= now.Version
	}
	for _, m := range s.configured {
		// The same version in the same language with other words is no version of
		// ours: another node has an edited file.
		if since(m) || m.Version == n.Version && m.Language == n.Language && m.SHA256 != n.SHA256 {
			return false
		}
	}
	for _, m := range s.notices {
		if since(m.Notice) {
			return false
		}
	}
	return true
}

// Notices returns the notice that people are asked under now, in each language
// that there is; the first is the one of Notice. The slice belongs to the
// caller, the notices to the ledger.
func (l *Ledger) Notices() []*Notice { return slices.Clone(l.state.current) }

// shown returns the notice that somebody answered to, which has to be the
// current one, in any language.
func (l *Ledger) shown(version, digest string) (*Notice, error) {
	for _, n := range l.state.current {
		if n.Version == version && n.SHA256 == digest {
			return n, nil
		}
	}
	return nil, &Error{Code: CodeNoticeChanged,
		Message: "this is not the current notice: show version " + l.notice.Version + " with the digest that the server states, and ask again"}
}

// onRecord returns a notice as the ledger holds it, or nil.
func (l *Ledger) onRecord(digest string) *words {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.state.notices[digest]
}
