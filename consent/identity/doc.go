// Package identity says who a bearer token stands for, without keeping who
// that is.
//
// An Issuer makes and verifies the tokens of the embedded default: JSON Web
// Tokens signed with Ed25519, for operators who have no identity provider of
// their own.
//
// # Pseudonyms
//
// The rest of the project knows a person only as a principal, 52 characters
// computed as
//
//	principal = base32(HMAC-SHA256(key, length of issuer, issuer, subject))
//
// with a key that is kept in the data folder and nowhere else. Who has the
// ledger but not the key cannot find out whether somebody is in it, not even
// by trying every name. The subject itself is kept nowhere and is in no error
// text.
//
// # Guarantees
//
//   - Only Ed25519 signatures of this issuer's key are taken, whatever
//     algorithm or key a token names: TestForeignTokensAreRefused.
//   - Two processes that share a data folder share one key, whoever comes
//     first: TestTwoIssuersOnOneFolder.
//   - No error holds the token or a part of it: FuzzVerify.
package identity
