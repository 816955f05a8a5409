//go:build linux

package consent

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

func init() {
	children["torn write"] = tornWrite
	children["full disk"] = fullDisk
}

// TestATornWriteLosesNoGrant makes a write of the store fail in the middle, as
// a disk that fills up does, by way of the limit on the size of a file, which
// needs no privilege.
func TestATornWriteLosesNoGrant(t *testing.T) {
	dir := t.TempDir()
	output, err := child(t, "torn write", dir).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	l := openTest(t, LedgerConfig{Dir: dir})
	wantReason(t, l, "ada", Acceleration, Allowed)
	wantReason(t, l, "bea", Acceleration, Withdrawn)
	wantReason(t, l, "cyd", Acceleration, Allowed)
	wantTheSameOnDisk(t, l)
}

func tornWrite(dir string) error {
	signal.Ignore(syscall.SIGXFSZ)
	ctx := context.Background()
	l, err := OpenLedger(ctx, LedgerConfig{Dir: dir, Lease: time.Second})
	if err != nil {
		return err
	}
	for _, who := range []string{"ada", "bea"} {
		if _, err := l.Give(ctx, who, yes(l, Acceleration)); err != nil {
			return err
		}
	}
	size, err := largestFile(dir)
	if err != nil {
		return err
	}
	// Room for a part of the next entry.
	if err := limitFiles(uint64(size) + 100); err != nil {
		return err
	}
	if _, err := l.Give(ctx, "cyd", yes(l, Acceleration)); !errors.Is(err, &Error{Code: CodeLedgerUnavailable}) {
		return fmt.Errorf("give with the disk full: %w", err)
	}
	if _, err := l.Withdraw(ctx, "bea", "test"); !errors.Is(err, &Error{Code: CodeLedgerUnavailable}) {
		return fmt.Errorf("withdrawal with the disk full: %w", err)
	}
	for who, want := range map[string]Reason{"bea": LedgerUnavailable, "cyd": NeverAsked} {
		if got := l.Decide(who, Acceleration); got.Allowed || got.Reason != want && got.Reason != LedgerUnavailable {
			return fmt.Errorf("%s with the disk full: %v, want %s", who, got, want)
		}
	}
	if g, err := l.Grant("ada"); err != nil || g.State != Given {
		return fmt.Errorf("ada with the disk full: %v, %w", g.State, err)
	}
	if err := limitFiles(math.MaxUint64); err != nil {
		return err
	}
	return recovers(l)
}

// recovers waits until the ledger keeps changes again and checks that nothing
// was lost meanwhile.
func recovers(l *Ledger) error {
	ctx := context.Background()
	deadline := time.Now().Add(30 * time.Second)
	for _, change := range []func() error{
		func() error { _, err := l.Withdraw(ctx, "bea", "test"); return err },
		func() error { _, err := l.Give(ctx, "cyd", yes(l, Acceleration)); return err },
	} {
		for err := change(); err != nil; err = change() {
			if time.Now().After(deadline) {
				return fmt.Errorf("no change is kept again: %w", err)
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
	for !l.Decide("ada", Acceleration).Allowed {
		if time.Now().After(deadline) {
			return fmt.Errorf("ada: %v", l.Decide("ada", Acceleration))
		}
		time.Sleep(10 * time.Millisecond)
	}
	if _, err := l.Audit(ctx); err != nil {
		return err
	}
	return l.Close()
}

func largestFile(dir string) (int64, error) {
	var largest int64
	err := filepath.WalkDir(dir, func(_ string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if err == nil {
			largest = max(largest, info.Size())
		}
		return err
	})
	return largest, err
}

func limitFiles(size uint64) error {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		return err
	}
	limit.Cur = min(size, limit.Max)
	return syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit)
}

// TestAStoreOutOfSpaceLosesNoGrant fills a small disk of its own up to the last
// byte, behind the back of the room that the ledger keeps free. JetStream then
// stops as a whole. It needs a user namespace, which some systems forbid.
func TestAStoreOutOfSpaceLosesNoGrant(t *testing.T) {
	victim := child(t, "full disk", t.TempDir())
	victim.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}
	output, err := victim.CombinedOutput()
	switch {
	case errors.Is(err, os.ErrPermission), strings.Contains(string(output), noMount), errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EINVAL):
		t.Skipf("this system lets nobody mount a small disk: %v %s", err, output)
	case err != nil:
		t.Fatalf("%v: %s", err, output)
	}
}

const noMount = "no disk can be mounted"

func fullDisk(dir string) error {
	const diskSize, lastBytes = 32 << 20, 32 << 10
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%d", diskSize)); err != nil {
		return fmt.Errorf("%s: %w", noMount, err)
	}
	ctx := context.Background()
	l, err := OpenLedger(ctx, LedgerConfig{Dir: dir, Lease: time.Second})
	if err != nil {
		return err
	}
	l.store.embedded.room = func(string) (uint64, error) { return math.MaxUint64, nil }
	for _, who := range []string{"ada", "bea"} {
		if _, err := l.Give(ctx, who, yes(l, Acceleration)); err != nil {
			return err
		}
	}
	free, err := freeSpace(dir)
	if err != nil {
		return err
	}
	filler := filepath.Join(dir, "filler")
	if err := os.WriteFile(filler, make([]byte, free-lastBytes), 0o600); err != nil {
		return err
	}
	given := 0
	for {
		if _, err = l.Give(ctx, fmt.Sprintf("crowd-%d", given), yes(l, Acceleration)); err != nil {
			break
		}
		if given++; given > lastBytes {
			return errors.New("the disk does not fill up")
		}
	}
	if !errors.Is(err, &Error{Code: CodeLedgerUnavailable}) {
		return fmt.Errorf("give with the disk full: %w", err)
	}
	if _, err := l.Withdraw(ctx, "bea", "test"); err == nil || l.Decide("bea", Acceleration).Allowed {
		return fmt.Errorf("a withdrawal with the disk full: %v, %v", err, l.Decide("bea", Acceleration))
	}
	if err := os.Remove(filler); err != nil {
		return err
	}
	if err := recovers(l); err != nil {
		return err
	}
	// As another process would find it.
	again, err := OpenLedger(ctx, LedgerConfig{Dir: dir})
	if err != nil {
		return err
	}
	for i := range given {
		if g, err := again.Grant(fmt.Sprintf("crowd-%d", i)); err != nil || g.State != Given {
			return fmt.Errorf("grant %d of %d: %v, %w", i, given, g.State, err)
		}
	}
	if g, err := again.Grant("bea"); err != nil || g.State != Withdrawn {
		return fmt.Errorf("bea: %v, %w", g.State, err)
	}
	return again.Close()
}
