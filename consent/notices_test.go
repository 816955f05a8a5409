package consent

import (
	"path/filepath"
	"strings"
	"testing"
)

// The notice that is built in is there in English and German, and asks for the
// same in both.
func TestBuiltInLanguages(t *testing.T) {
	all, err := BuiltInNotices()
	if err != nil {
		t.Fatal(err)
	}
	now, err := currentOf(all)
	if err != nil {
		t.Fatal(err)
	}
	languages := map[string]*Notice{}
	for _, n := range now {
		languages[n.Language] = n
	}
	english, german := languages["en"], languages["de"]
	if english == nil || german == nil {
		t.Fatalf("the newest version is there in %v", languages)
	}
	if now[0] != english || english.SHA256 != current(t).SHA256 {
		t.Error("the default is not the one in English")
	}
	if english.SHA256 == german.SHA256 {
		t.Error("two languages have one digest")
	}
	if e, g := strings.Count(english.Text, "\n\n"), strings.Count(german.Text, "\n\n"); e != g {
		t.Errorf("the German text has %d paragraphs, the English one %d", g+1, e+1)
	}
}

func TestNoticesThatDoNotBelongTogether(t *testing.T) {
	english := testNotice(t, "2026-12-01", "en", true)
	edit := func(language, old, new string) *Notice {
		t.Helper()
		n := testNotice(t, "2026-12-01", language, true)
		source := strings.Replace(string(n.Source()), old, new, 1)
		if source == string(n.Source()) {
			t.Fatalf("the notice does not hold %q", old)
		}
		n, err := ParseNotice([]byte(source))
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	for _, c := range []struct {
		name  string
		other *Notice
		want  string // "" for no error
	}{
		{"another language", edit("de", "As of", "Seit"), ""},
		{"another version", testNotice(t, "2026-12-02", "en", true), ""},
		{"the same language twice", edit("en", "As of", "From"), "twice in language en"},
		{"another purpose altogether", edit("de", "tempogate-running-mode", "advertising"), "one purpose"},
		{"location required in one language", edit("de", `"required": false`, `"required": true`), "asks for one thing in de and for another in en"},
		{"a recipient more in one language", edit("de", `{"name": "race", "why": "Shows your tempo to the crowd."}`, `{"name": "fair", "why": "Shows your tempo to the crowd."}`), "asks for one thing"},
		{"fresh in one language", testNotice(t, "2026-12-01", "de", false), "asks for one thing"},
		{"put together by hand", &Notice{ID: english.ID, Version: "2026-12-01", Language: "de"}, "not read by ParseNotice"},
		{"nothing", nil, "not read by ParseNotice"},
	} {
		l, err := OpenLedger(t.Context(), LedgerConfig{Dir: t.TempDir(), Notices: []*Notice{english, c.other}})
		if err == nil {
			closeTest(t, l)
		}
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s: %v", c.name, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s: error %v does not say %q", c.name, err, c.want)
		}
	}
}

// The edited file is the German one, and the ledger knows what bea was shown.
func TestAnEditedTranslationIsRefused(t *testing.T) {
	dir := t.TempDir()
	english, german := testNotice(t, "2026-12-01", "en", true), testNotice(t, "2026-12-01", "de", true)
	l := openTest(t, LedgerConfig{Dir: dir, Notices: []*Notice{english, german}})
	request := yes(l, Acceleration)
	request.NoticeSHA256 = german.SHA256
	r, err := l.Give(t.Context(), "bea", request)
	if err != nil {
		t.Fatal(err)
	}
	if r.Language != "de" || r.Notice.SHA256 != german.SHA256 {
		t.Errorf("the receipt is about the words in %s", r.Language)
	}
	closeTest(t, l)

	edited, err := ParseNotice([]byte(strings.Replace(string(german.Source()), "no advertising, ", "", 1)))
	if err != nil {
		t.Fatal(err)
	}
	_, err = OpenLedger(t.Context(), LedgerConfig{Dir: dir, Notices: []*Notice{english, edited}})
	wantCode(t, err, CodeBadNotice)
	if err == nil || !strings.Contains(err.Error(), "in language de under other words") {
		t.Errorf("error %v does not say what was edited", err)
	}

	// Without the translation bea's yes still counts: it was to this version.
	l = openTest(t, LedgerConfig{Dir: dir, Notice: english})
	wantReason(t, l, "bea", Acceleration, Allowed)
	if _, err := l.Give(t.Context(), "cyd", request); err == nil {
		t.Error("a yes was taken in a language that is not offered any more")
	}
}

