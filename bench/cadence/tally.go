package cadence

import (
	"math"
	"slices"
)

const (
	// RightSPM is how far a tempo may be off and still be right.
	RightSPM = 3

	// WrongSPM is how far a tempo is off when it is plainly wrong.
	WrongSPM = 9

	grossShare  = 0.08 // of the true cadence
	octaveShare = 0.08 // by which a tempo may miss the half or the double and still be called so

	errorFrom, errorWidth, errorBins = -15.25, 0.5, 61
	confidenceBins                   = 20
)

// A Tally is how well tempos agreed with true steps.
type Tally struct {
	Seconds int // with a true cadence
	Silent  int // of these, without a tempo

	// Of the seconds with both, how many lie within RightSPM, off by more than
	// WrongSPM, off by more than 8 % of the true cadence, and at its half or
	// double.
	Right, Wrong, Gross, Half, Double int

	Absolute, Signed float64 // sums of errors, steps a minute

	// Steps by the integral of the tempo: as a user would add them up; and
	// between the first and the last true step, with the first tempo carried
	// back to where the steps began and the last one to where they end. And the
	// true number.
	Added, Carried float64
	Steps          int

	FirstS []float64 // seconds from each first step to the next tempo; +Inf for none before the steps end

	Errors [errorBins]int
	Bins   [confidenceBins]ConfidenceBin
}

// A ConfidenceBin gathers tempos of similar confidence.
type ConfidenceBin struct {
	Seconds    int
	Right      int
	Confidence float64 // sum
}

// Compare tallies what was said against true steps. With clean, seconds whose
// last steps were mended are left out of all but the counts of steps.
func Compare(seconds []Second, truth *Steps, clean bool) Tally {
	t := Tally{Steps: len(truth.Times)}
	for i := range seconds {
		s := &seconds[i]
		spm, whole := truth.Cadence(s.SensorTime)
		if math.IsNaN(spm) || clean && !whole {
			continue
		}
		t.add(s, spm)
	}
	if len(truth.Times) == 0 {
		return t
	}
	t.count(seconds, truth)
	t.first(seconds, truth)
	return t
}

// add tallies one second with a true cadence.
func (t *Tally) add(s *Second, spm float64) {
	t.Seconds++
	if s.silent() {
		t.Silent++
		return
	}
	off := s.SPM - spm
	distance := math.Abs(off)
	t.Absolute += distance
	t.Signed += off
	bin := &t.Bins[min(int(s.Confidence*confidenceBins), confidenceBins-1)]
	bin.Seconds++
	bin.Confidence += s.Confidence
	if distance <= RightSPM {
		t.Right++
		bin.Right++
	}
	if distance > WrongSPM {
		t.Wrong++
	}
	ratio := s.SPM / spm
	if math.Abs(ratio-1) > grossShare {
		t.Gross++
	}
	if math.Abs(2*ratio-1) <= octaveShare {
		t.Half++
	}
	if math.Abs(ratio/2-1) <= octaveShare {
		t.Double++
	}
	t.Errors[int(min(max(math.Floor((off-errorFrom)/errorWidth), 0), errorBins-1))]++
}

// count adds the steps up, each tempo standing for the second that it ends.
func (t *Tally) count(seconds []Second, truth *Steps) {
	began, ended := truth.Times[0], truth.Times[len(truth.Times)-1]
	carry := func(spm float64, from, to int64) {
		if span := min(to, ended) - max(from, began); span > 0 {
			t.Carried += spm / 60 * float64(span) * 1e-9
		}
	}
	heard := false
	for i := range seconds {
		s := &seconds[i]
		if s.silent() {
			continue
		}
		t.Added += s.SPM / 60
		from := s.SensorTime - 1e9
		if !heard {
			heard = true
			from = began
		}
		carry(s.SPM, from, s.SensorTime)
		if i == len(seconds)-1 {
			// The recording may end with the step.
			carry(s.SPM, s.SensorTime, s.SensorTime+lastCarryNS)
		}
	}
}

// lastCarryNS is how far the last tempo is carried on: to the next, had the
// recording gone on.
const lastCarryNS = 1_500_000_000

// first finds the first tempo after each first step.
func (t *Tally) first(seconds []Second, truth *Steps) {
	starts := truth.Starts()
	for i, start := range starts {
		last := truth.Times[len(truth.Times)-1]
		if i+1 < len(starts) {
			last = truth.Times[truth.upTo(starts[i+1]-1)-1]
		}
		// Who makes a step or two and stops does not wait for a tempo.
		if truth.Between(start-1, last) <= Span {
			continue
		}
		after := math.Inf(1)
		for j := range seconds {
			s := &seconds[j]
			if s.SensorTime >= start && s.SensorTime <= last && !s.silent() {
				after = float64(s.SensorTime-start) * 1e-9
				break
			}
		}
		t.FirstS = append(t.FirstS, after)
	}
}

// Merge adds another tally.
func (t *Tally) Merge(o *Tally) {
	t.Seconds += o.Seconds
	t.Silent += o.Silent
	t.Right += o.Right
	t.Wrong += o.Wrong
	t.Gross += o.Gross
	t.Half += o.Half
	t.Double += o.Double
	t.Absolute += o.Absolute
	t.Signed += o.Signed
	t.Added += o.Added
	t.Carried += o.Carried
	t.Steps += o.Steps
	t.FirstS = append(t.FirstS, o.FirstS...)
	for i, n := range o.Errors {
		t.Errors[i] += n
	}
	for i, b := range o.Bins {
		t.Bins[i].Seconds += b.Seconds
		t.Bins[i].Right += b.Right
		t.Bins[i].Confidence += b.Confidence
	}
}

// Said is the number of seconds with a true cadence and a tempo.
func (t *Tally) Said() int { return t.Seconds - t.Silent }

// ECE is the expected calibration error: how far confidence is from the share
// that is right, on average over the tempos. NaN without any.
func (t *Tally) ECE() float64 {
	var sum float64
	for _, b := range t.Bins {
		sum += math.Abs(float64(b.Right) - b.Confidence)
	}
	return sum / float64(t.Said())
}

// medianAndWorst returns both, NaN without any. An even number of values has
// the upper of the two middle ones as median, so that waiting for ever counts.
func medianAndWorst(values []float64) (median, worst float64) {
	if len(values) == 0 {
		return math.NaN(), math.NaN()
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2], sorted[len(sorted)-1]
}
