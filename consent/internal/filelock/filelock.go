// Package filelock keeps two processes, or two goroutines, from doing the same
// thing to the same folder at once: who has the lock of a file goes on, and the
// others wait or are told. A lock goes with its process, however that ends, so
// none is ever left behind (TestALockIsHeldOnce).
//
// It is advice: what does not ask is not held back. Where the system has no such
// locks (neither a Unix that knows flock nor Windows) everybody gets one, and the
// operator sees to it that one process has the folder.
package filelock

import (
	"errors"
	"os"
)

// ErrHeld is returned by TryLock for a file that somebody else has locked.
var ErrHeld = errors.New("the lock is held")

// Lock waits until it has the lock of the file at path, which it makes (mode 0600)
// if there is none. Closing the file gives the lock back.
func Lock(path string) (*os.File, error) { return open(path, true) }

// TryLock is Lock, but fails with ErrHeld instead of waiting.
func TryLock(path string) (*os.File, error) { return open(path, false) }

func open(path string, wait bool) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := lock(file, wait); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}
