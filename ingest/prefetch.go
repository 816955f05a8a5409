//go:build amd64 || arm64

package ingest

import "unsafe"

// prefetch asks the processor for so many bytes from p on, and does not wait for
// them. Nothing is read: p need not even be memory.
//
//go:noescape
func prefetch(p unsafe.Pointer, bytes uintptr)

// prefetchStack does so for the part of the goroutine's stack that is not in use.
//
//go:noescape
func prefetchStack()
