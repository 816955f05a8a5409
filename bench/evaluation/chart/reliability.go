package chart

import (
	"fmt"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// A Bin is one point of a reliability curve.
type Bin struct {
	From, To   float64 // range of the largest probability
	Weight     float64 // share of all seconds
	Confidence float64 // mean largest probability
	Right      float64 // share that was right
}

// Reliability draws how often the most likely activity was right against how
// likely it was held, over bars that say how many seconds stand behind each
// point. On the dashed line the classifier is exactly as sure as it may be.
func Reliability(title string, bins []Bin, ece float64) *Picture {
	p := newPlot()
	p.X.Label.Text, p.Y.Label.Text = "largest probability", "share of seconds"
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = 0, 1, 0, 1
	p.X.Tick.Marker, p.Y.Tick.Marker = fifths, fifths
	p.X.Padding, p.Y.Padding = 0, 0
	curve := reliability{bins, ece}
	p.Add(curve)
	return &Picture{oneColumn, 86 * vg.Millimeter, func(c draw.Canvas) {
		p.Draw(header(c, title,
			key{"right", curveMark},
			key{"perfect calibration", stroked(perfect)},
			key{"seconds in the bin", filled(faint)},
		))
	}}
}

var fifths = func() ticks {
	var t ticks
	for i := range 6 {
		t = append(t, plot.Tick{Value: float64(i) / 5, Label: fmt.Sprintf("%.1f", float64(i)/5)})
	}
	return t
}()

var (
	perfect    = line(0.8, ink, vg.Points(3), vg.Points(2))
	curveLine  = line(1.4, emphasis)
	curveGlyph = draw.GlyphStyle{Color: emphasis, Radius: vg.Points(2.2), Shape: draw.CircleGlyph{}}
)

func curveMark(c *draw.Canvas, box vg.Rectangle) {
	stroked(curveLine)(c, box)
	c.DrawGlyph(curveGlyph, vg.Point{X: (box.Min.X + box.Max.X) / 2, Y: (box.Min.Y + box.Max.Y) / 2})
}

type reliability struct {
	bins []Bin
	ece  float64
}

// Plot draws the bars, the line of perfect calibration and the curve.
func (r reliability) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	rule(c, p, 0.5)
	for _, b := range r.bins {
		rectangle(&c, faint, x(b.From)+0.5, y(0), x(b.To)-0.5, y(b.Weight))
	}
	c.StrokeLine2(perfect, x(0), y(0), x(1), y(1))
	var points []vg.Point
	for _, b := range r.bins {
		points = append(points, vg.Point{X: x(b.Confidence), Y: y(b.Right)})
	}
	c.StrokeLines(curveLine, points)
	for _, point := range points {
		c.DrawGlyph(curveGlyph, point)
	}
	if math.IsNaN(r.ece) {
		return
	}
	c.FillText(style(labelSize, text.XLeft, text.YTop), vg.Point{X: x(0.04), Y: y(0.96)}, fmt.Sprintf("expected calibration error %.3f", r.ece))
}

// rule draws the grid, its upright lines with a width in points.
func rule(c draw.Canvas, p *plot.Plot, upright vg.Length) {
	lines := plotter.NewGrid()
	lines.Horizontal, lines.Vertical = line(0.5, grid), line(upright, grid)
	lines.Plot(c, p)
}
