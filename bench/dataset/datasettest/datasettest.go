// Package datasettest finds the collection of real recordings that some tests
// run on. The recordings are never part of the repository, so those tests
// skip where there are none.
package datasettest

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/tempogate/tempogate/bench/dataset"
)

// Variable is the environment variable that names the collection. A relative
// path counts from the root of the repository, which is also where the default
// does: Default.
const (
	Variable = "TEMPOGATE_DATA"
	Default  = "../shared/data"
)

// Open opens the collection. Without one the test is skipped and says so;
// where CI is "true" it fails instead, so that nobody takes silence for
// success. A collection that is there but broken always fails.
func Open(t testing.TB) *dataset.Collection {
	t.Helper()
	dir := Dir(t)
	if _, err := os.Stat(filepath.Join(dir, dataset.IndexName)); err != nil {
		missing := t.Skipf
		if os.Getenv("CI") == "true" {
			missing = t.Fatalf
		}
		missing("no collection of recordings at %s: set %s to one", dir, Variable)
	}
	c, err := dataset.OpenCollection(dir)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Dir returns where the collection should be, whether or not it is there.
func Dir(t testing.TB) string {
	t.Helper()
	dir := os.Getenv(Variable)
	if dir == "" {
		dir = Default
	}
	if filepath.IsAbs(dir) {
		return dir
	}
	return filepath.Join(root(t), filepath.FromSlash(dir))
}

// root returns the root of the repository: a test runs in the folder of its
// package, and go.mod lies somewhere above.
func root(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			t.Fatal("no go.mod above this package")
		}
		dir = parent
	}
}
