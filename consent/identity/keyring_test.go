package identity

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"go.uber.org/goleak"

	"github.com/tempogate/tempogate/consent/internal/keyfile"
)

// TestMain lets the test binary stand for another process: see
// TestTwoProcessesRotateAtOnce.
func TestMain(m *testing.M) {
	if dir := os.Getenv("TEMPOGATE_TEST_ROTATE"); dir != "" {
		rotateAndPrint(dir)
		return
	}
	goleak.VerifyTestMain(m)
}

// rotatingTimes is how often each process of the race rotates.
const rotatingTimes = 10

// rotateAndPrint rotates and prints a token with each key.
func rotateAndPrint(dir string) {
	for i := range rotatingTimes {
		issuer, err := OpenIssuer(dir)
		if err == nil {
			err = issuer.Rotate(false)
		}
		var token string
		if err == nil {
			token, err = issuer.Token("ada"+strconv.Itoa(i), time.Hour)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		fmt.Println(token)
	}
}

func rotate(t testing.TB, issuer *Issuer, revoke bool) {
	t.Helper()
	if err := issuer.Rotate(revoke); err != nil {
		t.Fatal(err)
	}
}

func tokenOf(t testing.TB, issuer *Issuer, ttl time.Duration) string {
	t.Helper()
	token, err := issuer.Token("ada", ttl)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// The server is one Issuer, the command that rotates another: they share the
// folder and nothing else.
func TestARunningServerFollowsARotation(t *testing.T) {
	dir := t.TempDir()
	server, command := open(t, dir), open(t, dir)
	before := tokenOf(t, server, time.Hour)
	rotate(t, command, false)

	after := tokenOf(t, command, time.Hour)
	if keyID(t, before) == keyID(t, after) {
		t.Fatal("the new token was signed with the old key")
	}
	if id := keyID(t, tokenOf(t, server, time.Hour)); id != keyID(t, after) {
		t.Error("the server goes on signing with the old key")
	}
	who, err := server.Verify(t.Context(), after)
	if err != nil {
		t.Fatalf("token of the new key: %v", err)
	}
	// The same person as before: pseudonyms have a key of their own.
	if old, err := server.Verify(t.Context(), before); err != nil || old.Principal != who.Principal {
		t.Errorf("token of the old key: %v, %v", old, err)
	}
}

// A key that somebody may have read ends at once, and its tokens with it.
func TestRevokingEndsTokensAtOnce(t *testing.T) {
	dir := t.TempDir()
	server, command := open(t, dir), open(t, dir)
	first := tokenOf(t, server, time.Hour)
	rotate(t, command, false)
	second := tokenOf(t, server, time.Hour)
	rotate(t, command, true)
	for _, token := range []string{first, second} {
		if _, err := server.Verify(t.Context(), token); err == nil || !strings.Contains(err.Error(), "another key") {
			t.Errorf("token of a revoked key: %v", err)
		}
	}
	if _, err := server.Verify(t.Context(), tokenOf(t, command, time.Hour)); err != nil {
		t.Error(err)
	}
	if n := len(server.last.Load().keys); n != 1 {
		t.Errorf("%d keys are left, want the new one", n)
	}
}

// An old key serves for as long as a token of its last moment can hold, and not
// longer: neither in a server that is running nor in the file.
func TestAnOldKeyServesUntilItsTokensHaveEnded(t *testing.T) {
	dir := t.TempDir()
	issuer := open(t, dir)
	now := noon
	issuer.now = func() time.Time { return now }
	last := tokenOf(t, issuer, MaxTTL)
	old := issuer.signing()
	rotate(t, issuer, false)

	now = noon.Add(MaxTTL)
	if _, err := issuer.Verify(t.Context(), last); err != nil {
		t.Errorf("at its end: %v", err)
	}
	now = noon.Add(MaxTTL + clockSkew - time.Second)
	if _, err := issuer.Verify(t.Context(), last); err != nil {
		t.Errorf("within what clocks may be apart: %v", err)
	}
	now = noon.Add(MaxTTL + clockSkew + time.Second)
	forged := signAs(t, "EdDSA", old.private, map[string]any{"kid": old.id}, jwt.RegisteredClaims{
		Issuer: BuiltinIssuer, Subject: "ada", Audience: jwt.ClaimStrings{BuiltinAudience},
		IssuedAt: jwt.NewNumericDate(now), ExpiresAt: jwt.NewNumericDate(now.Add(time.Hour)),
	})
	if _, err := issuer.Verify(t.Context(), forged); err == nil || !strings.Contains(err.Error(), "another key") {
		t.Errorf("a token made later with the old key: %v", err)
	}
	rotate(t, issuer, false)
	ring, err := issuer.file.read(nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(ring.keys) != 2 || ring.key(old.id, noon) != nil {
		t.Errorf("%d keys in the file, want the new one and the one before", len(ring.keys))
	}
}

// The bound on the time is what lets old keys go: it is held on both sides.
func TestTokensHoldForThirtyDaysAtMost(t *testing.T) {
	issuer := open(t, t.TempDir())
	issuer.now = func() time.Time { return noon.Add(999 * time.Millisecond) } // tokens count in whole seconds
	if _, err := issuer.Verify(t.Context(), tokenOf(t, issuer, MaxTTL)); err != nil {
		t.Errorf("the longest: %v", err)
	}
	if _, err := issuer.Token("ada", MaxTTL+time.Second); err == nil || !strings.Contains(err.Error(), "720h") {
		t.Errorf("longer: %v", err)
	}
	key := issuer.signing()
	for name, issued := range map[string]*jwt.NumericDate{"longer": jwt.NewNumericDate(noon), "no beginning": nil} {
		token := signAs(t, "EdDSA", key.private, map[string]any{"kid": key.id}, jwt.RegisteredClaims{
			Issuer: BuiltinIssuer, Subject: "ada", Audience: jwt.ClaimStrings{BuiltinAudience},
			IssuedAt: issued, ExpiresAt: jwt.NewNumericDate(noon.Add(MaxTTL + time.Second)),
		})
		if _, err := issuer.Verify(t.Context(), token); err == nil || !strings.Contains(err.Error(), "holds for longer") {
			t.Errorf("%s, with the right key: %v", name, err)
		}
	}
}

// A file from before keys could be rotated is one key, and stays valid.
func TestAKeyFileOfBeforeIsRead(t *testing.T) {
	dir := t.TempDir()
	private, err := keyfile.Ed25519(filepath.Join(dir, issuerKeyFile))
	if err != nil {
		t.Fatal(err)
	}
	issuer := open(t, dir)
	if !issuer.signing().private.Equal(private) {
		t.Fatal("another key signs")
	}
	token := tokenOf(t, issuer, time.Hour)
	rotate(t, issuer, false)
	if _, err := issuer.Verify(t.Context(), token); err != nil {
		t.Errorf("after rotating: %v", err)
	}
	info, err := os.Stat(filepath.Join(dir, issuerKeyFile))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, error %v, want 0600", info.Mode().Perm(), err)
	}
}

// Two processes rotate the same folder at once, from nothing, while a server
// runs on it: no key is lost, so every token of either holds.
func TestTwoProcessesRotateAtOnce(t *testing.T) {
	dir := t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var processes [2]*exec.Cmd
	var tokens [2]bytes.Buffer
	for i := range processes {
		processes[i] = exec.CommandContext(t.Context(), self)
		processes[i].Env = append(os.Environ(), "TEMPOGATE_TEST_ROTATE="+dir)
		processes[i].Stdout = &tokens[i]
		processes[i].Stderr = os.Stderr
		if err := processes[i].Start(); err != nil {
			t.Fatal(err)
		}
	}
	server, err := OpenIssuer(dir)
	if err != nil {
		t.Fatal(err)
	}
	token := tokenOf(t, server, time.Hour)
	for _, process := range processes {
		if err := process.Wait(); err != nil {
			t.Fatal(err)
		}
	}
	keys := map[string]bool{}
	for _, text := range strings.Fields(tokens[0].String() + tokens[1].String() + token) {
		if _, err := server.Verify(t.Context(), text); err != nil {
			t.Error(err)
		}
		keys[keyID(t, text)] = true
	}
	if n := len(server.last.Load().keys); n != 1+2*rotatingTimes {
		t.Errorf("%d keys, want the first and one for each of %d rotations", n, 2*rotatingTimes)
	}
	if len(keys) < rotatingTimes {
		t.Errorf("the tokens were signed with %d keys, want a new one each time", len(keys))
	}
	left, err := filepath.Glob(filepath.Join(dir, ".*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// More keys than can be kept: nothing changes, and it is said what to do.
func TestRotatingWithoutEndIsRefused(t *testing.T) {
	issuer := open(t, t.TempDir())
	for range maxKeys - 1 {
		rotate(t, issuer, false)
	}
	token := tokenOf(t, issuer, time.Hour)
	if err := issuer.Rotate(false); err == nil || !strings.Contains(err.Error(), "revoking") {
		t.Errorf("key %d: %v", maxKeys+1, err)
	}
	if _, err := issuer.Verify(t.Context(), token); err != nil {
		t.Error(err)
	}
	rotate(t, issuer, true)
}

// While the key file cannot be read, nobody can say what is good. It is not the
// token's fault, and no file is named to whoever sent it.
func TestALostKeyFileIsNotTheTokensFault(t *testing.T) {
	dir := t.TempDir()
	issuer := open(t, dir)
	token := tokenOf(t, issuer, time.Hour)
	path := filepath.Join(dir, issuerKeyFile)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func() error{
		"gone":    func() error { return os.Remove(path) },
		"cut":     func() error { return os.WriteFile(path, data[:len(data)/2], 0o600) },
		"endless": func() error { return os.WriteFile(path, bytes.Repeat([]byte("\n"), maxKeyFile+1), 0o600) },
	} {
		if err := spoil(); err != nil {
			t.Fatal(err)
		}
		if _, err := issuer.Verify(t.Context(), token); !errors.Is(err, ErrUnavailable) || strings.Contains(err.Error(), dir) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := issuer.Token("ada", time.Hour); err == nil {
			t.Errorf("%s: a token came out", name)
		}
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := issuer.Verify(t.Context(), token); err != nil {
			t.Errorf("%s, then mended: %v", name, err)
		}
	}
}

func TestDamagedKeyFilesAreRefused(t *testing.T) {
	format := func(keys ...signingKey) string {
		data, err := formatKeys(keys)
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	signs := newSigningKey(newEdKey(t), time.Time{})
	retired := newSigningKey(newEdKey(t), noon)
	both := format(signs, retired)
	if keys, err := parseKeys([]byte("\n" + both + "\n\n")); err != nil || len(keys) != 2 || !keys[1].retired.Equal(noon) {
		t.Fatalf("the file that the rows below spoil is not good itself: %v", err)
	}
	for _, c := range []struct{ name, text, want string }{
		{"empty", "", "empty"},
		{"no key that signs", format(retired), "the first key signs"},
		{"two keys that sign", format(signs, signs), "the first key signs"},
		{"the old key first", format(retired, signs), "the first key signs"},
		{"time that is none", strings.Replace(both, noon.Format(time.RFC3339), "yesterday", 1), "key 2: the time"},
		{"words between", strings.Replace(both, "\n-----BEGIN", "\nwords\n-----BEGIN", 1), "key 2: no PEM block"},
		{"cut short", both[:len(both)-10], "key 2: the PEM block is not whole"},
		{"something else", strings.ReplaceAll(both, pemType, "CERTIFICATE"), "key 1: no PEM block"},
		{"nonsense inside", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "key 1: not a PKCS #8"},
		{"too many", format(append([]signingKey{signs}, repeated(maxKeys, retired)...)...), "over 64 keys"},
	} {
		if _, err := parseKeys([]byte(c.text)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v does not say %q", c.name, err, c.want)
		}
	}
}

func repeated(n int, key signingKey) []signingKey {
	keys := make([]signingKey, n)
	for i := range keys {
		keys[i] = key
	}
	return keys
}

func FuzzParseKeys(f *testing.F) {
	data, err := formatKeys([]signingKey{newSigningKey(newEdKey(f), time.Time{}), newSigningKey(newEdKey(f), noon)})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte("-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		keys, err := parseKeys(data)
		if err != nil {
			return
		}
		// What was read can be written, and is the same when it is read again.
		written, err := formatKeys(keys)
		if err != nil {
			t.Fatal(err)
		}
		again, err := parseKeys(written)
		if err != nil || len(again) != len(keys) {
			t.Fatalf("%d keys became %d: %v", len(keys), len(again), err)
		}
		for i := range keys {
			if !again[i].private.Equal(keys[i].private) || !again[i].retired.Equal(keys[i].retired) || len(keys[i].private) != ed25519.PrivateKeySize {
				t.Errorf("key %d changed", i+1)
			}
		}
	})
}

// keyID returns the name of the key that a token was signed with.
func keyID(t testing.TB, token string) string {
	t.Helper()
	parsed, _, err := jwt.NewParser().ParseUnverified(token, &jwt.RegisteredClaims{})
	if err != nil {
		t.Fatal(err)
	}
	id, _ := parsed.Header["kid"].(string)
	return id
}
