//go:build !unix

package main

import (
	"errors"
	"log/slog"
)

// restart is for systems where a process can begin another program.
func restart() error { return errors.ErrUnsupported }

// quitSilently is for systems with SIGQUIT.
func quitSilently(*slog.Logger) {}
