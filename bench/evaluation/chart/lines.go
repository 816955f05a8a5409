package chart

import (
	"image/color"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// A Line is a named course of values over the same axis. NaN leaves a gap.
type Line struct {
	Name string
	X, Y []float64 // of one length
}

// An Axis says how an axis is drawn.
type Axis struct {
	Label string
	Log   bool               // logarithmic; values that are not above 0 are left out
	Marks map[float64]string // where its ticks are; as usual when nil
}

// Lines draws up to five lines, for something that was watched over time or over
// a quantile.
func Lines(title string, x, y Axis, lines ...Line) *Picture {
	p := newPlot()
	p.X.Label.Text, p.Y.Label.Text = x.Label, y.Label
	var keys []key
	low, high := math.Inf(1), math.Inf(-1)
	for i, l := range lines {
		look := line(1.1, lineColours[i%len(lineColours)])
		keys = append(keys, key{l.Name, stroked(look)})
		for _, part := range unbroken(l, x.Log, y.Log) {
			for _, point := range part {
				low, high = min(low, point.Y), max(high, point.Y)
			}
			p.Add(&plotter.Line{XYs: part, LineStyle: look})
		}
	}
	if low > high { // nothing to draw
		low, high = 1, 1
	}
	for _, axis := range []struct {
		as *Axis
		of *plot.Axis
	}{{&x, &p.X}, {&y, &p.Y}} {
		if axis.as.Log {
			axis.of.Scale, axis.of.Tick.Marker = plot.LogScale{}, plot.LogTicks{Prec: -1}
		}
		if axis.as.Marks != nil {
			var marks ticks
			for at, label := range axis.as.Marks {
				marks = append(marks, plot.Tick{Value: at, Label: label})
			}
			axis.of.Tick.Marker = marks
		}
	}
	p.Y.Min, p.Y.Max = 0, high*1.08
	if y.Log {
		p.Y.Min, p.Y.Max = low/1.3, high*1.3
	}
	if p.X.Min >= p.X.Max { // nothing, or one point
		p.X.Min, p.X.Max = 1, 2
	}
	return &Picture{twoColumns, 62 * vg.Millimeter, func(c draw.Canvas) { p.Draw(header(c, title, keys...)) }}
}

// lineColours are those that are told apart best on white.
var lineColours = []color.Color{colours[4], colours[2], colours[1], colours[0], colours[5]}

// unbroken returns the parts of a line that can be drawn.
func unbroken(l Line, logX, logY bool) []plotter.XYs {
	var parts []plotter.XYs
	open := false
	for i, x := range l.X {
		y := l.Y[i]
		if math.IsNaN(y) || logY && !(y > 0) || logX && !(x > 0) {
			open = false
			continue
		}
		if !open {
			parts, open = append(parts, nil), true
		}
		last := &parts[len(parts)-1]
		*last = append(*last, plotter.XY{X: x, Y: y})
	}
	return parts
}
