package consent

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
)

// Long enough not to be anywhere by chance.
const ada, bea = "ada-with-a-long-pseudonym", "bea-with-a-long-pseudonym"

// After an erasure the chain is as whole as before, the receipts verify, and
// neither the ledger nor anybody who has all of its files can tell whose the
// record was.
func TestAnErasedPersonIsUnknown(t *testing.T) {
	dir := t.TempDir()
	l := openTest(t, LedgerConfig{Dir: dir, Notice: noticeOfVersion(t, "2026-12-01")})
	request := yes(l, Acceleration, Location)
	request.Recipients = []string{"coach"}
	first, err := l.Give(t.Context(), ada, request)
	if err != nil {
		t.Fatal(err)
	}
	give(t, l, bea, Acceleration)
	withdraw(t, l, ada, Location)
	p, err := l.person(ada)
	if err != nil {
		t.Fatal(err)
	}
	secret := bytes.Clone(p.who.secret[:])
	var told []State
	l.Watch(ada, func(g Grant) { told = append(told, g.State) })

	last, err := l.Erase(t.Context(), ada, "test")
	if err != nil {
		t.Fatal(err)
	}
	if last.Event.Change != EventErased || last.Event.State != Withdrawn || last.RecordID != first.RecordID || len(last.Data) > 0 {
		t.Errorf("the receipt of the erasure: %+v", last)
	}
	if len(told) != 1 || told[0] != Withdrawn {
		t.Errorf("live sessions were told %v", told)
	}
	unknown := func(l *Ledger) {
		t.Helper()
		wantReason(t, l, ada, Acceleration, NeverAsked)
		wantReason(t, l, bea, Acceleration, Allowed)
		_, grant := l.Grant(ada)
		_, history := l.History(t.Context(), ada)
		_, receipt := l.Receipt(t.Context(), ada)
		_, export := l.Export(t.Context(), ada)
		_, withdrawal := l.Withdraw(t.Context(), ada, "test")
		_, erasure := l.Erase(t.Context(), ada, "test")
		for i, err := range []error{grant, history, receipt, export, withdrawal, erasure} {
			if !errors.Is(err, ErrNeverAsked) {
				t.Errorf("answer %d: %v", i, err)
			}
		}
		for _, r := range []*Receipt{first, last} {
			if err := r.Verify(l.Keys()); err != nil {
				t.Error(err)
			}
		}
		if audit, err := l.Audit(t.Context()); err != nil || audit.Entries != 5 || audit.People != 2 || audit.Erased != 1 {
			t.Errorf("audit: %+v, %v", audit, err)
		}
	}
	unknown(l)
	closeTest(t, l)
	if files, err := AuditFolder(dir); err != nil || files.Erased != 1 {
		t.Errorf("audit of the files: %+v, %v", files, err)
	}
	if where := holding(t, dir, []byte(ada), secret); len(where) > 0 {
		t.Errorf("what leads to the person is still in %v", where)
	}
	if where := holding(t, dir, []byte(bea)); len(where) == 0 {
		t.Error("the search finds nobody, so it would not find who was erased")
	}

	l = openTest(t, LedgerConfig{Dir: dir, Notice: noticeOfVersion(t, "2026-12-01")})
	unknown(l)
	// Whoever comes back is somebody new.
	again := give(t, l, ada, Acceleration)
	if again.RecordID == first.RecordID || again.Principal == first.Principal {
		t.Error("the new record leads to the old one")
	}
	history, err := l.History(t.Context(), ada)
	if err != nil || len(history) != 1 || history[0].Revision != 1 || history[0].Event != EventGiven {
		t.Errorf("history after coming back: %+v, %v", history, err)
	}
}

// A refusal can be erased too: then the person may be asked again.
func TestARefusalIsErased(t *testing.T) {
	l := openTest(t, LedgerConfig{})
	if _, err := l.Refuse(t.Context(), ada, no(l)); err != nil {
		t.Fatal(err)
	}
	r, err := l.Erase(t.Context(), ada, "test")
	if err != nil || r.Event.State != Refused {
		t.Fatalf("%+v, %v", r, err)
	}
	wantReason(t, l, ada, Acceleration, NeverAsked)
}

