package lockdown

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path"
	"strings"

	"golang.org/x/sys/unix"
)

// Apply does what it can for the process that calls it.
func Apply(c Config) State {
	s := State{Inspectable: c.Inspectable}
	s.coreDumps()
	s.inspection()
	s.swap()
	return s
}

func (s *State) warn(format string, args ...any) {
	s.Warnings = append(s.Warnings, fmt.Sprintf(format, args...))
}

// coreDumps sets the limit of core files to nothing.
func (s *State) coreDumps() {
	var limit unix.Rlimit
	err := unix.Getrlimit(unix.RLIMIT_CORE, &limit)
	if err == nil && limit == (unix.Rlimit{}) {
		return // somebody did already, and may have forbidden to ask
	}
	if err = unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}); err != nil {
		s.CoreDumps = true
		s.warn("core dumps cannot be turned off (%v): a crash could write samples to disk; start with 'ulimit -c 0'", err)
	}
}

// inspection closes the memory to other processes. That turns off core dumps too,
// also those that are piped to a collector, which no limit holds for.
func (s *State) inspection() {
	if s.Inspectable {
		s.warn("other processes of this user can read the memory of this one (--inspectable): leave that out in production")
		// Where Yama rules, only an ancestor could. An error means that it does not.
		unix.Prctl(unix.PR_SET_PTRACER, unix.PR_SET_PTRACER_ANY, 0, 0, 0)
		return
	}
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		s.Inspectable = true
		s.warn("the memory of this process cannot be closed to others of this user (%v)", err)
	}
}

// swap locks the memory where it could be swapped out.
func (s *State) swap() {
	s.Swap = SwapNone
	if !swapPossible() {
		return
	}
	s.Swap = SwapLocked
	err := lockMemory()
	if err != nil {
		s.Swap = SwapPossible
		s.warn("memory can be swapped out to disk, and cannot be locked (%v): forbid swap with MemorySwapMax=0 (systemd) or --memory-swap (containers), turn it off, encrypt it, or allow locking with CAP_IPC_LOCK or LimitMEMLOCK=infinity", err)
	}
}

var errLimited = errors.New("there is a limit of locked memory (RLIMIT_MEMLOCK)")

// lockMemory locks what there is and what there will be.
func lockMemory() error {
	if !unlimited() {
		return errLimited
	}
	return unix.Mlockall(unix.MCL_CURRENT | unix.MCL_FUTURE | unix.MCL_ONFAULT)
}

// unlimited reports whether any amount of memory may be locked.
func unlimited() bool {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if unix.Capget(&header, &data[0]) == nil && data[0].Effective&(1<<unix.CAP_IPC_LOCK) != 0 {
		return true
	}
	var limit unix.Rlimit
	return unix.Getrlimit(unix.RLIMIT_MEMLOCK, &limit) == nil && limit.Cur == unix.RLIM_INFINITY
}

// swapPossible reports whether pages of this process could be swapped out. What
// cannot be found out counts as possible.
func swapPossible() bool {
	return !swapForbidden() && !noSwap()
}

// noSwap reports whether the machine has no swap: the list has a title only (man
// 5 proc_swaps).
func noSwap() bool {
	text, err := os.ReadFile("/proc/swaps")
	return err == nil && bytes.Count(bytes.TrimSpace(text), []byte("\n")) == 0
}

// cgroupRoot is where control groups of version 2 are.
const cgroupRoot = "/sys/fs/cgroup"

// swapForbidden reports whether the control group of this process, or one above
// it, may use no swap.
func swapForbidden() bool {
	text, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return false
	}
	for line := range strings.Lines(string(text)) {
		if group, ok := strings.CutPrefix(strings.TrimSpace(line), "0::"); ok {
			for {
				most, err := os.ReadFile(path.Join(cgroupRoot, group, "memory.swap.max"))
				if err == nil && string(bytes.TrimSpace(most)) == "0" {
					return true
				}
				if group == "/" || group == "." {
					return false
				}
				group = path.Dir(group)
			}
		}
	}
	return false
}
