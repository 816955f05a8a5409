package tempo

import (
	"gonum.org/v1/gonum/floats"

	"github.com/tempogate/tempogate/classifier/approx"
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
	if lag <= furthest || lag+furthest+1 >= len(v) {
		return 0, 0, false
	}
	c := lagged{v, lag, floats.Dot(v[lag:], v[lag:]) + floats.Dot(v[:len(v)-lag], v[:len(v)-lag])}
	first := c.correlation()
	left, centre, right := c.at(-1).correlation(), first, c.at(1).correlation()
	for moved := 0; moved < furthest; moved++ {
		switch {
		case right > centre && right >= left:
			c = c.at(1)
			left, centre, right = centre, right, c.at(1).correlation()
		case left > centre:
			c = c.at(-1)
			left, centre, right = c.at(-1).correlation(), left, centre
		default:
			curve := left - 2*centre + right
			if curve >= 0 { // flat: nothing moves
				return 0, first, false
			}
			return float64(c.lag) + 0.5*(left-right)/curve, centre, true
		}
	}
	return 0, first, false
}

// lagged is a signal beside itself some rows before.
type lagged struct {
	v      []float64
	lag    int     // rows
	energy float64 // of the rows that overlap, now and then
}

// at returns the same, one row further apart (1) or closer (-1).
func (c lagged) at(direction int) lagged {
	n := len(c.v)
	if direction > 0 {
		c.energy -= c.v[c.lag]*c.v[c.lag] + c.v[n-c.lag-1]*c.v[n-c.lag-1]
		c.lag++
		return c
	}
	c.lag--
	c.energy += c.v[c.lag]*c.v[c.lag] + c.v[n-c.lag-1]*c.v[n-c.lag-1]
	return c
}

// correlation is the correlation of both, against their mean energy, -1 to 1.
func (c lagged) correlation() float64 {
	n := len(c.v)
	return floats.Dot(c.v[c.lag:], c.v[:n-c.lag]) / (c.energy/2 + quietFloor*float64(n))
}

// confidence returns how likely a cadence lies within 3 steps a minute of the
// truth; see the package comment.
func confidence(rhythm, margin float64) float64 {
	logit := confidenceBase + confidenceMargin*min(margin, mostMargin) - confidenceNoise*approx.Log(max(1-rhythm, leastNoise))
	return 1 / (1 + approx.Exp(-logit))
}
