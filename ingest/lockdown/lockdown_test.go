//go:build linux

package lockdown_test

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/tempogate/tempogate/ingest/lockdown"
)

// childVariable makes the test binary be the process that is looked at: it
// applies a lockdown, says what holds, and waits for the end of its input.
const childVariable = "TEMPOGATE_TEST_LOCKDOWN"

// readVariable makes it be another process of the same user, which opens the
// memory of the process that is named.
const readVariable = "TEMPOGATE_TEST_READ"

func TestMain(m *testing.M) {
	what, victim := os.Getenv(childVariable), os.Getenv(readVariable)
	if what == "" && victim == "" {
		os.Exit(m.Run())
	}
	beNobody()
	switch {
	case victim != "":
		memory, err := os.Open("/proc/" + victim + "/mem")
		if err == nil {
			memory.Close()
			fmt.Println("open")
		} else {
			fmt.Println(err)
		}
		return
	case what == "nothing":
		fmt.Println("nothing applied")
	default:
		fmt.Printf("%+v\n", lockdown.Apply(lockdown.Config{Inspectable: what == "inspectable"}))
	}
	bufio.NewReader(os.Stdin).ReadString('\n')
}

// beNobody makes root a user like any other, for whom the kernel decides by what
// is tested here.
func beNobody() {
	if os.Getuid() != 0 {
		return
	}
	const nobody = 65534
	err := errors.Join(syscall.Setgroups(nil), syscall.Setresgid(nobody, nobody, nobody), syscall.Setresuid(nobody, nobody, nobody),
		unix.Prctl(unix.PR_SET_DUMPABLE, 1, 0, 0, 0)) // which a change of user turns off
	if err != nil {
		fmt.Println("cannot be nobody:", err)
		os.Exit(1)
	}
}

// start starts such a process in a folder of its own and returns what it said.
func start(t *testing.T, what string) (command *exec.Cmd, said string) {
	t.Helper()
	command = exec.Command(os.Args[0])
	command.Env = append(os.Environ(), childVariable+"="+what, "GOTRACEBACK=crash")
	command.Dir = t.TempDir()
	in, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close(); command.Wait() })
	said, err = bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return command, said
}

func TestNoCoreFile(t *testing.T) {
	command, said := start(t, "closed")
	if !strings.Contains(said, "CoreDumps:false") {
		t.Errorf("after Apply: %s", said)
	}
	limits, err := os.ReadFile(fmt.Sprintf("/proc/%d/limits", command.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(limits)) {
		if strings.HasPrefix(line, "Max core file size") && strings.Join(strings.Fields(line)[4:6], " ") != "0 0" {
			t.Errorf("the limit is: %s", line)
		}
	}
	command.Process.Signal(syscall.SIGABRT)
	err = command.Wait()
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		t.Fatalf("after SIGABRT the process ended with %v", err)
	}
	if status := exit.Sys().(syscall.WaitStatus); status.CoreDump() {
		t.Error("the kernel says that it wrote a core file")
	}
	if files, _ := filepath.Glob(command.Dir + "/*"); len(files) > 0 {
		t.Errorf("a crash left %v", files)
	}
}

func TestMemoryIsClosed(t *testing.T) {
	for what, open := range map[string]bool{"closed": false, "inspectable": true, "nothing": true} {
		t.Run(what, func(t *testing.T) {
			command, _ := start(t, what)
			if scope, _ := os.ReadFile("/proc/sys/kernel/yama/ptrace_scope"); open && strings.TrimSpace(string(scope)) > "0" && what == "nothing" {
				t.Skip("on this machine the memory of a process is closed to others anyhow")
			}
			reader := exec.Command(os.Args[0])
			reader.Env = append(os.Environ(), readVariable+"="+fmt.Sprint(command.Process.Pid))
			said, err := reader.Output()
			switch {
			case err != nil:
				t.Fatalf("%v: %s", err, said)
			case open != strings.Contains(string(said), "open\n"):
				t.Errorf("another process of the same user that opens the memory is told: %s", said)
			case !open && !strings.Contains(string(said), "permission denied"):
				t.Errorf("something else is wrong: %s", said)
			}
		})
	}
}

// A machine without swap needs no locked memory, and nobody is warned of it.
func TestSwapIsNamed(t *testing.T) {
	_, said := start(t, "closed")
	swaps, err := os.ReadFile("/proc/swaps")
	if err != nil {
		t.Skip("this system does not list its swap")
	}
	none := strings.Count(strings.TrimSpace(string(swaps)), "\n") == 0
	if none && !strings.Contains(said, "Swap:none Warnings:[]") {
		t.Errorf("without swap: %s", said)
	}
	if strings.Contains(said, "Swap:possible") != strings.Contains(said, "swapped out") {
		t.Errorf("a warning and what holds differ: %s", said)
	}
}
