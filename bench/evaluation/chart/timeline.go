package chart

import (
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Unlabelled stands in a Track for a second of which nobody said anything.
const Unlabelled = -1

// A Track is what was true and what was answered over time. Activities are
// places in Names; the last name is unknown.
type Track struct {
	Title         string
	Names         []string
	Seconds       []float64   // of each answer, ascending, from the beginning of the recording
	Probabilities [][]float64 // of each answer, one an activity, not of unknown
	Truths        []int       // Unlabelled where nobody said
	Answers       []int
}

// mostColumns bounds the steps that are drawn. More cannot be told apart on a
// page.
const mostColumns = 700

// Timeline draws the probabilities over time, one on top of the other, below
// the truth and the answers.
func Timeline(t Track) *Picture {
	columns := condense(&t)
	unit, seconds := "seconds", 1.0
	if n := len(t.Seconds); n > 0 && t.Seconds[n-1] > 300 {
		unit, seconds = "minutes", 60
	}
	p := newPlot()
	p.X.Label.Text, p.Y.Label.Text = unit+" from the beginning of the recording", ""
	p.Y.Min, p.Y.Max = 0, topOfTruth
	p.X.Min, p.X.Max = 0, 1
	if n := len(columns); n > 0 {
		p.X.Max = columns[n-1].to / seconds
	}
	p.X.Tick.Marker = whole{}
	p.Y.Tick.Marker = ticks{
		{Value: 0, Label: "0"}, {Value: 0.5, Label: "0.5"}, {Value: 1, Label: "1"},
		{Value: (bottomOfAnswer + topOfAnswer) / 2, Label: "answer"},
		{Value: (bottomOfTruth + topOfTruth) / 2, Label: "truth"},
	}
	p.Y.LineStyle.Width = 0
	p.Y.Padding, p.X.Padding = vg.Points(2), vg.Points(2)
	p.Add(track{columns, seconds})
	return &Picture{twoColumns, 66 * vg.Millimeter, func(c draw.Canvas) {
		var keys []key
		for k, name := range t.Names {
			keys = append(keys, key{name, filled(colours[k])})
		}
		c = header(c, t.Title, keys...)
		p.Draw(c)
		// The axis has no room for a label beside the names of the strips.
		s := style(labelSize, text.XCenter, text.YTop)
		s.Rotation = math.Pi / 2
		data := p.DataCanvas(c)
		c.FillText(s, vg.Point{X: c.Min.X, Y: data.Y(0.5 / topOfTruth)}, "probability")
	}}
}

// Heights of the strips above the probabilities, which end at 1.
const (
	bottomOfAnswer, topOfAnswer = 1.08, 1.23
	bottomOfTruth, topOfTruth   = 1.28, 1.43
)

// A column is a stretch of time that is drawn as one.
type column struct {
	from, to      float64 // seconds
	probabilities []float64
	truth, answer int
}

// condense makes columns of answers: one each, or fewer when there are very
// many. A gap in the answers stays a gap.
func condense(t *Track) []column {
	each := (len(t.Seconds) + mostColumns - 1) / mostColumns
	var columns []column
	for i := 0; i < len(t.Seconds); {
		c := column{from: t.Seconds[i] - 1, probabilities: make([]float64, len(t.Names)-1)}
		truths, answers := map[int]int{}, map[int]int{}
		n := 0
		for ; i < len(t.Seconds) && n < each; i++ {
			if n > 0 && t.Seconds[i]-t.Seconds[i-1] > longestStep {
				break
			}
			for k, p := range t.Probabilities[i] {
				c.probabilities[k] += p
			}
			truths[t.Truths[i]]++
			answers[t.Answers[i]]++
			n++
		}
		for k := range c.probabilities {
			c.probabilities[k] /= float64(n)
		}
		c.to, c.truth, c.answer = t.Seconds[i-1], most(truths), most(answers)
		// Answers come a little after their second is full.
		if k := len(columns); k > 0 && math.Abs(c.from-columns[k-1].to) < longestStep-1 {
			c.from = columns[k-1].to
		}
		columns = append(columns, c)
	}
	return columns
}

// longestStep is the time in seconds from which on two answers have a gap
// between them.
const longestStep = 2.5

// most returns what was counted most often, of several the smallest.
func most(counts map[int]int) int {
	best, n := 0, 0
	for value, count := range counts {
		if count > n || count == n && value < best {
			best, n = value, count
		}
	}
	return best
}

type track struct {
	columns []column
	unit    float64 // seconds
}

// Plot draws the probabilities as steps and the strips above them.
func (t track) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	for from := 0; from < len(t.columns); {
		// As long as there is no gap.
		to := from + 1
		for to < len(t.columns) && t.columns[to].from == t.columns[to-1].to {
			to++
		}
		t.stack(&c, t.columns[from:to], x, y)
		t.strip(&c, t.columns[from:to], x, y(bottomOfAnswer), y(topOfAnswer), func(c *column) int { return c.answer })
		t.strip(&c, t.columns[from:to], x, y(bottomOfTruth), y(topOfTruth), func(c *column) int { return c.truth })
		from = to
	}
	frame := line(0.4, ink)
	for _, span := range [][2]float64{{0, 1}, {bottomOfAnswer, topOfAnswer}, {bottomOfTruth, topOfTruth}} {
		bottom, top := y(span[0]), y(span[1])
		c.StrokeLines(frame, []vg.Point{{X: c.Min.X, Y: bottom}, {X: c.Max.X, Y: bottom}, {X: c.Max.X, Y: top}, {X: c.Min.X, Y: top}, {X: c.Min.X, Y: bottom}})
	}
}

func (t track) stack(c *draw.Canvas, columns []column, x, y func(float64) vg.Length) {
	below := make([]float64, len(columns))
	for k := range columns[0].probabilities {
		var outline []vg.Point
		for i := range columns {
			top := y(below[i] + columns[i].probabilities[k])
			outline = append(outline, vg.Point{X: x(columns[i].from / t.unit), Y: top}, vg.Point{X: x(columns[i].to / t.unit), Y: top})
		}
		for i := len(columns) - 1; i >= 0; i-- {
			bottom := y(below[i])
			outline = append(outline, vg.Point{X: x(columns[i].to / t.unit), Y: bottom}, vg.Point{X: x(columns[i].from / t.unit), Y: bottom})
			below[i] += columns[i].probabilities[k]
		}
		c.FillPolygon(colours[k], outline)
	}
}

func (t track) strip(c *draw.Canvas, columns []column, x func(float64) vg.Length, bottom, top vg.Length, value func(*column) int) {
	for from := 0; from < len(columns); {
		to := from + 1
		for to < len(columns) && value(&columns[to]) == value(&columns[from]) {
			to++
		}
		if v := value(&columns[from]); v != Unlabelled {
			rectangle(c, colours[v], x(columns[from].from/t.unit), bottom, x(columns[to-1].to/t.unit), top)
		}
		from = to
	}
}
