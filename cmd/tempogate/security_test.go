package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	testName = regexp.MustCompile("`((?:Test|Fuzz)[A-Za-z0-9_]+)`")
	testFunc = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)[A-Za-z0-9_]+)\(\w+ \*testing\.`)
)

// Each test that SECURITY.md names exists, and each claim in its tables names one.
func TestSecurityNamesItsTests(t *testing.T) {
	const root = "../.."
	there := map[string]bool{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		source, err := os.ReadFile(path)
		for _, m := range testFunc.FindAllSubmatch(source, -1) {
			there[string(m[1])] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(root, "SECURITY.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range testName.FindAllStringSubmatch(string(text), -1) {
		if !there[m[1]] {
			t.Errorf("there is no %s", m[1])
		}
	}
	claims, held := 0, false
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(strings.TrimSpace(line), "|")
		switch {
		case len(cells) < 3:
			held = false
		case strings.TrimSpace(cells[len(cells)-2]) == "held by":
			held = true
		case held && !strings.HasPrefix(cells[1], "---"):
			claims++
			if !testName.MatchString(cells[len(cells)-2]) {
				t.Errorf("nothing holds this: %s", line)
			}
		}
	}
	if claims < 20 {
		t.Errorf("%d claims: the tables are not read", claims)
	}
}
