package evaluation

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
)

// Write writes report.json and report.md into a directory, which it makes if
// need be. Files of the same name are replaced; report.json comes last.
func (r *AgreementReport) Write(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("evaluation: %w", err)
	}
	return writeReport(dir, r.Markdown(), r)
}

// Summary returns a line for each way to record otherwise.
func (r *AgreementReport) Summary() string {
	var text strings.Builder
	for _, w := range r.Ways {
		fmt.Fprintf(&text, "%s: %s %% of %d seconds are decided alike\n", w.How, w.Agree.percent(), w.Seconds)
	}
	return text.String()
}

// Markdown returns the report for people.
func (r *AgreementReport) Markdown() []byte {
	m := &page{}
	m.Line("# How often the same motion, recorded otherwise, is decided alike")
	m.Line("")
	m.Line("```\n%s\n```", r.Command)
	m.Line("")
	m.Line("Every recording of at least 20 readings a second is streamed as it is and at other rates, every recording at all also turned by a random rotation, "+
		"acceleration only, one fixed model. Seconds are paired from the first reading on; those of the first %.2f s are not counted. "+
		"Unknown is a decision like any other. Labels do not matter.", FirstWindowNS*1e-9)
	m.Line("")
	m.Line("A new rate is reached by a weighed mean that keeps what is below 0.45 times the lower rate, and *unfiltered* by straight lines between readings: " +
		"what a phone that is read more slowly delivers, with everything above half the new rate turned into slow motion.")
	rows := [][]string{}
	for _, w := range r.Ways {
		apart := []string{}
		for _, a := range w.Apart[:min(len(w.Apart), 3)] {
			apart = append(apart, fmt.Sprintf("%s became %s %d", a.Recorded, a.Otherwise, a.Seconds))
		}
		rows = append(rows, []string{w.How, strconv.Itoa(w.Recordings), strconv.Itoa(w.Seconds), w.Agree.percent(), strings.Join(apart, ", ")})
	}
	m.Table([]string{"recorded", "recordings", "seconds", "alike, %", "most seconds apart"}, rows)
	m.Line("")
	m.Line("## By data set")
	titles, names := []string{"data set"}, []string{}
	shares := map[string][]string{}
	for i, w := range r.Ways {
		titles = append(titles, w.How)
		for _, d := range w.Datasets {
			if shares[d.Dataset] == nil {
				names = append(names, d.Dataset)
				shares[d.Dataset] = slices.Repeat([]string{dash}, len(r.Ways))
			}
			shares[d.Dataset][i] = d.Agree.percent()
		}
	}
	slices.Sort(names)
	rows = rows[:0]
	for _, name := range names {
		rows = append(rows, append([]string{name}, shares[name]...))
	}
	m.Table(titles, rows)
	m.leftOut(&LeftOut{Broken: r.Broken})
	return m.Bytes()
}
