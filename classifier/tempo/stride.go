package tempo

import (
	"math"

	"gonum.org/v1/gonum/floats"
)

const (
	// newestSteps is how many of the newest steps the exact period is taken
	// from.
	newestSteps = 10

	// leastPeak is the least correlation for a peak to be believed.
	leastPeak = 0.2

	// furthest is how many rows from where it should be a peak is looked for.
	furthest = 3

	quietFloor = 1e-6 // m²/s⁴ a row, so that nothing moving has no rhythm
)

// exact returns the period of a step in rows, given a rough one, and the
// correlation of the newest steps with themselves one stride before. The peaks
// at one, two and four strides each measure the period, the later the more
// finely; they are weighed accordingly. 0 allocations.
func exact(vertical []float64, rough float64) (period, rhythm float64) {
	n := min(int(newestSteps*rough+0.5), len(vertical))
	v := vertical[len(vertical)-n:]
	period = rough
	var above, below float64
	for strides := 1.0; strides <= 4; strides *= 2 {
		lag := 2 * strides * period
		overlap := float64(n) - lag
		if overlap < rough+furthest {
			break
		}
		at, value, found := peak(v, int(lag+0.5))
		if strides == 1 {
			rhythm = value
		}
		if !found || value < leastPeak {
			continue
		}
		// The error of at is the same for every peak, but for the rows that it
		// rests on; that of at/strides is so much smaller.
		weight := value * value * overlap
		above += weight * strides * at / 2
		below += weight * strides * strides
		period = above / below
	}
	return period, rhythm
}

// peak climbs from a lag to the nearest peak of v's correlation with itself
// and returns its place between rows and its height. Without one nearby it
// returns the correlation where it began.
func peak(v []float64, lag int) (at, value float64, found bool) {
	first := correlation(v, lag)
	left, centre, right := correlation(v, lag-1), first, correlation(v, lag+1)
	for moved := 0; moved < furthest; moved++ {
		switch {
		case right > centre && right >= left:
			lag++
			left, centre = centre, right
			right = correlation(v, lag+1)
		case left > centre:
			lag--
			right, centre = centre, left
			left = correlation(v, lag-1)
		default:
			curve := left - 2*centre + right
			if curve >= 0 { // flat: nothing moves
				return 0, first, false
			}
			return float64(lag) + 0.5*(left-right)/curve, centre, true
		}
	}
	return 0, first, false
}

// correlation returns that of v with itself so many rows before, against the
// mean energy of both, -1 to 1. It is 0 where they do not overlap.
func correlation(v []float64, lag int) float64 {
	if lag < 1 || lag >= len(v) {
		return 0
	}
	now, then := v[lag:], v[:len(v)-lag]
	energy := 0.5 * (floats.Dot(now, now) + floats.Dot(then, then))
	return floats.Dot(now, then) / (energy + quietFloor*float64(len(v)))
}

// confidence returns how likely a cadence lies within 3 steps a minute of the
// truth; see the package comment.
func confidence(rhythm, margin float64) float64 {
	odds := math.Exp(confidenceBase+confidenceMargin*min(margin, mostMargin)) / math.Pow(max(1-rhythm, leastNoise), confidenceNoise)
	return odds / (1 + odds)
}
