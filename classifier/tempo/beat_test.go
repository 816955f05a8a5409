package tempo

import (
	"math"
	"testing"
)

// The rule for the tempo for music, as traces: a cadence a second, and the
// tempo that is held.
func TestBeat(t *testing.T) {
	none := math.NaN()
	tests := []struct {
		name    string
		cadence []float64
		bpm     []int
	}{
		{"starts with the first cadence",
			[]float64{none, none, 163.4, 163.6},
			[]int{0, 0, 163, 163}},
		{"holds through noise",
			[]float64{160, 162, 158, 161.5, 159, 162.4, 157.6},
			[]int{160, 160, 160, 160, 160, 160, 160}},
		{"one spike moves nothing, nor do two",
			[]float64{160, 160, 220, 160, 170, 170, 160},
			[]int{160, 160, 160, 160, 160, 160, 160}},
		{"follows when three in a row have moved, to their median",
			[]float64{160, 160, 164, 166, 165, 165},
			[]int{160, 160, 160, 160, 165, 165}},
		{"follows downwards",
			[]float64{160, 150, 151, 149},
			[]int{160, 160, 160, 150}},
		{"to both sides is noise",
			[]float64{160, 164, 156, 164, 156},
			[]int{160, 160, 160, 160, 160}},
		{"bridges a short silence",
			[]float64{160, none, none, none, none, 160},
			[]int{160, 160, 160, 160, 160, 160}},
		{"ends after a long one",
			[]float64{160, none, none, none, none, none, none, 120},
			[]int{160, 160, 160, 160, 160, 0, 0, 120}},
	}
	for _, test := range tests {
		var b beat
		for i, c := range test.cadence {
			if got := b.step(c); got != test.bpm[i] {
				t.Errorf("%s: second %d: %d, want %d", test.name, i+1, got, test.bpm[i])
			}
		}
	}
}
