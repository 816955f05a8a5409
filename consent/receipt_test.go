package consent

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tempogate/tempogate/consent/internal/keyfile"
)

// testSigner signs with the key of RFC 8032, section 7.1, test 1.
func testSigner(t testing.TB) *signer {
	t.Helper()
	seed, err := hex.DecodeString("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
	if err != nil {
		t.Fatal(err)
	}
	private := ed25519.NewKeyFromSeed(seed)
	return &signer{private, keyfile.Thumbprint(private.Public().(ed25519.PublicKey))}
}

// testReceipt is the receipt of a yes to motion and one recipient.
func testReceipt(t testing.TB) (*Receipt, KeySet) {
	t.Helper()
	n := noticeOfVersion(t, "2026-11-01")
	at := newClock().now()
	s := testSigner(t)
	r, err := s.sign(n, &changeEntry{
		Format: entryFormat, Previous: genesis.String(), Record: "4vrneemecd525gtmivbtxmkxne2wxyodzaazi7nbe5mj2jiqm7ha",
		Revision: 1, Event: EventGiven, State: Given, At: at, Method: "http",
		Categories: []Category{Acceleration, Location}, Recipients: []string{"coach"},
		NoticeVersion: n.Version, NoticeSHA256: n.SHA256, GivenAt: at, ExpiresAt: at.Add(DefaultGrantTTL),
	}, 2, digest{1, 2, 3, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 31: 0xab})
	if err != nil {
		t.Fatal(err)
	}
	return r, s.keys()
}

// The receipt, whole, as people get it. Ed25519 and canonical JSON give the
// same bytes every time, so whatever changes this file breaks old receipts.
func TestReceiptGolden(t *testing.T) {
	r, keys := testReceipt(t)
	canonical, err := r.Canonical()
	if err != nil {
		t.Fatal(err)
	}
	var readable bytes.Buffer
	if err := json.Indent(&readable, canonical, "", "  "); err != nil {
		t.Fatal(err)
	}
	readable.WriteByte('\n')
	path := filepath.Join("testdata", "receipt.json")
	if flag.Lookup("rewrite").Value.String() == "true" {
		if err := os.WriteFile(path, readable.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	golden, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(golden, readable.Bytes()) {
		t.Errorf("the receipt differs from %s:\n%s", path, readable.String())
	}
	read, err := ParseReceipt(golden) // indented: the layout does not matter
	if err != nil {
		t.Fatal(err)
	}
	if err := read.Verify(keys); err != nil {
		t.Error(err)
	}
}

// TestAChangedReceiptDoesNotVerify changes each value in the receipt, one at a
// time, and leaves out each field, one at a time.
func TestAChangedReceiptDoesNotVerify(t *testing.T) {
	r, keys := testReceipt(t)
	canonical, err := r.Canonical()
	if err != nil {
		t.Fatal(err)
	}
	changes := 0
	try := func(where string, changed any) {
		t.Helper()
		changes++
		data, err := json.Marshal(changed)
		if err != nil {
			t.Fatal(err)
		}
		read, err := ParseReceipt(data)
		if err == nil {
			err = read.Verify(keys)
		}
		if err == nil {
			t.Errorf("%s was changed and the receipt still verifies", where)
			return
		}
		wantCode(t, err, CodeBadReceipt)
	}
	var whole any
	if err := json.Unmarshal(canonical, &whole); err != nil {
		t.Fatal(err)
	}
	var walk func(where string, value any, set func(any), drop func())
	walk = func(where string, value any, set func(any), drop func()) {
		if drop != nil {
			drop()
			try(where+" (left out)", whole)
			set(value)
		}
		switch v := value.(type) {
		case map[string]any:
			for key, inner := range v {
				walk(where+"."+key, inner, func(x any) { v[key] = x }, func() { delete(v, key) })
			}
			v["more"] = "of it"
			try(where+" (a field more)", whole)
			delete(v, "more")
		case []any:
			for i, inner := range v {
				walk(fmt.Sprintf("%s[%d]", where, i), inner, func(x any) { v[i] = x }, nil)
			}
			if set != nil {
				set(append(v[:len(v):len(v)], v...))
				try(where+" (twice)", whole)
				set(v)
			}
		case string:
			set(v + "x")
			try(where, whole)
			set("")
			try(where+" (empty)", whole)
			set(v)
		case bool:
			set(!v)
			try(where, whole)
			set(v)
		case float64:
			set(v + 1)
			try(where, whole)
			set(v)
		}
	}
	walk("receipt", whole, nil, nil)
	if changes < 80 {
		t.Errorf("only %d changes were tried", changes)
	}
	again, err := json.Marshal(whole)
	if err != nil {
		t.Fatal(err)
	}
	if back, err := ParseReceipt(again); err != nil || back.Verify(keys) != nil {
		t.Error("the walk did not put the receipt back as it was")
	}
}

func TestAReceiptNeedsItsOwnKey(t *testing.T) {
	r, keys := testReceipt(t)
	other := openTest(t, LedgerConfig{}).Keys()
	wantCode(t, r.Verify(other), CodeBadReceipt)
	wantCode(t, r.Verify(KeySet{}), CodeBadReceipt)

	// Another key that goes by the name of the right one.
	posing := KeySet{Keys: []Key{other.Keys[0]}}
	posing.Keys[0].KeyID = keys.Keys[0].KeyID
	wantCode(t, r.Verify(posing), CodeBadReceipt)

	// After a change of keys the set holds both.
	both := KeySet{Keys: append(other.Keys, keys.Keys...)}
	if err := r.Verify(both); err != nil {
		t.Error(err)
	}
	without := *r
	without.Signature.Algorithm = "none"
	wantCode(t, without.Verify(keys), CodeBadReceipt)
}

func TestParseReceiptRefuses(t *testing.T) {
	r, _ := testReceipt(t)
	canonical, err := r.Canonical()
	if err != nil {
		t.Fatal(err)
	}
	good := string(canonical)
	for _, c := range []struct{ name, data, want string }{
		{"nothing", "", "not JSON"},
		{"something else", `{"hello":"world"}`, "schema_version"},
		{"two receipts", good + good, "not JSON"},
		{"a field twice", strings.Replace(good, `"language":"en"`, `"language":"en","language":"nl"`, 1), "names a field twice"},
		// A decoder that does not mind the case would take it for the same field.
		{"a field in capitals", strings.Replace(good, `"purpose":`, `"Purpose":`, 1), "exactly the fields"},
		{"a null for a list", strings.Replace(good, `"recipient_third_parties":[`, `"recipient_third_parties":null,"x":[`, 1), "exactly the fields"},
		{"a schema of tomorrow", strings.Replace(good, ReceiptSchema, "tempogate-receipt-2", 1), "schema_version"},
		{"a time that is none", strings.Replace(good, "2026-11-01T12:00:00Z", "noon", 1), "does not have the fields"},
		{"a number for a word", strings.Replace(good, `"language":"en"`, `"language":1`, 1), "does not have the fields"},
		{"too long", good + strings.Repeat(" ", maxReceipt), "at most 65536"},
	} {
		_, err := ParseReceipt([]byte(c.data))
		wantCode(t, err, CodeBadReceipt)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v does not say %q", c.name, err, c.want)
		}
	}
}

// The receipt that Give returns and the one that can be asked for later are the
// same bytes, after a restart too.
func TestAReceiptIsTheSameEveryTime(t *testing.T) {
	dir := t.TempDir()
	l := openTest(t, LedgerConfig{Dir: dir})
	first := give(t, l, "ada", Acceleration)
	closeTest(t, l)
	l = openTest(t, LedgerConfig{Dir: dir})
	again, err := l.Receipt(t.Context(), "ada")
	if err != nil {
		t.Fatal(err)
	}
	if !equalJSON(t, first, again) {
		t.Error("the receipt is another one after a restart")
	}
	withdraw(t, l, "ada")
	gone, err := l.Receipt(t.Context(), "ada")
	if err != nil {
		t.Fatal(err)
	}
	if gone.RecordID != first.RecordID || gone.ReceiptID == first.ReceiptID {
		t.Error("another change of the same person has to be another receipt of the same record")
	}
	if gone.Event.State != Withdrawn || len(gone.Data) != 0 || gone.Event.Validity != "" || !gone.Event.ValidUntil.IsZero() {
		t.Errorf("the receipt of a withdrawal has something in force: %+v", gone)
	}
	// The receipt is a witness: the ledger holds this digest at this place.
	history, err := l.History(t.Context(), "ada")
	if err != nil {
		t.Fatal(err)
	}
	if history[0].SHA256 != first.Ledger.SHA256 || history[0].Sequence != first.Ledger.Sequence {
		t.Error("the receipt points at another place in the ledger")
	}
	if history[1].Previous != history[0].SHA256 {
		t.Error("the entries are not chained")
	}
}

func TestKeysInJSON(t *testing.T) {
	_, keys := testReceipt(t)
	encoded, err := json.Marshal(keys)
	if err != nil {
		t.Fatal(err)
	}
	// RFC 8037, appendix A.2 and A.3, has the same key.
	const want = `{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",` +
		`"kid":"kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k","use":"sig","alg":"EdDSA"}]}`
	if string(encoded) != want {
		t.Errorf("got %s", encoded)
	}
	read, err := ParseKeys(encoded)
	if err != nil || !equalJSON(t, read, keys) {
		t.Errorf("read back: %+v, %v", read, err)
	}
	for _, bad := range []string{"", "[]", `{"keys":[]}`, `{"keys":[{"kty":"RSA"}]}`, `{"keys":[{"kty":"OKP","crv":"Ed25519","x":"AAAA"}]}`} {
		_, err := ParseKeys([]byte(bad))
		wantCode(t, err, CodeBadKey)
	}
}

func TestValidityIsTheTimeFromTheYes(t *testing.T) {
	clock := newClock()
	l := openTest(t, LedgerConfig{Now: clock.now, GrantTTL: 90 * time.Minute})
	give(t, l, "ada", Acceleration, Location)
	clock.advance(time.Hour)
	withdraw(t, l, "ada", Location)
	r, err := l.Receipt(t.Context(), "ada")
	if err != nil {
		t.Fatal(err)
	}
	// The withdrawal of one category does not lengthen the rest.
	if r.Event.Validity != "PT5400S" || !r.Event.ValidUntil.Equal(clock.now().Add(30*time.Minute)) {
		t.Errorf("valid for %s until %v", r.Event.Validity, r.Event.ValidUntil)
	}
}

func FuzzParseReceipt(f *testing.F) {
	r, keys := testReceipt(f)
	canonical, err := r.Canonical()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(canonical)
	f.Add([]byte(`{"schema_version":"` + ReceiptSchema + `"}`))
	f.Add(bytes.Replace(canonical, []byte("explicit"), []byte(`expl\u0069cit`), 1))
	f.Fuzz(func(t *testing.T, data []byte) {
		read, err := ParseReceipt(data)
		if err != nil {
			wantCode(t, err, CodeBadReceipt)
			return
		}
		if read.Verify(keys) != nil {
			return
		}
		again, err := read.Canonical()
		if err != nil || !bytes.Equal(again, canonical) {
			t.Error("a receipt verifies that was never signed")
		}
	})
}
