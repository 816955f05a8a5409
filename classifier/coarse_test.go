package classifier_test

import (
	"math"
	"testing"
)

// A source of a few readings a second says what somebody does, not how fast
// they step.
func TestNoTempoFromCoarseSource(t *testing.T) {
	for _, test := range []struct {
		rate  float64
		tempo bool
	}{{2, false}, {5, false}, {12, true}, {20, true}} {
		tempos := 0
		for _, e := range push(t, walk(0, 60, test.rate), nil) {
			if !math.IsNaN(e.CadenceSPM) {
				tempos++
				if math.Abs(e.CadenceSPM-110) > 3 {
					t.Errorf("%v readings a second: %.1f steps a minute, want 110", test.rate, e.CadenceSPM)
				}
			}
		}
		if (tempos > 0) != test.tempo {
			t.Errorf("%v readings a second: a tempo in %d of 60 seconds", test.rate, tempos)
		}
	}
}