// Another node has an edited file: what was given there does not count here.
func TestWordsOfAnotherNodeDoNotCount(t *testing.T) {
	german := testNotice(t, "2026-12-01", "de", true)
	edited, err := ParseNotice([]byte(strings.Replace(string(german.Source()), "no advertising, ", "", 1)))
	if err != nil {
		t.Fatal(err)
	}
	s := newState()
	s.configured, s.current = []*Notice{german}, []*Notice{german}
	if !s.counts(german) || s.counts(edited) {
		t.Errorf("counts(own) = %v, counts(edited) = %v", s.counts(german), s.counts(edited))
	}
}

func TestEveryFileNamedLikeANoticeIsChecked(t *testing.T) {
	sums, err := notices.ReadFile(filepath.ToSlash(filepath.Join(noticeFolder, noticeSums)))
	if err != nil {
		t.Fatal(err)
	}
	all, err := BuiltInNotices()
	if err != nil {
		t.Fatal(err)
	}
	if lines := strings.Count(string(sums), "\n"); lines != len(all) {
		t.Errorf("%s has %d lines for %d notices", noticeSums, lines, len(all))
	}
}

func TestCompareWords(t *testing.T) {
	for _, c := range []struct{ before, after, want string }{
		{"", "", ""},
		{"", "new words", "{+new words+}"},
		{"old words", "", "[-old words-]"},
		{"we keep it", "we keep it", "we keep it"},
		{"we keep it", "we never keep it", "we {+never+} keep it"},
		{"we never keep it", "we keep it", "we [-never-] keep it"},
		{"two days, then wiped", "three days, then wiped", "[-two-] {+three+} days, then wiped"},
		{"a b c d", "b c x d", "[-a-] b c {+x+} d"},
		{"line  one", "line one", "line one"}, // white space is no word
	} {
		var got strings.Builder
		for _, run := range compareWords(c.before, c.after) {
			text := strings.TrimSpace(run.Text)
			switch run.Change {
			case WordsRemoved:
				text = "[-" + text + "-]"
			case WordsAdded:
				text = "{+" + text + "+}"
			}
			got.WriteString(" " + text)
		}
		if strings.TrimSpace(got.String()) != c.want {
			t.Errorf("%q to %q: %s, want %s", c.before, c.after, got.String(), c.want)
		}
	}
}

// FuzzCompareWords: the runs hold both texts, whole and in order.
func FuzzCompareWords(f *testing.F) {
	f.Add("a b c", "a c d")
	f.Add("", "x")
	f.Add(strings.Repeat("a b ", 600), strings.Repeat("b c ", 600)) // more than are compared word by word
	f.Fuzz(func(t *testing.T, before, after string) {
		var old, new []string
		for _, run := range compareWords(before, after) {
			words := strings.Fields(run.Text)
			if run.Change != WordsAdded {
				old = append(old, words...)
			}
			if run.Change != WordsRemoved {
				new = append(new, words...)
			}
		}
		if got, want := strings.Join(old, " "), strings.Join(strings.Fields(before), " "); got != want {
			t.Errorf("the earlier text became %q, was %q", got, want)
		}
		if got, want := strings.Join(new, " "), strings.Join(strings.Fields(after), " "); got != want {
			t.Errorf("the later text became %q, was %q", got, want)
		}
	})
}
