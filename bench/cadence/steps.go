package cadence

import (
	"math"
	"slices"
	"sort"

	"github.com/tempogate/tempogate/bench/dataset"
)

const (
	// Span is how many steps the true cadence is taken over.
	Span = 8

	// longestStepNS is the time without a step, in nanoseconds, after which
	// somebody has stopped.
	longestStepNS = 1_500_000_000

	// A foot that comes down again sooner than bounceShare steps after it did
	// has bounced; the same foot twice, missShare to pauseShare steps apart,
	// has the other's contact missing between.
	bounceShare, missShare, pauseShare = 1.3, 1.4, 2.8
)

// Steps are the moments of the steps of a recording, in order.
type Steps struct {
	Times  []int64 // sensor time, nanoseconds
	Mended []bool  // the step, or the one before it, was put in or had a double taken out
}

// Counted takes foot contacts as they were recorded.
func Counted(contacts []dataset.Step) Steps {
	s := Steps{Times: make([]int64, len(contacts)), Mended: make([]bool, len(contacts))}
	for i, c := range contacts {
		s.Times[i] = c.SensorTime
	}
	return s
}

// Mend takes foot contacts, removes those that a bouncing switch has doubled
// and puts in those that it has missed. Feet alternate and a foot's own
// contacts are two steps apart, which tells both.
func Mend(contacts []dataset.Step) Steps {
	usual := usualStep(contacts)
	var (
		kept  []dataset.Step
		touch []bool
		last  = [2]int{-1, -1} // in kept, of each foot
	)
	for i, c := range contacts {
		if at := last[c.Foot]; at >= 0 && float64(c.SensorTime-kept[at].SensorTime) < bounceShare*usual[i] {
			touch[len(touch)-1] = true
			continue
		}
		if n := len(kept); n > 0 && kept[n-1].Foot == c.Foot {
			gap := float64(c.SensorTime - kept[n-1].SensorTime)
			if gap > missShare*usual[i] && gap < pauseShare*usual[i] {
				between := dataset.Step{SensorTime: (c.SensorTime + kept[n-1].SensorTime) / 2, Foot: 1 - c.Foot}
				last[between.Foot] = len(kept)
				kept = append(kept, between)
				touch = append(touch, true)
			}
		}
		last[c.Foot] = len(kept)
		kept = append(kept, c)
		touch = append(touch, false)
	}
	s := Steps{Times: make([]int64, len(kept)), Mended: make([]bool, len(kept))}
	for i, c := range kept {
		s.Times[i] = c.SensorTime
		s.Mended[i] = touch[i] || i > 0 && touch[i-1]
	}
	return s
}

// usualStep returns the time of a step around each contact, in nanoseconds:
// the median over the 21 nearest intervals between different feet.
func usualStep(contacts []dataset.Step) []float64 {
	var (
		gaps  []float64
		place []int // of each gap's later contact
	)
	for i := 1; i < len(contacts); i++ {
		gap := contacts[i].SensorTime - contacts[i-1].SensorTime
		if contacts[i].Foot != contacts[i-1].Foot && gap < longestStepNS {
			gaps = append(gaps, float64(gap))
			place = append(place, i)
		}
	}
	const around = 10
	usual := make([]float64, len(contacts))
	for i := range contacts {
		at := sort.SearchInts(place, i)
		from := max(min(at-around, len(gaps)-2*around-1), 0)
		near := slices.Clone(gaps[from:min(from+2*around+1, len(gaps))])
		if len(near) == 0 {
			usual[i] = longestStepNS / 3
			continue
		}
		slices.Sort(near)
		usual[i] = near[len(near)/2]
	}
	return usual
}

// Between returns how many steps lie after from, up to and including to.
func (s *Steps) Between(from, to int64) int { return s.upTo(to) - s.upTo(from) }

func (s *Steps) upTo(t int64) int {
	return sort.Search(len(s.Times), func(i int) bool { return s.Times[i] > t })
}

// Cadence returns the steps a minute of the last Span steps up to a time, NaN
// when there are fewer in one go or the person has stopped, and whether none
// of them was mended.
func (s *Steps) Cadence(sensorTime int64) (spm float64, clean bool) {
	n := s.upTo(sensorTime)
	if n <= Span || sensorTime-s.Times[n-1] > longestStepNS {
		return math.NaN(), false
	}
	clean = true
	for i := n - Span; i < n; i++ {
		if s.Times[i]-s.Times[i-1] > longestStepNS {
			return math.NaN(), false
		}
		clean = clean && !s.Mended[i]
	}
	return Span * 60e9 / float64(s.Times[n-1]-s.Times[n-1-Span]), clean
}

// Starts returns the times of first steps: those after at least five seconds
// without any, or after the beginning.
func (s *Steps) Starts() []int64 {
	var starts []int64
	for i, t := range s.Times {
		if i == 0 || t-s.Times[i-1] > startAfterNS {
			starts = append(starts, t)
		}
	}
	return starts
}

const startAfterNS = 5_000_000_000
