package consent

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"strings"
)

// A Notice is what a person is told before being asked: what is collected,
// why, who gets it, for how long, and how to stop.
//
// A notice is known by its version and by the SHA-256 of the bytes it was read
// from, so it comes from ParseNotice or CurrentNotice and is never put together
// by hand. Treat it as read-only: the ledger shares it.
type Notice struct {
	ID              string           `json:"id"`
	Version         string           `json:"version"`  // a later one sorts behind an earlier one as text: a date, for example "2026-11-01"
	SHA256          string           `json:"sha256"`   // of the notice's file, 64 hexadecimal digits
	Language        string           `json:"language"` // BCP 47, for example "en"
	Purpose         string           `json:"purpose"`
	Controller      string           `json:"controller"` // who decides what happens with the data
	Categories      []NoticeCategory `json:"categories"`
	Recipients      []Recipient      `json:"recipients"` // never null; empty when nobody gets anything
	Retention       string           `json:"retention"`
	StorageLocation string           `json:"storage_location"`
	Jurisdiction    string           `json:"jurisdiction"`
	Withdrawal      string           `json:"withdrawal"`
	FreshConsent    bool             `json:"fresh_consent"` // a yes to an earlier version does not count for this one
	Text            string           `json:"text"`          // the whole of it in plain words, paragraphs parted by an empty line

	source []byte // the bytes that SHA256 is the digest of
}

// A NoticeCategory is one kind of data that the notice asks for.
type NoticeCategory struct {
	Name     Category `json:"name"`
	Required bool     `json:"required"` // the feature cannot do without it
	Why      string   `json:"why"`
}

// A Recipient is a third party that gets derived tempo from people who name
// it in their grant.
type Recipient struct {
	Name string `json:"name"`
	Why  string `json:"why"`
}

// Source returns a copy of the bytes that the notice was read from, the ones
// that SHA256 is the digest of.
func (n *Notice) Source() []byte { return bytes.Clone(n.source) }

// maxNoticeWord bounds a version and a language in bytes. Both stand in a
// subject of the ledger, which must not hold dots, spaces or wildcards.
const maxNoticeWord = 32

// maxNotice bounds a notice in bytes. People should be able to read it.
const maxNotice = 64 << 10

// Names stand in metric labels, in addresses and, for recipients, in subjects.
var noticeName = regexp.MustCompile(`^[a-z0-9_-]{1,64}$`)

// ParseNotice reads a notice from JSON. The fields are those of Notice without
// sha256, and text is a list of paragraphs. Every field must be there and must
// say something, but for recipients, and for fresh_consent, which is taken as
// true when it is not there. The notice keeps its own copy of data.
func ParseNotice(data []byte) (*Notice, error) {
	if len(data) > maxNotice {
		return nil, badNotice("it has %d bytes, at most %d are taken", len(data), maxNotice)
	}
	var file struct {
		Notice
		Text         []string `json:"text"`
		FreshConsent *bool    `json:"fresh_consent"`
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&file); err != nil {
		return nil, &Error{Code: CodeBadNotice, Message: "the notice is not the JSON that is expected", cause: err}
	}
	if decoder.More() {
		return nil, badNotice("something follows after its end")
	}
	n := file.Notice
	if n.SHA256 != "" {
		return nil, badNotice("it states a sha256, but a file cannot hold its own digest")
	}
	digest := sha256.Sum256(data)
	n.SHA256 = hex.EncodeToString(digest[:])
	n.Text = strings.Join(file.Text, "\n\n")
	n.FreshConsent = file.FreshConsent == nil || *file.FreshConsent
	n.source = bytes.Clone(data)
	if n.Recipients == nil {
		n.Recipients = []Recipient{}
	}
	if err := n.check(); err != nil {
		return nil, err
	}
	return &n, nil
}

func badNotice(format string, arguments ...any) error {
	return &Error{Code: CodeBadNotice, Message: "the notice cannot be used: " + fmt.Sprintf(format, arguments...)}
}

