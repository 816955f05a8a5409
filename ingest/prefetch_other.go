//go:build !(amd64 || arm64)

package ingest

import "unsafe"

// prefetch does nothing here: the memory comes when it is used.
func prefetch(unsafe.Pointer, uintptr) {}

func prefetchStack() {}
