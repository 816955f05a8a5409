//go:build linux && (amd64 || arm64)

package framing

import (
	"syscall"
	"testing"
)

// The calls that Go's scheduler is not told of must not wait, even on a
// descriptor that waits by itself; and a peer that is gone is an error, not a
// signal.
func TestRawCallsNeverWait(t *testing.T) {
	ends, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0) // no SOCK_NONBLOCK
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(ends[0])
	here, there := uintptr(ends[0]), uintptr(ends[1])

	p := make([]byte, 4096)
	if n, err := readFD(here, p); err != syscall.EAGAIN {
		t.Fatalf("reading where nothing is: %d, %v", n, err)
	}
	taken := 0
	for {
		n, err := writeFD(there, p)
		if err == syscall.EAGAIN {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		taken += n
	}
	for taken > 0 {
		n, err := readFD(here, p)
		if n <= 0 || err != nil {
			t.Fatalf("%d bytes are left to be read: %d, %v", taken, n, err)
		}
		taken -= n
	}
	syscall.Close(ends[1])
	if n, err := readFD(here, p); n != 0 || err != nil {
		t.Errorf("the end: %d, %v", n, err)
	}
	if n, err := writeFD(here, p); err != syscall.EPIPE {
		t.Errorf("writing to nobody: %d, %v", n, err)
	}
}
