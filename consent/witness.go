package consent

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// witnessFile, beside the store, holds the place and the digest of the newest
// entry that this node has acknowledged.
const witnessFile = "ledger.head"

// A witness remembers how far the ledger had come. The store cuts itself short
// where it finds its files damaged, and a folder may be copied back from
// yesterday: in both cases the chain is whole as far as it goes, and
// withdrawals are missing at its end. The witness knows of them.
//
// It is written without a sync, so after a power failure it may be behind, but
// never ahead of what is on disk.
type witness struct {
	path     string
	file     *os.File
	sequence uint64 // as found at the opening, 0 when there was none
	digest   string
}

// witnessForm is the whole of the file. It always has the same length, so that
// one write replaces it.
const witnessForm = "%020d %s\n"

func openWitness(path string) (*witness, error) {
	w := &witness{path: path}
	err := w.read()
	if err != nil {
		return nil, err
	}
	if w.file, err = os.OpenFile(path, os.O_WRONLY|os.O_CREATE, 0o600); err != nil {
		return nil, unavailable("the note of how far the ledger had come cannot be written", err)
	}
	return w, nil
}

// read finds out how far the ledger had come.
func (w *witness) read() error {
	data, err := os.ReadFile(w.path)
	switch {
	case errors.Is(err, fs.ErrNotExist), err == nil && len(bytes.Trim(data, "\x00")) == 0:
		// Nothing yet, or nothing that came to the disk before a power failure.
	case err != nil:
		return unavailable("the note of how far the ledger had come cannot be read", err)
	default:
		if _, err := fmt.Sscanf(string(data), "%d %s\n", &w.sequence, &w.digest); err != nil ||
			string(data) != fmt.Sprintf(witnessForm, w.sequence, w.digest) || len(w.digest) != len(genesis.String()) {
			return &Error{Code: CodeLedgerDamaged, Message: "the note of how far the ledger had come is damaged: " + w.advice()}
		}
	}
	return nil
}

func (w *witness) advice() string {
	return fmt.Sprintf("put back the newest copy of the ledger's folder; "+
		"to go on without what is missing, in the knowledge that withdrawals may be among it, remove %s", w.path)
}

// saw compares an entry that the store holds with the one that was found there
// before.
func (w *witness) saw(sequence uint64, body []byte) error {
	if sequence != w.sequence || digest(sha256.Sum256(body)).String() == w.digest {
		return nil
	}
	return damaged(sequence, "it is another entry than the one that was acknowledged: %s", w.advice())
}

// reached checks that the store goes as far as it had.
func (w *witness) reached(sequence uint64) error {
	if sequence >= w.sequence {
		return nil
	}
	return damaged(sequence+1, "the store ends before it, although entry %d had been acknowledged: %s", w.sequence, w.advice())
}

// note remembers an entry that is about to be acknowledged.
func (w *witness) note(sequence uint64, own digest) error {
	_, err := w.file.WriteAt(fmt.Appendf(nil, witnessForm, sequence, own), 0)
	return err
}

func (w *witness) close() error { return w.file.Close() }
