//go:build !(amd64 || arm64) && !noclear

package ingest

// clearStack overwrites as much of the stack that is not in use as a frame needs.
func clearStack() { growStack(lineStack) }
