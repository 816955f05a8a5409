package consent

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// NoticeChanges say what is different in the current notice from an earlier
// version, for people who had said yes to that one.
type NoticeChanges struct {
	ID           string        `json:"id"`
	From         string        `json:"from"`          // the earlier version
	To           string        `json:"to"`            // the current version
	Language     string        `json:"language"`      // of what is compared
	FreshConsent bool          `json:"fresh_consent"` // a yes to the earlier version does not count any more
	Changes      []FieldChange `json:"changes"`       // never null; empty when the words are the same
}

// A FieldChange is one field of a notice that is different. Runs that stay and
// runs that were removed make up the earlier text, those that stay and those
// that were added the current one, but for white space.
type FieldChange struct {
	Field string    `json:"field"` // for example "purpose" or "categories.location.why"
	Words []WordRun `json:"words"`
}

// A WordRun is some words in a row that had the same fate.
type WordRun struct {
	Change WordChange `json:"change"`
	Text   string     `json:"text"`
}

// A WordChange is what became of words.
type WordChange string

// What can become of words.
const (
	WordsSame    WordChange = "same"
	WordsRemoved WordChange = "removed"
	WordsAdded   WordChange = "added"
)

// NoticeChanges compares the current notice with an earlier version of it, in a
// language that both have, the given one if possible. It knows the versions
// that the ledger was opened with and those that anybody was ever asked under.
// It fails with unknown_version.
func (l *Ledger) NoticeChanges(from, language string) (*NoticeChanges, error) {
	l.mu.RLock()
	earlier := map[string]*Notice{} // by language
	for _, w := range l.state.notices {
		if w.Version == from && w.ID == l.notice.ID {
			earlier[w.Language] = w.Notice
		}
	}
	for _, n := range l.state.configured {
		if n.Version == from {
			earlier[n.Language] = n
		}
	}
	var some *Notice
	for _, n := range earlier {
		if some == nil || n.Language < some.Language {
			some = n
		}
	}
	fresh := some != nil && !l.state.counts(some)
	l.mu.RUnlock()
	if some == nil {
		return nil, &Error{Code: CodeUnknownVersion, Message: "no notice of that version was ever shown here"}
	}
	before, after := some, l.notice
	if old := earlier[l.notice.Language]; old != nil {
		before = old
	}
	for _, n := range l.state.current {
		old := earlier[n.Language]
		if old != nil && (n.Language == language || before.Language != after.Language) {
			before, after = old, n
		}
	}
	return &NoticeChanges{
		ID: l.notice.ID, From: from, To: after.Version, Language: after.Language,
		FreshConsent: fresh, Changes: compareNotices(before, after),
	}, nil
}

// A noticeField is one thing that a notice says.
type noticeField struct{ name, value string }

func (n *Notice) fields() []noticeField {
	fields := []noticeField{{"purpose", n.Purpose}, {"controller", n.Controller}}
	for _, c := range n.Categories {
		fields = append(fields,
			noticeField{"categories." + string(c.Name) + ".required", strconv.FormatBool(c.Required)},
			noticeField{"categories." + string(c.Name) + ".why", c.Why})
	}
	for _, r := range n.Recipients {
		fields = append(fields, noticeField{"recipients." + r.Name + ".why", r.Why})
	}
	return append(fields,
		noticeField{"retention", n.Retention}, noticeField{"storage_location", n.StorageLocation},
		noticeField{"jurisdiction", n.Jurisdiction}, noticeField{"withdrawal", n.Withdrawal}, noticeField{"text", n.Text})
}

// compareNotices returns the fields that differ: those of the later notice in
// its order, then those that only the earlier one has.
func compareNotices(before, after *Notice) []FieldChange {
	earlier := map[string]string{}
	for _, f := range before.fields() {
		earlier[f.name] = f.value
	}
	changes := []FieldChange{}
	for _, f := range after.fields() {
		if was := earlier[f.name]; was != f.value {
			changes = append(changes, FieldChange{f.name, compareWords(was, f.value)})
		}
		delete(earlier, f.name)
	}
	for _, f := range before.fields() {
		if was, gone := earlier[f.name]; gone {
			changes = append(changes, FieldChange{f.name, compareWords(was, "")})
		}
	}
	return changes
}

