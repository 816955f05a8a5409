//go:build (amd64 || arm64) && !noclear

package ingest

// clearStack overwrites the part of the goroutine's stack that is not in use, and
// the registers that hold floats.
//
//go:noescape
func clearStack()
