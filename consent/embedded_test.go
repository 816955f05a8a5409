package consent

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

func init() {
	children["quiet"] = openAndBlock
	children["lock"] = func(dir string) error {
		_, err := OpenLedger(context.Background(), LedgerConfig{Dir: dir})
		return err
	}
}

// openAndBlock opens a ledger, uses it, says so and waits for a signal.
func openAndBlock(dir string) error {
	l, err := OpenLedger(context.Background(), LedgerConfig{Dir: dir})
	if err != nil {
		return err
	}
	if _, err := l.Give(context.Background(), "ada", yes(l, Acceleration)); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "ready"), nil, 0o600); err != nil {
		return err
	}
	select {}
}

// The ledger belongs to its host: it says nothing on the standard streams,
// takes no signal for itself and opens no port.
func TestTheEmbeddedServerKeepsToItself(t *testing.T) {
	dir := t.TempDir()
	host := child(t, "quiet", dir)
	var out, complaints strings.Builder
	host.Stdout, host.Stderr = &out, &complaints
	if err := host.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the ledger is open", func() bool {
		_, err := os.Stat(filepath.Join(dir, "ready"))
		return err == nil
	})
	if runtime.GOOS == "linux" {
		if ports := listening(t, host.Process.Pid); len(ports) > 0 {
			t.Errorf("the process listens: %v", ports)
		}
	}
	if err := host.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	err := host.Wait()
	var ended *exec.ExitError
	if !errors.As(err, &ended) || ended.Sys().(syscall.WaitStatus).Signal() != syscall.SIGTERM {
		t.Errorf("the process did not end by SIGTERM but with: %v", err)
	}
	if out.Len()+complaints.Len() > 0 {
		t.Errorf("it said %q and %q", out.String(), complaints.String())
	}
}

// listening returns the listening TCP sockets of a process, by what /proc says.
func listening(t *testing.T, pid int) []string {
	t.Helper()
	own := map[string]bool{}
	files := fmt.Sprintf("/proc/%d/fd", pid)
	entries, err := os.ReadDir(files)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if target, err := os.Readlink(filepath.Join(files, entry.Name())); err == nil {
			own[target] = true
		}
	}
	var found []string
	for _, table := range []string{"tcp", "tcp6"} {
		data, err := os.ReadFile(fmt.Sprintf("/proc/%d/net/%s", pid, table))
		if errors.Is(err, os.ErrNotExist) {
			continue // a kernel without IPv6
		}
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.SplitSeq(string(data), "\n") {
			const listen = "0A" // TCP_LISTEN in the column st
			if fields := strings.Fields(line); len(fields) > 9 && fields[3] == listen && own["socket:["+fields[9]+"]"] {
				found = append(found, fields[1])
			}
		}
	}
	return found
}

// Without this an acknowledged change would sit in the system's cache for up to
// two minutes, and be lost with the power.
func TestTheStoreSyncsAlways(t *testing.T) {
	l := openTest(t, LedgerConfig{})
	if config := l.store.embedded.server.JetStreamConfig(); config == nil || !config.SyncAlways {
		t.Error("the store does not sync each change")
	}
}

// A ledger whose disk is full refuses changes, one at a time, and keeps
// everything else: what was given stays given, other sessions go on, and when
// there is room again changes are kept again.
func TestAFullDiskLosesNoGrant(t *testing.T) {
	l := openTest(t, LedgerConfig{})
	give(t, l, "ada", Acceleration)
	give(t, l, "bea", Acceleration)
	room := l.store.embedded.room
	l.store.embedded.room = func(string) (uint64, error) { return minRoom - 1, nil }

	_, err := l.Give(t.Context(), "cyd", yes(l, Acceleration))
	wantCode(t, err, CodeLedgerUnavailable)
	if !errors.Is(err, errDiskFull) {
		t.Errorf("error %v does not say that the disk is full", err)
	}
	_, err = l.Withdraw(t.Context(), "bea", "test")
	wantCode(t, err, CodeLedgerUnavailable)
	wantCode(t, l.Healthy(), CodeLedgerUnavailable)

	wantReason(t, l, "ada", Acceleration, Allowed)           // another session goes on
	wantReason(t, l, "bea", Acceleration, LedgerUnavailable) // said no, and it could not be kept
	wantReason(t, l, "cyd", Acceleration, NeverAsked)        // no yes was kept
	wantTheSameOnDisk(t, l)

	l.store.embedded.room = room
	withdraw(t, l, "bea")
	give(t, l, "cyd", Acceleration)
	wantReason(t, l, "ada", Acceleration, Allowed)
	wantReason(t, l, "bea", Acceleration, Withdrawn)
	wantReason(t, l, "cyd", Acceleration, Allowed)
	if err := l.Healthy(); err != nil {
		t.Error(err)
	}
	wantTheSameOnDisk(t, l)
}

// wantTheSameOnDisk audits: what the ledger decides by is what the store holds.
func wantTheSameOnDisk(t testing.TB, l *Ledger) {
	t.Helper()
	if _, err := l.Audit(t.Context()); err != nil {
		t.Error(err)
	}
}

// The embedded server is stopped behind the ledger's back, as it stops itself
// when a write fails for want of space. The ledger starts it anew and goes on.
func TestAStoreThatStoppedIsStartedAnew(t *testing.T) {
	l := openTest(t, LedgerConfig{Lease: 200 * time.Millisecond})
	give(t, l, "ada", Acceleration)
	if err := l.store.embedded.server.ShutdownJetStream(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "changes are kept again", func() bool {
		_, err := l.Give(t.Context(), "bea", yes(l, Acceleration))
		return err == nil
	})
	eventually(t, "the ledger answers", func() bool {
		return l.Healthy() == nil && l.Decide("ada", Acceleration).Allowed && l.Decide("bea", Acceleration).Allowed
	})
	wantTheSameOnDisk(t, l)
}

func TestOneFolderServesOneProcess(t *testing.T) {
	dir := t.TempDir()
	openTest(t, LedgerConfig{Dir: dir})
	_, err := OpenLedger(t.Context(), LedgerConfig{Dir: dir})
	wantCode(t, err, CodeLedgerUnavailable)
	if err == nil || !strings.Contains(err.Error(), "another process") {
		t.Errorf("error %v does not say why", err)
	}
	output, err := child(t, "lock", dir).CombinedOutput()
	if err == nil || !strings.Contains(string(output), "another process") {
		t.Errorf("another process: %v, %q", err, output)
	}
}

func TestTheLogNamesNobody(t *testing.T) {
	const said = "error storing consent.4vrneemecd525gtmivbtxmkxne2wxyodzaazi7nbe5mj2jiqm7ha after notice.2026-11-01.en in JetStream stream CONSENT"
	const want = "error storing consent.* after notice.* in JetStream stream CONSENT"
	if got := withoutPeople(said); got != want {
		t.Errorf("got %q", got)
	}
}
