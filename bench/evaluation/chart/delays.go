package chart

import (
	"fmt"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Delays draws how many changes were noticed after how many seconds, with the
// median and the 90th percentile, NaN for one beyond the limit. Delays of +Inf
// were not noticed within the limit and stand apart.
func Delays(title string, seconds []float64, limit int, median, ninetieth float64) *Picture {
	counts := make([]float64, limit)
	var missed, most float64
	for _, s := range seconds {
		if i := int(s); s < float64(limit) {
			counts[i]++
			most = max(most, counts[i])
		} else {
			missed++
		}
	}
	most = max(most, missed, 1)
	apart := float64(limit) + 3 // where those not noticed stand
	p := newPlot()
	p.X.Label.Text, p.Y.Label.Text = "seconds until the new activity is decided", "changes"
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = 0, apart+2, 0, most*1.12
	var marks ticks
	for s := 0; s <= limit; s += 5 {
		marks = append(marks, plot.Tick{Value: float64(s), Label: fmt.Sprint(s)})
	}
	p.X.Tick.Marker = append(marks, plot.Tick{Value: apart + 0.5, Label: "never"})
	p.Y.Tick.Marker = whole{}
	p.Add(histogram{counts, missed, apart, median, ninetieth})
	return &Picture{oneColumn + 12*vg.Millimeter, 62 * vg.Millimeter, func(c draw.Canvas) {
		p.Draw(header(c, title,
			key{"median " + secondsOr(median, limit), stroked(medianLine)},
			key{"90th percentile " + secondsOr(ninetieth, limit), stroked(ninetiethLine)},
		))
	}}
}

func secondsOr(v float64, limit int) string {
	if math.IsNaN(v) {
		return fmt.Sprintf("over %d s", limit)
	}
	return fmt.Sprintf("%.1f s", v)
}

var (
	medianLine    = line(1.2, colours[2])
	ninetiethLine = line(1.2, colours[2], vg.Points(3), vg.Points(2))
)

type histogram struct {
	counts            []float64
	missed, apart     float64
	median, ninetieth float64
}

// Plot draws the bars and the two lines.
func (h histogram) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	for i, n := range h.counts {
		if n > 0 {
			rectangle(&c, emphasis, x(float64(i))+0.4, y(0), x(float64(i+1))-0.4, y(n))
		}
	}
	if h.missed > 0 {
		rectangle(&c, colours[5], x(h.apart)+0.4, y(0), x(h.apart+1)-0.4, y(h.missed))
		c.FillText(style(smallSize, text.XCenter, text.YBottom), vg.Point{X: x(h.apart + 0.5), Y: y(h.missed) + 2}, fmt.Sprintf("%.0f", h.missed))
	}
	for _, at := range []struct {
		seconds float64
		style   draw.LineStyle
	}{{h.median, medianLine}, {h.ninetieth, ninetiethLine}} {
		if !math.IsNaN(at.seconds) {
			c.StrokeLine2(at.style, x(at.seconds), y(0), x(at.seconds), c.Max.Y)
		}
	}
}

// whole marks an axis at whole numbers only.
type whole struct{}

// Ticks returns about five of them.
func (whole) Ticks(_, largest float64) []plot.Tick {
	step := 1.0
	for _, next := range []float64{2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000} {
		if largest/step > 6 {
			step = next
		}
	}
	var list []plot.Tick
	for v := 0.0; v <= largest; v += step {
		list = append(list, plot.Tick{Value: v, Label: fmt.Sprintf("%.0f", v)})
	}
	return list
}
