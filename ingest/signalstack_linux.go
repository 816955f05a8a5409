//go:build (amd64 || arm64) && !noclear

package ingest

import (
	"runtime"
	"sync/atomic"
	"syscall"
	"unsafe"
)

// interrupts says that threads of this process are, or were, interrupted by a CPU
// profile.
var interrupts atomic.Bool

// clearInterrupts overwrites what interrupts may have left of a frame on the thread
// that was the frame's.
func clearInterrupts() {
	if interrupts.Load() {
		clearSignalStack()
	}
}

// clearSignalStack overwrites the stack on which the thread takes signals. That is
// where the kernel writes the registers of what it interrupts, which may hold
// readings, and where they stay.
//
// For signals that a thread need not take, package main has a thread of its own. It
// has to take those that tell of its own faults, and those of a CPU profile.
func clearSignalStack() {
	runtime.LockOSThread() // no other thread may be on it
	defer runtime.UnlockOSThread()
	clear(signalStack())
}

// signalStack returns the stack on which the thread takes signals.
func signalStack() []byte {
	var stack struct { // man 2 sigaltstack
		base  unsafe.Pointer
		flags int32
		size  uintptr
	}
	_, _, failed := syscall.RawSyscall(syscall.SYS_SIGALTSTACK, 0, uintptr(unsafe.Pointer(&stack)), 0)
	if failed != 0 || stack.flags != 0 { // there is none
		return nil
	}
	return unsafe.Slice((*byte)(stack.base), stack.size)
}
