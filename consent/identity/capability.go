package identity

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/tempogate/tempogate/consent/internal/keyfile"
)

// capabilityKeyFile is the file of the key that seals capabilities. To lose it
// only ends the ones that are out.
const capabilityKeyFile = "capability.key"

// ErrBadCapability is returned by Open for what was not sealed here, or has
// ended.
var ErrBadCapability = errors.New("identity: the link is not one of this server, or has ended: make a new one")

// A Capability lets whoever has it do one thing for one person: push readings.
// It is for apps that can keep an address and no token.
type Capability struct {
	ID        uint64    // tells the links of a person apart
	Principal string    // for whom
	GivenAt   time.Time // of the consent that it was made under, to the millisecond
	ExpiresAt time.Time // to the second
}

// Capabilities seals and opens capabilities. Its methods may be called from
// any goroutine.
type Capabilities struct {
	seal cipher.AEAD
}

// OpenCapabilities reads the key under dir, and makes it on first use. Servers
// that share a ledger need the same one.
func OpenCapabilities(dir string) (*Capabilities, error) {
	if err := makeFolder(dir); err != nil {
		return nil, err
	}
	key, err := keyfile.Secret(filepath.Join(dir, capabilityKeyFile))
	if err != nil {
		return nil, fmt.Errorf("identity: %w", err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("identity: capability key: %w", err)
	}
	seal, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, fmt.Errorf("identity: capability key: %w", err)
	}
	return &Capabilities{seal: seal}, nil
}

const capabilityHead = 8 + 8 + 8 // ID, GivenAt in milliseconds, ExpiresAt in seconds

// Seal returns a new capability as it stands in an address: letters, digits, -
// and _. It says nothing about the person to whoever sees it. The ID is picked
// at random.
func (c *Capabilities) Seal(capability Capability) string {
	text := make([]byte, capabilityHead, capabilityHead+len(capability.Principal))
	rand.Read(text[:8])
	binary.BigEndian.PutUint64(text[8:], uint64(capability.GivenAt.UnixMilli()))
	binary.BigEndian.PutUint64(text[16:], uint64(capability.ExpiresAt.Unix()))
	text = append(text, capability.Principal...)
	return base64.RawURLEncoding.EncodeToString(c.seal.Seal(nil, nil, text, nil))
}

// Open returns what a capability stands for. It fails with ErrBadCapability for
// one that was not sealed with this key or has expired.
func (c *Capabilities) Open(sealed string) (Capability, error) {
	if len(sealed) > maxToken {
		return Capability{}, ErrBadCapability
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(sealed)
	if err != nil {
		return Capability{}, ErrBadCapability
	}
	text, err := c.seal.Open(nil, nil, raw, nil)
	if err != nil || len(text) <= capabilityHead {
		return Capability{}, ErrBadCapability
	}
	capability := Capability{
		ID:        binary.BigEndian.Uint64(text),
		GivenAt:   time.UnixMilli(int64(binary.BigEndian.Uint64(text[8:]))).UTC(),
		ExpiresAt: time.Unix(int64(binary.BigEndian.Uint64(text[16:])), 0).UTC(),
		Principal: string(text[capabilityHead:]),
	}
	if !time.Now().Before(capability.ExpiresAt) {
		return Capability{}, ErrBadCapability
	}
	return capability, nil
}
