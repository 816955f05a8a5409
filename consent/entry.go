package consent

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"time"
)

// The subjects of the stream. A person has one, and so has each notice in each
// language.
const (
	changeSubject = "consent."
	noticeSubject = "notice."
)

// The subjects of the register: who is behind a record, and what recipients
// got.
const (
	personSubject   = "person."
	receivedSubject = "received."
)

// entryFormat is the version of the entries below. An entry of a higher one is
// refused, because it may mean something that this code would get wrong.
const entryFormat = 2

// maxEntry bounds one entry in bytes: a notice, escaped once more, and some.
const maxEntry = 4 * maxNotice

// A digest stands for one entry and, through the chain, for all before it.
type digest [sha256.Size]byte

func (d digest) String() string { return hex.EncodeToString(d[:]) }

// genesis stands before the first entry.
var genesis digest

// A changeEntry is one change of one person's consent as the stream keeps it.
// The names are part of the ledger's format. Nothing in it leads to the person:
// that is what the register is for.
type changeEntry struct {
	Format        int        `json:"format"`
	Previous      string     `json:"previous_sha256"`
	Record        string     `json:"record"`
	Revision      uint64     `json:"revision"`
	Event         Event      `json:"event"`
	State         State      `json:"state"`
	At            time.Time  `json:"at"`
	Method        string     `json:"method"`
	Categories    []Category `json:"categories"`
	TakenBack     []Category `json:"taken_back,omitempty"`
	Recipients    []string   `json:"recipients"`
	NoticeVersion string     `json:"notice_version"`
	NoticeSHA256  string     `json:"notice_sha256"`
	GivenAt       time.Time  `json:"given_at,omitzero"`
	ExpiresAt     time.Time  `json:"expires_at,omitzero"`
	RequestKey    string     `json:"request_key_sha256,omitempty"` // of the record and the key that the request came with
	Request       string     `json:"request_sha256,omitempty"`     // of what that request asked for
}

// A noticeEntry keeps the very words that people were asked under, so that the
// ledger can be read without the program that wrote it.
type noticeEntry struct {
	Format   int       `json:"format"`
	Previous string    `json:"previous_sha256"`
	At       time.Time `json:"at"`
	SHA256   string    `json:"notice_sha256"`
	Source   string    `json:"notice"`
}

// change returns the entry as callers see it.
func (e *changeEntry) change(sequence uint64, own digest, n *Notice) Change {
	return Change{
		Sequence: sequence, Revision: e.Revision, Event: e.Event, State: e.State, At: e.At, Method: e.Method,
		Categories: e.Categories, TakenBack: e.TakenBack, Recipients: e.Recipients,
		NoticeID: n.ID, Language: n.Language, NoticeVersion: e.NoticeVersion, NoticeSHA256: e.NoticeSHA256,
		GivenAt: e.GivenAt, ExpiresAt: e.ExpiresAt,
		Previous: e.Previous, SHA256: own.String(),
	}
}

func (n *Notice) subject() string { return noticeSubject + n.Version + "." + n.Language }

// maxPrincipal bounds a principal in bytes.
const maxPrincipal = 128

// isWord reports whether text can stand as one word of a subject: 1 to longest
// letters, digits, '-' or '_'. It is asked of every entry at every start, which
// a regular expression would make noticeable.
func isWord[T string | []byte](text T, longest int) bool {
	for i := range len(text) {
		switch c := text[i]; {
		case '0' <= c && c <= '9', 'A' <= c && c <= 'Z', 'a' <= c && c <= 'z', c == '_', c == '-':
		default:
			return false
		}
	}
	return 0 < len(text) && len(text) <= longest
}

// methodForm keeps what a caller says about itself short and printable.
var methodForm = regexp.MustCompile(`^[a-z0-9_-]{1,32}$`)

func checkPrincipal(principal string) error {
	if !isWord(principal, maxPrincipal) {
		return &Error{Code: CodeBadPrincipal, Message: "a principal is 1 to 128 letters, digits, '-' or '_'"}
	}
	return nil
}

func checkMethod(method string) error {
	if !methodForm.MatchString(method) {
		return &Error{Code: CodeBadMethod, Message: "a method is 1 to 32 of a-z, 0-9, '-' and '_'"}
	}
	return nil
}

// encodeEntry returns the bytes that the stream keeps and that the chain is
// computed over.
func encodeEntry(entry any) ([]byte, error) {
	body, err := json.Marshal(entry)
	if err != nil {
		return nil, fmt.Errorf("entry cannot be encoded: %w", err)
	}
	if len(body) > maxEntry {
		return nil, fmt.Errorf("entry has %d bytes, at most %d are taken", len(body), maxEntry)
	}
	return body, nil
}

// decodeChange reads an entry of a person. The error never quotes it.
func decodeChange(subject string, body []byte) (*changeEntry, error) {
	var e changeEntry
	if err := json.Unmarshal(body, &e); err != nil {
		return nil, fmt.Errorf("not the JSON of a change")
	}
	e.State = known(e.State)
	switch {
	case e.Format != entryFormat:
		return nil, fmt.Errorf("written in format %d, this program reads format %d", e.Format, entryFormat)
	case subject != changeSubject+e.Record || checkPrincipal(e.Record) != nil:
		return nil, fmt.Errorf("filed under another record than it names")
	case e.State == "":
		return nil, fmt.Errorf("not a state that is ever written down")
	case e.State == Given && (len(e.Categories) == 0 || e.GivenAt.IsZero() || !inNanoseconds(e.ExpiresAt)):
		return nil, fmt.Errorf("a yes without categories or times")
	case e.Event == EventErased && e.State == Given:
		return nil, fmt.Errorf("a yes of nobody")
	case e.State != Given && (len(e.Categories) > 0 || len(e.Recipients) > 0 || !e.ExpiresAt.IsZero()):
		return nil, fmt.Errorf("a no with something in force")
	}
	return &e, nil
}

// known returns the state of that name that is written down, as the constant,
// so that nobody's copy of the word is kept; and nothing for any other.
func known(s State) State {
	for _, k := range []State{Given, Refused, Withdrawn} {
		if s == k {
			return k
		}
	}
	return ""
}

// inNanoseconds reports whether a time is one that 64 bits of nanoseconds since
// 1970 can tell: up to the year 2262.
func inNanoseconds(at time.Time) bool {
	return at.Year() > 1970 && at.Year() < 2262
}

// decodeNotice reads an entry that holds a notice.
func decodeNotice(subject string, body []byte) (*noticeEntry, *Notice, error) {
	var e noticeEntry
	if err := json.Unmarshal(body, &e); err != nil {
		return nil, nil, fmt.Errorf("not the JSON of a notice's entry")
	}
	if e.Format != entryFormat {
		return nil, nil, fmt.Errorf("written in format %d, this program reads format %d", e.Format, entryFormat)
	}
	n, err := ParseNotice([]byte(e.Source))
	if err != nil {
		return nil, nil, err
	}
	if n.SHA256 != e.SHA256 || subject != n.subject() {
		return nil, nil, fmt.Errorf("holds another notice than it states")
	}
	return &e, n, nil
}

// isNotice reports whether an entry of this subject holds a notice.
func isNotice(subject string) bool { return strings.HasPrefix(subject, noticeSubject) }
