package identity

import (
	"testing"
	"time"
)

func BenchmarkVerify(b *testing.B) {
	b.Run("builtin", func(b *testing.B) {
		issuer := open(b, b.TempDir())
		token := tokenOf(b, issuer, time.Hour)
		for b.Loop() {
			if _, err := issuer.Verify(b.Context(), token); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("provider", func(b *testing.B) {
		provider := startProvider(b)
		verifier := provider.open(provider.config())
		token := provider.sign(nil)
		for b.Loop() {
			if _, err := verifier.Verify(b.Context(), token); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("read-key-file", func(b *testing.B) {
		issuer := open(b, b.TempDir())
		for b.Loop() {
			if _, err := issuer.keys(); err != nil {
				b.Fatal(err)
			}
		}
	})
}
