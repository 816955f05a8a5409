package consent

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/minio/highwayhash"
)

// TestEveryFlippedByteIsFoundInTheFiles flips each byte of the only block, one
// at a time, and asks for the entry and the file by name. It takes no server, so
// there is nothing that could hang.
func TestEveryFlippedByteIsFoundInTheFiles(t *testing.T) {
	dir := keep(t)
	path := file(t, dir, "1.blk")
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	audit, err := AuditFolder(dir)
	if err != nil || audit.Entries != 10 || audit.People != 8 || audit.Notices != 1 {
		t.Fatalf("the whole ledger: %+v, %v", audit, err)
	}
	// Where each entry begins, to know which one a byte belongs to.
	var begins []int
	for at := 0; at < len(whole); {
		begins = append(begins, at)
		at += recordLength(whole[at:])
	}
	if len(begins) != 10 {
		t.Fatalf("%d records for 10 entries", len(begins))
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	entry := 0
	for at := range whole {
		for entry+1 < len(begins) && at >= begins[entry+1] {
			entry++
		}
		spoiled := bytes.Clone(whole)
		spoiled[at] ^= 1 << (at % 8)
		overwrite(t, path, string(spoiled))
		_, err := AuditFolder(dir)
		if !errors.Is(err, &Error{Code: CodeLedgerDamaged}) {
			t.Fatalf("byte %d of %d, entry %d: %v", at, len(whole), entry+1, err)
		}
		if want := fmt.Sprintf("at entry %d:", entry+1); !strings.Contains(err.Error(), want) {
			t.Errorf("byte %d of entry %d: error %q names another one", at, entry+1, err)
		}
	}
	runtime.ReadMemStats(&after)
	if each := (after.TotalAlloc - before.TotalAlloc) / uint64(len(whole)); each > 4<<20 {
		t.Errorf("an audit takes %d bytes, however small the ledger", each)
	}
}

// entries returns the file with the entries of a kept ledger, its content, and where
// the newest entry begins in it.
func entries(t *testing.T, dir string) (path string, whole []byte, newest int) {
	t.Helper()
	path = file(t, dir, "1.blk")
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for at := 0; at < len(whole); {
		newest = at
		at += recordLength(whole[at:])
	}
	return path, whole, newest
}

// A damaged sequence number is the one that nats-server does not survive: with
// it, it would list every entry up to there as lost.
func TestADamagedSequenceDoesNotHangTheStart(t *testing.T) {
	dir := keep(t)
	path, whole, newest := entries(t, dir)
	for bit := range 64 {
		spoiled := bytes.Clone(whole)
		spoiled[newest+4+bit/8] ^= 1 << (bit % 8)
		overwrite(t, path, string(spoiled))
		l, err := OpenLedger(t.Context(), LedgerConfig{Dir: dir})
		if err == nil {
			closeTest(t, l)
		}
		wantCode(t, err, CodeLedgerDamaged)
		if err == nil || !strings.Contains(err.Error(), "entry 10") || !strings.Contains(err.Error(), path) {
			t.Fatalf("bit %d: error %v does not name entry 10 and %s", bit, err, path)
		}
	}
}

// A write that a crash cut short was never acknowledged: the ledger opens as if
// it had not begun. One that was acknowledged may not be lost in the same way.
func TestAWriteThatWasNeverFinished(t *testing.T) {
	dir := keep(t)
	path, whole, newest := entries(t, dir)
	relative, err := filepath.Rel(dir, path)
	if err != nil {
		t.Fatal(err)
	}
	next := bytes.Clone(whole[newest:])
	next[4] = 11 // its sequence
	for _, c := range []struct {
		name string
		tail []byte
		want string // "" when the ledger opens
	}{
		{"one byte", next[:1], ""},
		{"half a head", next[:11], ""},
		{"a head", next[:22], ""},
		{"half an entry", next[:len(next)/2], ""},
		{"all but a byte", next[:len(next)-1], ""},
		{"zeros in place of the end", append(bytes.Clone(next[:len(next)/2]), make([]byte, len(next)-len(next)/2)...), ""},
		{"a sequence that is not the next one", append(bytes.Clone(next[:8]), append([]byte{0, 0, 0, 0x40}, next[12:40]...)...), "entry 11"},
		{"something behind it", append(bytes.Clone(next), next...), "entry 11"},
	} {
		torn := copyOf(t, dir)
		overwrite(t, filepath.Join(torn, relative), string(whole)+string(c.tail))
		audit, auditErr := AuditFolder(torn)
		l, openErr := OpenLedger(t.Context(), LedgerConfig{Dir: torn})
		if openErr == nil {
			wantReason(t, l, "person-0", Acceleration, Withdrawn)
			give(t, l, "person-9", Acceleration)
			closeTest(t, l)
		}
		for _, err := range []error{auditErr, openErr} {
			switch {
			case c.want == "" && err != nil:
				t.Errorf("%s: %v", c.name, err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
				t.Errorf("%s: error %v does not name %s", c.name, err, c.want)
			}
		}
		if auditErr == nil && audit.Entries != 10 {
			t.Errorf("%s: %d entries", c.name, audit.Entries)
		}
	}
}

// The audit of the files and that of the open ledger come to the same, while
// the ledger is open and after.
func TestTheFilesHoldWhatTheLedgerHolds(t *testing.T) {
	dir := t.TempDir()
	l := openTest(t, LedgerConfig{Dir: dir})
	for i := range 5 {
		give(t, l, fmt.Sprintf("person-%d", i), Acceleration)
		opened, err := l.Audit(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if files, err := AuditFolder(dir); err != nil || files != opened {
			t.Errorf("files: %+v, %v; ledger: %+v", files, err, opened)
		}
	}
	closeTest(t, l)
	before := listing(t, dir)
	if _, err := AuditFolder(dir); err != nil {
		t.Error(err)
	}
	if after := listing(t, dir); after != before {
		t.Errorf("the audit changed the folder:\n%s\nwas\n%s", after, before)
	}
	for name, dir := range map[string]string{"an empty folder": t.TempDir(), "none": filepath.Join(t.TempDir(), "none")} {
		_, err := AuditFolder(dir)
		if !errors.Is(err, &Error{Code: CodeLedgerUnavailable}) || !strings.Contains(err.Error(), "no ledger in this folder") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := os.Remove(filepath.Join(dir, witnessFile)); err != nil {
		t.Fatal(err)
	}
	if _, err := AuditFolder(dir); err != nil {
		t.Errorf("without the note of how far it had come: %v", err)
	}
}

// recordLength returns the length that a record states.
func recordLength(record []byte) int {
	return int(binary.LittleEndian.Uint32(record) &^ hasHeaders)
}

// listing names every file under a folder with its size and time.
func listing(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		if err == nil {
			fmt.Fprintln(&b, path, info.Size(), info.ModTime())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// FuzzBlock: whatever lies in the file, reading it ends, in order, within the
// memory of one record.
func FuzzBlock(f *testing.F) {
	first := blockRecord(f, 1, 1, "notice.v.en", nil, []byte("{}"))
	f.Add(append(first, blockRecord(f, 1, 2, "consent.ada", []byte("NATS/1.0\r\nA: b\r\n\r\n"), []byte("{}"))...))
	f.Add([]byte{})
	f.Add(bytes.Repeat([]byte{0xff}, 40))
	f.Add(append([]byte{30, 0, 0, 0, 1}, make([]byte, 25)...))
	f.Fuzz(func(t *testing.T, data []byte) {
		var taken int
		block := blockReader{stream: streamName, isSubject: isSubject, name: "1.blk", number: 1, last: true}
		err := block.read(bytes.NewReader(data), func(_ uint64, subject string, body []byte) error {
			taken += recordHead + recordChecksum + len(subject) + len(body)
			return nil
		})
		if taken > len(data) {
			t.Errorf("%d bytes of entries out of %d", taken, len(data))
		}
		var e *Error
		if err != nil && (!errors.As(err, &e) || e.Code != CodeLedgerDamaged) {
			t.Error(err)
		}
	})
}

// blockRecord returns a record as nats-server writes it.
func blockRecord(t testing.TB, block int, sequence uint64, subject string, headers, body []byte) []byte {
	t.Helper()
	key := sha256.Sum256(fmt.Appendf(nil, "%s-%d", streamName, block))
	hash, err := highwayhash.NewDigest64(key[:])
	if err != nil {
		t.Fatal(err)
	}
	length := recordHead + len(subject) + len(headers) + len(body) + recordChecksum
	stated := uint32(length)
	if headers != nil {
		length += 4
		stated = uint32(length) | hasHeaders
	}
	record := make([]byte, recordHead, length)
	binary.LittleEndian.PutUint32(record, stated)
	binary.LittleEndian.PutUint64(record[4:], sequence)
	binary.LittleEndian.PutUint16(record[20:], uint16(len(subject)))
	hash.Write(record[4:20])
	record = append(record, subject...)
	if headers != nil {
		record = binary.LittleEndian.AppendUint32(record, uint32(len(headers)))
	}
	content := append(append([]byte(nil), headers...), body...)
	record = append(record, content...)
	hash.Write([]byte(subject))
	hash.Write(content)
	return binary.LittleEndian.AppendUint64(record, hash.Sum64())
}
