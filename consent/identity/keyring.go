package identity

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/tempogate/tempogate/consent/internal/filelock"
	"github.com/tempogate/tempogate/consent/internal/keyfile"
)

const (
	issuerKeyFile  = "identity.key"
	issuerLockFile = "identity.lock"

	pemType       = "PRIVATE KEY" // PKCS #8, RFC 7468 section 10
	retiredHeader = "Retired"     // when a newer key took over

	// RFC 3339 in UTC, the one spelling of a time.
	retiredLayout = "2006-01-02T15:04:05.999999999Z"

	// maxKeys bounds the key file and what a token may make a server try: a
	// month of rotating twice a day.
	maxKeys    = 64
	maxKeyFile = 64 << 10 // bytes; a key takes under 200
)

// A signingKey is one key of the built-in issuer.
type signingKey struct {
	private ed25519.PrivateKey
	id      string    // RFC 7638 thumbprint of the public key, the kid of its tokens
	retired time.Time // zero for the key that signs
}

func newSigningKey(private ed25519.PrivateKey, retired time.Time) signingKey {
	return signingKey{private: private, id: keyfile.Thumbprint(private.Public().(ed25519.PublicKey)), retired: retired}
}

// over reports whether every token that the key could have signed has ended.
func (k *signingKey) over(now time.Time) bool {
	return !k.retired.IsZero() && now.After(k.retired.Add(MaxTTL+clockSkew))
}

// A keyring is what one version of the key file holds.
type keyring struct {
	keys   []signingKey // the one that signs comes first
	digest [sha256.Size]byte
}

// key returns the key with a name, if its tokens can still hold.
func (r *keyring) key(id string, now time.Time) *signingKey {
	for i := range r.keys {
		if r.keys[i].id == id && !r.keys[i].over(now) {
			return &r.keys[i]
		}
	}
	return nil
}

// A keyringFile is the file with the keys of the built-in issuer: one PEM block
// a key, the one that signs first and without headers, so that a file with one
// key is what it was before keys could be rotated.
type keyringFile struct {
	dir string
}

func (f keyringFile) path() string { return filepath.Join(f.dir, issuerKeyFile) }

// read returns the keys in the file. When the file still is what last was read
// from, it returns last.
func (f keyringFile) read(last *keyring) (*keyring, error) {
	file, err := os.Open(f.path())
	if err != nil {
		return nil, fmt.Errorf("identity: key file cannot be read: %w", err)
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, maxKeyFile+1))
	if err != nil {
		return nil, fmt.Errorf("identity: key file cannot be read: %w", err)
	}
	digest := sha256.Sum256(data)
	if last != nil && digest == last.digest {
		return last, nil
	}
	keys, err := parseKeys(data)
	if err != nil {
		return nil, fmt.Errorf("identity: key file %s is damaged (%w): restore it from a copy, or move it away "+
			"to have a new one made, which ends the validity of every token", f.path(), err)
	}
	return &keyring{keys: keys, digest: digest}, nil
}

// open reads the file, and makes it with one key if there is none.
func (f keyringFile) open() (*keyring, error) {
	ring, err := f.read(nil)
	if !errors.Is(err, fs.ErrNotExist) {
		return ring, err
	}
	unlock, err := f.lock()
	if err != nil {
		return nil, err
	}
	defer unlock()
	return f.openLocked()
}

func (f keyringFile) openLocked() (*keyring, error) {
	ring, err := f.read(nil)
	if !errors.Is(err, fs.ErrNotExist) {
		return ring, err
	}
	if _, err := keyfile.Ed25519(f.path()); err != nil {
		return nil, fmt.Errorf("identity: %w", err)
	}
	return f.read(nil)
}

