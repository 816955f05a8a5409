package tempo

import "math"

// beat holds the tempo for music and moves it only when the cadence really
// has moved.
type beat struct {
	bpm    int
	recent [3]float32 // newest cadences, 0 where there is none
	silent int        // hops since the newest
}

// step takes the cadence of one hop, NaN for none, and returns the tempo.
func (b *beat) step(cadence float64) int {
	if math.IsNaN(cadence) {
		b.silent++
		if b.silent >= ForgetHops {
			*b = beat{}
		}
		return b.bpm
	}
	b.silent = 0
	b.recent[0], b.recent[1], b.recent[2] = b.recent[1], b.recent[2], float32(cadence)
	if b.bpm == 0 {
		b.bpm = int(math.Round(cadence))
		return b.bpm
	}
	above, below := 0, 0
	for _, c := range b.recent {
		switch {
		case c == 0:
		case float64(c) > float64(b.bpm)+HoldSPM:
			above++
		case float64(c) < float64(b.bpm)-HoldSPM:
			below++
		}
	}
	if above == len(b.recent) || below == len(b.recent) {
		low, high := min(b.recent[0], b.recent[1]), max(b.recent[0], b.recent[1])
		b.bpm = int(math.Round(float64(max(low, min(high, b.recent[2])))))
	}
	return b.bpm
}
