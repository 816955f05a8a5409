package paper_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/tempogate/tempogate/bench/paper"
)

func ExamplePage() {
	p := paper.Page{Pictures: map[string][]string{"walks": {"walks.svg"}}}
	p.Line("# %s", "A report")
	p.Heading("Walks")
	p.Table([]string{"phone", "steps"}, [][]string{{"left|right", "1200"}})
	p.Show("walks")
	fmt.Print(string(p.Bytes()))
	// Output:
	// # A report
	//
	// ## Walks
	//
	// | phone | steps |
	// |---|--:|
	// | left\|right | 1200 |
	//
	// ![walks](walks.svg)
}

func TestWriteFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "report.md")
	for _, content := range []string{"the first", "the second"} {
		if err := paper.WriteFile(path, []byte(content)); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != content {
			t.Errorf("read %q, %v", got, err)
		}
	}
	if names, err := os.ReadDir(dir); err != nil || len(names) != 1 {
		t.Errorf("left behind %v, %v", names, err)
	}
	if err := paper.WriteFile(filepath.Join(dir, "nowhere", "report.md"), nil); err == nil {
		t.Error("wrote into a directory that is not there")
	}
}
