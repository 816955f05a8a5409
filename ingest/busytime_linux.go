package ingest

import (
	"time"

	"github.com/prometheus/procfs"
	"golang.org/x/sys/unix"
)

// busyTime returns how long the processors that this process may run on have worked,
// in all and for whomever; it does not move where nobody tells. Work with a lower
// priority than usual gives way and does not count, nor does waiting for a disk.
func busyTime() time.Duration {
	var may unix.CPUSet
	if unix.SchedGetaffinity(0, &may) != nil {
		return 0
	}
	return busyTimeOf(procfs.DefaultMountPoint, may)
}

// busyTimeOf is busyTime by the stat file of a folder (proc_stat(5)).
func busyTimeOf(folder string, processors unix.CPUSet) time.Duration {
	system, err := procfs.NewFS(folder)
	if err != nil {
		return 0
	}
	stat, err := system.Stat()
	if err != nil {
		return 0
	}
	seconds := 0.
	for number, cpu := range stat.CPU {
		if processors.IsSet(int(number)) { // guests are counted among users
			seconds += cpu.User + cpu.System + cpu.IRQ + cpu.SoftIRQ + cpu.Steal
		}
	}
	return time.Duration(seconds * float64(time.Second))
}
