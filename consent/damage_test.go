package consent

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// keep makes a closed ledger with a few people in it.
func keep(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	l := openTest(t, LedgerConfig{Dir: dir})
	for i := range 8 {
		give(t, l, fmt.Sprintf("person-%d", i), Acceleration)
	}
	withdraw(t, l, "person-0")
	closeTest(t, l)
	return dir
}

func copyOf(t *testing.T, dir string) string {
	t.Helper()
	to := t.TempDir()
	if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	remove(t, filepath.Join(to, placeFile)) // as the operator says that it is the newest
	return to
}

// file finds a file of the chain.
func file(t *testing.T, dir, name string) string {
	t.Helper()
	found := ""
	err := filepath.WalkDir(filepath.Join(dir, blockFolder(streamName)), func(path string, _ fs.DirEntry, err error) error {
		if filepath.Base(path) == name {
			found = path
		}
		return err
	})
	if err != nil || found == "" {
		t.Fatalf("no %s under the ledger (%v)", name, err)
	}
	return found
}

// openDamaged opens a ledger that should not open, or at least should not have
// lost anything, and returns the error.
func openDamaged(t *testing.T, dir string) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	l, err := OpenLedger(ctx, LedgerConfig{Dir: dir, Lease: time.Minute})
	if err != nil {
		return err
	}
	defer closeTest(t, l)
	audit, err := l.Audit(ctx)
	if err != nil {
		return err
	}
	if audit.Entries != 10 || l.Decide("person-0", Acceleration).Reason != Withdrawn {
		t.Errorf("the ledger opened with %d of 10 entries", audit.Entries)
	}
	return nil
}

// One byte of an entry is changed. JetStream leaves out what its checksums do
// not fit, cuts off everything after a length that does not fit, and believes a
// sequence number; none of that may pass for a whole ledger.
func TestAFlippedByteIsFound(t *testing.T) {
	dir := keep(t)
	entries := file(t, dir, "1.blk")
	whole, err := os.ReadFile(entries)
	if err != nil {
		t.Fatal(err)
	}
	relative, err := filepath.Rel(dir, entries)
	if err != nil {
		t.Fatal(err)
	}
	if err := openDamaged(t, copyOf(t, dir)); err != nil {
		t.Fatalf("the whole ledger: %v", err)
	}
	bodies := regexp.MustCompile(`\{"format":`).FindAllIndex(whole, -1)
	if len(bodies) != 10 {
		t.Fatalf("%d entries in the file, want 10", len(bodies))
	}
	begins := 0
	for entry, body := range bodies {
		for _, at := range []int{
			begins,      // the length of the record
			begins + 11, // its sequence, the highest byte
			begins + 20, // the length of its subject
			begins + 22, // the subject
			body[0] - 1, // the headers
			body[0],     // the body, its first byte
			body[0] + 12 + 37*entry,
		} {
			flipped := copyOf(t, dir)
			spoiled := append([]byte{}, whole...)
			spoiled[at] ^= 1
			overwrite(t, filepath.Join(flipped, relative), string(spoiled))
			if err := openDamaged(t, flipped); !errors.Is(err, &Error{Code: CodeLedgerDamaged}) {
				t.Errorf("byte %d of %d, entry %d: %v", at, len(whole), entry+1, err)
			}
		}
		begins += recordLength(whole[begins:])
	}
}

// The other files of the store are short cuts and settings. A byte of them that
// is changed is noticed or does not matter, and never leads to another answer.
func TestAFlippedByteBesideTheEntries(t *testing.T) {
	dir := keep(t)
	flips := 0
	err := filepath.WalkDir(filepath.Join(dir, storeFolder), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(path) == ".blk" {
			return err
		}
		whole, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		for at := 0; at < len(whole); at += max(len(whole)/12, 1) {
			flips++
			flipped := copyOf(t, dir)
			spoiled := append([]byte{}, whole...)
			spoiled[at] ^= 1 << (at % 8)
			overwrite(t, filepath.Join(flipped, relative), string(spoiled))
			err := openDamaged(t, flipped)
			if err != nil && !errors.Is(err, &Error{Code: CodeLedgerDamaged}) && !errors.Is(err, &Error{Code: CodeLedgerUnavailable}) {
				t.Errorf("byte %d of %s: %v", at, relative, err)
			}
		}
		return nil
	})
	if err != nil || flips == 0 {
		t.Fatalf("%d flips, %v", flips, err)
	}
}

