package cadence

import (
	"cmp"
	"context"
	"math"
	"slices"

	"github.com/tempogate/tempogate/bench/dataset"
	"github.com/tempogate/tempogate/classifier"
	"github.com/tempogate/tempogate/classifier/tempo"
)

// Whether there are steps is told by a logistic regression on what the tracker
// believes over time, on the belief of the window alone in walking and running,
// and on the margin of the best candidate. Who learns it from people that the
// model knows learns to trust the model too much: it goes with a protocol that
// leaves data sets out.
//
// Sources of fewer than leastHz readings a second, which say nothing of steps,
// are left out of it.
//
// A second has steps when two fell into the two seconds before. The first
// seconds, on which it depends how long somebody waits for a tempo, count
// startWeight times.
const (
	startWeight  = 3
	startSpanNS  = 6_000_000_000
	steppingNS   = 2_000_000_000
	leastSteps   = 2
	presenceSure = 3.0 // ln of the odds of a window at most, as in classifier/tempo
)

// presenceNames are what the weights are reported as.
var presenceNames = [...]string{"base", "odds over time", "odds now", "margin"}

// addPresence takes the seconds of a recording that is known to have steps, or
// to have none.
func (f *fitData) addPresence(place int, one *dataset.Recording, o *outcome) {
	starts := o.truth.Starts()
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range o.trace.Stream {
		s := &o.trace.Stream[i]
		label, known := one.LabelAt(s.SensorTime)
		if !known || s.Measured == (tempo.Measurement{}) || label.Activity == classifier.Unknown {
			continue
		}
		walk, run := belief(label.Activity)
		weight := 1.0
		steps := walk+run > 0
		switch {
		case steps && (o.source == unknownSteps || o.truth.Between(s.SensorTime-steppingNS, s.SensorTime) < leastSteps):
			continue // labelled, but not known
		case steps && slices.ContainsFunc(starts, func(t int64) bool { return t <= s.SensorTime && s.SensorTime < t+startSpanNS }):
			weight = startWeight
		}
		b := s.Belief
		f.present = append(f.present, verdict{place, []float64{
			1, s.Measured.Steps, presenceOdds(b.WindowWalk + b.WindowRun), min(s.Measured.Margin, mostMargin),
		}, steps})
		f.weight = append(f.weight, weight)
	}
}

// presenceOdds returns ln of the odds, presenceSure at most. Shares may add up to
// a little more than 1.
func presenceOdds(p float64) float64 {
	p = min(p, 1)
	return min(max(math.Log(p/(1-p)), -presenceSure), presenceSure)
}

// presenceTrials fits on everything, then with each group left out.
func (f *fitData) presenceTrials(ctx context.Context, groupOf func(place int) string, same func([]float64) []float64) []FitTrial {
	order := make([]int, len(f.present))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(f.present[a].place, f.present[b].place) })
	verdicts, weight := make([]verdict, len(order)), make([]float64, len(order))
	// A group's seconds with steps and those without weigh by themselves.
	places := make([]int, len(order))
	kinds := make([]int, len(order))
	for i, at := range order {
		verdicts[i], weight[i] = f.present[at], f.weight[at]
		places[i] = verdicts[i].place
		kinds[i] = 2 * places[i]
		if verdicts[i].right {
			kinds[i]++
		}
	}
	kindOf := func(kind int) string {
		if kind%2 == 1 {
			return groupOf(kind/2) + ", steps"
		}
		return groupOf(kind/2) + ", none"
	}
	each := weights(kinds, kindOf, "")
	return trials(places, groupOf, presenceNames[:], same,
		func(w []float64) []float64 {
			for i := range w {
				if w[i] > 0 { // not left out
					w[i] = weight[i] * each[i]
				}
			}
			return fitLogistic(ctx, len(presenceNames), verdicts, w)
		},
		func(x []float64, tested []int, trial *FitTrial) {
			trial.judge(x, verdicts, tested)
			var missed, steps, taken, none float64
			for _, i := range tested {
				said := verdicts[i].chance(x) >= 0.5
				switch {
				case verdicts[i].right:
					steps++
					if !said {
						missed++
					}
				default:
					none++
					if said {
						taken++
					}
				}
			}
			trial.Missed, trial.False = Number(missed/steps), Number(taken/none)
		})
}
