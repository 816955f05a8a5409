//go:build !unix

package framing

import "errors"

// rawSupported says that sockets cannot be read by their descriptors here.
const rawSupported = false

func readFD(uintptr, []byte) (int, error)  { return 0, errors.ErrUnsupported }
func writeFD(uintptr, []byte) (int, error) { return 0, errors.ErrUnsupported }
