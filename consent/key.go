package consent

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
