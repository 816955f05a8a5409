package evaluation

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/tempogate/tempogate/bench/evaluation/chart"
	"github.com/tempogate/tempogate/bench/paper"
	"github.com/tempogate/tempogate/classifier"
)

// The files that Write makes beside the pictures.
const (
	ReportJSON     = "report.json"
	ReportMarkdown = "report.md"
)

// Write writes report.json, report.md and the pictures that it shows into a
// directory, which it makes if need be: SVG, and PNG too if wanted. Files of
// the same name are replaced; report.json comes last.
func (r *ActivityReport) Write(dir string, png bool) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("evaluation: %w", err)
	}
	shown := map[string][]string{}
	for _, p := range r.pictures() {
		image, err := p.picture.SVG()
		if err == nil {
			err = paper.WriteFile(filepath.Join(dir, p.name+".svg"), image)
		}
		if err == nil && png {
			if image, err = p.picture.PNG(); err == nil {
				err = paper.WriteFile(filepath.Join(dir, p.name+".png"), image)
			}
		}
		if err != nil {
			return fmt.Errorf("evaluation: %s: %w", p.name, err)
		}
		shown[p.heading] = append(shown[p.heading], p.name+".svg")
	}
	return writeReport(dir, r.Markdown(shown), r)
}

// writeReport writes a report for people and for programs.
func writeReport(dir string, markdown []byte, report any) error {
	text, err := encoded(report)
	if err == nil {
		err = paper.WriteFile(filepath.Join(dir, ReportMarkdown), markdown)
	}
	if err == nil {
		err = paper.WriteFile(filepath.Join(dir, ReportJSON), text)
	}
	if err != nil {
		return fmt.Errorf("evaluation: %w", err)
	}
	return nil
}

// JSON returns the content of report.json.
func (r *ActivityReport) JSON() ([]byte, error) { return encoded(r) }

func encoded(report any) ([]byte, error) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", " ")
	err := encoder.Encode(report)
	return text.Bytes(), err
}

// A pictureFile is a picture with its name and the heading it stands under in
// the report.
type pictureFile struct {
	name, heading string
	picture       *chart.Picture
}

func (r *ActivityReport) pictures() []pictureFile {
	var list []pictureFile
	for i := range r.Conditions {
		c := &r.Conditions[i]
		for _, w := range weightings(c) {
			heading := c.Name.String() + " " + w.name
			m := chart.Matrix{
				Title:  c.Title + ", " + w.name + ": % of each true activity",
				Truths: w.Confusion.Truths, Answers: w.Confusion.Answers, Shares: plain(w.Confusion.Shares),
			}
			if w.Measures == &c.BySeconds {
				m.Seconds = plain(w.Confusion.Seconds)
			}
			list = append(list,
				pictureFile{fileName("confusion", c.Name.String(), w.name), heading, chart.Confusion(m)},
				pictureFile{fileName("reliability", c.Name.String(), w.name), heading,
					chart.Reliability(c.Title+", "+w.name, chartBins(w.Reliability), float64(w.ECE.Value))})
		}
		if c.Changes.Counted > 0 {
			list = append(list, pictureFile{fileName("changes", c.Name.String()), c.Name.String() + " changes",
				chart.Delays(c.Title+": how soon changes are noticed", c.Changes.delays, SpliceSeconds, float64(c.Changes.MedianS), float64(c.Changes.P90S))})
		}
	}
	for _, d := range r.drawings {
		list = append(list, pictureFile{
			fileName("timeline", d.condition.String(), d.truth.String(), d.outcome.name),
			d.condition.String() + " timelines", chart.Timeline(d.track()),
		})
	}
	return list
}

func plain(rows [][]Number) [][]float64 {
	list := make([][]float64, len(rows))
	for i, row := range rows {
		for _, n := range row {
			list[i] = append(list[i], float64(n))
		}
	}
	return list
}

func chartBins(bins []ReliabilityBin) []chart.Bin {
	var list []chart.Bin
	for _, b := range bins {
		list = append(list, chart.Bin{
			From: float64(b.From), To: float64(b.To), Weight: float64(b.Weight),
			Confidence: float64(b.Confidence), Right: float64(b.Right),
		})
	}
	return list
}

func (d *drawing) track() chart.Track {
	o := d.outcome
	t := chart.Track{
		Title: fmt.Sprintf("%s: %s, %.0f %% of %.0f s right", o.name, conditionTitles[d.condition], 100*o.tally.Confusion.Right(), o.tally.Confusion.Total()),
		Names: answerNames(),
	}
	for i := range o.answers {
		a := &o.answers[i]
		t.Seconds = append(t.Seconds, float64(a.SensorTime-o.began)*1e-9)
		t.Probabilities = append(t.Probabilities, a.P[:])
		truth := chart.Unlabelled
		if a.Truth != classifier.Unknown || a.Labelled {
			truth = column(a.Truth)
		}
		t.Truths = append(t.Truths, truth)
		t.Answers = append(t.Answers, column(a.Activity))
	}
	return t
}

// fileName makes a name for a file: letters, digits and dots of the parts,
// everything else a hyphen.
func fileName(parts ...string) string {
	var name []byte
	for i, part := range parts {
		if i > 0 {
			name = append(name, '-')
		}
		for _, r := range part {
			switch {
			case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '.':
				name = append(name, byte(r))
			case len(name) > 0 && name[len(name)-1] != '-':
				name = append(name, '-')
			}
		}
	}
	return string(name)
}
