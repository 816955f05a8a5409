package consent

import (
	"slices"
	"time"
)

// A Category is one kind of data that a person may grant or keep back.
type Category string

// The categories of the running mode.
const (
	Acceleration Category = "acceleration" // motion of the phone; the feature cannot do without it
	Location     Category = "location"     // position fixes; optional
)

// A State is where a person's consent stands. The names follow the consent
// states of the W3C Data Privacy Vocabulary.
type State string

// Given is the state of a yes that is in force.
const Given State = "given"

// Invalidated is the state of a yes to words that have changed since in a way
// that needs a new one. Like Expired it is never written down; the gate's
// reason is NoticeChanged.
const Invalidated State = "invalidated"

// The states of a consent that is not in force. They are untyped because each
// is the Reason of a Decision too. Expired is never written down: it is Given
// with its deadline behind it.
const (
	Refused   = "refused"
	Withdrawn = "withdrawn"
	Expired   = "expired"
)

// A Grant is what the ledger holds of one person now. It is a copy: the slices
// belong to the caller.
type Grant struct {
	State         State      `json:"state"`
	Categories    []Category `json:"categories"` // in force, or in force until they expired; otherwise empty
	Recipients    []string   `json:"recipients"` // names of the notice's recipients that may get derived tempo
	NoticeVersion string     `json:"notice_version"`
	NoticeSHA256  string     `json:"notice_sha256"`
	Language      string     `json:"notice_language"`   // of the words that were shown
	GivenAt       time.Time  `json:"given_at,omitzero"` // the last yes; zero when there never was one
	ChangedAt     time.Time  `json:"changed_at"`
	ExpiresAt     time.Time  `json:"expires_at,omitzero"` // zero when nothing is in force
	Revision      uint64     `json:"revision"`            // counts this person's changes from 1

	// Deliveries says who received how much. Watch leaves it out.
	Deliveries []Delivered `json:"deliveries,omitempty"`
}

// Covers reports whether the grant is in force for a category. It knows
// nothing of the current notice and nothing of the ledger's health: to let
// data in, ask Ledger.Decide.
func (g *Grant) Covers(c Category) bool {
	return g.State == Given && slices.Contains(g.Categories, c)
}
