package feature

import (
	"math"

	"github.com/tempogate/tempogate/classifier/approx"
)

// A History remembers how strongly a stream moved over the last minute or so,
// in a few running means and no reading. The zero value is empty.
//
// A ride shakes all the time, and only a little less where it waits; somebody
// at rest is quiet except when not. Five seconds cannot tell a quiet moment of
// the one from a restless moment of the other, a minute can.
type History struct {
	hops  float64
	means [len(memories)][4]float64
}

// memories are the time constants of the running means, in hops.
var memories = [...]float64{12, 60}

// historyCount is the number of features that a History gives.
const historyCount = 4 * len(memories)

// Clear forgets everything.
func (h *History) Clear() { *h = History{} }

// add takes the newest second: its variance, and that of its first
// differences.
func (h *History) add(second *stretch) {
	_, variance := second.moments()
	motion, jerk := math.Sqrt(variance+noise), math.Sqrt(second.steps/(second.rows-1)+noise)
	// The mean of σ follows the loud moments, that of 1/σ the quiet ones.
	now := [4]float64{motion, 1 / motion, jerk, 1 / jerk}
	h.hops++
	for i, memory := range memories {
		weight := 1 / min(h.hops, memory)
		for j, x := range now {
			h.means[i][j] += weight * (x - h.means[i][j])
		}
	}
}

// describe writes the means as levels: ln of a variance.
func (h *History) describe(dst []float64) {
	for i := range memories {
		m := &h.means[i]
		dst[4*i] = 2 * approx.Log(m[0])
		dst[4*i+1] = -2 * approx.Log(m[1])
		dst[4*i+2] = 2 * approx.Log(m[2])
		dst[4*i+3] = -2 * approx.Log(m[3])
	}
}