func TestAStoreThatIsMissingAPartIsNoticed(t *testing.T) {
	for _, c := range []struct {
		name  string
		spoil func(t *testing.T, dir string)
		want  string
	}{
		{"the store is gone", func(t *testing.T, dir string) {
			remove(t, filepath.Join(dir, storeFolder))
		}, CodeLedgerDamaged}, // and is not made anew
		{"the entries are gone", func(t *testing.T, dir string) {
			remove(t, filepath.Dir(file(t, dir, "1.blk")))
		}, CodeLedgerDamaged},
		{"the last entries are cut off", func(t *testing.T, dir string) {
			entries := file(t, dir, "1.blk")
			info, err := os.Stat(entries)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.Truncate(entries, info.Size()-300); err != nil {
				t.Fatal(err)
			}
		}, CodeLedgerDamaged},
		{"the note is another one's", func(t *testing.T, dir string) {
			overwrite(t, filepath.Join(dir, witnessFile), fmt.Sprintf(witnessForm, 10, strings.Repeat("0", 64)))
		}, CodeLedgerDamaged},
		{"the note is cut short", func(t *testing.T, dir string) {
			overwrite(t, filepath.Join(dir, witnessFile), "00000000000000000010 ")
		}, CodeLedgerDamaged},
		// Nothing was acknowledged as far as anybody knows; not an error.
		{"the note is gone", func(t *testing.T, dir string) { remove(t, filepath.Join(dir, witnessFile)) }, ""},
		{"the note never came to the disk", func(t *testing.T, dir string) {
			overwrite(t, filepath.Join(dir, witnessFile), strings.Repeat("\x00", 86))
		}, ""},
		// The index is only a short cut.
		{"the index is gone", func(t *testing.T, dir string) { remove(t, file(t, dir, "index.db")) }, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := keep(t)
			c.spoil(t, dir)
			err := openDamaged(t, dir)
			if c.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			wantCode(t, err, c.want)
		})
	}
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.RemoveAll(path); err != nil {
		t.Fatal(err)
	}
}

func overwrite(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// The store is copied back from yesterday: whole in itself, and without today's
// withdrawal.
func TestAStoreFromYesterdayIsNoticed(t *testing.T) {
	dir := keep(t)
	yesterday := copyOf(t, filepath.Join(dir, storeFolder))
	l := openTest(t, LedgerConfig{Dir: dir})
	withdraw(t, l, "person-1")
	closeTest(t, l)

	remove(t, filepath.Join(dir, storeFolder))
	if err := os.CopyFS(filepath.Join(dir, storeFolder), os.DirFS(yesterday)); err != nil {
		t.Fatal(err)
	}
	err := openDamaged(t, dir)
	wantCode(t, err, CodeLedgerDamaged)
	if err == nil || !strings.Contains(err.Error(), "entry 11 had been acknowledged") || !strings.Contains(err.Error(), witnessFile) {
		t.Errorf("error %v does not say what is missing and what to do", err)
	}

	// The operator decides to go on without.
	remove(t, filepath.Join(dir, witnessFile))
	l = openTest(t, LedgerConfig{Dir: dir})
	wantReason(t, l, "person-1", Acceleration, Allowed)
}

// The whole folder is copied back from yesterday, and the note of how far it had
// come with it. Nothing in it contradicts anything, but it was not born there.
func TestAFolderFromYesterdayIsNoticed(t *testing.T) {
	dir := keep(t)
	if _, err := os.Stat(filepath.Join(dir, placeFile)); err != nil {
		t.Skipf("this disk does not keep when a file came into being: %v", err)
	}
	yesterday := t.TempDir()
	if err := os.CopyFS(yesterday, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	l := openTest(t, LedgerConfig{Dir: dir}) // the same folder, as ever
	withdraw(t, l, "person-1")
	closeTest(t, l)

	remove(t, dir)
	if err := os.CopyFS(dir, os.DirFS(yesterday)); err != nil {
		t.Fatal(err)
	}
	err := openDamaged(t, dir)
	wantCode(t, err, CodeLedgerDamaged)
	if err == nil || !strings.Contains(err.Error(), "was copied here") || !strings.Contains(err.Error(), placeFile) {
		t.Errorf("error %v does not say what happened and what to do", err)
	}
	if audit, err := AuditFolder(dir); err != nil || audit.Entries != 10 { // a copy may be looked at
		t.Errorf("audit of a copy: %+v, %v", audit, err)
	}
	// The operator decides to go on with it.
	remove(t, filepath.Join(dir, placeFile))
	l = openTest(t, LedgerConfig{Dir: dir})
	wantReason(t, l, "person-1", Acceleration, Allowed)
}

// An entry that does not follow from the one before it stops the ledger, at
// whatever time it comes.
func TestAForgedEntryStopsTheLedger(t *testing.T) {
	for _, c := range []struct {
		name string
		edit func(e *changeEntry)
		want string
	}{
		{"another chain", func(e *changeEntry) { e.Previous = strings.Repeat("ab", 32) }, "it or entry 2 was changed"},
		{"a revision again", func(e *changeEntry) { e.Revision = 1 }, "change 1 of a person whose last change was 1"},
		{"a revision left out", func(e *changeEntry) { e.Revision = 3 }, "change 3 of a person whose last change was 1"},
		{"another record's subject", func(e *changeEntry) { e.Record = "bea" }, "filed under another record"},
		{"a notice that nobody was shown", func(e *changeEntry) { e.NoticeSHA256 = strings.Repeat("ab", 32) }, "names a notice that the ledger does not hold"},
		{"a state that is never written", func(e *changeEntry) { e.State = Expired }, "not a state"},
		{"a yes to nothing", func(e *changeEntry) { e.Categories = nil }, "a yes without categories"},
		{"a no that leaves something", func(e *changeEntry) { e.State = Withdrawn }, "a no with something in force"},
		{"a format of tomorrow", func(e *changeEntry) { e.Format = entryFormat + 1 }, "written in format 3"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			l := openTest(t, LedgerConfig{Dir: dir})
			give(t, l, "ada", Acceleration)
			at := l.clock()
			e := &changeEntry{
				Format: entryFormat, Previous: l.state.head.String(), Record: recordOf(t, l, "ada"), Revision: 2,
				Event: EventRenewed, State: Given, At: at, Method: "forged", Categories: []Category{Acceleration},
				NoticeVersion: l.notice.Version, NoticeSHA256: l.notice.SHA256, GivenAt: at, ExpiresAt: at.Add(time.Hour),
			}
			c.edit(e)
			body, err := encodeEntry(e)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := l.store.append(t.Context(), changeSubject+recordOf(t, l, "ada"), body, 2); err != nil {
				t.Fatal(err)
			}
			eventually(t, "the ledger stops", func() bool { return l.hasEnded() != nil })
			wantReason(t, l, "ada", Acceleration, LedgerUnavailable)
			wantCode(t, l.Healthy(), CodeLedgerDamaged)
			_, err = l.Give(t.Context(), "ada", yes(l, Acceleration))
			wantCode(t, err, CodeLedgerUnavailable)
			closeTest(t, l)

			_, err = OpenLedger(t.Context(), LedgerConfig{Dir: dir})
			wantCode(t, err, CodeLedgerDamaged)
			if err == nil || !strings.Contains(err.Error(), "entry 3") || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v does not say %q of entry 3", err, c.want)
			}
		})
	}
}

