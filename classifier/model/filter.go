package model

import "github.com/tempogate/tempogate/classifier/approx"

// A Filter is the belief about one stream. The zero value has none; the first
// Step starts from the model's prior.
type Filter struct {
	P       Scores // sums to 1 after the first Step
	decided int    // class decided on, plus 1; 0 for none
}

// least keeps a window from ruling a class out, and leastBelief keeps the
// past from doing so: whatever was believed for however long, two or three
// seconds of clear evidence turn it over.
const (
	least       = 1e-4
	leastBelief = 0.015
)

// Step moves the belief by one second and weighs it with the evidence. A nil
// posterior means that no window could be described, a nil speed (ln ℓ) that
// there is no usable fix.
func (f *Filter) Step(m *Model, posterior, speed *Scores) {
	if f.P == (Scores{}) {
		f.P = m.Prior
	}
	var next Scores
	for j, p := range f.P {
		for k, t := range m.Transition[j] {
			next[k] += p * t
		}
	}
	var logs Scores
	for k := range logs {
		logs[k] = approx.Log(next[k])
		if posterior != nil {
			logs[k] += m.Weight * approx.Log((posterior[k]+least)/(m.Prior[k]+least))
		}
		if speed != nil {
			logs[k] += m.SpeedWeight * speed[k]
		}
	}
	Softmax(&logs)
	var sum float64
	for k := range logs {
		logs[k] = max(logs[k], leastBelief)
		sum += logs[k]
	}
	for k := range logs {
		f.P[k] = logs[k] / sum
	}
}

// Decide returns the class decided on, and false while none is believed
// enough. A decision holds until another class is believed with at least
// m.Decide, or until it is itself hardly believed any more: between two
// explanations of nearly the same weight it does not waver.
func (f *Filter) Decide(m *Model) (class int, ok bool) {
	best := 0
	for k, p := range f.P {
		if p > f.P[best] {
			best = k
		}
	}
	switch {
	case f.P[best] >= m.Decide:
		f.decided = best + 1
	case f.decided > 0 && f.P[f.decided-1] < m.Hold:
		f.decided = 0
	}
	return f.decided - 1, f.decided > 0
}
