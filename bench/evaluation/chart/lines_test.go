package chart

import (
	"bytes"
	"math"
	"testing"
)

// Lines are drawn where there are values, and only there: nothing at all, gaps
// and values that a logarithm does not have are no reason to fail.
func TestLines(t *testing.T) {
	nan := math.NaN()
	for _, test := range []struct {
		name  string
		y     Axis
		lines []Line
		parts int // of the first line
	}{
		{"nothing", Axis{}, nil, 0},
		{"one point", Axis{}, []Line{{"a", []float64{1}, []float64{2}}}, 1},
		{"a gap", Axis{}, []Line{{"a", []float64{1, 2, 3, 4}, []float64{1, nan, 3, 4}}}, 2},
		{"zero on a logarithmic axis", Axis{Log: true}, []Line{{"a", []float64{1, 2, 3}, []float64{0, 2, 3}}}, 1},
		{"nothing above zero on one", Axis{Log: true}, []Line{{"a", []float64{1, 2}, []float64{0, -1}}}, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			svg, err := Lines("title", Axis{Label: "x"}, test.y, test.lines...).SVG()
			if err != nil || !bytes.Contains(svg, []byte("title")) {
				t.Fatalf("%d bytes, %v", len(svg), err)
			}
			if len(test.lines) > 0 {
				if n := len(unbroken(test.lines[0], false, test.y.Log)); n != test.parts {
					t.Errorf("%d parts, want %d", n, test.parts)
				}
			}
		})
	}
}
