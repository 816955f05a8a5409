package keyfile

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

func TestAKeyIsMadeOnceAndReadAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "k")
	first, err := Ed25519(path)
	if err != nil {
		t.Fatal(err)
	}
	second, err := Ed25519(path)
	if err != nil {
		t.Fatal(err)
	}
	if !first.Equal(second) {
		t.Error("the second reading gave another key")
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, want 0600", info.Mode().Perm())
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 1 {
		t.Errorf("%d files left, want the key alone", len(entries))
	}
}

// Goroutines race here as processes do: nothing but the file system is shared.
func TestTwoProcessesAgreeOnOneKey(t *testing.T) {
	path := filepath.Join(t.TempDir(), "k")
	secrets := make([][]byte, 16)
	var all sync.WaitGroup
	for i := range secrets {
		all.Go(func() {
			secret, err := Secret(path)
			if err != nil {
				t.Error(err)
			}
			secrets[i] = secret
		})
	}
	all.Wait()
	for i := range secrets {
		if len(secrets[i]) != SecretSize || !bytes.Equal(secrets[i], secrets[0]) {
			t.Fatalf("racer %d got another secret than racer 0", i)
		}
	}
}

func TestADamagedKeyFileIsNamedAndLeftAlone(t *testing.T) {
	good, err := os.ReadFile(func() string {
		path := filepath.Join(t.TempDir(), "good")
		if _, err := Ed25519(path); err != nil {
			t.Fatal(err)
		}
		return path
	}())
	if err != nil {
		t.Fatal(err)
	}
	secret := func(path string) error { _, err := Secret(path); return err }
	private := func(path string) error { _, err := Ed25519(path); return err }
	for _, c := range []struct {
		name, content string
		open          func(string) error
	}{
		{"empty key", "", private},
		{"cut short", string(good[:len(good)/2]), private},
		{"two keys", string(good) + string(good), private},
		{"PEM of something else", strings.ReplaceAll(string(good), "PRIVATE KEY", "CERTIFICATE"), private},
		{"PEM around nonsense", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", private},
		{"too large", strings.Repeat("a", maxFile+1), private},
		{"empty secret", "", secret},
		{"short secret", "00ff", secret},
		{"secret that is not hexadecimal", strings.Repeat("x", 2*SecretSize), secret},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "k")
			if err := os.WriteFile(path, []byte(c.content), 0o600); err != nil {
				t.Fatal(err)
			}
			err := c.open(path)
			if err == nil {
				t.Fatal("a damaged key was taken")
			}
			if !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "restore it") {
				t.Errorf("the error does not say what to mend: %v", err)
			}
			left, err := os.ReadFile(path)
			if err != nil || string(left) != c.content {
				t.Error("the damaged file was touched")
			}
		})
	}
}

func TestAFolderThatIsNotThereIsAnError(t *testing.T) {
	if _, err := Secret(filepath.Join(t.TempDir(), "no", "such", "folder")); err == nil {
		t.Error("a secret came out of a folder that is not there")
	}
}

// RFC 8037, appendix A.3.
func TestThumbprintOfTheRFC(t *testing.T) {
	public, err := hex.DecodeString("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
	if err != nil {
		t.Fatal(err)
	}
	const want = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
	if got := Thumbprint(ed25519.PublicKey(public)); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
