//go:build unix && !linux

package fleet

import "syscall"

// childAttributes puts a process into a group of its own.
func childAttributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
