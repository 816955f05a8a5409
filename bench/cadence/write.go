package cadence

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/tempogate/tempogate/bench/evaluation/chart"
	"github.com/tempogate/tempogate/bench/paper"
)

// The files that Write makes beside the pictures.
const (
	ReportJSON     = "report.json"
	ReportMarkdown = "report.md"

	recordingDir = "recordings" // pictures of single recordings
)

// Write writes report.json, report.md and the pictures into a directory, which
// it makes if need be: SVG, and PNG too of those that the report shows if
// wanted. Files of the same name are replaced; report.json comes last.
func (r *Report) Write(dir string, png bool) error {
	if err := os.MkdirAll(filepath.Join(dir, recordingDir), 0o755); err != nil {
		return fmt.Errorf("cadence: %w", err)
	}
	shown := map[string][]string{}
	for _, p := range r.pictures() {
		path := filepath.Join(dir, filepath.FromSlash(p.name))
		image, err := p.picture.SVG()
		if err == nil {
			err = paper.WriteFile(path, image)
		}
		if err == nil && png && p.heading != "" {
			if image, err = p.picture.PNG(); err == nil {
				err = paper.WriteFile(strings.TrimSuffix(path, ".svg")+".png", image)
			}
		}
		if err != nil {
			return fmt.Errorf("cadence: %s: %w", p.name, err)
		}
		if p.heading != "" {
			shown[p.heading] = append(shown[p.heading], p.name)
		}
	}
	text, err := r.JSON()
	if err == nil {
		err = paper.WriteFile(filepath.Join(dir, ReportMarkdown), r.Markdown(shown))
	}
	if err == nil {
		err = paper.WriteFile(filepath.Join(dir, ReportJSON), text)
	}
	if err != nil {
		return fmt.Errorf("cadence: %w", err)
	}
	return nil
}

// JSON returns the content of report.json.
func (r *Report) JSON() ([]byte, error) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", " ")
	err := encoder.Encode(r)
	return text.Bytes(), err
}

// Summary returns a few lines for a terminal.
func (r *Report) Summary() string {
	var b strings.Builder
	line := func(name string, m *Measures) {
		if m.Recordings == 0 {
			return
		}
		fmt.Fprintf(&b, "%s: MAE %s steps/min, within 3 %s %%, off by more than 9 %s %%, half %s %%, double %s %%, silent %s %%, steps %s %%, first tempo %s s (worst %s s)\n",
			name, fixed(m.MAE, 2), percent(m.Within3, 1), percent(m.OffBy9, 2), percent(m.Half, 2), percent(m.Double, 2), percent(m.Silent, 1),
			signed(m.CarriedError), waited(m.FirstMedianS), waited(m.FirstWorstS))
	}
	line("counted walks", &r.Counted.All.Stream)
	line("counted walks, activity known", &r.Counted.All.Known)
	line("runs", &r.Runs.All.Stream)
	line("runs, activity known", &r.Runs.All.Known)
	for _, i := range r.Idle {
		if i.Dataset == "" {
			fmt.Fprintf(&b, "%s: a tempo in %s %% of %d s\n", i.Activity, percent(i.Share, 2), i.Seconds)
		}
	}
	return b.String()
}

// fileName makes a name for a file of a path: letters, digits, dots and
// underscores stay, everything else becomes hyphens.
func fileName(path string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '.', r == '_':
			return r
		}
		return '-'
	}, path)
}

// A pictureFile is a picture with its path and the heading that it is shown
// under, "" for none.
type pictureFile struct {
	name, heading string
	picture       *chart.Picture
}

