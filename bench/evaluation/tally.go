package evaluation

import (
	"math"

	"github.com/tempogate/tempogate/classifier"
)

// Bins is the number of bins of the reliability curve, each a tenth of the
// range of a probability wide.
const Bins = 10

// A Bin gathers the seconds whose largest probability lies in one tenth.
type Bin struct {
	Seconds    float64
	Confidence float64 // sum of the largest probabilities
	Right      float64 // seconds in which the most likely activity was the true one
}

// A Tally is everything that is counted of a number of answers. Every part has
// one row for each true activity, so that tallies can be added and activities
// and data sets weighted afterwards.
type Tally struct {
	Confusion   Confusion
	Reliability [classifier.Classes][Bins]Bin // seconds that had probabilities
	Tempo       [classifier.Classes]float64   // seconds with a cadence
	Changes     [classifier.Classes]float64   // changes of the decision while the truth did not change

	// Other counts the answers to seconds that are known to be none of the
	// five. They are in no measure.
	Other [classifier.Classes + 1]float64
}

// Add counts the answers of one recording, in order of time. The first skip
// are left out.
func (t *Tally) Add(answers []Answer, skip int) {
	Count(&t.Confusion, answers, skip)
	truth, decided := classifier.Unknown, classifier.Unknown
	for i := min(skip, len(answers)); i < len(answers); i++ {
		a := &answers[i]
		if a.Truth != truth {
			truth, decided = a.Truth, classifier.Unknown
		}
		if truth == classifier.Unknown {
			if a.Labelled {
				t.Other[column(a.Activity)]++
			}
			continue
		}
		k := truth.Index()
		// Unknown withdraws a decision and is none itself: what counts is one
		// activity after another.
		if a.Activity != classifier.Unknown {
			if decided != classifier.Unknown && a.Activity != decided {
				t.Changes[k]++
			}
			decided = a.Activity
		}
		if a.hasTempo() {
			t.Tempo[k]++
		}
		if likely, p := best(&a.P); likely != classifier.Unknown {
			b := &t.Reliability[k][min(int(p*Bins), Bins-1)]
			b.Seconds++
			b.Confidence += p
			if likely == truth {
				b.Right++
			}
		}
	}
}

// Merge adds another tally.
func (t *Tally) Merge(other *Tally) { t.merge(other, [classifier.Classes]float64{1, 1, 1, 1, 1}) }

// merge adds another tally's rows, each times its weight.
func (t *Tally) merge(other *Tally, weights [classifier.Classes]float64) {
	for k, w := range weights {
		for j := range t.Confusion[k] {
			t.Confusion[k][j] += w * other.Confusion[k][j]
		}
		for b := range t.Reliability[k] {
			to, from := &t.Reliability[k][b], &other.Reliability[k][b]
			to.Seconds += w * from.Seconds
			to.Confidence += w * from.Confidence
			to.Right += w * from.Right
		}
		t.Tempo[k] += w * other.Tempo[k]
		t.Changes[k] += w * other.Changes[k]
	}
	for j := range t.Other {
		t.Other[j] += other.Other[j]
	}
}

// Balance weighs the tallies of data sets so that every activity counts the
// same and, within an activity, every data set that has any of it. Each row of
// the result's confusion sums to 1.
func Balance(datasets []Tally) Tally {
	var holders [classifier.Classes]float64
	for i := range datasets {
		for k := range holders {
			if datasets[i].Confusion.Seconds(classifier.ActivityAt(k)) > 0 {
				holders[k]++
			}
		}
	}
	var balanced Tally
	for i := range datasets {
		var weights [classifier.Classes]float64
		for k := range weights {
			if seconds := datasets[i].Confusion.Seconds(classifier.ActivityAt(k)); seconds > 0 {
				weights[k] = 1 / (seconds * holders[k])
			}
		}
		balanced.merge(&datasets[i], weights)
	}
	return balanced
}

// Curve returns the reliability curve over all activities.
func (t *Tally) Curve() [Bins]Bin {
	var curve [Bins]Bin
	for k := range t.Reliability {
		for b, from := range t.Reliability[k] {
			curve[b].Seconds += from.Seconds
			curve[b].Confidence += from.Confidence
			curve[b].Right += from.Right
		}
	}
	return curve
}

// ECE returns the expected calibration error: the distance between how sure
// the classifier was and how often it was right, averaged over the bins with
// their seconds as weights (Naeini, Cooper and Hauskrecht 2015). NaN without a
// second that had probabilities.
func (t *Tally) ECE() float64 {
	var sum, all float64
	for _, b := range t.Curve() {
		sum += math.Abs(b.Right - b.Confidence)
		all += b.Seconds
	}
	return sum / all
}

var (
	onFoot = []classifier.Activity{classifier.Walk, classifier.Run}
	idle   = []classifier.Activity{classifier.Still, classifier.Transit}
)

// IdleTempo returns the share of still and transit seconds with a cadence.
func (t *Tally) IdleTempo() float64 {
	var with, all float64
	for _, a := range idle {
		with += t.Tempo[a.Index()]
		all += t.Confusion.Seconds(a)
	}
	return with / all
}

// FalseChanges returns how many times an hour the decided activity changed
// while the truth did not.
func (t *Tally) FalseChanges() float64 {
	var changes float64
	for _, n := range t.Changes {
		changes += n
	}
	return changes / t.Confusion.Total() * 3600
}

// The figures that a tally gives, in the order of Tally.figures. The last
// three stand for one value an activity.
const (
	macroF1 = iota
	walkRunOtherF1
	right
	unknown
	ece
	transitOnFoot
	onFootTransit
	idleTempo
	falseChanges
	precision
	recall  = precision + classifier.Classes
	f1      = recall + classifier.Classes
	figures = f1 + classifier.Classes
)

// figures returns every measure of the tally; NaN is one that is not defined.
func (t *Tally) figures() [figures]float64 {
	c := &t.Confusion
	var f [figures]float64
	f[macroF1], f[walkRunOtherF1] = c.MacroF1(), c.WalkRunOther()
	f[right] = c.Right()
	f[unknown] = c.confused(everything, []classifier.Activity{classifier.Unknown})
	f[ece] = t.ECE()
	f[transitOnFoot] = c.confused([]classifier.Activity{classifier.Transit}, onFoot)
	f[onFootTransit] = c.confused(onFoot, []classifier.Activity{classifier.Transit})
	f[idleTempo] = t.IdleTempo()
	f[falseChanges] = t.FalseChanges()
	for k, a := range everything {
		f[precision+k], f[recall+k], f[f1+k] = c.Precision(a), c.Recall(a), c.F1(a)
	}
	return f
}

// everything is all five activities.
var everything = []classifier.Activity{classifier.Still, classifier.Walk, classifier.Run, classifier.Cycle, classifier.Transit}
