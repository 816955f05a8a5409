//go:build linux && (amd64 || arm64) && !noclear

package ingest

import (
	"bytes"
	"encoding/binary"
	"runtime"
	"sync/atomic"
	"syscall"
	"testing"
)

// hold keeps a value in a register until it is told to return it.
//
//go:noinline
func hold(value uint64, until *atomic.Bool) uint64 {
	for !until.Load() {
	}
	return value
}

// The kernel leaves the registers of what a signal interrupts where the thread takes
// signals; when that is cleared, they are gone.
func TestClearSignalStackLeavesNothing(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector keeps nothing in registers")
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	left := func() int {
		return bytes.Count(signalStack(), binary.LittleEndian.AppendUint64(nil, mark))
	}
	thread := syscall.Gettid()
	for try := 1; left() == 0; try++ {
		if try > 100 {
			t.Fatal("the control: an interrupt leaves nothing, so this test shows nothing")
		}
		var done atomic.Bool
		go func() {
			for range 10 {
				// One that every thread takes, and that means nothing while there is no profile.
				syscall.Tgkill(syscall.Getpid(), thread, syscall.SIGPROF)
				runtime.Gosched()
			}
			done.Store(true)
		}()
		hold(mark, &done)
	}
	clearSignalStack()
	if n := left(); n > 0 {
		t.Errorf("%d registers are left", n)
	}
}
