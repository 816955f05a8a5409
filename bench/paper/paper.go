// Package paper writes reports for people: Markdown with tables and pictures, in
// files that are there whole or not at all.
package paper

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// A Page gathers lines of Markdown. The zero value is an empty one.
type Page struct {
	// Pictures are the names of image files beside the page, by the heading that
	// they stand under.
	Pictures map[string][]string

	text bytes.Buffer
}

// Bytes returns what was written. It is valid until more is.
func (p *Page) Bytes() []byte { return p.text.Bytes() }

// Line writes a line, formatted as with fmt.Printf.
func (p *Page) Line(format string, values ...any) {
	fmt.Fprintf(&p.text, format, values...)
	p.text.WriteByte('\n')
}

// Heading begins a section.
func (p *Page) Heading(text string) {
	p.Line("")
	p.Line("## %s", text)
}

// Table writes a table, the first column to the left and the others to the right.
// Each row has as many cells as there are titles.
func (p *Page) Table(titles []string, rows [][]string) {
	p.Line("")
	p.Line("| %s |", strings.Join(titles, " | "))
	p.Line("|---%s|", strings.Repeat("|--:", len(titles)-1))
	for _, row := range rows {
		p.Line("| %s |", strings.Join(escaped(row), " | "))
	}
}

// escaped returns cells in which no text ends a cell.
func escaped(row []string) []string {
	cells := make([]string, len(row))
	for i, text := range row {
		cells[i] = strings.ReplaceAll(text, "|", "\\|")
	}
	return cells
}

// Show shows the pictures of a heading.
func (p *Page) Show(heading string) {
	for _, name := range p.Pictures[heading] {
		p.Line("")
		p.Line("![%s](%s)", strings.TrimSuffix(name, ".svg"), name)
	}
}

// WriteFile writes a file in one piece, mode 0644: who looks sees the old one or
// the new.
func WriteFile(path string, content []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".tempogate-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // fails once renamed, as it should
	if _, err = f.Write(content); err == nil {
		err = f.Chmod(0o644)
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
