package chart

import (
	"fmt"
	"image/color"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// A TempoTrack is a cadence over time, as it was and as it was said. NaN stands
// for none; a BPM of 0 likewise.
type TempoTrack struct {
	Title      string
	Seconds    []float64 // of each answer, ascending, from the beginning of the recording
	Truths     []float64 // steps a minute
	Said       []float64 // steps a minute
	Confidence []float64 // of what was said, 0 to 1
	BPM        []int     // tempo for music
	TruthName  string    // what the truth is, for the legend
}

// Tempo draws what was said over what was true; the fainter a point, the less
// sure it was.
func Tempo(t TempoTrack) *Picture {
	unit, seconds := "seconds", 1.0
	n := len(t.Seconds)
	if n > 0 && t.Seconds[n-1] > 300 {
		unit, seconds = "minutes", 60
	}
	p := newPlot()
	p.X.Label.Text, p.Y.Label.Text = unit+" from the beginning of the recording", "steps a minute"
	p.X.Min, p.X.Max = 0, 1
	if n > 0 {
		p.X.Max = t.Seconds[n-1] / seconds
	}
	p.Y.Min, p.Y.Max = t.bounds()
	p.X.Tick.Marker, p.Y.Tick.Marker = whole{}, tens{}
	p.Add(tempo{t, seconds})
	return &Picture{twoColumns, 62 * vg.Millimeter, func(c draw.Canvas) {
		p.Draw(header(c, t.Title,
			key{t.TruthName, stroked(truthLine)},
			key{"said", func(c *draw.Canvas, box vg.Rectangle) {
				c.DrawGlyph(saidGlyph(1), vg.Point{X: (box.Min.X + box.Max.X) / 2, Y: (box.Min.Y + box.Max.Y) / 2})
			}},
			key{"tempo for music", stroked(beatLine)},
			key{"nothing said", filled(faint)},
		))
	}}
}

var (
	truthLine = line(2.4, colours[0])
	beatLine  = line(0.8, colours[2])
)

func saidGlyph(confidence float64) draw.GlyphStyle {
	c := color.NRGBAModel.Convert(ink).(color.NRGBA)
	c.A = uint8(60 + 195*min(max(confidence, 0), 1))
	return draw.GlyphStyle{Color: c, Radius: vg.Points(1.1), Shape: draw.CircleGlyph{}}
}

// bounds returns a range of cadences that holds nearly everything: a single
// answer that is far off is drawn at the edge.
func (t *TempoTrack) bounds() (low, high float64) {
	low, high = math.Inf(1), math.Inf(-1)
	for _, v := range t.Truths {
		if !math.IsNaN(v) {
			low, high = min(low, v), max(high, v)
		}
	}
	if low > high {
		for _, v := range t.Said {
			if !math.IsNaN(v) {
				low, high = min(low, v), max(high, v)
			}
		}
	}
	if low > high {
		return 60, 220
	}
	return 10 * math.Floor(low/10-0.8), 10 * math.Ceil(high/10+0.8)
}

type tempo struct {
	TempoTrack
	unit float64 // seconds
}

// Plot draws grey where nothing was said, the truth, the tempo for music and
// what was said, in this order.
func (t tempo) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	at := func(i int) vg.Length { return x(t.Seconds[i] / t.unit) }
	for i := range t.Seconds {
		if i > 0 && math.IsNaN(t.Said[i]) && !math.IsNaN(t.Truths[i]) {
			rectangle(&c, faint, at(i-1), c.Min.Y, at(i), c.Max.Y)
		}
	}
	rule(c, p, 0)
	t.stroke(&c, truthLine, at, y, t.Truths)
	beats := make([]float64, len(t.BPM))
	for i, b := range t.BPM {
		beats[i] = float64(b)
		if b == 0 {
			beats[i] = math.NaN()
		}
	}
	t.stroke(&c, beatLine, at, y, beats)
	for i, v := range t.Said {
		if !math.IsNaN(v) {
			v = min(max(v, p.Y.Min), p.Y.Max)
			c.DrawGlyph(saidGlyph(t.Confidence[i]), vg.Point{X: at(i), Y: y(v)})
		}
	}
}

// stroke draws a line through values, with a gap where there is none.
func (t tempo) stroke(c *draw.Canvas, s draw.LineStyle, at func(int) vg.Length, y func(float64) vg.Length, values []float64) {
	var points []vg.Point
	flush := func() {
		if len(points) > 1 {
			c.StrokeLines(s, c.ClipLinesY(points)...)
		}
		points = nil
	}
	for i, v := range values {
		if math.IsNaN(v) || i > 0 && t.Seconds[i]-t.Seconds[i-1] > longestStep {
			flush()
		}
		if !math.IsNaN(v) {
			points = append(points, vg.Point{X: at(i), Y: y(v)})
		}
	}
	flush()
}

// tens marks an axis at multiples of ten.
type tens struct{}

// Ticks returns at most eight of them.
func (tens) Ticks(low, high float64) []plot.Tick {
	step := 10.0
	for (high-low)/step > 7 {
		step *= 2
	}
	var t []plot.Tick
	for v := step * math.Ceil(low/step); v <= high; v += step {
		t = append(t, plot.Tick{Value: v, Label: fmt.Sprintf("%.0f", v)})
	}
	return t
}

// Calibration draws how often estimates of each confidence were right, as
// Reliability does for activities.
func Calibration(title, right string, bins []Bin, ece float64) *Picture {
	p := newPlot()
	p.X.Label.Text, p.Y.Label.Text = "confidence", "share of estimates"
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = 0, 1, 0, 1
	p.X.Tick.Marker, p.Y.Tick.Marker = fifths, fifths
	p.X.Padding, p.Y.Padding = 0, 0
	p.Add(reliability{bins, ece})
	return &Picture{oneColumn, 86 * vg.Millimeter, func(c draw.Canvas) {
		p.Draw(header(c, title,
			key{right, curveMark},
			key{"perfect", stroked(perfect)},
			key{"estimates in the bin", filled(faint)},
		))
	}}
}

