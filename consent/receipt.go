package consent

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"time"

	"github.com/gowebpki/jcs"
)

// ReceiptSchema is the version of the receipt's fields.
const ReceiptSchema = "tempogate-receipt-1"

// maxReceipt bounds a receipt that is read, in bytes. One that a ledger made
// has about 2 KB.
const maxReceipt = 64 << 10

// A Receipt is the signed statement of one change of one person's consent, for
// that person to keep. The names and their meaning follow the consent record of
// ISO/IEC TS 27560:2023; docs/consent.md says which field comes from where.
//
// The signature is Ed25519 (RFC 8032) over the canonical JSON (RFC 8785) of the
// receipt without the member "value" of "signature".
type Receipt struct {
	SchemaVersion string `json:"schema_version"`
	ReceiptID     string `json:"receipt_id"`       // one a change
	RecordID      string `json:"record_id"`        // one a person
	Principal     string `json:"pii_principal_id"` // the record: a pseudonym that means something to this ledger alone

	Notice          ReceiptNotice       `json:"privacy_notice"`
	Language        string              `json:"language"`
	Purpose         string              `json:"purpose"`
	LawfulBasis     string              `json:"lawful_basis"`
	Data            []ReceiptData       `json:"pii_information"` // in force after the change; empty after a no
	Controllers     []ReceiptController `json:"pii_controllers"`
	Recipients      []ReceiptRecipient  `json:"recipient_third_parties"` // in force after the change
	StorageLocation []string            `json:"storage_locations"`
	Jurisdiction    string              `json:"jurisdiction"`
	Retention       string              `json:"retention_period"`
	Withdrawal      string              `json:"withdrawal_method"`

	Event     ReceiptEvent     `json:"event"`
	Ledger    ReceiptLedger    `json:"ledger"`
	Signature ReceiptSignature `json:"signature"`
}

// A ReceiptNotice names the words that the person was shown.
type ReceiptNotice struct {
	ID      string `json:"id"`
	Version string `json:"version"`
	SHA256  string `json:"sha256"`
}

// A ReceiptData is one kind of data that may be taken in.
type ReceiptData struct {
	Type     Category `json:"pii_type"`
	Optional bool     `json:"pii_optional"`
}

// A ReceiptController decides what happens with the data.
type ReceiptController struct {
	Name string `json:"party_name"`
	Role string `json:"party_role"`
}

// A ReceiptRecipient gets what is derived from the data.
type ReceiptRecipient struct {
	Name string `json:"party_name"`
	Role string `json:"party_role"`
}

// A ReceiptEvent is the change itself.
type ReceiptEvent struct {
	Time       time.Time  `json:"event_time"`
	Type       string     `json:"event_type"`                  // the kind of consent: explicit
	State      State      `json:"event_state"`                 // where the change left it
	Entity     string     `json:"entity_id"`                   // who acted: the data subject
	Change     Event      `json:"change"`                      // given, renewed, refused, withdrawn or erased
	TakenBack  []Category `json:"taken_back,omitempty"`        // what a withdrawal ended
	Method     string     `json:"method"`                      // how it was said
	Validity   string     `json:"validity_duration,omitempty"` // ISO 8601, from the yes to its end; none after a no
	ValidUntil time.Time  `json:"valid_until,omitzero"`        // none after a no
}

// A ReceiptLedger is the receipt's place in the ledger. A ledger that does not
// hold this digest at this place is not the one that the receipt came from, or
// has been cut or changed since.
type ReceiptLedger struct {
	Sequence uint64 `json:"sequence"`
	SHA256   string `json:"sha256"`
}

// A ReceiptSignature says who signed, and how.
type ReceiptSignature struct {
	Algorithm string `json:"alg"` // "EdDSA"
	KeyID     string `json:"kid"` // RFC 7638 thumbprint of the public key
	Value     string `json:"value,omitempty"`
}

