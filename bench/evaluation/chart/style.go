package chart

import (
	"bytes"
	"image/color"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"
)

// A Picture can be written in several formats, each time the same.
type Picture struct {
	width, height vg.Length
	draw          func(draw.Canvas)
}

// SVG returns the picture as a scalable one. Fonts are named, not embedded:
// Liberation Sans, or one of the same widths.
func (p *Picture) SVG() ([]byte, error) {
	canvas := vgsvg.New(p.width, p.height)
	p.draw(draw.New(canvas))
	var text bytes.Buffer
	if _, err := canvas.WriteTo(&text); err != nil {
		return nil, err
	}
	// Without these a viewer that lacks the font falls back to one of other
	// widths. Arial and its kind have the same.
	return bytes.ReplaceAll(text.Bytes(),
		[]byte("font-family:Liberation Sans;"),
		[]byte("font-family:'Liberation Sans',Arimo,Arial,Helvetica,sans-serif;")), nil
}

// printDPI is what journals ask of a picture with text.
const printDPI = 300

// PNG returns the picture with 300 dots per inch.
func (p *Picture) PNG() ([]byte, error) {
	canvas := vgimg.NewWith(vgimg.UseWH(p.width, p.height), vgimg.UseDPI(printDPI))
	p.draw(draw.New(canvas))
	var image bytes.Buffer
	if _, err := (vgimg.PngCanvas{Canvas: canvas}).WriteTo(&image); err != nil {
		return nil, err
	}
	return image.Bytes(), nil
}

// Widths of a picture over one and over two columns of a journal.
const (
	oneColumn  = 88 * vg.Millimeter
	twoColumns = 180 * vg.Millimeter
	margin     = 2 * vg.Millimeter
)

// Sizes of type, in points.
const (
	titleSize = 9
	labelSize = 8
	smallSize = 7
)

var (
	ink   = color.Gray{Y: 0x22}
	faint = color.Gray{Y: 0xcc}
	grid  = color.Gray{Y: 0xe6}
)

// colours of the answers: still, walk, run, cycle, transit, unknown.
var colours = [...]color.NRGBA{
	{0x56, 0xb4, 0xe9, 0xff}, // sky blue
	{0x00, 0x9e, 0x73, 0xff}, // bluish green
	{0xd5, 0x5e, 0x00, 0xff}, // vermilion
	{0xf0, 0xe4, 0x42, 0xff}, // yellow
	{0x00, 0x72, 0xb2, 0xff}, // blue
	{0xbb, 0xbb, 0xbb, 0xff}, // grey
}

// emphasis is the colour of what a picture is about, where it is not an
// activity.
var emphasis = colours[4]

// newPlot returns a plot in the style of all pictures. The title is not its
// own: see header.
func newPlot() *plot.Plot {
	p := plot.New()
	p.BackgroundColor = nil // the picture has one
	for _, axis := range []*plot.Axis{&p.X, &p.Y} {
		axis.Label.TextStyle.Font = sans(labelSize)
		axis.Label.TextStyle.Color = ink
		axis.Label.Padding = vg.Points(3)
		axis.Tick.Label.Font = sans(labelSize)
		axis.Tick.Label.Color = ink
		axis.LineStyle = line(0.6, ink)
		axis.Tick.LineStyle = line(0.6, ink)
		axis.Tick.Length = vg.Points(3)
	}
	return p
}

func sans(points vg.Length) font.Font {
	return font.Font{Typeface: "Liberation", Variant: "Sans", Size: points}
}

func style(points vg.Length, x text.XAlignment, y text.YAlignment) text.Style {
	return text.Style{Color: ink, Font: sans(points), XAlign: x, YAlign: y, Handler: plot.DefaultTextHandler}
}

func line(points vg.Length, c color.Color, dashes ...vg.Length) draw.LineStyle {
	return draw.LineStyle{Color: c, Width: points, Dashes: dashes}
}

// header paints the background, writes the title and below it a legend, and
// returns what is left inside the margins.
func header(c draw.Canvas, title string, keys ...key) draw.Canvas {
	c.SetColor(color.White)
	c.Fill(c.Rectangle.Path())
	c = draw.Crop(c, margin, -margin, margin, -margin)
	s := style(titleSize, text.XCenter, text.YTop)
	for _, part := range wrap(s, title, c.Size().X) {
		c.FillText(s, vg.Point{X: c.Center().X, Y: c.Max.Y}, part)
		c = draw.Crop(c, 0, 0, 0, -(titleSize + 2))
	}
	c = draw.Crop(c, 0, 0, 0, -4)
	if len(keys) > 0 {
		c = legend(c, keys)
	}
	return c
}

// wrap breaks a text between words into lines of at most a width.
func wrap(s text.Style, words string, width vg.Length) []string {
	var lines []string
	for _, word := range strings.Fields(words) {
		if n := len(lines) - 1; n >= 0 && s.Width(lines[n]+" "+word) <= width {
			lines[n] += " " + word
		} else {
			lines = append(lines, word)
		}
	}
	return lines
}

// rectangle fills from one corner to the other.
func rectangle(c *draw.Canvas, fill color.Color, x0, y0, x1, y1 vg.Length) {
	c.FillPolygon(fill, []vg.Point{{X: x0, Y: y0}, {X: x1, Y: y0}, {X: x1, Y: y1}, {X: x0, Y: y1}})
}

// A key is one entry of a legend.
type key struct {
	name string
	mark func(c *draw.Canvas, box vg.Rectangle)
}

// legend writes keys in one row along the top and returns what is left below.
func legend(c draw.Canvas, keys []key) draw.Canvas {
	const (
		side = 7 // of the mark, points
		gap  = 3 // between mark and name
		rest = 12
	)
	s := style(labelSize, text.XLeft, text.YCenter)
	var width vg.Length
	for i, k := range keys {
		if i > 0 {
			width += rest
		}
		width += side + gap + s.Width(k.name)
	}
	x := c.Center().X - width/2
	middle := c.Max.Y - side/2 - 1
	for _, k := range keys {
		k.mark(&c, vg.Rectangle{Min: vg.Point{X: x, Y: middle - side/2}, Max: vg.Point{X: x + side, Y: middle + side/2}})
		// Letters sit higher in their line than its middle.
		c.FillText(s, vg.Point{X: x + side + gap, Y: middle + 0.8}, k.name)
		x += side + gap + s.Width(k.name) + rest
	}
	return draw.Crop(c, 0, 0, 0, -(side + 8))
}

// filled marks a key with a colour.
func filled(fill color.Color) func(*draw.Canvas, vg.Rectangle) {
	return func(c *draw.Canvas, box vg.Rectangle) {
		rectangle(c, fill, box.Min.X, box.Min.Y, box.Max.X, box.Max.Y)
	}
}

// stroked marks a key with a line.
func stroked(s draw.LineStyle) func(*draw.Canvas, vg.Rectangle) {
	return func(c *draw.Canvas, box vg.Rectangle) {
		middle := (box.Min.Y + box.Max.Y) / 2
		c.StrokeLine2(s, box.Min.X-2, middle, box.Max.X+1, middle)
	}
}

// ticks is a fixed list of them.
type ticks []plot.Tick

// Ticks returns the list.
func (t ticks) Ticks(float64, float64) []plot.Tick { return t }
