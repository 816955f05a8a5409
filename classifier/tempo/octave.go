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

// SlowestBPM and FastestBPM bound the ranges that ParseRange accepts.
const SlowestBPM, FastestBPM = 20, 400

// ParseRange reads a range such as "80-100". The empty string is the zero
// Range.
func ParseRange(s string) (Range, error) {
	if s == "" {
		return Range{}, nil
	}
	low, high, found := strings.Cut(s, "-")
	slow, errLow := strconv.ParseUint(low, 10, 16)
	fast, errHigh := strconv.ParseUint(high, 10, 16)
	r := Range{int(slow), int(fast)}
	if !found || errLow != nil || errHigh != nil || r.Low < SlowestBPM || r.High > FastestBPM || r.Low > r.High {
		return Range{}, fmt.Errorf("tempo: a range of beats a minute looks like 80-100, from %d to %d", SlowestBPM, FastestBPM)
	}
	return r, nil
}

// String returns the range as ParseRange reads it.
func (r Range) String() string {
	if r == (Range{}) {
		return ""
	}
	return fmt.Sprintf("%d-%d", r.Low, r.High)
}

// MarshalText is String.
func (r Range) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText is ParseRange, for flags and configurations.
func (r *Range) UnmarshalText(text []byte) (err error) {
	*r, err = ParseRange(string(text))
	return err
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
	beats, _ := r.nearest(bpm)
	return beats
}

// octaves are the halvings (below 0) and doublings, in order of preference.
var octaves = [...]int8{0, -1, 1, -2, 2}

// nearest returns what bpm is mapped to and the octave that does it.
func (r Range) nearest(bpm int) (beats int, octave int8) {
	best := math.Inf(1)
	for _, o := range octaves {
		if b, off := r.shift(bpm, o); off < best {
			beats, octave, best = b, o, off
		}
	}
	return beats, octave
}

// shift returns bpm moved by octaves, in whole beats, and how far off the
// range that lies, as ln of a ratio.
func (r Range) shift(bpm int, octave int8) (beats int, off float64) {
	exact := math.Ldexp(float64(bpm), int(octave))
	beats = int(math.Floor(exact + 0.5))
	switch {
	case beats < r.Low:
		off = math.Log(float64(r.Low) / exact)
	case beats > r.High:
		off = math.Log(exact / float64(r.High))
	}
	return beats, off
}

// OctaveHold is how much closer to the range, as a ratio, another octave has
// to come before music that plays in one changes to it. Halfway between two
// octaves a drift of one beat would else halve the music and double it again.
const OctaveHold = 1.05

// fold maps the tempo for music second by second and keeps to an octave.
type fold struct {
	octave  int8
	playing bool
}

// step takes the tempo of one hop, 0 for none, and returns it mapped.
func (f *fold) step(r Range, bpm int) int {
	if bpm <= 0 || r == (Range{}) {
		*f = fold{}
		return bpm
	}
	beats, octave := r.nearest(bpm)
	if f.playing && octave != f.octave {
		held, heldOff := r.shift(bpm, f.octave)
		if _, off := r.shift(bpm, octave); heldOff-off <= math.Log(OctaveHold) {
			return held
		}
	}
	f.octave, f.playing = octave, true
	return beats
}
