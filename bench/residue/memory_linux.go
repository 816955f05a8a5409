package residue

import (
	"bufio"
	"debug/elf"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// interrupt sends each thread of a process SIGWINCH, which the process takes no notice
// of. A signal to the process as a whole would mostly go to the same thread.
func interrupt(pid int) {
	threads, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	if err != nil {
		return // it has ended
	}
	for _, thread := range threads {
		if id, err := strconv.Atoi(thread.Name()); err == nil {
			unix.Tgkill(pid, id, unix.SIGWINCH)
		}
	}
}

// openMemory opens a process's memory and lists what of it can be read.
func openMemory(pid int) (memoryFile, []region, error) {
	maps, err := os.Open(fmt.Sprintf("/proc/%d/maps", pid))
	if err != nil {
		return nil, nil, explain(pid, err)
	}
	defer maps.Close()
	memory, err := os.Open(fmt.Sprintf("/proc/%d/mem", pid))
	if err != nil {
		return nil, nil, explain(pid, err)
	}
	regions, err := readRegions(maps)
	if err != nil {
		memory.Close()
		return nil, nil, explain(pid, err)
	}
	return memory, regions, nil
}

// openChart opens the memory of a process to say what lies where in it.
func openChart(pid int) (*chart, error) {
	memory, regions, err := openMemory(pid)
	if err != nil {
		return nil, err
	}
	p, err := openProgram(fmt.Sprintf("/proc/%d/exe", pid), regions)
	if err != nil {
		memory.Close()
		return nil, fmt.Errorf("residue: the program of process %d cannot be read: %w", pid, err)
	}
	return &chart{memory, regions, p}, nil
}

// openProgram reads the executable that a link of /proc stands for.
func openProgram(link string, regions []region) (*program, error) {
	file, err := os.Readlink(link)
	if err != nil {
		return nil, err
	}
	executable, err := elf.Open(link)
	if err != nil {
		return nil, err
	}
	defer executable.Close()
	at := slices.IndexFunc(regions, func(r region) bool { return r.name == strings.TrimSuffix(file, " (deleted)") })
	if at < 0 {
		return nil, errors.New("it is not in the process's memory")
	}
	return newProgram(executable, regions[at].from)
}

// readRegions reads lines as man 5 proc_pid_maps describes them, and leaves out
// what cannot be read and what the kernel shows to every process.
func readRegions(maps *os.File) (regions []region, err error) {
	lines := bufio.NewScanner(maps)
	for lines.Scan() {
		var r region
		var mode string
		if _, err := fmt.Sscanf(lines.Text(), "%x-%x %s", &r.from, &r.to, &mode); err != nil {
			return nil, fmt.Errorf("a line of maps cannot be read: %w", err)
		}
		if fields := strings.Fields(lines.Text()); len(fields) > 5 {
			r.name = fields[5]
		}
		switch {
		case !strings.HasPrefix(mode, "r"), r.name == "[vvar]", r.name == "[vvar_vclock]", r.name == "[vsyscall]":
		default:
			regions = append(regions, r)
		}
	}
	return regions, lines.Err()
}

// explain says why a process's memory cannot be read, and what to do about it.
func explain(pid int, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ESRCH):
		return fmt.Errorf("residue: there is no process %d: %w", pid, err)
	case errors.Is(err, fs.ErrPermission):
		why := "a server keeps its memory from everybody but root: run this as root (with CAP_SYS_PTRACE, in a container --cap-add SYS_PTRACE), or start the server with --inspectable"
		if scope, err := os.ReadFile("/proc/sys/kernel/yama/ptrace_scope"); err == nil && strings.TrimSpace(string(scope)) > "1" {
			why = "kernel.yama.ptrace_scope on this machine is " + strings.TrimSpace(string(scope)) + ", which allows it to root at most: run this as root, or set it to 1 or 0"
		}
		return fmt.Errorf("residue: the memory of process %d may not be read: %w; %s", pid, err, why)
	}
	return fmt.Errorf("residue: the memory of process %d cannot be read: %w", pid, err)
}
