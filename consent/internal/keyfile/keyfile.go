// Package keyfile keeps keys in files: made once, whole or not at all, and
// read the same by everybody who races for them.
//
// A new key is written to a temporary file, synced, and then linked to its
// name. A link fails when the name exists, so of two processes that start at
// once one makes the key and both read it: see
// TestTwoProcessesAgreeOnOneKey. A crash in between leaves a temporary file
// and no half key.
package keyfile

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"github.com/nats-io/nkeys"
)

// maxFile bounds what is read of a key file: both kinds are under 200 bytes.
const maxFile = 4096

// SecretSize is the length of a secret in bytes, that of a SHA-256 digest.
const SecretSize = sha256.Size

// Ed25519 returns the private key in the PKCS #8 PEM file at path, and makes
// one if the file does not exist. The folder must exist.
func Ed25519(path string) (ed25519.PrivateKey, error) {
	data, err := readOrCreate(path, func() ([]byte, error) {
		_, private, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			return nil, err
		}
		der, err := x509.MarshalPKCS8PrivateKey(private)
		if err != nil {
			return nil, err
		}
		return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
	})
	if err != nil {
		return nil, err
	}
	block, rest := pem.Decode(data)
	if block == nil || block.Type != "PRIVATE KEY" || len(bytes.TrimSpace(rest)) > 0 {
		return nil, corrupt(path, "not one PEM block of type PRIVATE KEY")
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		// The parser's own words may quote what it read.
		return nil, corrupt(path, "not a PKCS #8 private key")
	}
	private, ok := parsed.(ed25519.PrivateKey)
	if !ok {
		return nil, corrupt(path, "not an Ed25519 key")
	}
	return private, nil
}

// Secret returns the SecretSize bytes that the file at path holds as
// hexadecimal digits, and makes them from the system's random source if the
// file does not exist. The folder must exist.
func Secret(path string) ([]byte, error) {
	data, err := readOrCreate(path, func() ([]byte, error) {
		secret := make([]byte, SecretSize)
		if _, err := rand.Read(secret); err != nil {
			return nil, err
		}
		return append(hex.AppendEncode(nil, secret), '\n'), nil
	})
	if err != nil {
		return nil, err
	}
	secret, err := hex.DecodeString(string(bytes.TrimSpace(data)))
	if err != nil || len(secret) != SecretSize {
		return nil, corrupt(path, fmt.Sprintf("not %d hexadecimal digits", 2*SecretSize))
	}
	return secret, nil
}

// Thumbprint returns the name of an Ed25519 public key: the RFC 7638
// thumbprint of its JSON Web Key, SHA-256, base64url without padding.
func Thumbprint(public ed25519.PublicKey) string {
	// RFC 8037, section 2 and appendix A.3: the members crv, kty and x in this order.
	digest := sha256.Sum256([]byte(`{"crv":"Ed25519","kty":"OKP","x":"` + base64.RawURLEncoding.EncodeToString(public) + `"}`))
	return base64.RawURLEncoding.EncodeToString(digest[:])
}

func corrupt(path, why string) error {
	return fmt.Errorf("key file %s is damaged (%s): restore it from a copy, or move it away to have a new one made, which ends the validity of everything made with the old one", path, why)
}

func readOrCreate(path string, generate func() ([]byte, error)) ([]byte, error) {
	data, err := read(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return data, err
	}
	fresh, err := generate()
	if err != nil {
		return nil, fmt.Errorf("key file %s: %w", path, err)
	}
	if err := create(path, fresh); err != nil {
		return nil, fmt.Errorf("key file %s cannot be made: %w", path, err)
	}
	// Read it back in every case: another process may have been first.
	return read(path)
}

func read(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("key file cannot be read: %w", err)
	}
	if !info.Mode().IsRegular() || info.Size() > maxFile {
		return nil, corrupt(path, "not a small regular file")
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("key file cannot be read: %w", err)
	}
	return data, nil
}

// create puts data at path unless something is there already.
func create(path string, data []byte) (err error) {
	dir := filepath.Dir(path)
	temporary, err := os.CreateTemp(dir, "."+filepath.Base(path)+".*") // mode 0600
	if err != nil {
		return err
	}
	defer func() {
		temporary.Close()
		err = errors.Join(err, os.Remove(temporary.Name()))
	}()
	if _, err := temporary.Write(data); err != nil {
		return err
	}
	if err := temporary.Sync(); err != nil {
		return err
	}
	if err := os.Link(temporary.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return SyncDir(dir)
}

// SyncDir makes the names in a folder survive a power failure. Windows, which
// cannot be asked to, keeps them in its journal.
func SyncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// NKey returns the public key of the NATS user whose seed (SU...) is in the file
// at path, and makes one if the file does not exist. The folder must exist. The
// file has the form that the tools of NATS read.
func NKey(path string) (public string, err error) {
	data, err := readOrCreate(path, func() ([]byte, error) {
		pair, err := nkeys.CreateUser()
		if err != nil {
			return nil, err
		}
		seed, err := pair.Seed()
		if err != nil {
			return nil, err
		}
		return append(seed, '\n'), nil
	})
	if err != nil {
		return "", err
	}
	pair, err := nkeys.FromSeed(bytes.TrimSpace(data))
	if err != nil {
		return "", corrupt(path, "not the seed of an nkey")
	}
	defer pair.Wipe()
	if public, err = pair.PublicKey(); err != nil || !nkeys.IsValidPublicUserKey(public) {
		return "", corrupt(path, "not the seed of a user")
	}
	return public, nil
}
