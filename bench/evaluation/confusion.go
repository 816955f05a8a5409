package evaluation

import (
	"math"

	"github.com/tempogate/tempogate/classifier"
)

// A Confusion counts seconds: one row for each true activity (still, walk,
// run, cycle, transit), one column for each answer, unknown last.
type Confusion [classifier.Classes][classifier.Classes + 1]float64

// Add counts seconds of a true activity that got an answer. The truth is one
// of the five.
func (c *Confusion) Add(truth, answer classifier.Activity, seconds float64) {
	c[truth.Index()][column(answer)] += seconds
}

// column returns the place of an answer, unknown last.
func column(answer classifier.Activity) int {
	if answer == classifier.Unknown {
		return classifier.Classes
	}
	return answer.Index()
}

// Merge adds another confusion's seconds.
func (c *Confusion) Merge(other *Confusion) {
	for i := range c {
		for j := range c[i] {
			c[i][j] += other[i][j]
		}
	}
}

// Seconds returns how many seconds of one activity were counted.
func (c *Confusion) Seconds(truth classifier.Activity) float64 {
	var sum float64
	for _, n := range c[truth.Index()] {
		sum += n
	}
	return sum
}

// Total returns how many seconds were counted.
func (c *Confusion) Total() float64 {
	var sum float64
	for k := range c {
		sum += c.Seconds(classifier.ActivityAt(k))
	}
	return sum
}

// Shares returns each row divided by its sum: of the seconds of an activity,
// how many got which answer. A row without seconds stays 0.
func (c *Confusion) Shares() Confusion {
	shares := *c
	for k := range shares {
		if all := c.Seconds(classifier.ActivityAt(k)); all > 0 {
			for j := range shares[k] {
				shares[k][j] /= all
			}
		}
	}
	return shares
}

// Right returns the share of seconds with the right answer, 0 without any.
func (c *Confusion) Right() float64 {
	var right float64
	for i := range c {
		right += c[i][i]
	}
	if all := c.Total(); all > 0 {
		return right / all
	}
	return 0
}

// Precision returns the share of the seconds with this answer that really were
// this activity, and NaN when it was never the answer.
func (c *Confusion) Precision(a classifier.Activity) float64 {
	k := a.Index()
	var answered float64
	for i := range c {
		answered += c[i][k]
	}
	return c[k][k] / answered // 0/0 is NaN
}

// Recall returns the share of an activity's seconds that got the right answer,
// and NaN when it never happened. Unknown is a miss.
func (c *Confusion) Recall(a classifier.Activity) float64 {
	k := a.Index()
	return c[k][k] / c.Seconds(a)
}

// F1 returns the harmonic mean of precision and recall, and NaN for an
// activity that neither happened nor was answered. An answer of unknown is a
// miss of the true activity and nobody's false alarm.
func (c *Confusion) F1(a classifier.Activity) float64 {
	k := a.Index()
	var answered float64
	for i := range c {
		answered += c[i][k]
	}
	return 2 * c[k][k] / (answered + c.Seconds(a))
}

// MacroF1 is the mean F1 over the activities that happened, and NaN when none
// did. An activity that was only answered costs the others their recall.
func (c *Confusion) MacroF1() float64 {
	var sum, n float64
	for k := range c {
		a := classifier.ActivityAt(k)
		if c.Seconds(a) == 0 {
			continue
		}
		sum += c.F1(a)
		n++
	}
	return sum / n
}

// WalkRunOther is MacroF1 with still, cycle and transit taken together.
func (c *Confusion) WalkRunOther() float64 {
	fold := func(k int) classifier.Activity {
		switch a := classifier.ActivityAt(k); a {
		case classifier.Walk, classifier.Run:
			return a
		}
		return classifier.Still // stands for other
	}
	var folded Confusion
	for i := range c {
		for j := range c[i] {
			answer := classifier.Unknown
			if j < classifier.Classes {
				answer = fold(j)
			}
			folded.Add(fold(i), answer, c[i][j])
		}
	}
	return folded.MacroF1()
}

// confused returns the share of the seconds of some activities that were
// answered with one of some others, and NaN when none happened.
func (c *Confusion) confused(truths, answers []classifier.Activity) float64 {
	var all, wrong float64
	for _, t := range truths {
		all += c.Seconds(t)
		for _, a := range answers {
			wrong += c[t.Index()][column(a)]
		}
	}
	if all == 0 {
		return math.NaN()
	}
	return wrong / all
}
