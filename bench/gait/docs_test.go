package gait_test

import (
	"bytes"
	"fmt"
	"image/color"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"

	"github.com/tempogate/tempogate/bench/gait"
	"github.com/tempogate/tempogate/classifier"
)

// The lines of simulator.md between which the comparison is written.
const (
	tableBegins = "<!-- written by TestAgainstRealRecordings -->"
	tableEnds   = "<!-- end -->"
)

// WriteDocs puts the tables and pictures of the comparison into a folder.
func writeDocs(t *testing.T, dir string, actual, simulated [][]measured, table, bands string) {
	t.Helper()
	page := filepath.Join(dir, "simulator.md")
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	begin, end := bytes.Index(text, []byte(tableBegins)), bytes.Index(text, []byte(tableEnds))
	if begin < 0 || end < begin {
		t.Fatalf("%s has no line %q before a line %q", page, tableBegins, tableEnds)
	}
	written := fmt.Sprintf("%s\n\n%s\n%s\n", tableBegins, table, bands)
	text = slices.Concat(text[:begin], []byte(written), text[end:])
	if err := os.WriteFile(page, text, 0o644); err != nil {
		t.Fatal(err)
	}
	spectra := []*plot.Plot{}
	for i, c := range cohorts {
		switch c.name {
		case "walk fast, waist", "walk, pocket", "run fast, waist", "run slowly, waist", "cycle", "car":
			spectra = append(spectra, spectrumPlot(c.name, actual[i], simulated[i], c.name == "car"))
		}
	}
	draws(t, filepath.Join(dir, "simulator-spectra.svg"), 3, spectra)
	draws(t, filepath.Join(dir, "simulator-intensity.svg"), 2, []*plot.Plot{
		intensityPlot("Walking, waist", classifier.Walk, actual, simulated),
		intensityPlot("Running, waist", classifier.Run, actual, simulated),
	})
	draws(t, filepath.Join(dir, "simulator-steps.svg"), 2, []*plot.Plot{
		stepsPlot(t, "Walk, pocket", gait.Pocket, gait.DemoWalk()),
		stepsPlot(t, "Run, waist", gait.Waist, gait.DemoRun()),
	})
}

var (
	realBand       = color.RGBA{200, 205, 215, 255}
	realColor      = color.RGBA{95, 105, 125, 255}
	simulatedColor = color.RGBA{200, 60, 30, 255}
)

func newPlot(title, x, y string) *plot.Plot {
	p := plot.New()
	p.Title.Text, p.X.Label.Text, p.Y.Label.Text = title, x, y
	p.Legend.Top = true
	return p
}

// SpectrumPlot shows the vertical power density: the range of nine in ten
// real recordings and their median, and the simulated median.
func spectrumPlot(title string, actual, simulated []measured, legend bool) *plot.Plot {
	p := newPlot(title, "Hz", "vertical, (m/s²)²/Hz")
	p.X.Scale, p.Y.Scale = plot.LogScale{}, plot.LogScale{}
	p.X.Tick.Marker = plot.ConstantTicks{{Value: 0.5, Label: "0.5"}, {Value: 1, Label: "1"}, {Value: 2, Label: "2"}, {Value: 5, Label: "5"}, {Value: 10, Label: "10"}, {Value: 20, Label: "20"}}
	p.Y.Tick.Marker = plot.LogTicks{Prec: -1}
	actual = slices.DeleteFunc(slices.Clone(actual), func(m measured) bool { return m.rateHz < fastSourceHz })
	at := func(all []measured, hz, part float64) plotter.XY {
		var values []float64
		for _, m := range all {
			// A twelfth of an octave wide, and at least one line.
			low, high := hz*0.97, hz*1.03
			sum, lines := 0.0, 0.0
			for i := int(low * windowLength / windowRate); i <= int(math.Ceil(high*windowLength/windowRate)); i++ {
				sum, lines = sum+m.spectrum[i], lines+1
			}
			values = append(values, sum/lines)
		}
		return plotter.XY{X: hz, Y: max(quantile(values, part), 1e-7)}
	}
	var low, high, half, ours plotter.XYs
	for hz := 0.4; hz < 20; hz *= 1.04 {
		low, high = append(low, at(actual, hz, 0.05)), append(high, at(actual, hz, 0.95))
		half, ours = append(half, at(actual, hz, 0.5)), append(ours, at(simulated, hz, 0.5))
	}
	slices.Reverse(low)
	band, err := plotter.NewPolygon(append(slices.Clone(high), low...))
	if err != nil {
		panic(err)
	}
	band.Color, band.LineStyle.Width = realBand, 0
	p.Add(band, line(half, realColor), line(ours, simulatedColor))
	if legend {
		p.Legend.Add("real, 5 to 95 %", band)
		p.Legend.Add("real, median", line(half, realColor))
		p.Legend.Add("simulated, median", line(ours, simulatedColor))
		p.Legend.Top, p.Legend.Left = false, true
	}
	return p
}

