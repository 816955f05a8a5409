package tempo

import (
	"math"
	"testing"
)

// A gap in the readings is a silence: the tempo is held through a short one.
func TestBeatThroughAGap(t *testing.T) {
	for seconds, want := range map[int]int{2: 160, ForgetHops - 1: 160, ForgetHops: 0, 3600: 0} {
		var b beat
		b.step(160)
		b.pause(seconds)
		if b.bpm != want {
			t.Errorf("after a gap of %d s: %d, want %d", seconds, b.bpm, want)
		}
	}
	var b beat
	b.step(160)
	b.pause(2)
	for i, want := range []int{160, 160, 0} { // the window fills anew
		if got := b.step(math.NaN()); got != want {
			t.Errorf("second %d after a gap of 2 s: %d, want %d", i+1, got, want)
		}
	}
}

// Into 80 to 100 beats a minute, 127 and more are halved, being closer to it
// then. A runner who drifts around 127 hears no jump for every beat.
func TestFoldKeepsItsOctave(t *testing.T) {
	r := Range{80, 100}
	tests := []struct {
		name      string
		bpm, want []int
	}{
		{"from below", []int{110, 126, 127, 129, 132, 140}, []int{110, 126, 127, 129, 66, 70}},
		{"from above", []int{165, 140, 127, 126, 124, 120}, []int{83, 70, 64, 63, 62, 120}},
		{"inside, nothing is held", []int{165, 90, 178}, []int{83, 90, 89}},
		{"a silence ends it", []int{126, 0, 127}, []int{126, 0, 64}},
	}
	for _, test := range tests {
		var f fold
		for i, bpm := range test.bpm {
			if got := f.step(r, bpm); got != test.want[i] {
				t.Errorf("%s: %d becomes %d, want %d", test.name, bpm, got, test.want[i])
			}
		}
	}
	var f fold
	if got := f.step(Range{}, 165); got != 165 {
		t.Errorf("without a range 165 becomes %d", got)
	}
}

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