// holding returns the files that hold any of some bytes.
func holding(t *testing.T, dir string, any ...[]byte) (files []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		for _, part := range any {
			if bytes.Contains(content, part) {
				files = append(files, path)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// The process dies between the entry that says so and the overwriting: the next
// opening finishes it, and until then nobody is let in.
func TestAnErasureThatWasCutShortIsFinished(t *testing.T) {
	dir := t.TempDir()
	l := openTest(t, LedgerConfig{Dir: dir})
	give(t, l, ada, Acceleration)
	eraseHalf(t, l)
	wantReason(t, l, ada, Acceleration, NeverAsked)
	closeTest(t, l)
	if where := holding(t, dir, []byte(ada)); len(where) == 0 {
		t.Fatal("it was not cut short")
	}
	l = openTest(t, LedgerConfig{Dir: dir})
	_, err := l.Grant(ada)
	wantCode(t, err, CodeNeverAsked)
	closeTest(t, l)
	if where := holding(t, dir, []byte(ada)); len(where) > 0 {
		t.Errorf("what leads to the person is still in %v", where)
	}
	// The same when the person asks before: then asking finishes it.
	l = openTest(t, LedgerConfig{Dir: dir})
	give(t, l, ada, Acceleration)
	eraseHalf(t, l)
	_, err = l.Erase(t.Context(), ada, "test")
	wantCode(t, err, CodeNeverAsked)
	if sequence, _, err := l.store.newest(t.Context(), personSubject+ada); err != nil || sequence != 0 {
		t.Errorf("message %d of the register is still there (%v)", sequence, err)
	}
	if r := give(t, l, ada, Acceleration); r.Event.Change != EventGiven {
		t.Errorf("%s", r.Event.Change)
	}
}

// eraseHalf writes down that ada is erased and leaves her in the register.
func eraseHalf(t *testing.T, l *Ledger) {
	t.Helper()
	_, err := l.no(t.Context(), ada, nil, nil, func(p *person) (*changeEntry, error) {
		return &changeEntry{
			Event: EventErased, State: Withdrawn, At: l.clock(), Method: "test",
			NoticeVersion: p.notice.Version, NoticeSHA256: p.notice.SHA256, GivenAt: p.givenAt,
		}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Without the register nobody could take anything back, so the ledger does not
// open. It says what is missing.
func TestALostRegisterIsNoticed(t *testing.T) {
	dir := keep(t)
	yesterday := copyOf(t, dir)
	remove(t, filepath.Dir(filepath.Join(dir, blockFolder(registerName))))
	err := openDamaged(t, dir)
	wantCode(t, err, CodeLedgerDamaged)
	if err == nil || !strings.Contains(err.Error(), "entry 3: the register does not say whose it is") {
		t.Errorf("error %v does not say what is missing", err)
	}

	// An older register does not bring back who was erased since.
	l := openTest(t, LedgerConfig{Dir: yesterday})
	register := copyOf(t, filepath.Join(yesterday, blockFolder(registerName)))
	if _, err := l.Erase(t.Context(), "person-3", "test"); err != nil {
		t.Fatal(err)
	}
	closeTest(t, l)
	remove(t, filepath.Join(yesterday, blockFolder(registerName)))
	if err := os.CopyFS(filepath.Join(yesterday, blockFolder(registerName)), os.DirFS(register)); err != nil {
		t.Fatal(err)
	}
	l = openTest(t, LedgerConfig{Dir: yesterday})
	_, err = l.Grant("person-3")
	wantCode(t, err, CodeNeverAsked)
	wantReason(t, l, "person-4", Acceleration, Allowed)
}

// Each byte of the register that is changed is found before a server is started
// on it, and the file is named.
func TestEveryFlippedByteOfTheRegisterIsFound(t *testing.T) {
	dir := keep(t)
	l := openTest(t, LedgerConfig{Dir: dir})
	if _, err := l.Erase(t.Context(), "person-2", "test"); err != nil {
		t.Fatal(err)
	}
	closeTest(t, l)
	path := filepath.Join(dir, blockFolder(registerName), "1.blk")
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := readRegister(dir, func(uint64, string, []byte) error { return nil }); err != nil {
		t.Fatal(err)
	}
	opened := 0
	for at := range whole {
		spoiled := bytes.Clone(whole)
		spoiled[at] ^= 1 << (at % 8)
		overwrite(t, path, string(spoiled))
		err := readRegister(dir, func(uint64, string, []byte) error { return nil })
		if err == nil { // a length that makes all the rest look like a write that was cut short
			opened++
			again, err := OpenLedger(t.Context(), LedgerConfig{Dir: copyOf(t, dir)})
			if err != nil {
				wantCode(t, err, CodeLedgerDamaged)
				continue
			}
			wantReason(t, again, "person-2", Acceleration, NeverAsked) // nothing but the mark of the erasure was cut off
			wantReason(t, again, "person-7", Acceleration, Allowed)
			closeTest(t, again)
			continue
		}
		if !errors.Is(err, &Error{Code: CodeLedgerDamaged}) || !strings.Contains(err.Error(), path) {
			t.Fatalf("byte %d of %d: %v", at, len(whole), err)
		}
	}
	t.Logf("%d bytes, %d of them found when the ledger looked whom it misses", len(whole), opened)
}

// An erasure on one node, and a coming back, are known on the other.
func TestTheOtherNodeForgetsToo(t *testing.T) {
	s := startServer(t, t.TempDir(), server.RANDOM_PORT)
	one := openTest(t, LedgerConfig{NATSURL: s.ClientURL()})
	two := openTest(t, LedgerConfig{NATSURL: s.ClientURL()})
	for range 20 {
		give(t, one, ada, Acceleration)
		// What two says of somebody whom it may not have heard of yet.
		if g := withdraw(t, two, ada); g.State != Withdrawn || g.Revision != 2 {
			t.Fatalf("the other node says %s, revision %d", g.State, g.Revision)
		}
		give(t, two, ada, Acceleration)
		told := make(chan State, 2)
		stop := two.Watch(ada, func(g Grant) { told <- g.State })
		if _, err := one.Erase(t.Context(), ada, "test"); err != nil {
			t.Fatal(err)
		}
		if state := <-told; state != Withdrawn {
			t.Fatalf("the other node's sessions were told %s", state)
		}
		stop()
		_, err := two.History(t.Context(), ada)
		wantCode(t, err, CodeNeverAsked)
	}
	for _, l := range []*Ledger{one, two} {
		if audit, err := l.Audit(t.Context()); err != nil || audit.Erased != 20 || audit.People != 20 {
			t.Errorf("audit: %+v, %v", audit, err)
		}
	}
	three := openTest(t, LedgerConfig{NATSURL: s.ClientURL()})
	wantReason(t, three, ada, Acceleration, NeverAsked)
}
