package consent

import "time"

// An Event is what a change did.
type Event string

// The events.
const (
	EventGiven     Event = "given"     // the first yes, or a yes after a no
	EventRenewed   Event = "renewed"   // a yes while one was in force
	EventRefused   Event = "refused"   // asked and declined
	EventWithdrawn Event = "withdrawn" // taken back, wholly or for some categories
	EventErased    Event = "erased"    // nothing leads from the person to the record any more
)

// A Change is one entry of the ledger: what one person did, and where it left
// the consent. It is a copy: the slices belong to the caller.
type Change struct {
	Sequence      uint64     `json:"sequence"`             // place in the whole ledger
	Revision      uint64     `json:"revision"`             // counts this person's changes from 1
	Event         Event      `json:"event"`                // what happened
	State         State      `json:"state"`                // where it left the consent
	At            time.Time  `json:"at"`                   // when, UTC, whole milliseconds
	Method        string     `json:"method"`               // how it was said, for example "http" or "stream"
	Categories    []Category `json:"categories"`           // in force afterwards
	TakenBack     []Category `json:"taken_back,omitempty"` // what a withdrawal took out of force
	Recipients    []string   `json:"recipients"`           // named afterwards
	NoticeID      string     `json:"notice_id"`
	NoticeVersion string     `json:"notice_version"`
	NoticeSHA256  string     `json:"notice_sha256"`
	Language      string     `json:"notice_language"`     // of the words that were shown
	GivenAt       time.Time  `json:"given_at,omitzero"`   // the last yes; zero when there never was one
	ExpiresAt     time.Time  `json:"expires_at,omitzero"` // zero when nothing is in force
	Previous      string     `json:"previous_sha256"`     // digest of the entry before it in the whole ledger
	SHA256        string     `json:"sha256"`              // digest of this entry
}
