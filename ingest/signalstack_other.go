//go:build !(linux && (amd64 || arm64)) || noclear

package ingest

import "sync/atomic"

var interrupts atomic.Bool

// clearInterrupts and clearSignalStack are for Linux.
func clearInterrupts()  {}
func clearSignalStack() {}