func (r *Report) pictures() []pictureFile {
	var list []pictureFile
	titles := map[string]string{"counted": "Walks with counted steps", "runs": "Runs", "walks": "Walks without counted steps"}
	for _, key := range []string{"counted", "runs", "walks"} {
		for _, side := range []string{"", ", activity known"} {
			t := r.tallies[key+side]
			if t == nil || t.Said() == 0 {
				continue
			}
			list = append(list, pictureFile{fileName("errors "+key+side) + ".svg", key + " errors",
				chart.Errors(titles[key]+side, "said less true, steps a minute", t.Errors[:], errorFrom, errorWidth, RightSPM)})
			if side == "" {
				list = append(list, pictureFile{fileName("calibration "+key) + ".svg", key + " calibration",
					chart.Calibration(titles[key], fmt.Sprintf("within %d", RightSPM), chartBins(newBins(t), t.Said()), t.ECE())})
			}
		}
	}
	for i := range r.Simulated {
		s := &r.Simulated[i]
		for _, p := range s.pictures() {
			list = append(list, pictureFile{fileName("simulated "+p.name) + ".svg", "simulated " + s.Quantity, p.picture})
		}
	}
	for i := range r.drawings {
		d := &r.drawings[i]
		list = append(list, pictureFile{recordingDir + "/" + fileName(d.name) + ".svg", d.heading, chart.Tempo(d.outcome.track())})
	}
	return list
}

// leastDrawn is how many estimates a point of a calibration has to rest on.
const leastDrawn = 20

func chartBins(bins []Bin, total int) []chart.Bin {
	var list []chart.Bin
	for _, b := range bins {
		if b.Seconds < leastDrawn {
			continue
		}
		list = append(list, chart.Bin{
			From: float64(b.From), To: float64(b.To), Weight: float64(b.Seconds) / float64(total),
			Confidence: float64(b.Confidence), Right: float64(b.Right),
		})
	}
	return list
}

// pictures draws the mean error over what was varied; walks and runs, where
// both were, in a picture each.
func (s *SweepReport) pictures() []pictureFile {
	if s.Quantity == sweepIdle || s.Quantity == sweepChange {
		return nil
	}
	var list []pictureFile
	for _, kind := range []string{", walk", ", run", ""} {
		var names []string
		stream, known := chart.Series{Name: "whole classifier"}, chart.Series{Name: "activity known"}
		for i := range s.Points {
			p := &s.Points[i]
			name, found := strings.CutSuffix(p.Value, kind)
			if !found || kind == "" && strings.Contains(name, ", ") {
				continue
			}
			names = append(names, name)
			stream.Values = append(stream.Values, float64(p.Stream.MAE))
			known.Values = append(known.Values, float64(p.Known.MAE))
		}
		if len(names) < 2 || slices.ContainsFunc(names, func(n string) bool { return len(n) > 8 }) {
			continue // deliveries are told in words
		}
		list = append(list, pictureFile{name: s.Quantity + kind,
			picture: chart.Sweep("Simulated"+kind, s.Quantity, "mean absolute error, steps a minute", names, aimMAE, stream, known)})
	}
	return list
}

// aimMAE is the mean absolute error that is aimed at, steps a minute.
const aimMAE = 1.5

// track is what is drawn of a recording.
func (o *outcome) track() chart.TempoTrack {
	t := chart.TempoTrack{TruthName: "last 8 steps, counted"}
	if o.source == referenceSteps {
		t.TruthName = "last 8 steps of the reference"
	}
	m := newMeasures(&o.stream, 1)
	t.Title = fmt.Sprintf("%s: mean absolute error %s steps a minute, within 3 in %s %%", o.name, fixed(m.MAE, 2), percent(m.Within3, 1))
	for i := range o.trace.Stream {
		s := &o.trace.Stream[i]
		spm, clean := o.truth.Cadence(s.SensorTime)
		if o.source == referenceSteps && !clean {
			spm = math.NaN()
		}
		t.Seconds = append(t.Seconds, float64(s.SensorTime-o.began)*1e-9)
		t.Truths, t.Said = append(t.Truths, spm), append(t.Said, s.SPM)
		t.Confidence, t.BPM = append(t.Confidence, s.Confidence), append(t.BPM, s.BPM)
	}
	return t
}
