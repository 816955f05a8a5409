package model

import "github.com/tempogate/tempogate/classifier/approx"

// A Filter is the belief about one stream. The zero value has none; the first
// Step starts from the model's prior.
type Filter struct {
	P       Scores // sums to 1 after the first Step
	decided int    // class decided on, plus 1; 0 for none
}

const (
	// least keeps a window from ruling a class out.
	least = 5e-4

	// leastBelief keeps the past from doing so: whatever was believed for
	// however long, two or three seconds of clear evidence turn it over.
	leastBelief = 0.015
)

// The two classes of somebody who is seated or stands and does not move
// himself: what tells them apart is how the ground shakes.
const still, transit = 0, 4

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
	var evidence Scores
	if posterior != nil {
		m.addWindow(&evidence, posterior)
	}
	if speed != nil {
		m.addSpeed(&evidence, speed)
	}
	var largest, sum float64
	for _, e := range evidence {
		if e > largest {
			largest = e
		}
	}
	for k, e := range evidence {
		next[k] *= approx.Exp(max(e-largest, -700)) // which is nothing beside 1
		sum += next[k]
	}
	for k := range next {
		next[k] /= sum
	}
	f.P = floored(next)
}

// addWindow adds α ln q/π. Between still and transit it counts as α' only: a
// smooth ride resembles rest for minutes, so that its windows, one after the
// other, say the same again and nothing new.
func (m *Model) addWindow(evidence, q *Scores) {
	seated, prior := q[still]+q[transit]+2*least, m.Prior[still]+m.Prior[transit]+2*least
	both := m.Weight * approx.Log(seated/prior)
	for k := range evidence {
		ratio := (q[k] + least) / (m.Prior[k] + least)
		if k == still || k == transit {
			evidence[k] += both + m.SeatedWeight*approx.Log(ratio*prior/seated)
		} else {
			evidence[k] += m.Weight * approx.Log(ratio)
		}
	}
}

// unclear is how much likelier a speed has to be in a vehicle than at rest, as
// a logarithm, to tell them apart by itself. Slower than that, about 3 m/s, a
// bus crawls, and the fixes of a phone on a table wander.
const unclear = 2.5

// addSpeed adds β ln ℓ. A speed that is not clearly one of a vehicle speaks
// for or against rest with α' only: a bus waits at a red light for as long as
// it likes, and a fix a second does not make it stand more.
func (m *Model) addSpeed(evidence, speed *Scores) {
	for k := range evidence {
		evidence[k] += m.SpeedWeight * speed[k]
	}
	if rest := speed[still] - speed[transit]; rest > -unclear {
		evidence[still] -= (m.SpeedWeight - m.SeatedWeight) * rest
	}
}

// floored returns p with no class under leastBelief, nor still or transit
// under that share of both.
func floored(p Scores) Scores {
	seated := p[still] + p[transit]
	share := min(max(p[transit]/seated, leastBelief), 1-leastBelief)
	seated = max(seated, 2*leastBelief)
	p[still], p[transit] = seated*(1-share), seated*share
	var sum float64
	for k := range p {
		if k != still && k != transit {
			p[k] = max(p[k], leastBelief)
		}
		sum += p[k]
	}
	for k := range p {
		p[k] /= sum
	}
	return p
}

// Decide returns the class decided on, and false while none is believed
// enough. A decision holds until another class is believed with at least
// m.Change, or until it is itself hardly believed any more: between two
// explanations of nearly the same weight it does not waver. Where there is none
// to hold, m.Decide is enough for one.
func (f *Filter) Decide(m *Model) (class int, ok bool) {
	best := 0
	for k, p := range f.P {
		if p > f.P[best] {
			best = k
		}
	}
	enough := m.Decide
	if f.decided > 0 {
		enough = m.Change
	}
	switch {
	case best+1 == f.decided:
	case f.P[best] >= enough:
		f.decided = best + 1
	case f.decided > 0 && f.P[f.decided-1] < m.Hold:
		f.decided = 0
	}
	return f.decided - 1, f.decided > 0
}
