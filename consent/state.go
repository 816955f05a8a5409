package consent

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"time"
)

// A person is where one person's consent stands. It never changes: a new
// change puts a new person in its place, so that a reader needs the lock only
// to find it. What Decide looks at comes first, side by side, because with many
// people every line of memory that it touches is a cold one.
type person struct {
	state      State
	notice     *words     // shared, one a digest
	categories []Category // shared, see state.share
	deadline   int64      // when a yes ends, nanoseconds since 1970; 0 when nothing is in force
	who        *who       // who is behind the record; nil when erased, or not heard of yet
	recipients []string   // nil when none
	givenAt    time.Time
	changedAt  time.Time
	revision   uint64
	sequence   uint64 // of the entry that led here
	erased     bool
}

// grant returns the person's consent at a time as callers see it.
func (p *person) grant(now time.Time) Grant {
	g := Grant{
		State:         p.state,
		Categories:    append([]Category{}, p.categories...),
		Recipients:    append([]string{}, p.recipients...),
		NoticeVersion: p.notice.Version,
		NoticeSHA256:  p.notice.SHA256,
		Language:      p.notice.Language,
		GivenAt:       p.givenAt,
		ChangedAt:     p.changedAt,
		ExpiresAt:     p.expiresAt(),
		Revision:      p.revision,
	}
	switch {
	case p.expired(now):
		g.State = Expired
	case p.state == Given && !p.notice.stand.Load():
		g.State = Invalidated
	}
	return g
}

// expiresAt returns the deadline as a time, and the zero time when there is none.
func (p *person) expiresAt() time.Time {
	if p.deadline == 0 {
		return time.Time{}
	}
	return time.Unix(0, p.deadline).UTC()
}

// expired reports whether a yes has its deadline behind it.
func (p *person) expired(now time.Time) bool {
	return p.state == Given && now.UnixNano() >= p.deadline
}

// A state is what the entries of a ledger add up to. The ledger keeps one, and
// an audit builds a second one to compare.
type state struct {
	sequence uint64 // of the newest entry
	head     digest // of the newest entry
	entries  uint64
	people   map[string]*person // by record
	notices  map[string]*words  // by digest
	versions map[string]string  // digest by subject of the notice
	sets     [][]Category       // the category lists that people share

	configured []*Notice // every notice of the configuration; neither list ever changes
	current    []*Notice // those of the current version, the default first
}

func newState() *state {
	return &state{people: map[string]*person{}, notices: map[string]*words{}, versions: map[string]string{}}
}

// An applied entry says what an entry changed. record is empty for the entry of
// a notice.
type applied struct {
	record string
	before *person // nil for the first entry of a record
	person *person
	event  Event
}

// check works out what an entry changes without changing anything. It fails
// when the entry does not follow from the one before it.
func (s *state) check(sequence uint64, subject string, body []byte) (applied, *Notice, error) {
	if sequence <= s.sequence {
		return applied{}, nil, damaged(sequence, "it comes after entry %d", s.sequence)
	}
	if isNotice(subject) {
		e, n, err := decodeNotice(subject, body)
		if err != nil {
			return applied{}, nil, damaged(sequence, "%v", err)
		}
		if err := s.follows(sequence, e.Previous); err != nil {
			return applied{}, nil, err
		}
		return applied{}, n, nil
	}
	e, err := decodeChange(subject, body)
	if err != nil {
		return applied{}, nil, damaged(sequence, "%v", err)
	}
	if err := s.follows(sequence, e.Previous); err != nil {
		return applied{}, nil, err
	}
	before := s.people[e.Record]
	var revision uint64
	if before != nil {
		revision = before.revision
		if before.erased {
			return applied{}, nil, damaged(sequence, "it changes a record that was erased by entry %d", before.sequence)
		}
	}
	if e.Revision != revision+1 {
		return applied{}, nil, damaged(sequence, "it is change %d of a person whose last change was %d", e.Revision, revision)
	}
	n := s.notices[e.NoticeSHA256]
	if n == nil || n.Version != e.NoticeVersion {
		return applied{}, nil, damaged(sequence, "it names a notice that the ledger does not hold")
	}
	return applied{e.Record, before, e.person(n, s.share(e.Categories), sequence), e.Event}, nil, nil
}

// person returns where the entry leaves the person.
func (e *changeEntry) person(n *words, categories []Category, sequence uint64) *person {
	p := &person{
		state: e.State, categories: categories, notice: n,
		givenAt: e.GivenAt, changedAt: e.At,
		revision: e.Revision, sequence: sequence, erased: e.Event == EventErased,
	}
	if !e.ExpiresAt.IsZero() {
		p.deadline = e.ExpiresAt.UnixNano()
	}
	if len(e.Recipients) > 0 {
		p.recipients = e.Recipients
	}
	return p
}

// follows checks the chain.
func (s *state) follows(sequence uint64, previous string) error {
	if previous == s.head.String() {
		return nil
	}
	if sequence == s.sequence+1 {
		return damaged(sequence, "it or entry %d was changed after it was written", s.sequence)
	}
	return damaged(sequence, "the entries between %d and it are missing", s.sequence)
}

func damaged(sequence uint64, format string, arguments ...any) error {
	return &Error{Code: CodeLedgerDamaged, Message: fmt.Sprintf("the ledger is damaged at entry %d: ", sequence) + fmt.Sprintf(format, arguments...)}
}

// put takes an entry in that check has found good.
func (s *state) put(sequence uint64, body []byte, change applied, n *Notice) {
	if n != nil {
		s.notices[n.SHA256] = &words{Notice: n}
		for _, w := range s.notices { // a new version may take the place of earlier ones
			w.stand.Store(s.counts(w.Notice))
		}
		s.versions[n.subject()] = n.SHA256
	} else {
		s.people[change.record] = change.person
	}
	s.sequence, s.head = sequence, sha256.Sum256(body)
	s.entries++
}

// share returns a list with the same categories that is kept once: there are
// few lists and many people.
func (s *state) share(list []Category) []Category {
	if len(list) == 0 {
		return nil
	}
	for _, known := range s.sets {
		if slices.Equal(known, list) {
			return known
		}
	}
	s.sets = append(s.sets, list)
	return list
}
