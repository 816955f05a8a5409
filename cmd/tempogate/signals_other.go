//go:build unix && !linux

package main

// setSignalsAside is for Linux, as is all that keeps memory to the process.
func setSignalsAside() error { return nil }

// signalsAreAside is for Linux.
func signalsAreAside() bool { return true }
