package consent

// The codes of an Error. They are stable: clients and operators match on them.
const (
	CodeNoticeChanged     = "notice_changed"     // the yes was given for another notice than the current one
	CodeConsentChanged    = "consent_changed"    // the consent was taken back while the yes was on its way
	CodeUnknownVersion    = "unknown_version"    // no notice of that version was ever shown
	CodeUnknownCategory   = "unknown_category"   // no such category in the notice
	CodeNoCategory        = "no_category"        // a grant that covers nothing
	CodeCategoryRequired  = "category_required"  // a category that the feature cannot do without is missing
	CodeUnknownRecipient  = "unknown_recipient"  // no such recipient in the notice
	CodeNeverAsked        = "never_asked"        // the ledger knows nothing of this person
	CodeBadPrincipal      = "bad_principal"      // the pseudonym has a form that the ledger cannot keep
	CodeBadMethod         = "bad_method"         // the method has a form that the ledger cannot keep
	CodeBadRequestKey     = "bad_request_key"    // the key of a request has a form that the ledger does not take
	CodeRequestKeyReused  = "request_key_reused" // the key came with another request before
	CodeLedgerUnavailable = "ledger_unavailable" // the ledger could not answer or could not keep the change
	CodeLedgerDamaged     = "ledger_damaged"     // history was changed, or a part of it is missing
	CodeBadReceipt        = "bad_receipt"        // not a receipt, or not one that this key signed
	CodeBadNotice         = "bad_notice"         // a notice that is incomplete, or edited without a new version
	CodeBadKey            = "bad_key"            // a key file that cannot be used
	CodeLedgerBusy        = "ledger_busy"        // somebody else is at work on the ledger
	CodeLedgerNotEmpty    = "ledger_not_empty"   // a ledger was to be put where one is
	CodeBadLedgerFile     = "bad_ledger_file"    // not an exported ledger, or not a whole one
	CodeBadConfig         = "bad_config"         // a LedgerConfig that means nothing
)

// An Error is what every function of this package returns when it fails.
//
// Code is one of the Code constants. Message says in plain words what is wrong
// and what to mend; it holds no pseudonym, token or other person's data and
// may be shown to anybody. Unwrap gives the cause, where there is one, which
// is for the log of the operator.
type Error struct {
	Code    string
	Message string

	cause error
}

// Error returns the message and the cause.
func (e *Error) Error() string {
	if e.cause != nil {
		return "consent: " + e.Message + ": " + e.cause.Error()
	}
	return "consent: " + e.Message
}

// Unwrap returns the cause, or nil.
func (e *Error) Unwrap() error { return e.cause }

// Is reports whether target is an Error with the same code, so that
// errors.Is(err, ErrNeverAsked) holds for every error of that code.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code
}

// ErrNeverAsked says that the ledger knows nothing of this person.
var ErrNeverAsked = &Error{Code: CodeNeverAsked, Message: "this person has never been asked"}
