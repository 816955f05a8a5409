package consent

// A Receipt is the signed statement of one change, for the person to keep. It
// marshals to JSON.
type Receipt struct {
	ReceiptID string `json:"receipt_id"`
}

// ParseReceipt reads a receipt from JSON.
func ParseReceipt(data []byte) (*Receipt, error) { return nil, errOpening }

// Verify checks the signature with the keys of the ledger that issued it.
func (r *Receipt) Verify(keys KeySet) error { return errOpening }