// Errors draws how many seconds were off by how much. The first bin begins at
// from and each is width wide; the outermost hold everything beyond. Up to
// tolerance to either side is marked as right.
func Errors(title, axis string, counts []int, from, width, tolerance float64) *Picture {
	p := newPlot()
	p.X.Label.Text, p.Y.Label.Text = axis, "share of seconds (root scale)"
	p.X.Min, p.X.Max = from, from+width*float64(len(counts))
	total := 0
	for _, n := range counts {
		total += n
	}
	h := offBy{counts, total, from, width, tolerance}
	most := 0.0
	for i := range counts {
		most = max(most, h.share(i))
	}
	p.Y.Min, p.Y.Max = 0, max(math.Sqrt(most)*1.08, 0.01)
	var marks ticks
	for _, share := range []float64{0, 0.001, 0.01, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8} {
		if math.Sqrt(share) < p.Y.Max {
			marks = append(marks, plot.Tick{Value: math.Sqrt(share), Label: fmt.Sprintf("%g %%", 100*share)})
		}
	}
	p.Y.Tick.Marker = marks
	p.Add(h)
	return &Picture{oneColumn + 12*vg.Millimeter, 66 * vg.Millimeter, func(c draw.Canvas) {
		p.Draw(header(c, title,
			key{fmt.Sprintf("within %g", tolerance), filled(emphasis)},
			key{"off by more", filled(colours[2])},
		))
	}}
}

type offBy struct {
	counts                 []int
	total                  int
	from, width, tolerance float64
}

func (h offBy) share(i int) float64 {
	if h.total == 0 {
		return 0
	}
	return float64(h.counts[i]) / float64(h.total)
}

// Plot draws the bars. Their heights are roots, so that the rare ones are seen.
func (h offBy) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	rule(c, p, 0)
	for i, n := range h.counts {
		if n == 0 {
			continue
		}
		left := h.from + h.width*float64(i)
		fill := emphasis
		if middle := left + h.width/2; math.Abs(middle) > h.tolerance {
			fill = colours[2]
		}
		rectangle(&c, fill, x(left)+0.2, y(0), x(left+h.width)-0.2, y(math.Sqrt(h.share(i))))
	}
}

// A Series is one line of Sweep.
type Series struct {
	Name   string
	Values []float64 // NaN for none
}

// Sweep draws a measure against a quantity that was varied, one line a series.
// The values are evenly spaced, whatever they are; limit is drawn across unless
// it is NaN.
func Sweep(title, quantity, measure string, names []string, limit float64, series ...Series) *Picture {
	p := newPlot()
	p.X.Label.Text, p.Y.Label.Text = quantity, measure
	p.X.Min, p.X.Max = -0.3, float64(len(names))-0.7
	p.Y.Min, p.Y.Max = 0, 1
	if !math.IsNaN(limit) {
		p.Y.Max = limit * 1.3
	}
	for _, s := range series {
		for _, v := range s.Values {
			if !math.IsNaN(v) {
				p.Y.Max = max(p.Y.Max, v*1.08)
			}
		}
	}
	var marks ticks
	for i, name := range names {
		marks = append(marks, plot.Tick{Value: float64(i), Label: name})
	}
	p.X.Tick.Marker, p.Y.Tick.Marker = marks, halves{}
	p.Add(sweep{series, limit})
	return &Picture{oneColumn + 12*vg.Millimeter, 60 * vg.Millimeter, func(c draw.Canvas) {
		var keys []key
		for i, s := range series {
			keys = append(keys, key{s.Name, stroked(sweepLine(i))})
		}
		p.Draw(header(c, title, keys...))
	}}
}

// sweepLine is the style of a series. Later ones are thinner, so that lines
// that coincide are all seen.
func sweepLine(i int) draw.LineStyle {
	return line(max(2.6-1.3*vg.Length(i), 0.8), sweepColours[i%len(sweepColours)])
}

// halves marks an axis from 0 at multiples of a half.
type halves struct{}

// Ticks returns at most six of them.
func (halves) Ticks(_, high float64) []plot.Tick {
	step := 0.5
	for high/step > 5 {
		step *= 2
	}
	var t []plot.Tick
	for v := 0.0; v <= high; v += step {
		t = append(t, plot.Tick{Value: v, Label: fmt.Sprintf("%g", v)})
	}
	return t
}

var sweepColours = [...]color.NRGBA{colours[4], colours[2], colours[1], colours[0]}

type sweep struct {
	series []Series
	limit  float64
}

// Plot draws the lines with a point for each value.
func (s sweep) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	rule(c, p, 0)
	if !math.IsNaN(s.limit) {
		c.StrokeLine2(perfect, c.Min.X, y(s.limit), c.Max.X, y(s.limit))
		c.FillText(style(smallSize, text.XRight, text.YBottom), vg.Point{X: c.Max.X - 2, Y: y(s.limit) + 1}, fmt.Sprintf("aim %g", s.limit))
	}
	for k, one := range s.series {
		style := sweepLine(k)
		var points []vg.Point
		for i, v := range one.Values {
			if !math.IsNaN(v) {
				points = append(points, vg.Point{X: x(float64(i)), Y: y(v)})
			}
		}
		c.StrokeLines(style, points)
		for _, point := range points {
			c.DrawGlyph(draw.GlyphStyle{Color: style.Color, Radius: 1.1 * style.Width, Shape: draw.CircleGlyph{}}, point)
		}
	}
}
