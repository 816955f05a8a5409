package tempo

import (
	"math"
	"slices"
)

const (
	// HoldSPM is how far the newest three cadences must lie to one side of BPM
	// before it follows at once.
	HoldSPM = 2.5

	// DriftSPM is how far the median of the newest DriftHops cadences must lie
	// off BPM before it follows.
	DriftSPM  = 1.5
	DriftHops = 10

	// SettleHops is how many cadences BPM settles over, at the beginning and
	// after a change of pace.
	SettleHops = 5

	// ForgetHops is how many seconds without a cadence end BPM.
	ForgetHops = 5

	quickHops = 3
)

// beat holds the tempo for music and moves it only when the cadence really
// has moved.
type beat struct {
	bpm    int
	recent [DriftHops]float32 // newest cadences first
	heard  int                // how many of them are of this pace
	silent int                // seconds since the newest
}

// step takes the cadence of one hop, NaN for none, and returns the tempo.
func (b *beat) step(cadence float64) int {
	if math.IsNaN(cadence) {
		b.pause(1)
		return b.bpm
	}
	b.silent = 0
	copy(b.recent[1:], b.recent[:])
	b.recent[0] = float32(cadence)
	b.heard = min(b.heard+1, DriftHops)
	if b.heard > quickHops && b.moved() {
		b.heard = quickHops
	}
	usual := b.median()
	switch {
	case b.heard <= SettleHops, b.heard == DriftHops && math.Abs(usual-float64(b.bpm)) > DriftSPM:
		b.bpm = int(math.Round(usual))
	}
	return b.bpm
}

// pause takes seconds without a cadence.
func (b *beat) pause(seconds int) {
	b.silent += seconds
	if b.silent >= ForgetHops {
		*b = beat{}
	}
}

// moved tells whether the newest cadences all lie well to one side.
func (b *beat) moved() bool {
	above, below := true, true
	for _, c := range b.recent[:quickHops] {
		above = above && float64(c) > float64(b.bpm)+HoldSPM
		below = below && float64(c) < float64(b.bpm)-HoldSPM
	}
	return above || below
}

// median returns that of the cadences of this pace.
func (b *beat) median() float64 {
	sorted := b.recent
	n := b.heard
	slices.Sort(sorted[:n])
	return float64(sorted[(n-1)/2]+sorted[n/2]) / 2
}
