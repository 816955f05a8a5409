//go:build unix

package main

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

// memorySettings are what the runtime of a server has to be told when its process
// starts, so that it makes no copies of what functions hold: of registers, where it
// interrupts them by a signal, and of stacks, where it shrinks them in the middle
// of a frame. Stacks that are not shrunk are better begun small.
//
// Beside them GOTRACEBACK is set, unless it is: of a fault that ends the process
// the runtime prints what functions were called with, which could be somebody's
// samples.
const memorySettings = "asyncpreemptoff=1,gcshrinkstackoff=1,adaptivestackstart=0"

const silentTraceback = "none"

// quitSilently has SIGQUIT end the process at once and without the list of
// goroutines that the runtime makes of it, whatever GOTRACEBACK says. Whoever sets
// that keeps the list.
func quitSilently(log *slog.Logger) {
	if os.Getenv("GOTRACEBACK") != silentTraceback {
		return
	}
	quit := make(chan os.Signal, 1)
	signal.Notify(quit, syscall.SIGQUIT)
	go func() {
		<-quit
		log.Error("quit: goroutines are listed at /debug/pprof/goroutine?debug=2 of the admin address")
		os.Exit(exitFailed)
	}()
}

// restarted reports whether this is a program that restart has begun.
func restarted() bool { return strings.HasPrefix(os.Getenv("GODEBUG"), memorySettings) }

var errSignals = errors.New("GODEBUG is set, and signals are not set aside: leave GODEBUG to the server")

// restart begins the program anew, as the same process, with memorySettings and with
// signals set aside. It returns nil when they are so already, and otherwise why they
// cannot be. What the environment says itself counts for more.
func restart() error {
	if restarted() {
		if !signalsAreAside() {
			return errSignals
		}
		return nil
	}
	own := os.Getenv("GODEBUG")
	self, err := os.Executable()
	if err != nil {
		return err
	}
	if err := os.Setenv("GODEBUG", strings.TrimSuffix(memorySettings+","+own, ",")); err != nil {
		return err
	}
	if os.Getenv("GOTRACEBACK") == "" {
		os.Setenv("GOTRACEBACK", silentTraceback)
	}
	if err := setSignalsAside(); err != nil {
		return fmt.Errorf("signals cannot be set aside: %w", err)
	}
	return fmt.Errorf("exec: %w", syscall.Exec(self, os.Args, os.Environ()))
}
