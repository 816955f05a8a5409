package tempo_test

import (
	"math"
	"testing"

	"github.com/tempogate/tempogate/classifier/tempo"
)

// A clear rhythm is believed where the activity is not sure of itself, a poor
// one is not, and neither is one at a speed that nobody walks at.
func TestPresence(t *testing.T) {
	unsure := tempo.Known(0.1, 0.01)
	fast := unsure
	fast.Speed = -6
	soft := gait{step: 1.5, second: 0.3, noise: 0.3}
	tests := []struct {
		name   string
		gait   gait
		belief tempo.Belief
		least  int // seconds of 30 with a cadence
		most   int
	}{
		{"a clear rhythm", soft, unsure, 26, 28},
		{"a clear rhythm that the newest window takes for a walk", soft, tempo.Belief{Walk: 0.03, WindowWalk: 0.6}, 26, 28},
		{"a poor rhythm", gait{step: 1.5, second: 0.3, noise: 1.6}, unsure, 0, 4},
		{"a poor rhythm of somebody who walks", gait{step: 1.5, second: 0.3, noise: 1.6}, tempo.Known(1, 0), 8, 28},
		{"a clear rhythm at the speed of a car", soft, fast, 0, 0},
		{"a clear rhythm, and no belief in steps at all", soft, tempo.Known(0.02, 0.02), 0, 0},
	}
	for _, test := range tests {
		said := 0
		believe := func(int) tempo.Belief { return test.belief }
		for _, got := range followBeliefs(test.gait.rows(steady(104), 30), believe) {
			if !math.IsNaN(got.CadenceSPM) {
				said++
				if math.Abs(got.CadenceSPM-104) > 6 {
					t.Errorf("%s: %.1f", test.name, got.CadenceSPM)
				}
			}
			if p := got.Measured.Presence; p < 0 || p > 1 {
				t.Errorf("%s: presence of %v", test.name, p)
			}
		}
		if said < test.least || said > test.most {
			t.Errorf("%s: a cadence in %d seconds, want %d to %d", test.name, said, test.least, test.most)
		}
	}
}

// A cadence that is sure is kept where the belief in steps is not enough for one to
// begin, and ended where there is none.
func TestSureCadenceIsKept(t *testing.T) {
	var (
		sure   = tempo.Known(0.9, 0)
		little = tempo.Belief{Walk: 0.06, WindowWalk: 0.08}
		none   = tempo.Known(0.02, 0)
		fast   = tempo.Belief{Walk: 0.5, WindowWalk: 0.5, Speed: -6}
	)
	for _, test := range []struct {
		name        string
		first, then tempo.Belief
		least, most int // seconds with a cadence, of the five after the tenth
	}{
		{"little belief from the beginning", little, little, 0, 0},
		{"little belief after there was much", sure, little, 4, 5},
		{"none, but the rhythm, after there was much", sure, none, 4, 5},
		{"the speed of a car after there was much", sure, fast, 0, 0},
	} {
		said := 0
		believe := func(second int) tempo.Belief {
			if second >= 10 {
				return test.then
			}
			return test.first
		}
		rows := gait{step: 1.5, second: 0.3, noise: 0.7}.rows(steady(104), 15)
		for _, got := range followBeliefs(rows, believe)[10:] {
			if !math.IsNaN(got.CadenceSPM) {
				said++
			}
		}
		if said < test.least || said > test.most {
			t.Errorf("%s: a cadence in %d seconds, want %d to %d", test.name, said, test.least, test.most)
		}
	}
}

// Whatever the windows are taken for, a clear rhythm is heard within ten seconds or
// so: slow walks and soft ones are what a model knows least. One that is not clear
// is not, nor is any at the speed of a car.
func TestClearRhythmIsHeardInTheEnd(t *testing.T) {
	ride, fast := tempo.Known(0.002, 0.001), tempo.Known(0.002, 0.001)
	fast.Speed = -6
	slow := gait{step: 0.6, stride: 0.4, second: 0.6, noise: 0.1}
	for _, test := range []struct {
		name        string
		gait        gait
		belief      tempo.Belief
		from, until int // second of the first cadence
	}{
		{"a slow, soft walk", slow, ride, 6, 14},
		{"the same, if a model knows it", slow, tempo.Known(0.9, 0), 2, 4},
		{"much noise", gait{step: 0.6, stride: 0.4, second: 0.6, noise: 1}, ride, 40, 40},
		{"at the speed of a car", slow, fast, 40, 40},
	} {
		first := 40
		believe := func(int) tempo.Belief { return test.belief }
		for second, got := range followBeliefs(test.gait.rows(steady(84), 40), believe) {
			if math.IsNaN(got.CadenceSPM) {
				continue
			}
			first = min(first, second)
			if math.Abs(got.CadenceSPM-84) > 2 {
				t.Errorf("%s: %.1f", test.name, got.CadenceSPM)
			}
		}
		if first < test.from || first > test.until {
			t.Errorf("%s: heard in second %d, want %d to %d", test.name, first, test.from, test.until)
		}
	}
}