func (n *Notice) check() error {
	for _, field := range []struct{ name, value string }{
		{"id", n.ID}, {"version", n.Version}, {"language", n.Language}, {"purpose", n.Purpose},
		{"controller", n.Controller}, {"retention", n.Retention}, {"storage_location", n.StorageLocation},
		{"jurisdiction", n.Jurisdiction}, {"withdrawal", n.Withdrawal}, {"text", n.Text},
	} {
		if strings.TrimSpace(field.value) == "" {
			return badNotice("%s is empty", field.name)
		}
	}
	if !isWord(n.Version, maxNoticeWord) || !isWord(n.Language, maxNoticeWord) {
		return badNotice("version and language are 1 to 32 letters, digits, '-' or '_'")
	}
	if len(n.Categories) == 0 {
		return badNotice("categories is empty")
	}
	seen := map[string]bool{}
	for _, c := range n.Categories {
		if err := checkNamed(seen, "category", string(c.Name), c.Why); err != nil {
			return err
		}
	}
	clear(seen)
	for _, r := range n.Recipients {
		if err := checkNamed(seen, "recipient", r.Name, r.Why); err != nil {
			return err
		}
	}
	return nil
}

func checkNamed(seen map[string]bool, kind, name, why string) error {
	switch {
	case !noticeName.MatchString(name):
		return badNotice("the name of a %s is 1 to 64 of a-z, 0-9, '-' and '_'", kind)
	case seen[name]:
		return badNotice("%s %s is there twice", kind, name)
	case strings.TrimSpace(why) == "":
		return badNotice("%s %s does not say why", kind, name)
	}
	seen[name] = true
	return nil
}

// category returns the notice's category of that name, or nil.
func (n *Notice) category(name Category) *NoticeCategory {
	for i := range n.Categories {
		if n.Categories[i].Name == name {
			return &n.Categories[i]
		}
	}
	return nil
}

// The notices that are built in. Each file is named VERSION.LANGUAGE.json, and
// SHA256SUMS holds the digest of each as sha256sum prints it.
//
//go:embed notice
var notices embed.FS

const (
	noticeFolder  = "notice"
	noticeSums    = "SHA256SUMS"
	currentNotice = "2026-11-01.en.json"
)

// CurrentNotice returns the newest notice that is built in, in English. It fails when the file was
// edited and kept its version: people agreed to other words than these.
func CurrentNotice() (*Notice, error) {
	folder, err := fs.Sub(notices, noticeFolder)
	if err != nil {
		return nil, &Error{Code: CodeBadNotice, Message: "the notices that are built in cannot be read", cause: err}
	}
	return loadNotice(folder, currentNotice)
}

// loadNotice reads one notice of a folder and checks it against the digests
// there.
func loadNotice(folder fs.FS, name string) (*Notice, error) {
	data, err := fs.ReadFile(folder, name)
	if err != nil {
		return nil, &Error{Code: CodeBadNotice, Message: "the notice " + name + " cannot be read", cause: err}
	}
	sums, err := fs.ReadFile(folder, noticeSums)
	if err != nil {
		return nil, &Error{Code: CodeBadNotice, Message: "the digests of the notices cannot be read, write them with \"sha256sum *.json > " + noticeSums + "\" in their folder", cause: err}
	}
	n, err := ParseNotice(data)
	if err != nil {
		return nil, err
	}
	if want := n.Version + "." + n.Language + ".json"; name != want {
		return nil, badNotice("the file %s holds the notice that belongs into %s", name, want)
	}
	lines := bufio.NewScanner(bytes.NewReader(sums))
	for lines.Scan() {
		sum, file, _ := strings.Cut(lines.Text(), "  ")
		if path.Base(file) != name {
			continue
		}
		if sum != n.SHA256 {
			return nil, badNotice("%s was edited but kept its version %s, so grants would stand for words that nobody was shown: "+
				"undo the edit, or save it under a new version and add the digest of that file to %s", name, n.Version, noticeSums)
		}
		return n, nil
	}
	return nil, badNotice("%s has no line for %s", noticeSums, name)
}
