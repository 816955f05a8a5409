package ingest

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// FuzzGunzip holds the unpacking of pushes against the standard library: the same
// bytes come out, or none, and never more than the limit. Ours refuses reserved
// flags, as RFC 1952 (section 2.3.1.2) asks; the standard library does not.
func FuzzGunzip(f *testing.F) {
	for _, text := range []string{"", `{"payload":[]}`, strings.Repeat(" ", 5000)} {
		packed, err := gzipped(text)
		if err != nil {
			f.Fatal(err)
		}
		f.Add([]byte(packed))
		f.Add([]byte(packed + packed))
		f.Add([]byte(packed)[:len(packed)/2])
	}
	const most = 4096
	f.Fuzz(func(t *testing.T, packed []byte) {
		got, err := gunzip(packed, most)
		if err != nil && got != nil || len(got) > most {
			t.Fatalf("%d bytes, %v", len(got), err)
		}
		want, wantErr := gunzipWithStandardLibrary(packed, most+1)
		switch {
		case len(want) > most:
			// It is too large, and what is behind may be broken as well.
			if err == nil {
				t.Fatalf("taken, though it unpacks to more than %d bytes", most)
			}
		case err == nil && wantErr != nil:
			t.Fatalf("taken, though the standard library says %v", wantErr)
		case err == nil && !bytes.Equal(got, want):
			t.Fatal("other bytes than the standard library's")
		}
	})
}

func gunzipWithStandardLibrary(packed []byte, most int64) ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(io.LimitReader(r, most))
}

// FuzzNumberOf: a push is put into its place or refused with a problem, and its
// place is never before the first.
func FuzzNumberOf(f *testing.F) {
	f.Add([]byte(`{"messageId":7,"sessionId":"a","payload":[]}`))
	f.Add([]byte(`{"payload":[]}`))
	f.Add([]byte(`{"messageId":-1,"sessionId":"` + strings.Repeat("s", seriesMost+1) + `"}`))
	f.Add([]byte(`{"messageId":9223372036854775808}`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		series, number, err := numberOf(payload)
		if err != nil {
			var p *Problem
			if !errors.As(err, &p) || p.Status != http.StatusBadRequest {
				t.Fatalf("%v is no problem of the request", err)
			}
			return
		}
		if !json.Valid(payload) || number < -1 || len(series) > seriesMost {
			t.Fatalf("%q %d", series, number)
		}
	})
}

// FuzzTokenInQuery: whatever url.Values would find by the name of a token is
// found.
func FuzzTokenInQuery(f *testing.F) {
	for _, query := range []string{"token=x", "a=b&token", "a=b;token=x", "%74oken=x", "Access_Token=x", "acce%c5%bfs_token=x", "token=%zz", "a=token", "bpm_range=80-100"} {
		f.Add(query)
	}
	f.Fuzz(func(t *testing.T, query string) {
		values, _ := url.ParseQuery(query)
		for name := range values {
			for _, secret := range []string{"token", "access_token", "bearer", "authorization"} {
				if strings.EqualFold(name, secret) && !tokenInQuery(query) {
					t.Fatalf("%q passes", query)
				}
			}
		}
	})
}