func line(points plotter.XYs, c color.Color) *plotter.Line {
	l, err := plotter.NewLine(points)
	if err != nil {
		panic(err)
	}
	l.Color, l.Width = c, vg.Points(1.2)
	return l
}

func dots(points plotter.XYs, c color.Color, shape draw.GlyphDrawer) *plotter.Scatter {
	s, err := plotter.NewScatter(points)
	if err != nil {
		panic(err)
	}
	s.GlyphStyle = draw.GlyphStyle{Color: c, Radius: vg.Points(2), Shape: shape}
	return s
}

// IntensityPlot shows vertical intensity over cadence, a dot a recording.
func intensityPlot(title string, activity classifier.Activity, actual, simulated [][]measured) *plot.Plot {
	p := newPlot(title, "steps a minute", "vertical SD, m/s²")
	points := func(all [][]measured) (out plotter.XYs) {
		for i, c := range cohorts {
			if c.activity == activity && slices.Contains(c.placed, "waist") {
				for _, m := range all[i] {
					out = append(out, plotter.XY{X: m.traits[traitCadence], Y: m.traits[traitVertical]})
				}
			}
		}
		return out
	}
	people, ours := dots(points(actual), realColor, draw.CircleGlyph{}), dots(points(simulated), simulatedColor, draw.CrossGlyph{})
	p.Add(people, ours)
	p.Legend.Add("real", people)
	p.Legend.Add("simulated", ours)
	p.Legend.Left = true
	return p
}

// StepsPlot shows six seconds of magnitude with the true foot contacts.
func stepsPlot(t *testing.T, title string, placement gait.Placement, plan gait.Plan) *plot.Plot {
	r := record(t, gait.Config{Seed: 4, Placement: placement}, plan)
	p := newPlot("Simulated: "+title, "s", "magnitude, m/s²")
	from, to := r.Truth.Start()+int64(5*time.Second), r.Truth.Start()+int64(11*time.Second)
	seconds := func(at int64) float64 { return float64(at-r.Truth.Start()) / 1e9 }
	var trace plotter.XYs
	for _, s := range r.Samples {
		if s.SensorTime >= from && s.SensorTime < to {
			trace = append(trace, plotter.XY{X: seconds(s.SensorTime), Y: magnitude(s)})
		}
	}
	var left, right plotter.XYs
	for _, c := range r.Truth.Contacts {
		if c.SensorTime < from || c.SensorTime >= to {
			continue
		}
		if point := (plotter.XY{X: seconds(c.SensorTime), Y: 0}); c.Side == gait.Left {
			left = append(left, point)
		} else {
			right = append(right, point)
		}
	}
	l, rt := dots(left, realColor, draw.TriangleGlyph{}), dots(right, realColor, draw.SquareGlyph{})
	p.Add(line(trace, simulatedColor), l, rt)
	p.Y.Max *= 1.4 // room for the legend
	p.Legend.Add("left foot lands", l)
	p.Legend.Add("right foot lands", rt)
	p.Legend.Left = true
	return p
}

// Draws puts plots side by side into an SVG file.
func draws(t *testing.T, path string, columns int, plots []*plot.Plot) {
	t.Helper()
	rows := (len(plots) + columns - 1) / columns
	canvas := vgsvg.New(vg.Length(columns)*vg.Points(290), vg.Length(rows)*vg.Points(230))
	grid := make([][]*plot.Plot, rows)
	for i := range grid {
		grid[i] = make([]*plot.Plot, columns)
		copy(grid[i], plots[i*columns:min((i+1)*columns, len(plots))])
	}
	dc := draw.New(canvas)
	tiles := draw.Tiles{Rows: rows, Cols: columns, PadX: vg.Points(10), PadY: vg.Points(10), PadTop: vg.Points(4), PadBottom: vg.Points(4), PadLeft: vg.Points(4), PadRight: vg.Points(8)}
	cells := plot.Align(grid, tiles, dc)
	for i, row := range grid {
		for j, p := range row {
			if p != nil {
				p.Draw(cells[i][j])
			}
		}
	}
	var file bytes.Buffer
	if _, err := canvas.WriteTo(&file); err != nil {
		t.Fatal(err)
	}
	if file.Len() > 100_000 {
		t.Errorf("%s has %d bytes: too large to keep in the repository", path, file.Len())
	}
	if err := os.WriteFile(path, file.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}
