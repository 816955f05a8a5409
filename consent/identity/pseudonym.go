package identity

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"

	"github.com/tempogate/tempogate/consent/internal/keyfile"
)

// pseudonymKeyFile is the file of the pseudonym key in the data folder. To
// lose it is to lose who every grant belongs to.
const pseudonymKeyFile = "pseudonym.key"

// Lower-case letters and digits only, so that a principal can stand in a
// subject of the ledger, in a path and in a file name.
var principalEncoding = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// Pseudonyms turns identities into principals.
type Pseudonyms struct {
	key []byte
}

// OpenPseudonyms reads the pseudonym key under dir, and makes it on first use.
func OpenPseudonyms(dir string) (*Pseudonyms, error) {
	key, err := keyfile.Secret(filepath.Join(dir, pseudonymKeyFile))
	if err != nil {
		return nil, fmt.Errorf("identity: %w", err)
	}
	return &Pseudonyms{key: key}, nil
}

// MovingKey returns the key that a ledger is encrypted under while it is moved to
// nodes that have the same pseudonym key: 32 bytes, derived from that one under
// dir. It makes none: nodes without the key would find nobody in the ledger.
func MovingKey(dir string) ([]byte, error) {
	if _, err := os.Stat(filepath.Join(dir, pseudonymKeyFile)); err != nil {
		return nil, fmt.Errorf("identity: the data directory holds no %s: copy the keys of the nodes there first: %w", pseudonymKeyFile, err)
	}
	pseudonyms, err := OpenPseudonyms(dir)
	if err != nil {
		return nil, err
	}
	return hkdf.Key(sha256.New, pseudonyms.key, nil, "tempogate moved ledger", sha256.Size)
}

// Of returns the principal of a subject of an issuer: 52 characters of a-z and
// 2-7, always the same for the same two and the same key.
func (p *Pseudonyms) Of(issuer, subject string) string {
	mac := hmac.New(sha256.New, p.key)
	// The length keeps ("ab","c") and ("a","bc") apart.
	mac.Write(binary.BigEndian.AppendUint64(nil, uint64(len(issuer))))
	mac.Write([]byte(issuer))
	mac.Write([]byte(subject))
	return principalEncoding.EncodeToString(mac.Sum(nil))
}
