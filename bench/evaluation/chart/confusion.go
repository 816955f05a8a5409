package chart

import (
	"fmt"
	"image/color"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// A Matrix is a confusion: a row for each truth, a column for each answer.
type Matrix struct {
	Title           string
	Truths, Answers []string
	Shares          [][]float64 // of the row, 0 to 1; a row of zeros is one without seconds
	Seconds         [][]float64 // written below the shares; nil to leave them out
}

// Confusion draws a matrix: shares of each row in percent, darker for more.
func Confusion(m Matrix) *Picture {
	rows, columns := len(m.Truths), len(m.Answers)
	p := newPlot()
	p.X.Label.Text, p.Y.Label.Text = "answer", "true activity"
	p.X.Min, p.X.Max = -0.5, float64(columns)-0.5
	p.Y.Min, p.Y.Max = -0.5, float64(rows)-0.5
	var across, down ticks
	for j, name := range m.Answers {
		across = append(across, plot.Tick{Value: float64(j), Label: name})
	}
	for k, name := range m.Truths {
		down = append(down, plot.Tick{Value: float64(rows - 1 - k), Label: name})
	}
	p.X.Tick.Marker, p.Y.Tick.Marker = across, down
	for _, axis := range []*plot.Axis{&p.X, &p.Y} {
		axis.Tick.Length = 0
		axis.LineStyle.Width = 0
		axis.Padding = vg.Points(2)
	}
	p.Add(matrix(m))
	return &Picture{oneColumn + 12*vg.Millimeter, 82 * vg.Millimeter, func(c draw.Canvas) { p.Draw(header(c, m.Title)) }}
}

type matrix Matrix

// Plot draws the cells.
func (m matrix) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	rows := len(m.Truths)
	for k := range m.Shares {
		var all float64
		for _, s := range m.Shares[k] {
			all += s
		}
		for j, share := range m.Shares[k] {
			across, down := float64(j), float64(rows-1-k)
			// Half a point of paper between cells.
			const edge = 0.25
			rectangle(&c, shade(share), x(across-0.5)+edge, y(down-0.5)+edge, x(across+0.5)-edge, y(down+0.5)-edge)
			if all == 0 {
				continue
			}
			write := func(points, offset vg.Length, words string) {
				s := style(points, text.XCenter, text.YCenter)
				if share > 0.5 {
					s.Color = color.White
				}
				c.FillText(s, vg.Point{X: x(across), Y: y(down) + offset}, words)
			}
			offset := vg.Length(0)
			if m.Seconds != nil {
				offset = 4.5
				write(smallSize-1, -offset, thousands(m.Seconds[k][j])+" s")
			}
			write(labelSize+1, offset, fmt.Sprintf("%.1f", 100*share))
		}
	}
}

// shade goes from almost white to dark blue.
func shade(share float64) color.Color {
	from, to := [3]float64{0xf4, 0xf7, 0xfb}, [3]float64{0x08, 0x30, 0x6b}
	mix := func(i int) uint8 { return uint8(from[i] + (to[i]-from[i])*share) }
	return color.NRGBA{mix(0), mix(1), mix(2), 0xff}
}

// thousands writes a whole number with thin spaces.
func thousands(v float64) string {
	s := fmt.Sprintf("%.0f", v)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "\u2009" + s[i:]
	}
	return s
}
