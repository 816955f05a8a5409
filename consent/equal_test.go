package consent

import (
	"bytes"
	"encoding/json"
	"testing"
)

// equalJSON compares what callers of the HTTP interface would see.
func equalJSON(t testing.TB, a, b any) bool {
	t.Helper()
	first, err := json.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	second, err := json.Marshal(b)
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Equal(first, second)
}
