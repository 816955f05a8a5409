package residue

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
)

// A moment says when a search took place.
type moment uint8

const (
	inWindow    moment = iota // the canaries are in the windows
	afterWindow               // they have left them
	afterEnd                  // the sessions have ended
)

var momentNames = [...]string{"in the window", "after the window", "after the end"}

// A Line is what was found of the sessions that send in one way, over one
// transport, and end in one way.
type Line struct {
	Transport string `json:"transport"`
	Sending   string `json:"sending"`
	Ending    string `json:"ending"`
	Sessions  int    `json:"sessions"`
	Copies    int    `json:"copies"` // found when there should be none
}

// A Finding is a copy that should not be there.
type Finding struct {
	// Whose it is.
	Transport string `json:"transport"`
	Sending   string `json:"sending"`
	Ending    string `json:"ending"`

	When    string `json:"when"` // after the window, after the end
	Form    Form   `json:"form"`
	Pattern string `json:"pattern"` // in hexadecimal
	Address uint64 `json:"address"`
	Place   Place  `json:"place"`
}

// String describes the finding on a line.
func (f Finding) String() string {
	return fmt.Sprintf("LEFT %s: %s, %s, %s, ended by %s: %s at %#x: %s", f.When, f.Form, f.Transport, f.Sending, f.Ending, f.Pattern, f.Address, f.Place)
}

// A Report says what was found.
type Report struct {
	Rounds   int   `json:"rounds"`
	Searches int   `json:"searches"`
	Needles  int   `json:"needles"`        // looked for, of all searches together
	Looked   int64 `json:"searched_bytes"` // of all searches together

	Copies   int       `json:"copies"`   // that should not be there
	Findings []Finding `json:"findings"` // of them, at most 100

	// Controls is how many needles were planted, ControlsFound how many of them the
	// search that was to find them did.
	Controls      int `json:"control_planted"`
	ControlsFound int `json:"control_found"`

	// Windows is how many windows held canaries when they were searched for there,
	// WindowsFound in how many they were found, as floats and as rows.
	Windows      int `json:"window_sessions"`
	WindowsFound int `json:"window_found"`

	Lines []*Line `json:"lines"`
}

// line returns the line of a subject.
func (r *Report) line(transport string, s *subject) *Line {
	for _, l := range r.Lines {
		if l.Transport == transport && l.Sending == s.how.name && l.Ending == s.ending.String() {
			return l
		}
	}
	l := &Line{Transport: transport, Sending: s.how.name, Ending: s.ending.String()}
	r.Lines = append(r.Lines, l)
	return l
}

const (
	mostFindings = 100
	mostOfLine   = 10
)

// take takes what one search has found. place says what lies where.
func (r *Report) take(run *runner, when moment, planted []int, findings []finding, looked int64, place func(finding) Place) {
	r.Searches++
	r.Needles += len(run.needles.all)
	r.Looked += looked
	r.Controls += len(planted)
	var floats, rows, controls = map[int]bool{}, map[int]bool{}, map[int]bool{}
	for _, f := range findings {
		switch {
		case slices.Contains(planted, f.owner):
			controls[f.owner] = true
		case when == inWindow && f.owner < len(run.subjects):
			floats[f.owner] = floats[f.owner] || f.form == Float
			rows[f.owner] = rows[f.owner] || f.form == Resampled
		default:
			r.Copies++
			l := &Line{Transport: run.transport(), Sending: "control", Ending: Cut.String()}
			if f.owner < len(run.subjects) {
				l = r.line(run.transport(), run.subjects[f.owner])
			}
			l.Copies++
			if l.Copies <= mostOfLine && len(r.Findings) < mostFindings {
				r.Findings = append(r.Findings, Finding{l.Transport, l.Sending, l.Ending, momentNames[when], f.form, hex.EncodeToString(f.pattern), f.address, place(f)})
			}
		}
	}
	r.ControlsFound += len(controls)
	if when == inWindow {
		r.Windows += len(run.subjects)
		for i := range run.subjects {
			if floats[i] && rows[i] {
				r.WindowsFound++
			}
		}
	}
}

// Passed reports whether nothing was left, and everything was found that had to
// be.
func (r *Report) Passed() bool {
	return r.Copies == 0 && r.Searches > 0 && r.ControlsFound == r.Controls && r.WindowsFound == r.Windows
}

// Add adds another report.
func (r *Report) Add(o *Report) {
	r.Rounds += o.Rounds
	r.Searches += o.Searches
	r.Needles += o.Needles
	r.Looked += o.Looked
	r.Copies += o.Copies
	r.Controls += o.Controls
	r.ControlsFound += o.ControlsFound
	r.Windows += o.Windows
	r.WindowsFound += o.WindowsFound
	r.Findings = append(r.Findings, o.Findings...)
	r.Findings = r.Findings[:min(len(r.Findings), mostFindings)]
	for _, l := range o.Lines {
		at := slices.IndexFunc(r.Lines, func(m *Line) bool {
			return m.Transport == l.Transport && m.Sending == l.Sending && m.Ending == l.Ending
		})
		if at < 0 {
			r.Lines = append(r.Lines, l)
			continue
		}
		r.Lines[at].Sessions += l.Sessions
		r.Lines[at].Copies += l.Copies
	}
	slices.SortStableFunc(r.Lines, func(a, b *Line) int { return strings.Compare(a.Transport, b.Transport) })
}

// String returns the report as text: figures, one a line, and what was found
// where.
func (r *Report) String() string {
	var b strings.Builder
	sessions := 0
	fmt.Fprintf(&b, "%-9s %-10s %-10s %8s %6s\n", "transport", "sending", "ending", "sessions", "copies")
	for _, l := range r.Lines {
		fmt.Fprintf(&b, "%-9s %-10s %-10s %8d %6d\n", l.Transport, l.Sending, l.Ending, l.Sessions, l.Copies)
		sessions += l.Sessions
	}
	for _, f := range r.Findings {
		fmt.Fprintln(&b, f)
	}
	for _, figure := range []struct {
		name  string
		value any
	}{
		{"residue_copies", r.Copies},
		{"residue_searches", r.Searches},
		{"residue_sessions", sessions},
		{"residue_needles", r.Needles},
		{"residue_searched_mib", r.Looked >> 20},
		{"control_planted", r.Controls},
		{"control_found", r.ControlsFound},
		{"window_sessions", r.Windows},
		{"window_found", r.WindowsFound},
	} {
		fmt.Fprintf(&b, "%s %v\n", figure.name, figure.value)
	}
	return b.String()
}
