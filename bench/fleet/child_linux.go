package fleet

import "syscall"

// childAttributes puts a process into a group of its own, and has it end when we
// do, however that comes.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
