package dataset

import (
	"bytes"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// detect tells the format of a file from its first bytes, without consuming
// them. Names are never asked: exports get renamed.
func detect(s *source) (string, error) {
	head, err := s.r.Peek(lineLimit)
	if len(head) == 0 {
		if err == io.EOF {
			return "", &LineError{s.path, 0, ErrEmpty}
		}
		return "", &LineError{s.path, 1, fmt.Errorf("cannot be read: %w", err)}
	}
	if len(head) >= 12 && string(head[8:12]) == fitMagic {
		return "fit", nil
	}
	head = bytes.TrimPrefix(head, byteOrderMark)
	line := firstLine(head)
	if len(line) == 0 {
		return "", &LineError{s.path, 0, ErrEmpty}
	}
	if format := detectTitles(line); format != "" {
		return format, nil
	}
	if format := detectCells(line); format != "" {
		return format, nil
	}
	return "", &LineError{s.path, 0, fmt.Errorf("%w (known: %s): it begins with %s", ErrUnknownFormat, strings.Join(formats[:], " "), quote(line))}
}

// firstLine returns the first line that is not blank.
func firstLine(head []byte) []byte {
	for len(head) > 0 {
		line, rest, _ := bytes.Cut(head, []byte{'\n'})
		if line = bytes.TrimSpace(line); len(line) > 0 {
			return line
		}
		head = rest
	}
	return nil
}

// detectTitles tells the formats that begin with words.
func detectTitles(line []byte) string {
	if bytes.HasPrefix(line, []byte("Geolife trajectory")) {
		return "geolife"
	}
	plain, _ := titles(line)
	has := func(title string) bool { return slices.Contains(plain, title) }
	switch {
	case has("seconds_elapsed"), has("time") && (has("x") && has("y") && has("z") || has("latitude") && has("longitude")):
		return "sensorlogger"
	case has("time (s)"):
		return "phyphox"
	case has("t") && (has("ax") || has("lat")):
		return "csv"
	}
	return ""
}

// detectCells tells the formats that begin with a reading.
func detectCells(line []byte) string {
	cells := split(nil, endless(line), ',')
	whole := 0
	for _, cell := range cells {
		if _, ok := integer(cell); ok {
			whole++
		}
	}
	switch n := len(cells); {
	case n == 9 && whole == 9:
		return "sisfall"
	case n == 3 && whole == 3:
		return "sthar"
	case n == 6 && len(cells[1]) == 1 && unicode.IsUpper(rune(cells[1][0])):
		return "wisdm"
	case n == 5 && isInteger(cells[0]) && isInteger(cells[1]):
		return "oxford"
	}
	return ""
}

func isInteger(cell []byte) bool {
	_, ok := integer(cell)
	return ok
}

// reading matches a number of more than one digit, or two that only a
// separator parts. A title holds neither: "X (m/s^2)" has one digit.
var reading = regexp.MustCompile(`[0-9][0-9.,;:\s-]*[0-9]`)

// quote describes a first line for an error: in its own words if it is made of
// words, and without any when it holds a reading or is not text.
func quote(line []byte) string {
	if !utf8.Valid(line[:min(len(line), 80)]) && !utf8.Valid(line) || bytes.IndexByte(line, 0) >= 0 {
		return "bytes that are not UTF-8 text"
	}
	if reading.Match(line) {
		return "a line of numbers"
	}
	const longest = 80
	text := []rune(strings.Map(shown, string(line)))
	if len(text) > longest {
		return fmt.Sprintf("%q...", string(text[:longest]))
	}
	return fmt.Sprintf("%q", string(text))
}

// shown returns what stands for r in a quoted line, in which nothing is to be spelled
// out: six letters for each unprintable one make an error that nobody can read.
func shown(r rune) rune {
	switch {
	case unicode.IsPrint(r) || r == '\t':
		return r
	case unicode.IsSpace(r):
		return ' '
	}
	return utf8.RuneError
}
