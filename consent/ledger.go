package consent

import (
	"context"
	"log/slog"
	"time"
)

// A LedgerConfig says where the ledger lives and how it judges. The zero value
// keeps it under DefaultDir with the notice that is built in.
type LedgerConfig struct {
	Dir      string           // keys, and the embedded store; DefaultDir when empty
	NATSURL  string           // an external NATS JetStream in place of the embedded store
	Notice   *Notice          // the notice people are asked under; CurrentNotice when nil
	GrantTTL time.Duration    // how long a yes holds; DefaultGrantTTL when 0
	Lease    time.Duration    // how long the ledger answers after it last heard from its store; DefaultLease when 0
	Now      func() time.Time // the clock of grants; time.Now when nil
	Logger   *slog.Logger     // where the ledger reports its health; discarded when nil
}

// A Ledger keeps consent. Its methods may be called from any goroutine.
type Ledger struct{}

// A GiveRequest is a yes.
type GiveRequest struct {
	NoticeVersion string     `json:"notice_version"`
	NoticeSHA256  string     `json:"notice_sha256"`
	Categories    []Category `json:"categories"`
	Recipients    []string   `json:"recipients"`
	Method        string     `json:"-"` // how it was said: 1 to 32 of a-z, 0-9, "_" and "-"
}

var errOpening = &Error{Code: CodeLedgerUnavailable, Message: "the ledger is not open"}

// OpenLedger opens the ledger and rebuilds its state.
func OpenLedger(ctx context.Context, config LedgerConfig) (*Ledger, error) { return nil, errOpening }

// Close stops the ledger.
func (l *Ledger) Close() error { return errOpening }

// Notice returns the notice that people are asked under now.
func (l *Ledger) Notice() *Notice { return nil }

// Keys returns the public keys that verify this ledger's receipts.
func (l *Ledger) Keys() KeySet { return KeySet{} }

// Give records a yes.
func (l *Ledger) Give(ctx context.Context, principal string, request GiveRequest) (*Receipt, error) {
	return nil, errOpening
}

// Refuse records a no.
func (l *Ledger) Refuse(ctx context.Context, principal string, method string) (Grant, error) {
	return Grant{}, errOpening
}

// Withdraw takes back a yes.
func (l *Ledger) Withdraw(ctx context.Context, principal string, method string, categories ...Category) (Grant, error) {
	return Grant{}, errOpening
}

// Grant returns where a person's consent stands.
func (l *Ledger) Grant(principal string) (Grant, error) { return Grant{}, errOpening }

// History returns every change of a person's consent, oldest first.
func (l *Ledger) History(ctx context.Context, principal string) ([]Change, error) {
	return nil, errOpening
}

// Receipt returns the signed receipt of a person's newest change.
func (l *Ledger) Receipt(ctx context.Context, principal string) (*Receipt, error) {
	return nil, errOpening
}

// Decide is the gate.
func (l *Ledger) Decide(principal string, c Category) Decision {
	return Decision{Reason: LedgerUnavailable}
}

// Watch calls told for each change of a person's consent.
func (l *Ledger) Watch(principal string, told func(Grant)) (stop func()) { return func() {} }

// Healthy returns nil, or why the ledger cannot answer.
func (l *Ledger) Healthy() error { return errOpening }
