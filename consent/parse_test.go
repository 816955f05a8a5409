package consent

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// FuzzParseKeys: a key set that is taken can be written and read again, and finds
// a key by its own name only.
func FuzzParseKeys(f *testing.F) {
	_, keys := testReceipt(f)
	text, err := json.Marshal(keys)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte(strings.Replace(string(text), `"kid":"`, `"kid":"a`, 1)))
	f.Add([]byte(`{"keys":[{"kty":"RSA"},null,{"kty":"OKP","crv":"Ed25519","x":"AAAA"}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		set, err := ParseKeys(data)
		if err != nil {
			wantCode(t, err, CodeBadKey)
			return
		}
		again, err := json.Marshal(set)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ParseKeys(again); err != nil {
			t.Errorf("written anew it does not parse: %v", err)
		}
		for _, k := range set.Keys {
			if _, found := set.find(k.KeyID); !found {
				continue
			}
			if _, other := set.find(k.KeyID + "x"); other {
				t.Error("a key was found by a name that is not its own")
			}
		}
	})
}

// FuzzParseWitness: only what note writes is a witness.
func FuzzParseWitness(f *testing.F) {
	f.Add(fmt.Appendf(nil, witnessForm, uint64(7), genesis))
	f.Add([]byte("7 0\n"))
	f.Add(make([]byte, 86))
	f.Fuzz(func(t *testing.T, data []byte) {
		if sequence, digest, ok := parseWitness(data); ok && string(data) != fmt.Sprintf(witnessForm, sequence, digest) {
			t.Errorf("%q was taken for %d %s", data, sequence, digest)
		}
	})
}
