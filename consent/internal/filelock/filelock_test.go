//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd || windows

package filelock_test

import (
	"errors"
	"path/filepath"
	"testing"

	"github.com/tempogate/tempogate/consent/internal/filelock"
)

// Whoever asks second is told, or waits until the first has closed the file.
func TestALockIsHeldOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	first, err := filelock.Lock(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := filelock.TryLock(path); !errors.Is(err, filelock.ErrHeld) {
		t.Fatalf("locked twice: %v", err)
	}
	order := make(chan string, 2)
	waited := make(chan error)
	go func() {
		second, err := filelock.Lock(path)
		order <- "second"
		if err == nil {
			err = second.Close()
		}
		waited <- err
	}()
	order <- "first"
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-waited; err != nil {
		t.Fatal(err)
	}
	if got := <-order; got != "first" {
		t.Errorf("the %s one was first", got)
	}
	third, err := filelock.TryLock(path)
	if err != nil {
		t.Fatalf("given back, and not to be had: %v", err)
	}
	third.Close()
}

func TestALockNeedsAFolder(t *testing.T) {
	if _, err := filelock.Lock(filepath.Join(t.TempDir(), "none", "lock")); err == nil {
		t.Error("a lock in a folder that is not there")
	}
}
