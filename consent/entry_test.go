package consent

import (
	"crypto/sha256"
	"encoding/json"
	"reflect"
	"testing"
	"time"
)

// The bytes of an entry are what the chain is computed over: the names, their
// order and the form of the times are for ever.
func TestEntryGolden(t *testing.T) {
	at := newClock().now()
	for _, c := range []struct {
		name  string
		entry any
		want  string
	}{
		{"a yes", &changeEntry{
			Format: 2, Previous: "p", Record: "r", Revision: 1, Event: EventGiven, State: Given, At: at, Method: "http",
			Categories: []Category{Acceleration}, Recipients: []string{}, NoticeVersion: "v", NoticeSHA256: "s",
			GivenAt: at, ExpiresAt: at.Add(time.Hour),
		}, `{"format":2,"previous_sha256":"p","record":"r","revision":1,"event":"given","state":"given","at":"2026-11-01T12:00:00Z","method":"http",` +
			`"categories":["acceleration"],"recipients":[],"notice_version":"v","notice_sha256":"s","given_at":"2026-11-01T12:00:00Z","expires_at":"2026-11-01T13:00:00Z"}`},
		{"a no", &changeEntry{
			Format: 2, Previous: "p", Record: "r", Revision: 2, Event: EventWithdrawn, State: Withdrawn, At: at, Method: "stream",
			Categories: []Category{}, TakenBack: []Category{Acceleration}, Recipients: []string{}, NoticeVersion: "v", NoticeSHA256: "s", GivenAt: at,
		}, `{"format":2,"previous_sha256":"p","record":"r","revision":2,"event":"withdrawn","state":"withdrawn","at":"2026-11-01T12:00:00Z","method":"stream",` +
			`"categories":[],"taken_back":["acceleration"],"recipients":[],"notice_version":"v","notice_sha256":"s","given_at":"2026-11-01T12:00:00Z"}`},
		{"a notice", &noticeEntry{Format: 2, Previous: "p", At: at, SHA256: "s", Source: "{}"},
			`{"format":2,"previous_sha256":"p","at":"2026-11-01T12:00:00Z","notice_sha256":"s","notice":"{}"}`},
	} {
		body, err := encodeEntry(c.entry)
		if err != nil || string(body) != c.want {
			t.Errorf("%s: %s, %v", c.name, body, err)
		}
	}
}

// FuzzEntry: whatever lies in the store, an entry is taken in whole or refused
// with the state untouched.
func FuzzEntry(f *testing.F) {
	n, err := CurrentNotice()
	if err != nil {
		f.Fatal(err)
	}
	first, err := encodeEntry(&noticeEntry{Format: entryFormat, Previous: genesis.String(), SHA256: n.SHA256, Source: string(n.source)})
	if err != nil {
		f.Fatal(err)
	}
	at := newClock().now()
	second, err := encodeEntry(&changeEntry{
		Format: entryFormat, Previous: digest(sha256.Sum256(first)).String(), Record: "ada", Revision: 1,
		Event: EventGiven, State: Given, At: at, Method: "test", Categories: []Category{Acceleration}, Recipients: []string{},
		NoticeVersion: n.Version, NoticeSHA256: n.SHA256, GivenAt: at, ExpiresAt: at.Add(time.Hour),
	})
	if err != nil {
		f.Fatal(err)
	}
	f.Add("consent.ada", second)
	f.Add("consent.ada", []byte(`{}`))
	f.Add("notice.2026-11-01.en", first)
	f.Add("consent.", []byte(`null`))
	_, known, err := newState().check(1, n.subject(), first) // once: it takes most of the time
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, subject string, body []byte) {
		s := newState()
		s.configured, s.current = []*Notice{n}, []*Notice{n}
		s.put(1, first, applied{}, known)
		people, notices, head := len(s.people), len(s.notices), s.head
		change, known, err := s.check(2, subject, body)
		if err != nil {
			wantCode(t, err, CodeLedgerDamaged)
			if len(s.people) != people || len(s.notices) != notices || s.head != head || s.sequence != 1 {
				t.Error("a refused entry changed the state")
			}
			return
		}
		s.put(2, body, change, known)
		if s.sequence != 2 || s.head != sha256.Sum256(body) {
			t.Error("the entry was taken in and the chain did not move")
		}
		if change.person == nil {
			return
		}
		g := change.person.grant(at)
		if again, err := json.Marshal(g); err != nil || len(again) == 0 {
			t.Errorf("the grant has no JSON: %v", err)
		}
		if g.State == Given != (len(g.Categories) > 0 && at.Before(g.ExpiresAt)) && g.State != Expired {
			t.Errorf("a state of %s with %v until %v", g.State, g.Categories, g.ExpiresAt)
		}
	})
}

// People who granted the same categories share one list.
func TestCategoryListsAreShared(t *testing.T) {
	s := newState()
	a, b := s.share([]Category{Acceleration}), s.share([]Category{Acceleration})
	if &a[0] != &b[0] {
		t.Error("two lists with the same categories are kept twice")
	}
	if c := s.share([]Category{Acceleration, Location}); reflect.DeepEqual(a, c) {
		t.Error("two different lists are one")
	}
	if s.share(nil) != nil {
		t.Error("an empty list is kept")
	}
}

func TestWordsOfASubject(t *testing.T) {
	for word, want := range map[string]bool{
		"": false, "a": true, "Zz09_-": true, "abcdefgh": true, "abcdefghi": false,
		"a.b": false, "a b": false, "*": false, ">": false, "ä": false, "a\x00": false,
	} {
		if isWord(word, 8) != want {
			t.Errorf("isWord(%q, 8) = %v", word, !want)
		}
	}
	for subject, want := range map[string]bool{
		"consent.ada": true, "notice.2026-11-01.en": true,
		"consent.": false, "consent": false, "consent.a.b": false, "notice.2026-11-01": false,
		"notice..en": false, "notice.a.b.c": false, "other.ada": false, "": false, `consent.ada{"format"`: false,
	} {
		if isSubject([]byte(subject)) != want {
			t.Errorf("isSubject(%q) = %v", subject, !want)
		}
	}
}
