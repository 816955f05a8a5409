package consent

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// movingKey is any key.
var movingKey = bytes.Repeat([]byte{7}, MovingKeySize)

// moveTo exports a ledger and imports it at another place.
func moveTo(t *testing.T, from, to LedgerConfig) Moved {
	t.Helper()
	file, exported := exportTest(t, from)
	imported, err := ImportLedger(t.Context(), to, Moving{Key: movingKey}, bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	if imported != exported {
		t.Errorf("exported %+v, imported %+v", exported, imported)
	}
	return imported
}

func exportTest(t *testing.T, from LedgerConfig) ([]byte, Moved) {
	t.Helper()
	var file bytes.Buffer
	exported, err := ExportLedger(t.Context(), from, Moving{Key: movingKey}, &file)
	if err != nil {
		t.Fatal(err)
	}
	return file.Bytes(), exported
}

// withKeysOf makes a data directory with the receipt key of another.
func withKeysOf(t testing.TB, dir string) string {
	t.Helper()
	key, err := os.ReadFile(filepath.Join(dir, receiptKeyFile))
	if err != nil {
		t.Fatal(err)
	}
	to := t.TempDir()
	if err := os.WriteFile(filepath.Join(to, receiptKeyFile), key, 0o600); err != nil {
		t.Fatal(err)
	}
	return to
}

// aLedger has somebody who said yes, somebody who took it back, somebody who was
// erased and came back, somebody who is erased, and a count of what coach got.
func aLedger(t *testing.T, config LedgerConfig) (receipt *Receipt, grant Grant) {
	t.Helper()
	l := openTest(t, config)
	letting(t, l, "ada", "coach")
	give(t, l, "bea", Acceleration, Location)
	withdraw(t, l, "bea")
	for _, who := range []string{"cyd", "dan"} {
		give(t, l, who, Acceleration)
		if _, err := l.Erase(t.Context(), who, "test"); err != nil {
			t.Fatal(err)
		}
	}
	give(t, l, "cyd", Acceleration)
	_, stop := listen(t, l, "coach")
	l.Deliver("ada", []byte(estimate))
	eventually(t, "coach has it", func() bool { return l.DeliveryCounts()["coach"].Taken == 1 })
	stop()
	receipt, err := l.Receipt(t.Context(), "ada")
	if err != nil {
		t.Fatal(err)
	}
	if grant, err = l.Grant("ada"); err != nil {
		t.Fatal(err)
	}
	closeTest(t, l)
	return receipt, grant
}

// A ledger that is moved from a folder into a cluster, and from there into another
// folder, is the same one: the same head and entries, the same receipts, the same
// counts; whoever was erased stays so; and it goes on from there.
func TestAMovedLedgerIsTheSame(t *testing.T) {
	n := noticeOfVersion(t, "2026-12-01")
	first := LedgerConfig{Dir: t.TempDir(), Notice: n}
	receipt, grant := aLedger(t, first)
	audit, err := AuditFolder(first.Dir)
	if err != nil {
		t.Fatal(err)
	}

	c := startCluster(t, 1, "")
	second := LedgerConfig{Dir: withKeysOf(t, first.Dir), NATSURL: c.url(), Notice: n}
	initCluster(t, second)
	moved := moveTo(t, first, second)
	if moved.Audit != audit || moved.Registered != 3 || moved.Received != 1 || moved.Erased != 2 {
		t.Errorf("%+v, want %+v", moved, audit)
	}
	same := func(config LedgerConfig) *Ledger {
		t.Helper()
		l := openTest(t, config)
		if got, err := l.Audit(t.Context()); err != nil || got != audit {
			t.Errorf("%+v, %v, want %+v", got, err, audit)
		}
		wantReason(t, l, "ada", Acceleration, Allowed)
		wantReason(t, l, "bea", Acceleration, Withdrawn)
		wantReason(t, l, "cyd", Acceleration, Allowed)
		wantReason(t, l, "dan", Acceleration, NeverAsked)
		_, err := l.Export(t.Context(), "dan")
		wantCode(t, err, CodeNeverAsked)
		got, err := l.Receipt(t.Context(), "ada")
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(mustJSON(t, got), mustJSON(t, receipt)) || got.Verify(l.Keys()) != nil {
			t.Errorf("another receipt: %s", mustJSON(t, got))
		}
		if g, err := l.Grant("ada"); err != nil || len(g.Deliveries) != 1 || g.Deliveries[0] != grant.Deliveries[0] {
			t.Errorf("%+v, want %+v (%v)", g, grant, err)
		}
		return l
	}
	l := same(second)
	var file bytes.Buffer
	_, err = ExportLedger(t.Context(), second, Moving{Key: movingKey}, &file)
	wantCode(t, err, CodeLedgerBusy) // it is open
	if _, err := ExportLedger(t.Context(), second, Moving{Key: movingKey, Live: true}, &file); err != nil {
		t.Error(err)
	}
	third := LedgerConfig{Dir: withKeysOf(t, first.Dir), Notice: n}
	_, err = ImportLedger(t.Context(), third, Moving{Key: movingKey}, bytes.NewReader(file.Bytes()))
	wantCode(t, err, CodeBadLedgerFile) // a copy that was taken while it was open
	closeTest(t, l)

	moveTo(t, second, third)
	l = same(third)
	withdraw(t, l, "ada")
	wantReason(t, l, "ada", Acceleration, Withdrawn)
	closeTest(t, l)
	same2 := openTest(t, third)
	wantReason(t, same2, "ada", Acceleration, Withdrawn)
	if got, err := same2.Audit(t.Context()); err != nil || got.Entries != audit.Entries+1 {
		t.Errorf("%+v, %v", got, err)
	}
}

// What is wrong with the file, or with the place that it is to go to, is found
// before anything is written.
func TestMovesThatAreRefused(t *testing.T) {
	n := noticeOfVersion(t, "2026-12-01")
	from := LedgerConfig{Dir: t.TempDir(), Notice: n}
	aLedger(t, from)
	file, moved := exportTest(t, from)
	body := bytes.IndexByte(file, '\n') + 1

	for name, broken := range map[string][]byte{
		"nothing":                 {},
		"only the header":         file[:body],
		"cut":                     file[:len(file)-1],
		"cut in the middle":       file[:len(file)/2],
		"longer":                  append(bytes.Clone(file), 0),
		"twice":                   append(bytes.Clone(file), file...),
		"a bit is another":        flipped(file, len(file)/2),
		"the last bit is another": flipped(file, len(file)-1),
		"another header":          bytes.Replace(file, []byte(`"live":false`), []byte(`"live": false`), 1),
		"another format":          bytes.Replace(file, []byte(moveFormat), []byte("tempogate-ledger-9"), 1),
		"no ledger":               []byte("{}\n"),
		"no line":                 bytes.Repeat([]byte("x"), 10_000),
	} {
		to := LedgerConfig{Dir: withKeysOf(t, from.Dir), Notice: n}
		_, err := ImportLedger(t.Context(), to, Moving{Key: movingKey}, bytes.NewReader(broken))
		if !errors.Is(err, &Error{Code: CodeBadLedgerFile}) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := os.Stat(filepath.Join(to.Dir, storeFolder)); err == nil {
			t.Errorf("%s: something was written", name)
		}
	}

	good := func() LedgerConfig { return LedgerConfig{Dir: withKeysOf(t, from.Dir), Notice: n} }
	for _, test := range []struct {
		name string
		code string
		key  []byte
		to   func() LedgerConfig
	}{
		{"another key", CodeBadLedgerFile, bytes.Repeat([]byte{8}, MovingKeySize), good},
		{"no key", CodeBadKey, nil, good},
		{"a folder without keys", CodeBadKey, movingKey, func() LedgerConfig { return LedgerConfig{Dir: t.TempDir()} }},
		{"a folder with other keys", CodeBadKey, movingKey, func() LedgerConfig {
			c := LedgerConfig{Dir: t.TempDir()}
			closeTest(t, openTest(t, c))
			return c
		}},
		{"a folder with another ledger", CodeLedgerNotEmpty, movingKey, func() LedgerConfig {
			c := good()
			l := openTest(t, c)
			give(t, l, "eve", Acceleration)
			closeTest(t, l)
			return c
		}},
		{"the folder that it came from", CodeLedgerNotEmpty, movingKey, func() LedgerConfig { return from }},
		{"a folder that is open", CodeLedgerUnavailable, movingKey, func() LedgerConfig {
			c := good()
			openTest(t, c)
			return c
		}},
		{"a server that is not there", CodeLedgerUnavailable, movingKey, func() LedgerConfig {
			c := good()
			c.NATSURL = "nats://127.0.0.1:1"
			return c
		}},
	} {
		_, err := ImportLedger(t.Context(), test.to(), Moving{Key: test.key}, bytes.NewReader(file))
		var e *Error
		if !errors.As(err, &e) || e.Code != test.code {
			t.Errorf("%s: %v, want %s", test.name, err, test.code)
		}
	}

	to := good()
	for i, want := range []string{"", CodeLedgerNotEmpty} {
		_, err := ImportLedger(t.Context(), to, Moving{Key: movingKey}, bytes.NewReader(file))
		if want == "" && err != nil {
			t.Fatal(err)
		} else if want != "" {
			wantCode(t, err, want)
		}
		if audit, err := AuditFolder(to.Dir); err != nil || audit != moved.Audit {
			t.Errorf("after import %d: %+v, %v", i+1, audit, err)
		}
	}
	_, err := ExportLedger(t.Context(), LedgerConfig{Dir: withKeysOf(t, from.Dir)}, Moving{Key: movingKey}, new(bytes.Buffer))
	wantCode(t, err, CodeLedgerUnavailable) // no ledger there
}

func mustJSON(t *testing.T, v any) []byte {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func flipped(file []byte, at int) []byte {
	changed := bytes.Clone(file)
	changed[at] ^= 1
	return changed
}

// Whoever has the file and not the keys learns nothing of anybody from it.
func TestAMovedLedgerTellsNothing(t *testing.T) {
	from := LedgerConfig{Dir: t.TempDir(), Notice: noticeOfVersion(t, "2026-12-01")}
	l := openTest(t, from)
	give(t, l, "ada-lovelace-of-london", Acceleration)
	p, err := l.person("ada-lovelace-of-london")
	if err != nil {
		t.Fatal(err)
	}
	secret, record := p.who.secret, p.who.record()
	closeTest(t, l)
	file, _ := exportTest(t, from)
	for _, told := range []string{"lovelace", string(secret[:]), record, "acceleration", "consent."} {
		if bytes.Contains(file, []byte(told)) {
			t.Errorf("the file tells %q", told)
		}
	}
	again, _ := exportTest(t, from)
	if bytes.Equal(file[len(file)-100:], again[len(again)-100:]) {
		t.Error("the same key twice")
	}
}

// An import that was cut short, wherever that was, leaves nothing that a node
// would take for a ledger, and is finished by doing it again.
func TestAnImportThatWasCutShortIsFinished(t *testing.T) {
	t.Parallel() // mostly it waits
	n := noticeOfVersion(t, "2026-12-01")
	from := LedgerConfig{Dir: t.TempDir(), Notice: n}
	aLedger(t, from)
	file, moved := exportTest(t, from)
	all := int(moved.Newest) + moved.Registered + moved.Received
	c := startCluster(t, 1, "")
	for at := 1; at < all; at++ {
		for _, to := range []LedgerConfig{
			{Dir: withKeysOf(t, from.Dir), Notice: n},
			{Dir: withKeysOf(t, from.Dir), Notice: n, NATSURL: c.url()},
		} {
			// A node waits for a while for the register of a cluster, in case it is
			// only late.
			if to.NATSURL != "" && at != 1 && at != int(moved.Newest)-1 && at != all-1 {
				continue
			}
			ctx, cancel := context.WithCancel(t.Context())
			_, err := ImportLedger(ctx, to, Moving{Key: movingKey, Progress: func(stage string, done, of int) {
				if stage == "importing" && done > at {
					cancel()
				}
			}}, bytes.NewReader(file))
			cancel()
			if err == nil {
				t.Fatalf("stopped after %d of %d, and it came to its end", at, all)
			}
			other := to
			other.Dir = withKeysOf(t, from.Dir)
			// What was cut short right before its end is whole.
			if l, err := OpenLedger(t.Context(), other); err == nil && at == all-1 {
				closeTest(t, l)
			} else if err == nil {
				// Before anybody's change came there is an empty ledger; nobody is let
				// in by it.
				wantReason(t, l, "ada", Acceleration, NeverAsked)
				wantReason(t, l, "bea", Acceleration, NeverAsked)
				closeTest(t, l)
			}
			if got, err := ImportLedger(t.Context(), to, Moving{Key: movingKey}, bytes.NewReader(file)); err != nil || got != moved {
				t.Fatalf("after %d of %d: %+v, %v", at, all, got, err)
			}
			if to.NATSURL == "" {
				continue
			}
			for _, stream := range []string{streamName, registerName} {
				deleteStream(t, to, stream)
			}
		}
	}
}

func deleteStream(t *testing.T, config LedgerConfig, name string) {
	t.Helper()
	s, err := config.connectExternal()
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	if err := s.js.DeleteStream(t.Context(), name); err != nil {
		t.Fatal(err)
	}
}

// A ledger that is damaged is not moved.
func TestADamagedLedgerIsNotExported(t *testing.T) {
	from := LedgerConfig{Dir: t.TempDir(), Notice: noticeOfVersion(t, "2026-12-01")}
	aLedger(t, from)
	numbers, err := blockNumbers(from.Dir, streamName)
	if err != nil || len(numbers) == 0 {
		t.Fatal(err)
	}
	block := filepath.Join(from.Dir, blockFolder(streamName), "1.blk")
	data, err := os.ReadFile(block)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(block, flipped(data, bytes.Index(data, []byte(`"event":"given"`))), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = ExportLedger(t.Context(), from, Moving{Key: movingKey}, new(bytes.Buffer))
	wantCode(t, err, CodeLedgerDamaged)
}

// FuzzReadRecords feeds anything to the reader of records, as somebody could who
// has the keys.
func FuzzReadRecords(f *testing.F) {
	f.Add([]byte("e\x09\x02consent.a{}.\x00\x02{}"))
	f.Add([]byte("e\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"))
	f.Add([]byte("."))
	f.Fuzz(func(t *testing.T, data []byte) {
		total := 0
		err := readRecords(bytes.NewReader(data), func(kind byte, subject string, body []byte) error {
			total += 3 + len(subject) + len(body) // at the least
			return nil
		})
		if total > len(data) {
			t.Errorf("%d bytes out of %d", total, len(data))
		}
		if err == nil && !bytes.Contains(data, []byte{kindEnd}) {
			t.Error("an end where there is none")
		}
	})
}

// FuzzMoveReader feeds anything to what decrypts, as anybody could: nothing comes
// out but what was written.
func FuzzMoveReader(f *testing.F) {
	var out bytes.Buffer
	w, err := newMoveWriter(&out, movingKey, moveHeader{ExportedAt: time.Unix(0, 0)})
	if err != nil {
		f.Fatal(err)
	}
	if err := errors.Join(w.record(kindEntry, "consent.a", []byte("{}")), w.record(kindPerson, "person.a", make([]byte, secretSize)), w.end(Moved{})); err != nil {
		f.Fatal(err)
	}
	f.Add(out.Bytes())
	f.Add(out.Bytes()[:out.Len()-1])
	f.Add([]byte(`{"format":"` + moveFormat + `"}` + "\n"))
	written, err := readMoved(out.Bytes()) // of files that differ, because the salt is drawn
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		switch read, err := readMoved(data); {
		case err != nil:
			wantCode(t, err, CodeBadLedgerFile)
		case !bytes.Equal(read, written):
			t.Errorf("%d bytes came out that were never written", len(read))
		}
	})
}

// readMoved decrypts a file.
func readMoved(file []byte) ([]byte, error) {
	r, _, err := newMoveReader(bytes.NewReader(file), movingKey)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}

// FuzzMove: whatever is encrypted comes back as it was, and only whole.
func FuzzMove(f *testing.F) {
	f.Add([]byte{})
	f.Add(bytes.Repeat([]byte("a"), chunkSize))
	f.Fuzz(func(t *testing.T, data []byte) {
		var out bytes.Buffer
		w, err := newMoveWriter(&out, movingKey, moveHeader{})
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(w.record(kindEntry, "s", data), w.end(Moved{})); err != nil {
			t.Fatal(err)
		}
		r, _, err := newMoveReader(bytes.NewReader(out.Bytes()), movingKey)
		if err != nil {
			t.Fatal(err)
		}
		var back []byte
		if err := readRecords(r, func(kind byte, _ string, body []byte) error {
			if kind == kindEntry {
				back = bytes.Clone(body)
			}
			return nil
		}); (err != nil) != (len(data) > 2*maxEntry) || err == nil && !bytes.Equal(back, data) {
			t.Errorf("%d bytes came back as %d: %v", len(data), len(back), err)
		}
	})
}
