package evaluation

import "github.com/tempogate/tempogate/classifier"

// A Confusion counts seconds: one row for each true activity (still, walk,
// run, cycle, transit), one column for each answer, unknown last.
type Confusion [classifier.Classes][classifier.Classes + 1]float64

// Add counts seconds of a true activity that got an answer.
func (c *Confusion) Add(truth, answer classifier.Activity, seconds float64) {
	column := answer.Index()
	if answer == classifier.Unknown {
		column = classifier.Classes
	}
	c[truth.Index()][column] += seconds
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

// Right returns the share of seconds with the right answer, 0 without any.
func (c *Confusion) Right() float64 {
	var right, all float64
	for i := range c {
		right += c[i][i]
		for _, n := range c[i] {
			all += n
		}
	}
	if all == 0 {
		return 0
	}
	return right / all
}

// F1 returns precision, recall and their harmonic mean for one activity. An
// answer of unknown is a miss of the true activity and nobody's false alarm.
// All are 0 where nothing is defined.
func (c *Confusion) F1(a classifier.Activity) (precision, recall, f1 float64) {
	k := a.Index()
	var answered float64
	for i := range c {
		answered += c[i][k]
	}
	if answered > 0 {
		precision = c[k][k] / answered
	}
	if all := c.Seconds(a); all > 0 {
		recall = c[k][k] / all
	}
	if precision+recall > 0 {
		f1 = 2 * precision * recall / (precision + recall)
	}
	return precision, recall, f1
}

// MacroF1 is the mean F1 over the activities that occur.
func (c *Confusion) MacroF1() float64 {
	var sum, n float64
	for k := range c {
		a := classifier.ActivityAt(k)
		if c.Seconds(a) == 0 {
			continue
		}
		_, _, f1 := c.F1(a)
		sum += f1
		n++
	}
	if n == 0 {
		return 0
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
