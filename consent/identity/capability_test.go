package identity

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tempogate/tempogate/consent/internal/keyfile"
)

func TestCapabilities(t *testing.T) {
	dir := t.TempDir()
	capabilities, err := OpenCapabilities(dir)
	if err != nil {
		t.Fatal(err)
	}
	meant := Capability{
		Principal: strings.Repeat("abcd", 13),
		GivenAt:   time.Date(2026, 11, 1, 12, 0, 0, 123e6, time.UTC),
		ExpiresAt: time.Now().Add(time.Hour).Truncate(time.Second).UTC(),
	}
	sealed := capabilities.Seal(meant)
	again, err := OpenCapabilities(dir) // after a restart
	if err != nil {
		t.Fatal(err)
	}
	got, err := again.Open(sealed)
	if err != nil {
		t.Fatal(err)
	}
	meant.ID = got.ID
	if got != meant {
		t.Errorf("%+v, want %+v", got, meant)
	}
	other, err := capabilities.Open(capabilities.Seal(meant))
	if err != nil || other.ID == got.ID {
		t.Errorf("two capabilities of a person have one ID (%v)", err)
	}

	foreign, err := OpenCapabilities(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	meant.ExpiresAt = time.Now().Add(-time.Second)
	flipped := []byte(sealed)
	flipped[len(flipped)/2] ^= 1
	for name, bad := range map[string]string{
		"empty":           "",
		"not base64":      "%%%",
		"short":           "abcd",
		"cut short":       sealed[:len(sealed)-4],
		"one bit flipped": string(flipped),
		"another key":     foreign.Seal(got),
		"expired":         capabilities.Seal(meant),
		"very long":       strings.Repeat("a", 1<<20),
	} {
		if _, err := capabilities.Open(bad); !errors.Is(err, ErrBadCapability) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FuzzOpenCapability: nothing opens but what was sealed. The key is fixed, because
// each process of a fuzzer makes its own.
func FuzzOpenCapability(f *testing.F) {
	dir := f.TempDir()
	if err := os.WriteFile(filepath.Join(dir, capabilityKeyFile), []byte(strings.Repeat("07", keyfile.SecretSize)), 0o600); err != nil {
		f.Fatal(err)
	}
	capabilities, err := OpenCapabilities(dir)
	if err != nil {
		f.Fatal(err)
	}
	far := time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)
	f.Add(capabilities.Seal(Capability{Principal: "anna", ExpiresAt: far}))
	f.Add(capabilities.Seal(Capability{Principal: "", ExpiresAt: far}))
	f.Add("")
	f.Fuzz(func(t *testing.T, sealed string) {
		if c, err := capabilities.Open(sealed); err == nil && (c.Principal != "anna" || !c.ExpiresAt.Equal(far)) {
			t.Error("a capability that was never sealed")
		}
	})
}
