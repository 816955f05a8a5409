package load

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"syscall"
	"time"
)

// A usage reads what processes use.
type usage struct {
	pids []int
}

func newUsage(pids []int) *usage { return &usage{pids} }

// ticksPerSecond is USER_HZ, which Linux shows to programs as 100 on every
// platform that Go runs on.
const ticksPerSecond = 100

// now returns the processor time of the watched processes, the memory that they
// have resident, and the processor time of this one. Processes that are gone
// count as nothing.
func (u *usage) now() (cpu time.Duration, memory int64, own time.Duration) {
	for _, pid := range u.pids {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			continue
		}
		// The name, in parentheses, may hold anything; utime, stime and rss are
		// the 12th, 13th and 22nd field behind it (man 5 proc_pid_stat).
		fields := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:])
		if len(fields) < 22 {
			continue
		}
		user, _ := strconv.ParseInt(string(fields[11]), 10, 64)
		system, _ := strconv.ParseInt(string(fields[12]), 10, 64)
		pages, _ := strconv.ParseInt(string(fields[21]), 10, 64)
		cpu += time.Duration(user+system) * time.Second / ticksPerSecond
		memory += pages * int64(os.Getpagesize())
	}
	var r syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &r) == nil {
		own = time.Duration(r.Utime.Nano() + r.Stime.Nano())
	}
	return cpu, memory, own
}
