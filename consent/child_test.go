package consent

import (
	"os"
	"testing"
)

// childEnv makes the test binary do another thing than testing: it is its own
// child where a test needs a process to kill, to starve or to listen to.
const childEnv = "TEMPOGATE_CONSENT_CHILD"

// children holds what a child can do, by name.
var children = map[string]func(dir string){}

// runChild does not return in a child.
func runChild() {
	if what := os.Getenv(childEnv); what != "" {
		children[what](os.Args[1])
		os.Exit(0)
	}
}

var _ testing.TB