// rotate puts a new key first. The others stay for as long as their tokens can
// hold, or go at once when they are revoked.
func (f keyringFile) rotate(now time.Time, revoke bool) error {
	unlock, err := f.lock()
	if err != nil {
		return err
	}
	defer unlock()
	ring, err := f.openLocked()
	if err != nil {
		return err
	}
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return fmt.Errorf("identity: no key could be made: %w", err)
	}
	keys := []signingKey{newSigningKey(private, time.Time{})}
	for _, k := range ring.keys {
		if k.retired.IsZero() {
			k.retired = now
		}
		if !revoke && !k.over(now) {
			keys = append(keys, k)
		}
	}
	if len(keys) > maxKeys {
		return fmt.Errorf("identity: %d keys have tokens that may still hold, more are not kept: "+
			"rotate later, or end those tokens by revoking", len(ring.keys))
	}
	data, err := formatKeys(keys)
	if err != nil {
		return err
	}
	if err := f.replace(data); err != nil {
		return fmt.Errorf("identity: key file %s cannot be replaced: %w", f.path(), err)
	}
	return nil
}

// lock keeps other processes, and other goroutines, from writing the file until
// unlock is called. Reading needs no lock: the file is replaced as a whole.
func (f keyringFile) lock() (unlock func(), err error) {
	file, err := filelock.Lock(filepath.Join(f.dir, issuerLockFile))
	if err != nil {
		return nil, fmt.Errorf("identity: lock of the key file: %w", err)
	}
	return func() { file.Close() }, nil // closing gives the lock back
}

// replace puts data in place of the file, whole or not at all.
func (f keyringFile) replace(data []byte) (err error) {
	temporary, err := os.CreateTemp(f.dir, "."+issuerKeyFile+".*") // mode 0600
	if err != nil {
		return err
	}
	defer func() {
		temporary.Close()
		if err != nil {
			os.Remove(temporary.Name())
		}
	}()
	if _, err := temporary.Write(data); err != nil {
		return err
	}
	if err := errors.Join(temporary.Sync(), temporary.Close()); err != nil { // Windows renames no open file
		return err
	}
	if err := os.Rename(temporary.Name(), f.path()); err != nil {
		return err
	}
	return keyfile.SyncDir(f.dir)
}

func formatKeys(keys []signingKey) ([]byte, error) {
	var out bytes.Buffer
	for _, k := range keys {
		der, err := x509.MarshalPKCS8PrivateKey(k.private)
		if err != nil {
			return nil, fmt.Errorf("identity: no key could be written: %w", err)
		}
		block := &pem.Block{Type: pemType, Bytes: der}
		if !k.retired.IsZero() {
			block.Headers = map[string]string{retiredHeader: k.retired.UTC().Format(retiredLayout)}
		}
		if err := pem.Encode(&out, block); err != nil {
			return nil, fmt.Errorf("identity: no key could be written: %w", err)
		}
	}
	return out.Bytes(), nil
}

// parseKeys reads what formatKeys wrote. Its errors hold nothing of the data.
func parseKeys(data []byte) ([]signingKey, error) {
	if len(data) > maxKeyFile {
		return nil, fmt.Errorf("over %d bytes", maxKeyFile)
	}
	var keys []signingKey
	for rest := bytes.TrimSpace(data); len(rest) > 0; rest = bytes.TrimSpace(rest) {
		place := fmt.Sprintf("key %d: ", len(keys)+1)
		// The decoder would skip what stands before a block.
		if !bytes.HasPrefix(rest, []byte("-----BEGIN "+pemType+"-----")) {
			return nil, errors.New(place + "no PEM block of type " + pemType)
		}
		var block *pem.Block
		block, rest = pem.Decode(rest)
		if block == nil || block.Type != pemType {
			return nil, errors.New(place + "the PEM block is not whole")
		}
		parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
		if err != nil {
			return nil, errors.New(place + "not a PKCS #8 private key")
		}
		private, ok := parsed.(ed25519.PrivateKey)
		if !ok {
			return nil, errors.New(place + "not an Ed25519 key")
		}
		var retired time.Time
		if text, ok := block.Headers[retiredHeader]; ok {
			if retired, err = time.Parse(retiredLayout, text); err != nil || retired.IsZero() {
				return nil, errors.New(place + "the time in " + retiredHeader + " is none")
			}
		}
		if first := len(keys) == 0; first != retired.IsZero() {
			return nil, errors.New(place + "the first key signs, and every other one has a line " + retiredHeader)
		}
		if len(keys) == maxKeys {
			return nil, fmt.Errorf("over %d keys", maxKeys)
		}
		keys = append(keys, newSigningKey(private, retired))
	}
	if len(keys) == 0 {
		return nil, errors.New("it is empty")
	}
	return keys, nil
}