// recordOf returns the name of a person's record.
func recordOf(t testing.TB, l *Ledger, principal string) string {
	t.Helper()
	p, err := l.person(principal)
	if err != nil {
		t.Fatal(err)
	}
	return p.who.record()
}

func TestWhatIsWrongAtTheOpening(t *testing.T) {
	written := t.TempDir()
	closeTest(t, openTest(t, LedgerConfig{Dir: written}))
	for _, c := range []struct {
		name   string
		config func(t *testing.T) LedgerConfig
		code   string
		want   string
	}{
		{"a folder that cannot be made", func(t *testing.T) LedgerConfig {
			path := filepath.Join(t.TempDir(), "file")
			overwrite(t, path, "")
			return LedgerConfig{Dir: filepath.Join(path, "data")}
		}, CodeLedgerUnavailable, "cannot be written to"},
		{"a store that is a file", func(t *testing.T) LedgerConfig {
			dir := t.TempDir()
			overwrite(t, filepath.Join(dir, storeFolder), "")
			return LedgerConfig{Dir: dir}
		}, CodeLedgerUnavailable, "store cannot be opened"},
		{"a store within which there is a file in the way", func(t *testing.T) LedgerConfig {
			dir := t.TempDir()
			if err := os.Mkdir(filepath.Join(dir, storeFolder), 0o700); err != nil {
				t.Fatal(err)
			}
			overwrite(t, filepath.Join(dir, storeFolder, "jetstream"), "")
			return LedgerConfig{Dir: dir}
		}, CodeLedgerUnavailable, "is the folder writable"},
		{"a key that is none", func(t *testing.T) LedgerConfig {
			dir := copyOf(t, written)
			overwrite(t, filepath.Join(dir, receiptKeyFile), "key")
			return LedgerConfig{Dir: dir}
		}, CodeBadKey, receiptKeyFile},
		{"a notice that was edited and kept its version", func(t *testing.T) LedgerConfig {
			n, err := ParseNotice([]byte(strings.Replace(string(current(t).Source()), "no advertising, ", "", 1)))
			if err != nil {
				t.Fatal(err)
			}
			return LedgerConfig{Dir: copyOf(t, written), Notice: n}
		}, CodeBadNotice, "under other words that have the same version"},
		{"a notice put together by hand", func(t *testing.T) LedgerConfig {
			return LedgerConfig{Dir: t.TempDir(), Notice: &Notice{ID: "x", Version: "1"}}
		}, CodeBadNotice, "not read by ParseNotice"},
		{"a time running backwards", func(t *testing.T) LedgerConfig {
			return LedgerConfig{Dir: t.TempDir(), GrantTTL: -1}
		}, CodeBadConfig, "must not be negative"},
	} {
		t.Run(c.name, func(t *testing.T) {
			l, err := OpenLedger(t.Context(), c.config(t))
			if l != nil {
				t.Error("a ledger came with the error")
			}
			wantCode(t, err, c.code)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v does not say %q", err, c.want)
			}
		})
	}
}
