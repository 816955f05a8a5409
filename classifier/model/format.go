package model

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/tempogate/tempogate/classifier/feature"
)

// heading opens every model; its number changes with the format.
const heading = "tempogate-model 3"

// Append writes the model's text to dst. The same model gives the same bytes.
func (m *Model) Append(dst []byte) []byte {
	line := func(name string, values ...float64) {
		dst = append(dst, name...)
		for _, v := range values {
			dst = append(dst, ' ')
			dst = strconv.AppendFloat(dst, v, 'g', 9, 64)
		}
		dst = append(dst, '\n')
	}
	dst = append(dst, heading...)
	dst = append(dst, "\ndata "...)
	dst = append(dst, m.Data...)
	dst = append(dst, '\n')
	for _, name := range feature.Names {
		dst = append(dst, "feature "...)
		dst = append(dst, name...)
		dst = append(dst, '\n')
	}
	dst = m.Fine.append(dst, "fine")
	dst = m.Coarse.append(dst, "coarse")
	line("prior", m.Prior[:]...)
	for k := range m.Transition {
		line("transition", m.Transition[k][:]...)
	}
	line("weight", m.Weight)
	line("seated.weight", m.SeatedWeight)
	line("speed.weight", m.SpeedWeight)
	line("speed.edges", m.SpeedEdges...)
	for k := range m.Speed {
		line("speed", m.Speed[k]...)
	}
	line("decide", m.Decide)
	line("change", m.Change)
	line("hold", m.Hold)
	return dst
}

// Parse reads a model's text. It fails, naming the line, for a text that is no
// model, is cut short, holds a value that is not finite, or was trained for
// other features.
func Parse(text []byte) (*Model, error) {
	p := parser{lines: strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")}
	if got := p.next(); got != heading {
		return nil, fmt.Errorf("model: line 1: %q where %q should stand: not a model of this version", clip(got), heading)
	}
	m := &Model{Data: p.word("data")}
	for _, want := range feature.Names {
		if got := p.word("feature"); got != want && p.err == nil {
			p.fail("feature %q where this program computes %q: train it anew", clip(got), want)
		}
	}
	m.Fine = p.forest("fine")
	m.Coarse = p.forest("coarse")
	copy(m.Prior[:], p.row("prior", Classes))
	for k := range m.Transition {
		copy(m.Transition[k][:], p.row("transition", Classes))
	}
	m.Weight = p.one("weight")
	m.SeatedWeight = p.one("seated.weight")
	m.SpeedWeight = p.one("speed.weight")
	m.SpeedEdges = p.row("speed.edges", -1)
	for k := range m.Speed {
		m.Speed[k] = p.row("speed", len(m.SpeedEdges)+1)
	}
	m.Decide = p.one("decide")
	m.Change = p.one("change")
	m.Hold = p.one("hold")
	if p.err == nil && p.at < len(p.lines) {
		p.at++
		p.fail("%q after the end", clip(p.lines[p.at-1]))
	}
	if p.err != nil {
		return nil, p.err
	}
	return m, nil
}

// parser walks the lines and keeps the first error.
type parser struct {
	lines []string
	at    int // lines taken
	err   error
}

func (p *parser) fail(format string, args ...any) {
	if p.err == nil {
		p.err = fmt.Errorf("model: line %d: %s", p.at, fmt.Sprintf(format, args...))
	}
}

func (p *parser) next() string {
	if p.at >= len(p.lines) {
		p.fail("the text ends here, cut short")
		return ""
	}
	p.at++
	return p.lines[p.at-1]
}

// word returns what stands after a name.
func (p *parser) word(name string) string {
	if p.err != nil {
		return ""
	}
	line := p.next()
	rest, ok := strings.CutPrefix(line, name)
	if !ok || rest != "" && rest[0] != ' ' {
		p.fail("%q where %q should stand", clip(line), name)
	}
	return strings.TrimPrefix(rest, " ")
}

// row returns the numbers after a name; count -1 takes as many as there are.
func (p *parser) row(name string, count int) []float64 {
	fields := strings.Fields(p.word(name))
	if p.err != nil {
		return make([]float64, max(count, 0))
	}
	if count >= 0 && len(fields) != count {
		p.fail("%s has %d values, %d belong there", name, len(fields), count)
		return make([]float64, count)
	}
	values := make([]float64, len(fields))
	for i, field := range fields {
		v, err := strconv.ParseFloat(field, 64)
		if err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
			p.fail("%s: %q is not a finite number", name, clip(field))
			return values
		}
		values[i] = v
	}
	return values
}

func (p *parser) one(name string) float64 { return p.row(name, 1)[0] }

// clip shortens a quoted piece of a broken text.
func clip(s string) string {
	if len(s) > 60 {
		return s[:60] + "…"
	}
	return s
}
