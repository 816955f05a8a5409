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
		{"begins with the first cadence",
			[]float64{none, none, 163.4, 163.6},
			[]int{0, 0, 163, 164}},
		{"settles on the median of the first five",
			[]float64{158, 161, 162, 162, 162, 160},
			[]int{158, 160, 161, 162, 162, 162}},
		{"holds through noise",
			[]float64{160, 160, 160, 160, 160, 162, 158, 161.5, 159, 162.4, 157.6},
			[]int{160, 160, 160, 160, 160, 160, 160, 160, 160, 160, 160}},
		{"one spike moves nothing, nor do two",
			[]float64{160, 160, 160, 160, 160, 220, 160, 170, 170, 160},
			[]int{160, 160, 160, 160, 160, 160, 160, 160, 160, 160}},
		{"follows when three in a row have moved, to their median, and settles",
			[]float64{160, 160, 160, 160, 160, 164, 166, 169, 170, 170, 170, 170, 172},
			[]int{160, 160, 160, 160, 160, 160, 160, 166, 168, 169, 169, 169, 169}},
		{"follows downwards",
			[]float64{160, 160, 160, 160, 160, 150, 151, 149},
			[]int{160, 160, 160, 160, 160, 160, 160, 150}},
		{"to both sides is noise",
			[]float64{160, 160, 160, 160, 160, 164, 156, 164, 156},
			[]int{160, 160, 160, 160, 160, 160, 160, 160, 160}},
		{"follows a slow drift when the median of ten has moved by more than 1.5",
			[]float64{160, 160, 160, 160, 160, 160, 161, 161, 161, 161, 162, 162, 162, 162, 162, 162},
			[]int{160, 160, 160, 160, 160, 160, 160, 160, 160, 160, 160, 160, 160, 160, 160, 162}},
		{"a pace that only begins to change is held",
			[]float64{160, 160, 160, 160, 160, 160, 161, 161, 161, 161, 161, 161, 161, 161, 161, 161},
			[]int{160, 160, 160, 160, 160, 160, 160, 160, 160, 160, 160, 160, 160, 160, 160, 160}},
		{"bridges a short silence",
			[]float64{160, none, none, none, none, 160},
			[]int{160, 160, 160, 160, 160, 160}},
		{"ends after a long one, and begins anew",
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
