package main

import (
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// When a thread takes a signal, the kernel writes all its registers into memory of
// the process, to the stack that the thread has for signals, and there they stay
// until it takes another one. A thread that is just decrypting or copying a frame has
// up to 256 bytes of it in them. So no thread that sees frames may take signals that
// do not end a server:
//
//   - SIGTERM, SIGINT and SIGQUIT Go opens in every thread. The kernel gives them to
//     the main thread, if it can take them (complete_signal in kernel/signal.c: "if
//     the main thread wants the signal, it gets first crack"). That one is kept for
//     the function that waits for the server's end.
//   - Those that Go would take and do nothing about, such as SIGPIPE, are blocked
//     where the server begins itself anew: what is blocked stays so, and Go opens none
//     of them that os/signal was not asked for.
//   - Faults of a thread's own, and CPU profiles, are left: package ingest overwrites
//     what they leave.

func init() {
	if restarted() {
		runtime.LockOSThread() // package initialization and main run on the main thread
	}
}

// setSignalsAside blocks, in the calling thread and in the program that it goes on to
// begin, the signals that a server takes no notice of.
func setSignalsAside() error {
	var blocked unix.Sigset_t
	for i := range blocked.Val {
		blocked.Val[i] = ^blocked.Val[i]
	}
	for _, signal := range []syscall.Signal{
		unix.SIGHUP, unix.SIGINT, unix.SIGQUIT, unix.SIGABRT, unix.SIGTERM, unix.SIGSYS, // end it
		unix.SIGCONT, unix.SIGTSTP, unix.SIGTTIN, unix.SIGTTOU, // stop it, by the kernel alone
	} {
		n := int(signal) - 1
		blocked.Val[n/setWordBits] &^= 1 << (n % setWordBits)
	}
	runtime.LockOSThread() // it is this thread that has to go on
	return unix.PthreadSigmask(unix.SIG_SETMASK, &blocked, nil)
}

const setWordBits = 8 * int(unsafe.Sizeof(unix.Sigset_t{}.Val[0]))

// signalsAreAside reports whether a signal that a server takes no notice of is
// blocked.
func signalsAreAside() bool {
	var blocked unix.Sigset_t
	if err := unix.PthreadSigmask(unix.SIG_BLOCK, nil, &blocked); err != nil {
		return false
	}
	const n = int(unix.SIGPIPE) - 1
	return blocked.Val[n/setWordBits]&(1<<(n%setWordBits)) != 0
}
