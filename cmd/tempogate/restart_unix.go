//go:build unix

package main

import (
	"fmt"
	"os"
	"strings"
	"syscall"
)

// memorySettings are what the runtime of a server has to be told when its process
// starts, so that it makes no copies of what functions hold: of registers, where it
// interrupts them by a signal, and of stacks, where it shrinks them in the middle
// of a frame. Stacks that are not shrunk are better begun small.
const memorySettings = "asyncpreemptoff=1,gcshrinkstackoff=1,adaptivestackstart=0"

// restart begins the program anew, as the same process, with memorySettings. It
// returns when they are there already, or with why they cannot be. What the
// environment says itself counts for more.
func restart() error {
	own := os.Getenv("GODEBUG")
	if strings.HasPrefix(own, memorySettings) {
		return nil
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	if err := os.Setenv("GODEBUG", strings.TrimSuffix(memorySettings+","+own, ",")); err != nil {
		return err
	}
	return fmt.Errorf("exec: %w", syscall.Exec(self, os.Args, os.Environ()))
}
