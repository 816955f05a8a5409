package consent

import (
	"fmt"
	"os"
	"os/exec"
	"testing"
)

// childEnv makes the test binary do another thing than testing: it is its own
// child where a test needs a process to kill, to starve or to listen to.
const childEnv = "TEMPOGATE_CONSENT_CHILD"

// children holds what a child can do, by name. Each is given a folder.
var children = map[string]func(dir string) error{}

// runChild does not return in a child.
func runChild() {
	what := os.Getenv(childEnv)
	if what == "" {
		return
	}
	if err := children[what](os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// child prepares a child of the test binary.
func child(t *testing.T, what, dir string) *exec.Cmd {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if children[what] == nil {
		t.Fatalf("no child can do %q", what)
	}
	command := exec.Command(program, dir)
	command.Env = append(os.Environ(), childEnv+"="+what)
	return command
}
