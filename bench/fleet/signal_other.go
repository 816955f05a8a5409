//go:build !unix

package fleet

import "syscall"

// Processes can only be killed, so Start refuses.
const (
	hasSignals     = false
	signalPause    = syscall.Signal(0)
	signalContinue = syscall.Signal(0)
)

func childAttributes() *syscall.SysProcAttr { return nil }
