package consent

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"

	"github.com/tempogate/tempogate/consent/internal/keyfile"
)

// A KeySet is a JSON Web Key Set (RFC 7517) of Ed25519 public keys (RFC 8037):
// what anybody needs to verify a receipt.
type KeySet struct {
	Keys []Key `json:"keys"`
}

// A Key is one Ed25519 public key.
type Key struct {
	KeyType   string `json:"kty"` // "OKP"
	Curve     string `json:"crv"` // "Ed25519"
	X         string `json:"x"`   // 32 bytes, base64url without padding
	KeyID     string `json:"kid"` // RFC 7638 thumbprint of the key
	Use       string `json:"use"` // "sig"
	Algorithm string `json:"alg"` // "EdDSA"
}

const (
	keyType      = "OKP"
	keyCurve     = "Ed25519"
	keyAlgorithm = "EdDSA"

	receiptKeyFile = "receipt.key"
)

// ParseKeys reads a key set from JSON. Keys of other kinds, and members that a
// key set may have besides, are passed over.
func ParseKeys(data []byte) (KeySet, error) {
	var set KeySet
	if err := json.Unmarshal(data, &set); err != nil {
		return KeySet{}, &Error{Code: CodeBadKey, Message: "the keys are not a JSON Web Key Set", cause: err}
	}
	for _, k := range set.Keys {
		if _, ok := k.public(); ok {
			return set, nil
		}
	}
	return KeySet{}, &Error{Code: CodeBadKey, Message: "the key set holds no Ed25519 key"}
}

// find returns the public key of that name. A name that is not the key's own
// thumbprint finds nothing.
func (s KeySet) find(keyID string) (ed25519.PublicKey, bool) {
	for _, k := range s.Keys {
		if public, ok := k.public(); ok && k.KeyID == keyID && keyfile.Thumbprint(public) == keyID {
			return public, true
		}
	}
	return nil, false
}

func (k Key) public() (ed25519.PublicKey, bool) {
	x, err := base64.RawURLEncoding.DecodeString(k.X)
	if err != nil || k.KeyType != keyType || k.Curve != keyCurve || len(x) != ed25519.PublicKeySize {
		return nil, false
	}
	return x, true
}

// Keys returns the public keys that verify this ledger's receipts.
func (l *Ledger) Keys() KeySet { return l.signer.keys() }

// A signer signs receipts.
type signer struct {
	private ed25519.PrivateKey
	keyID   string
}

// openSigner reads the key at path, and makes it on first use.
func openSigner(path string) (*signer, error) {
	private, err := keyfile.Ed25519(path)
	if err != nil {
		return nil, &Error{Code: CodeBadKey, Message: "the key that signs receipts cannot be used", cause: err}
	}
	return &signer{private, keyfile.Thumbprint(private.Public().(ed25519.PublicKey))}, nil
}

func (s *signer) keys() KeySet {
	public := s.private.Public().(ed25519.PublicKey)
	return KeySet{Keys: []Key{{
		KeyType: keyType, Curve: keyCurve, X: base64.RawURLEncoding.EncodeToString(public),
		KeyID: s.keyID, Use: "sig", Algorithm: keyAlgorithm,
	}}}
}
