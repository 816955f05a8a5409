//go:build unix

package fleet

import "syscall"

// Processes can be asked to end, stopped where they are, and be let go on.
const (
	hasSignals     = true
	signalPause    = syscall.SIGSTOP
	signalContinue = syscall.SIGCONT
)