// sign makes the receipt of an entry.
func (s *signer) sign(n *Notice, e *changeEntry, sequence uint64, own digest) (*Receipt, error) {
	record := sha256.Sum256([]byte("tempogate consent record\n" + e.Record))
	r := &Receipt{
		SchemaVersion:   ReceiptSchema,
		ReceiptID:       identifier(own),
		RecordID:        identifier(record),
		Principal:       e.Record,
		Notice:          ReceiptNotice{n.ID, n.Version, n.SHA256},
		Language:        n.Language,
		Purpose:         n.Purpose,
		LawfulBasis:     "consent",
		Data:            make([]ReceiptData, 0, len(e.Categories)),
		Controllers:     []ReceiptController{{n.Controller, "controller"}},
		Recipients:      make([]ReceiptRecipient, 0, len(e.Recipients)),
		StorageLocation: []string{n.StorageLocation},
		Jurisdiction:    n.Jurisdiction,
		Retention:       n.Retention,
		Withdrawal:      n.Withdrawal,
		Event: ReceiptEvent{
			Time: e.At, Type: "explicit", State: e.State, Entity: "data_subject",
			Change: e.Event, TakenBack: e.TakenBack, Method: e.Method, ValidUntil: e.ExpiresAt,
		},
		Ledger:    ReceiptLedger{sequence, own.String()},
		Signature: ReceiptSignature{Algorithm: keyAlgorithm, KeyID: s.keyID},
	}
	for _, c := range e.Categories {
		named := n.category(c)
		r.Data = append(r.Data, ReceiptData{c, named == nil || !named.Required})
	}
	for _, name := range e.Recipients {
		r.Recipients = append(r.Recipients, ReceiptRecipient{name, "recipient"})
	}
	if !e.ExpiresAt.IsZero() {
		r.Event.Validity = fmt.Sprintf("PT%dS", int64(e.ExpiresAt.Sub(e.GivenAt)/time.Second))
	}
	signed, err := r.signed()
	if err != nil {
		return nil, &Error{Code: CodeBadReceipt, Message: "the receipt cannot be signed", cause: err}
	}
	r.Signature.Value = base64.RawURLEncoding.EncodeToString(ed25519.Sign(s.private, signed))
	return r, nil
}

// identifier shapes a digest as a UUID of version 8 (RFC 9562): unique because
// the digest is, and the same each time.
func identifier(d digest) string {
	b := d[:16]
	return fmt.Sprintf("%x-%x-8%03x-%x-%x", b[0:4], b[4:6], (uint16(b[6])<<8|uint16(b[7]))&0x0fff,
		[]byte{b[8]&0x3f | 0x80, b[9]}, b[10:16])
}

// signed returns the bytes that the signature is made over.
func (r *Receipt) signed() ([]byte, error) {
	bare := *r
	bare.Signature.Value = ""
	return bare.Canonical()
}

// Canonical returns the receipt as canonical JSON (RFC 8785).
func (r *Receipt) Canonical() ([]byte, error) {
	encoded, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	return jcs.Transform(encoded)
}

// ParseReceipt reads a receipt from JSON, in any layout. It refuses what it
// would not write itself (unknown, missing or doubled fields), because Verify
// could not speak for that. It does not check the signature: call Verify.
func ParseReceipt(data []byte) (*Receipt, error) {
	if len(data) > maxReceipt {
		return nil, badReceipt("it has %d bytes, at most %d are taken", len(data), maxReceipt)
	}
	given, err := jcs.Transform(data)
	if err != nil {
		return nil, badReceipt("it is not JSON, or names a field twice")
	}
	var r Receipt
	if err := json.Unmarshal(given, &r); err != nil {
		return nil, badReceipt("it does not have the fields of a receipt")
	}
	if r.SchemaVersion != ReceiptSchema {
		return nil, badReceipt("its schema_version is not %s", ReceiptSchema)
	}
	own, err := r.Canonical()
	if err != nil || !bytes.Equal(own, given) {
		return nil, badReceipt("it does not have exactly the fields of a receipt")
	}
	return &r, nil
}

// Verify checks that one of the keys signed exactly this receipt. It needs
// nothing else, no ledger and no network. It fails with bad_receipt.
func (r *Receipt) Verify(keys KeySet) error {
	if r.Signature.Algorithm != keyAlgorithm {
		return badReceipt("it is signed with another algorithm than %s", keyAlgorithm)
	}
	public, ok := keys.find(r.Signature.KeyID)
	if !ok {
		return badReceipt("none of the keys is the one that it names as its own: use the keys of the server that issued it")
	}
	value, err := base64.RawURLEncoding.Strict().DecodeString(r.Signature.Value)
	if err != nil {
		return badReceipt("its signature is not base64url")
	}
	signed, err := r.signed()
	if err != nil {
		return badReceipt("it has no canonical form")
	}
	if !ed25519.Verify(public, signed, value) {
		return badReceipt("its signature does not fit: it was changed after it was signed")
	}
	return nil
}

func badReceipt(format string, arguments ...any) error {
	return &Error{Code: CodeBadReceipt, Message: "the receipt cannot be relied on: " + fmt.Sprintf(format, arguments...)}
}
