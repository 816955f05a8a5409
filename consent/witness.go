package consent

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
)

// witnessFile, beside the store, holds the place and the digest of the newest
// entry that this node has acknowledged.
const witnessFile = "ledger.head"

// placeFile, beside it, holds when the witness's file came into being, as the
// disk has it. A copy of the folder holds the same words, and was not born then:
// that tells of a folder that was copied back from yesterday as a whole, with
// its own witness in it. Disks that do not keep the time cannot tell.
const placeFile = "ledger.place"

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

// inPlace checks that the folder is the one that the ledger was last open in,
// and notes that it is.
func (w *witness) inPlace() error {
	born, ok := birth(w.file)
	if !ok {
		return nil
	}
	path := filepath.Join(filepath.Dir(w.path), placeFile)
	text := strconv.FormatInt(born, 10) + "\n"
	known, err := os.ReadFile(path)
	switch {
	case err == nil && string(known) == text:
		return nil
	case err == nil && len(known) > 0 && w.sequence > 0: // without one, nothing is known to have been acknowledged
		return &Error{Code: CodeLedgerDamaged, Message: fmt.Sprintf("the ledger's folder was copied here: what has changed since the copy was made is not in it, "+
			"and withdrawals may be among that; put back the newest copy, and to go on with it, in the knowledge that it is the newest, remove %s", path)}
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return unavailable("the note of where the ledger was cannot be read", err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		return unavailable("the note of where the ledger is cannot be written", err)
	}
	return nil
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
		var ok bool
		if w.sequence, w.digest, ok = parseWitness(data); !ok {
			return &Error{Code: CodeLedgerDamaged, Message: "the note of how far the ledger had come is damaged: " + w.advice()}
		}
	}
	return nil
}

// parseWitness reads the whole of the file. ok is false for anything that note
// does not write.
func parseWitness(data []byte) (sequence uint64, digest string, ok bool) {
	if _, err := fmt.Sscanf(string(data), "%d %s\n", &sequence, &digest); err != nil {
		return 0, "", false
	}
	return sequence, digest, string(data) == fmt.Sprintf(witnessForm, sequence, digest) && len(digest) == len(genesis.String())
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
