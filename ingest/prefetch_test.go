package ingest

import (
	"testing"
	"unsafe"
)

// Nothing is read, so there is nothing that may not be asked for.
func TestPrefetchTouchesNothing(t *testing.T) {
	var one byte
	for _, p := range []unsafe.Pointer{nil, unsafe.Pointer(&one)} {
		for _, bytes := range []uintptr{0, 1, 63, 64, 65, 1 << 20} {
			prefetch(p, bytes)
		}
	}
	prefetchStack()
}
