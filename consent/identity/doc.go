// Package identity says who a bearer token stands for, without keeping who
// that is.
//
// A Provider verifies the tokens of an OpenID Connect provider. An Issuer makes
// and verifies the tokens of the embedded default: JSON Web Tokens signed with
// Ed25519, for operators who have no identity provider of their own. A server
// uses one or the other.
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
// # Keys of a provider
//
// They are found by discovery when a Provider is opened, kept in memory, and
// fetched anew every ten minutes, so that one that was taken out ends. A token
// that names an unknown key makes the Provider ask at once, because providers
// change their keys without notice; but only three times in a row and then once
// in ten seconds, because anybody can name keys that do not exist. While the
// provider is away, known keys go on serving.
//
// # Keys of the built-in issuer
//
// The key file holds the key that signs and those before it. Rotate puts a new
// one first. No token holds for longer than MaxTTL, so a key that was replaced
// so long ago has no token left and is dropped. The file is read for each
// token, which costs a tenth of checking a signature: a running server needs no
// restart and misses no revocation. Writers hold a lock and put a whole new
// file in place of the old, so readers need none.
//
// # Guarantees
//
//   - Whatever algorithm or key a token names, only signatures of known keys
//     are taken, each with the one algorithm of its kind (RS256, ES256, EdDSA):
//     TestTokensOfAProvider, TestForeignTokensAreRefused.
//   - Clocks may be apart by a minute either way, and not more:
//     TestTokensOfAProvider.
//   - A changed key of the provider is found, one that was taken out ends:
//     TestANewKeyOfTheProviderIsFound, TestKeysAreRefreshed.
//   - Made-up keys do not turn a server into a hammer on its provider:
//     TestUnknownKeysAskTheProviderRarely.
//   - A provider that is away stops nobody whose key is known, and is not
//     called a bad token: TestTheProviderIsAway, TestASilentProviderHoldsUpNobody.
//   - Two processes that share a data folder share one key, whoever comes
//     first, and lose none when they rotate at once: TestTwoIssuersOnOneFolder,
//     TestTwoProcessesRotateAtOnce.
//   - A replaced key serves until its last token has ended, a revoked one not
//     once more, in a running server too: TestAnOldKeyServesUntilItsTokensHaveEnded,
//     TestRevokingEndsTokensAtOnce, TestARunningServerFollowsARotation.
//   - No error holds the token, the subject or a part of either:
//     TestTokensOfAProvider, FuzzVerify, FuzzProviderVerify.
package identity