// A token is a word, and the same with the white space behind it.
type token struct{ word, whole string }

func wordsOf(text string) []token {
	found := wordForm.FindAllString(text, -1)
	tokens := make([]token, len(found))
	for i, whole := range found {
		tokens[i] = token{strings.TrimSpace(whole), whole}
	}
	return tokens
}

var wordForm = regexp.MustCompile(`\S+\s*`)

// maxWordPairs bounds the table that words are compared in: two texts of 1000
// words. What is longer between its common beginning and its common end is
// shown as replaced as a whole.
const maxWordPairs = 1 << 20

// compareWords returns how one text becomes the other, by a longest common
// subsequence of their words.
func compareWords(before, after string) []WordRun {
	a, b := wordsOf(before), wordsOf(after)
	var runs wordRuns
	for len(a) > 0 && len(b) > 0 && a[0].word == b[0].word {
		runs.add(WordsSame, b[0])
		a, b = a[1:], b[1:]
	}
	end := 0
	for end < len(a) && end < len(b) && a[len(a)-1-end].word == b[len(b)-1-end].word {
		end++
	}
	tail := b[len(b)-end:]
	a, b = a[:len(a)-end], b[:len(b)-end]
	if len(a)*len(b) > maxWordPairs {
		runs.add(WordsRemoved, a...)
		runs.add(WordsAdded, b...)
		a, b = nil, nil
	}
	// longest[i*width+j] is the length of the longest common subsequence of a[i:]
	// and b[j:]. It fits 16 bits: more words than that are in no notice.
	width := len(b) + 1
	longest := make([]uint16, (len(a)+1)*width)
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if a[i].word == b[j].word {
				longest[i*width+j] = longest[(i+1)*width+j+1] + 1
			} else {
				longest[i*width+j] = max(longest[(i+1)*width+j], longest[i*width+j+1])
			}
		}
	}
	i, j := 0, 0
	for i < len(a) || j < len(b) {
		switch {
		case i < len(a) && j < len(b) && a[i].word == b[j].word:
			runs.add(WordsSame, b[j])
			i, j = i+1, j+1
		case j == len(b) || i < len(a) && longest[(i+1)*width+j] >= longest[i*width+j+1]:
			runs.add(WordsRemoved, a[i])
			i++
		default:
			runs.add(WordsAdded, b[j])
			j++
		}
	}
	runs.add(WordsSame, tail...)
	return runs
}

type wordRuns []WordRun

// add adds words to the last run if they had the same fate.
func (r *wordRuns) add(change WordChange, words ...token) {
	if len(words) == 0 {
		return
	}
	var text strings.Builder
	for _, w := range words {
		text.WriteString(w.whole)
	}
	if n := len(*r); n > 0 && (*r)[n-1].Change == change {
		(*r)[n-1].Text += text.String()
		return
	}
	*r = append(*r, WordRun{change, text.String()})
}

// String returns the changes for people to read: what was removed stands in
// [-…-] and what was added in {+…+}, as wdiff prints them.
func (c *NoticeChanges) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: from version %s to version %s\n", c.ID, c.From, c.To)
	if c.FreshConsent {
		b.WriteString("Consent to the earlier version does not count any more.\n")
	} else {
		b.WriteString("Consent to the earlier version still counts.\n")
	}
	for _, f := range c.Changes {
		fmt.Fprintf(&b, "\n%s\n", f.Field)
		var text strings.Builder
		for _, run := range f.Words {
			bare := strings.TrimRight(run.Text, " \n")
			space := run.Text[len(bare):]
			if space == "" {
				space = " "
			}
			switch run.Change {
			case WordsRemoved:
				fmt.Fprintf(&text, "[-%s-]%s", bare, space)
			case WordsAdded:
				fmt.Fprintf(&text, "{+%s+}%s", bare, space)
			default:
				text.WriteString(bare + space)
			}
		}
		for line := range strings.Lines(strings.TrimSpace(text.String())) {
			if line = strings.TrimRight(line, " \n"); line != "" {
				line = "  " + line
			}
			b.WriteString(line + "\n")
		}
	}
	return b.String()
}
