package consent

import (
	"context"
	"slices"
	"time"
)

// ExportSchema is the version of the fields of an Export.
const ExportSchema = "tempogate-export-1"

// An Export is all that the ledger knows of one person, as of one moment: the
// parts agree with each other. Apart from it the server keeps nothing of anybody
// beyond a session.
type Export struct {
	SchemaVersion string    `json:"schema_version"`
	ExportedAt    time.Time `json:"exported_at"`
	Principal     string    `json:"pii_principal_id"` // the record that all of it is kept under
	Grant         Grant     `json:"grant"`
	History       []Change  `json:"history"` // every change, oldest first
	Receipt       *Receipt  `json:"receipt"` // of the newest change
	Notices       []*Notice `json:"notices"` // the words of each answer in History, in the order of the first
}

// Export returns all that is known of a person. It fails with never_asked or
// ledger_unavailable.
func (l *Ledger) Export(ctx context.Context, principal string) (*Export, error) {
	p, err := l.personInStore(ctx, principal)
	if err != nil {
		return nil, err
	}
	// Everything is read as of the entry that p came from, however many follow
	// meanwhile.
	e := &Export{SchemaVersion: ExportSchema, ExportedAt: l.clock(), Principal: p.who.record(), Grant: l.grantOf(p)}
	if e.History, err = l.historyOf(ctx, p); err != nil {
		return nil, err
	}
	if e.Receipt, err = l.receiptOf(ctx, p); err != nil {
		return nil, err
	}
	for _, c := range e.History {
		n := l.onRecord(c.NoticeSHA256)
		if n != nil && !slices.Contains(e.Notices, n.Notice) {
			e.Notices = append(e.Notices, n.Notice)
		}
	}
	return e, nil
}
