package datasettest

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

// A witness is a test that writes down how it ended instead of ending the real
// one.
type witness struct {
	testing.TB
	skipped, failed bool
}

func (w *witness) Helper()               {}
func (w *witness) Skipf(string, ...any)  { w.skipped = true; runtime.Goexit() }
func (w *witness) Fatalf(string, ...any) { w.failed = true; runtime.Goexit() }
func (w *witness) Fatal(...any)          { w.failed = true; runtime.Goexit() }

// open calls Open and returns how it ended.
func open(t *testing.T) (entries int, skipped, failed bool) {
	w := &witness{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		entries = len(Open(w).Entries)
	}()
	<-done
	return entries, w.skipped, w.failed
}

func TestOpenSkipsWithoutRecordingsAndFailsInCI(t *testing.T) {
	write := func(text string) string {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "index.csv"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	good, broken, none := write("path,dataset\nwalk.csv,mine\n"), write("path,dataset\nwalk.csv\n"), t.TempDir()
	for _, test := range []struct {
		name, dir, ci   string
		entries         int
		skipped, failed bool
	}{
		{"a collection", good, "", 1, false, false},
		{"a collection in CI", good, "true", 1, false, false},
		{"no collection", none, "", 0, true, false},
		{"no collection in CI", none, "true", 0, false, true},
		{"no collection where CI says something else", none, "false", 0, true, false},
		{"a broken collection is never skipped", broken, "", 0, false, true},
	} {
		t.Setenv(Variable, test.dir)
		t.Setenv("CI", test.ci)
		if entries, skipped, failed := open(t); entries != test.entries || skipped != test.skipped || failed != test.failed {
			t.Errorf("%s: %d entries, skipped %v, failed %v", test.name, entries, skipped, failed)
		}
	}
}

func TestARelativePathCountsFromTheRoot(t *testing.T) {
	t.Setenv(Variable, "some/where")
	dir := Dir(t)
	root := filepath.Dir(filepath.Dir(dir))
	if _, err := os.Stat(filepath.Join(root, "go.mod")); err != nil || !filepath.IsAbs(dir) {
		t.Errorf("got %s: %v", dir, err)
	}
	t.Setenv(Variable, "")
	if got, want := Dir(t), filepath.Join(root, Default); got != want {
		t.Errorf("got %s, not %s", got, want)
	}
}
