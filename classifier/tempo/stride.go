package tempo

import (
	"github.com/tempogate/tempogate/classifier/approx"
	"github.com/tempogate/tempogate/classifier/feature"
)

const (
	// newestSteps is how many of the newest steps the exact period is taken
	// from.
	newestSteps = 10

	// leastPeak is the least correlation for a peak to be believed.
	leastPeak = 0.2

	// furthest is how many rows from where it should be a peak is looked for.
	furthest = 3
)

// exact returns the period of a step in rows, given a rough one, and the
// correlation of the newest steps with themselves one stride before. The peaks
// at one, two and four strides each measure the period, the later the more
// finely; they are weighed accordingly. 0 allocations.
func exact(m *feature.Motion, rough float64) (period, rhythm float64) {
	n := min(int(newestSteps*rough+0.5), m.Length)
	period = rough
	var above, below float64
	for strides := 1.0; strides <= 4; strides *= 2 {
		lag := 2 * strides * period
		overlap := float64(n) - lag
		if overlap < rough+furthest {
			break
		}
		at, value, found := peak(m, n, int(lag+0.5))
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

// peak climbs from a lag to the nearest peak of the correlation of the newest
// rows with themselves and returns its place between lags and its height.
// Without one nearby it returns the correlation where it began.
func peak(m *feature.Motion, newest, lag int) (at, value float64, found bool) {
	if lag <= furthest || lag+furthest+1 >= newest {
		return 0, 0, false
	}
	first := m.Length - newest
	began := m.Lagged(first, lag)
	left, centre, right := m.Lagged(first, lag-1), began, m.Lagged(first, lag+1)
	for range furthest {
		switch {
		case right > centre && right >= left:
			lag++
			left, centre, right = centre, right, m.Lagged(first, lag+1)
		case left > centre:
			lag--
			left, centre, right = m.Lagged(first, lag-1), left, centre
		default:
			curve := left - 2*centre + right
			if curve >= 0 { // flat: nothing moves
				return 0, began, false
			}
			return float64(lag) + 0.5*(left-right)/curve, centre, true
		}
	}
	return 0, began, false
}

// confidence returns how likely a cadence lies within 3 steps a minute of the
// truth; see the package comment.
func confidence(rhythm, margin float64) float64 {
	logit := confidenceBase + confidenceMargin*min(margin, mostMargin) - confidenceNoise*approx.Log(max(1-rhythm, leastNoise))
	return 1 / (1 + approx.Exp(-logit))
}
