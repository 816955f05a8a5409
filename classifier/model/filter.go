package model

import "math"

// A Filter is the belief about one stream. The zero value has none; the first
// Step starts from the model's stationary belief.
type Filter struct {
	P Scores // sums to 1 after the first Step
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
		logs[k] = math.Log(next[k])
		if posterior != nil {
			logs[k] += m.Weight * math.Log((posterior[k]+least)/(m.Prior[k]+least))
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

// Best returns the most likely class and its probability.
func (f *Filter) Best() (class int, p float64) {
	for k, x := range f.P {
		if x > p {
			class, p = k, x
		}
	}
	return class, p
}
