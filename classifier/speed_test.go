package classifier

import (
	"math"
	"testing"
)

// A speed is held for as long as it is believed, and then overwritten.
func TestSpeedIsForgotten(t *testing.T) {
	var s speedometer
	for i, speed := range []float64{2, 3, 4} {
		s.take(&Fix{SensorTime: int64(i) * 1e9, SpeedMPS: speed, AccuracyM: 5})
	}
	for _, c := range []struct {
		now  int64 // seconds
		want float64
		held int
	}{
		{2, 3, 3},
		{8, 3, 3},
		{9, 3.5, 2}, // that of 0 s is too old
		{10, 4, 1},
		{11, math.NaN(), 0},
	} {
		if got := s.at(c.now * 1e9); got != c.want && !(math.IsNaN(got) && math.IsNaN(c.want)) {
			t.Errorf("at %d s: %v m/s, want %v", c.now, got, c.want)
		}
		held := 0
		for _, r := range s.recent {
			if r.speed != 0 {
				held++
			}
		}
		if held != c.held {
			t.Errorf("at %d s: %d speeds are held, want %d", c.now, held, c.held)
		}
	}
}
