//go:build !unix

package main

import "errors"

// restart is for systems where a process can begin another program.
func restart() error { return errors.ErrUnsupported }
