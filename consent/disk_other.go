//go:build !linux && !darwin && !freebsd

package consent

import (
	"math"
	"os"
)

// Elsewhere the operator sees to it that one process has the folder, and a
// full disk shows when a write fails.

func lockExclusively(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
}

func freeSpace(string) (uint64, error) { return math.MaxUint64, nil }
