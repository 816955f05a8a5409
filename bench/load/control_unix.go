//go:build unix

package load

import (
	"fmt"
	"syscall"
)

// filesBeside is what a process has open beside its sessions.
const filesBeside = 50

// EnoughFiles returns an error that says what to do when this process cannot
// have so many sessions open. The Go runtime has raised the soft limit already.
func EnoughFiles(sessions int) error {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil || uint64(sessions)+filesBeside <= uint64(limit.Cur) {
		return nil // not knowing is no reason not to try
	}
	return fmt.Errorf("load: %d sessions in one process need more open files than the %d that this system allows one: use more --processes, or raise ulimit -Hn",
		sessions, uint64(limit.Cur))
}

// receiveBuffer sets the size of a socket's receive buffer before it connects,
// so that the window that the peer sees is bounded by it.
func receiveBuffer(bytes int) func(network, address string, c syscall.RawConn) error {
	return func(_, _ string, c syscall.RawConn) error {
		var failed error
		err := c.Control(func(fd uintptr) {
			failed = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, bytes)
		})
		if err != nil {
			return err
		}
		return failed
	}
}
