package main

import (
	"bytes"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var updateLicences = flag.Bool("update-licences", false, "write the table of licences in docs/dependencies.md anew")

// licences are those that a dependency may have, each by words of its text that no
// other has. The first that fits counts, so that the longer come before the shorter.
var licences = []struct{ name, words string }{
	{"Apache-2.0", "apache license version 2.0"},
	{"MPL-2.0", "mozilla public license version 2.0"},
	{"OFL-1.1", "sil open font license version 1.1"},
	{"CC-BY-4.0", "creative commons attribution 4.0 international"},
	{"FTL", "the freetype license"}, // one of two to choose from, the other being the GPL
	{"MIT", "permission is hereby granted, free of charge, to any person obtaining a copy"},
	{"ISC", "permission to use, copy, modify, and/or distribute this software for any purpose"},
	{"BSD-3-Clause", "may be used to endorse or promote products derived from this software without specific prior written permission"},
	{"BSD-2-Clause", "redistributions in binary form must reproduce the above copyright notice"},
}

// licenceOf names the licence of a module from the file at its root. It is "" for
// one that is not allowed, or not known.
func licenceOf(folder string) (string, error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return "", err
	}
	for _, e := range entries {
		name := strings.ToLower(e.Name())
		base := strings.TrimSuffix(strings.TrimSuffix(name, ".md"), ".txt")
		if e.IsDir() || !slices.Contains([]string{"license", "licence", "copying"}, base) {
			continue
		}
		text, err := os.ReadFile(filepath.Join(folder, e.Name()))
		if err != nil {
			return "", err
		}
		plain := strings.Join(strings.Fields(strings.NewReplacer("\"", "", ", version", " version").Replace(strings.ToLower(string(text)))), " ")
		for _, l := range licences {
			if strings.Contains(plain, l.words) {
				return l.name, nil
			}
		}
	}
	return "", nil
}

// modulesOf returns the folders of the modules that packages are built from, by the
// modules' paths.
func modulesOf(t *testing.T, arguments ...string) map[string]string {
	t.Helper()
	const format = "{{with .Module}}{{if not .Main}}{{.Path}} {{.Dir}}{{end}}{{end}}"
	command := exec.Command("go", append([]string{"list", "-deps", "-f", format}, arguments...)...)
	command.Dir = "../.."
	var errors bytes.Buffer
	command.Stderr = &errors
	out, err := command.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, errors.String())
	}
	folders := map[string]string{}
	for line := range strings.Lines(string(out)) {
		if path, folder, ok := strings.Cut(strings.TrimSpace(line), " "); ok {
			folders[path] = folder
		}
	}
	return folders
}

// Every module that is built into the binary, a test or a tool has a licence that
// lets everybody use, change and pass it on, and docs/dependencies.md says which.
// -update-licences writes its table anew.
func TestLicences(t *testing.T) {
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("no go command here")
	}
	binary := modulesOf(t, "./cmd/tempogate")
	all := modulesOf(t, "-test", "./...")
	maps.Copy(all, modulesOf(t, "tool"))
	if len(binary) < 10 || len(all) < len(binary) {
		t.Fatalf("%d modules in the binary, %d in all: go list says too little", len(binary), len(all))
	}
	var table strings.Builder
	table.WriteString("| module | licence | in |\n|---|---|---|\n")
	var paths []string
	for path := range all {
		paths = append(paths, path)
	}
	slices.Sort(paths)
	for _, path := range paths {
		licence, err := licenceOf(all[path])
		if err != nil {
			t.Fatal(err)
		}
		if licence == "" {
			t.Errorf("%s: no licence that is allowed: read it, and add it to the list or leave the module out", path)
		}
		where := "tests and tools"
		if binary[path] != "" {
			where = "the binary"
		}
		fmt.Fprintf(&table, "| %s | %s | %s |\n", path, licence, where)
	}
	const page, begin, end = "../../docs/dependencies.md", "<!-- licences -->\n", "<!-- end of licences -->\n"
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok := strings.Cut(string(text), begin)
	old, tail, ended := strings.Cut(rest, end)
	if !ok || !ended {
		t.Fatalf("%s has no place for the table", page)
	}
	if *updateLicences {
		if err := os.WriteFile(page, []byte(head+begin+table.String()+end+tail), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if old != table.String() {
		t.Errorf("the table in %s is out of date: go test ./cmd/tempogate -run TestLicences -update-licences", page)
	}
}

// What the check reads as a licence, and what it does not.
func TestLicenceOf(t *testing.T) {
	for _, c := range []struct{ file, text, want string }{
		{"LICENSE", "Apache License\n   Version 2.0, January 2004", "Apache-2.0"},
		{"COPYING", "Permission is hereby granted, free of charge, to any person\nobtaining a copy", "MIT"},
		{"LICENSE.md", "Neither the name of X\nmay be used to endorse or promote products\nderived from this software without specific prior written permission.", "BSD-3-Clause"},
		{"LICENSE.txt", "GNU AFFERO GENERAL PUBLIC LICENSE\nVersion 3", ""},
		{"LICENSE", "All rights reserved.", ""},
		{"README", "Apache License Version 2.0", ""},
	} {
		folder := t.TempDir()
		if err := os.WriteFile(filepath.Join(folder, c.file), []byte(c.text), 0o644); err != nil {
			t.Fatal(err)
		}
		if got, err := licenceOf(folder); err != nil || got != c.want {
			t.Errorf("%s %q: %q, %v, want %q", c.file, c.text, got, err, c.want)
		}
	}
}
