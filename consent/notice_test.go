package consent

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
)

func current(t testing.TB) *Notice {
	t.Helper()
	n, err := CurrentNotice()
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestCurrentNoticeAsksForMotionAndOffersLocation(t *testing.T) {
	n := current(t)
	if c := n.category(Acceleration); c == nil || !c.Required {
		t.Error("acceleration is not required")
	}
	if c := n.category(Location); c == nil || c.Required {
		t.Error("location is not optional")
	}
	if n.Recipients == nil {
		t.Error("recipients would be null in JSON")
	}
	for _, promise := range []string{"What we collect.", "Why.", "Who gets it.", "How long.", "How to stop.", "If you say no"} {
		if !strings.Contains(n.Text, promise) {
			t.Errorf("the text does not say %q", promise)
		}
	}
	digest := sha256.Sum256(n.Source())
	if n.SHA256 != hex.EncodeToString(digest[:]) {
		t.Error("sha256 is not the digest of the notice's own bytes")
	}
}

// The names that the contract promises to clients.
func TestNoticeInJSON(t *testing.T) {
	encoded, err := json.Marshal(current(t))
	if err != nil {
		t.Fatal(err)
	}
	var fields map[string]any
	if err := json.Unmarshal(encoded, &fields); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"id", "version", "sha256", "language", "purpose", "controller", "categories",
		"recipients", "retention", "withdrawal", "text", "storage_location", "jurisdiction"} {
		if _, ok := fields[name]; !ok {
			t.Errorf("no field %s", name)
		}
	}
	if _, ok := fields["text"].(string); !ok {
		t.Error("text is not a string")
	}
	category := fields["categories"].([]any)[0].(map[string]any)
	for _, name := range []string{"name", "required", "why"} {
		if _, ok := category[name]; !ok {
			t.Errorf("a category has no field %s", name)
		}
	}
}

func TestEveryBuiltInNoticeIsWhole(t *testing.T) {
	folder, err := fs.Sub(notices, noticeFolder)
	if err != nil {
		t.Fatal(err)
	}
	files, err := fs.Glob(folder, "*.json")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Fatal("there is no notice")
	}
	for _, file := range files {
		if _, err := loadNotice(folder, file); err != nil {
			t.Error(err)
		}
	}
}

func TestAnEditedNoticeIsRefused(t *testing.T) {
	source := string(current(t).Source())
	sum := current(t).SHA256 + "  " + currentNotice + "\n"
	for _, c := range []struct{ name, file, content, sums, want string }{
		{"untouched", currentNotice, source, sum, ""},
		{"one word less", currentNotice, strings.Replace(source, "no advertising, ", "", 1), sum, "edited but kept its version 2026-11-01"},
		{"a space at the end", currentNotice, source + " ", sum, "edited but kept its version 2026-11-01"},
		{"no digest", currentNotice, source, strings.Replace(sum, "2026", "2025", 1), "no line for"},
		{"a new version in the old file", currentNotice, strings.Replace(source, "2026-11-01", "2026-11-02", 1), sum, "belongs into 2026-11-02.en.json"},
		{"file gone", "2026-11-02.en.json", source, sum, "cannot be read"},
	} {
		folder := fstest.MapFS{
			c.file:     {Data: []byte(c.content)},
			noticeSums: {Data: []byte(c.sums)},
		}
		_, err := loadNotice(folder, currentNotice)
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s: %v", c.name, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s: error %v does not say %q", c.name, err, c.want)
		}
	}
}

func TestParseNoticeSaysWhatIsMissing(t *testing.T) {
	source := string(current(t).Source())
	replace := func(old, new string) string {
		t.Helper()
		if !strings.Contains(source, old) {
			t.Fatalf("the notice does not hold %q", old)
		}
		return strings.Replace(source, old, new, 1)
	}
	for _, c := range []struct{ name, data, want string }{
		{"nothing", "", "not the JSON"},
		{"not JSON", "notice", "not the JSON"},
		{"two notices", source + source, "something follows"},
		{"a field that nobody knows", replace(`"purpose"`, `"porpoise"`), "not the JSON"},
		{"its own digest", replace(`"language"`, `"sha256": "00", "language"`), "its own digest"},
		{"no purpose", replace(current(t).Purpose, " "), "purpose is empty"},
		{"a version that cannot stand in a subject", replace(`"2026-11-01"`, `"2026.11.01"`), "version and language"},
		{"no categories", withoutCategories(t), "categories is empty"},
		{"a category with a space", replace(`"location"`, `"where you are"`), "the name of a category"},
		{"a category twice", replace(`"location"`, `"acceleration"`), "acceleration is there twice"},
		{"a recipient without a reason", replace(`"recipients": []`, `"recipients": [{"name":"coach","why":""}]`), "coach does not say why"},
		{"too long to read", replace("May we use", strings.Repeat("May we use ", maxNotice/10)), "at most 65536"},
	} {
		_, err := ParseNotice([]byte(c.data))
		var e *Error
		if !errors.As(err, &e) || e.Code != CodeBadNotice || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v does not say %q", c.name, err, c.want)
		}
	}
}

func withoutCategories(t *testing.T) string {
	t.Helper()
	var fields map[string]any
	if err := json.Unmarshal(current(t).Source(), &fields); err != nil {
		t.Fatal(err)
	}
	fields["categories"] = []any{}
	data, err := json.Marshal(fields)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// FuzzParseNotice: an operator's own notice is either refused or complete.
func FuzzParseNotice(f *testing.F) {
	n, err := CurrentNotice()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(n.Source())
	f.Add([]byte(`{"categories":[{}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		n, err := ParseNotice(data)
		if err != nil {
			return
		}
		if err := n.check(); err != nil {
			t.Error(err)
		}
		if n.Recipients == nil || len(n.SHA256) != 64 {
			t.Error("a notice without recipients or digest was taken")
		}
	})
}
