//go:build !unix

package load

import "syscall"

// receiveBuffer leaves the receive buffer as it is here.
func receiveBuffer(int) func(network, address string, c syscall.RawConn) error { return nil }

// EnoughFiles knows of no limit here.
func EnoughFiles(int) error { return nil }
