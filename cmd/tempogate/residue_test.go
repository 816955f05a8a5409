//go:build linux

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// builtBinary is the program as it is built for use, for what a test binary is
// not: the race detector keeps memory of its own and has other stacks.
var builtBinary = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "tempogate-test-")
	if err != nil {
		return "", err
	}
	binary := filepath.Join(dir, "tempogate")
	if said, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w: %s", err, said)
	}
	return binary, nil
})

// built returns it.
func built(t *testing.T) string {
	t.Helper()
	binary, err := builtBinary()
	if err != nil {
		t.Fatal(err)
	}
	return binary
}

// Nothing is left of what was sent, in every form of sending, over plain
// connections and TLS, and for every ending of a session. How often the search is
// made, and what has to be found for it to count, package residue says.
func TestNoResidueInMemory(t *testing.T) {
	command := exec.Command(built(t), "residue")
	var said strings.Builder
	command.Stderr = &said
	out, err := command.Output()
	if strings.Contains(said.String(), "may not be read") {
		t.Skip("this machine lets nobody look into other processes: ", said.String())
	}
	if err != nil {
		t.Fatalf("%v\n%s%s", err, out, said.String())
	}
	for _, line := range []string{"\nresidue_copies 0\n", "\nresidue_searches 12\n", "\nresidue_sessions 72\n", "\ncontrol_planted 20\ncontrol_found 20\n", "\nwindow_sessions 72\nwindow_found 72\n"} {
		if !strings.Contains(string(out), line) {
			t.Errorf("the report does not say %q:\n%s", strings.TrimSpace(line), out)
		}
	}
}
