package consent

// A Reason says why a decision came out as it did. The names are stable and
// serve as metric labels.
type Reason string

// The reasons, together with Refused, Withdrawn and Expired.
const (
	Allowed            Reason = "allowed"
	LedgerUnavailable  Reason = "ledger_unavailable" // the ledger cannot answer, so the answer is no
	NeverAsked         Reason = "never_asked"
	NoticeChanged      Reason = "notice_changed"       // given for another notice than the current one
	CategoryNotGranted Reason = "category_not_granted" // in force, but not for this category
)

// A Decision is the gate's answer. The zero value refuses.
type Decision struct {
	Allowed bool
	Reason  Reason
}
