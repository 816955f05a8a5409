package tempo

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// A Range is the tempos that somebody wants music in, in beats a minute, both
// ends included. The zero value wants any.
type Range struct{ Low, High int }

// The widest range that ParseRange accepts.
const (
	slowestBPM = 20
	fastestBPM = 400
)

// ParseRange reads a range such as "80-100". The empty string is the zero
// Range.
func ParseRange(s string) (Range, error) {
	if s == "" {
		return Range{}, nil
	}
	low, high, found := strings.Cut(s, "-")
	var r Range
	var errLow, errHigh error
	r.Low, errLow = strconv.Atoi(low)
	r.High, errHigh = strconv.Atoi(high)
	if !found || errLow != nil || errHigh != nil || r.Low < slowestBPM || r.High > fastestBPM || r.Low > r.High {
		return Range{}, fmt.Errorf("tempo: a range of beats a minute looks like 80-100, from %d to %d", slowestBPM, fastestBPM)
	}
	return r, nil
}

// MapBPM returns the tempo in the range to which somebody at bpm can step: bpm
// itself, or a half, double, quarter or fourfold of it, rounded to whole beats
// with halves up.
//
// Of those inside the range it is the one that takes the fewest halvings or
// doublings, of a half and a double the half. When none is inside, it is the
// one that lies nearest by ratio, with the same rule for ties. No tempo (0)
// stays none, and the zero Range changes nothing.
func (r Range) MapBPM(bpm int) int {
	if bpm <= 0 || r == (Range{}) {
		return bpm
	}
	best, nearest := bpm, math.Inf(1)
	for _, octave := range [...]int{0, -1, 1, -2, 2} { // in order of preference
		exact := math.Ldexp(float64(bpm), octave)
		beats := int(math.Floor(exact + 0.5))
		off := 0.0
		switch {
		case beats < r.Low:
			off = math.Log(float64(r.Low) / exact)
		case beats > r.High:
			off = math.Log(exact / float64(r.High))
		}
		if off < nearest {
			best, nearest = beats, off
		}
	}
	return best
}
