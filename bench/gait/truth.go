package gait

import (
	"fmt"
	"math"
	"sort"

	"github.com/tempogate/tempogate/classifier"
)

// A Truth is what really happens in a simulated recording. All times are
// sensor times, nanoseconds on the phone's clock.
type Truth struct {
	// Spans are the plan's segments with every open quantity filled in.
	Spans []Span
	// Contacts are the moments at which a foot touches the ground, in order.
	Contacts []Contact

	clock     int64
	stretches []stretch
}

// A Span is one segment of a plan in its place.
type Span struct {
	Segment
	Start, End int64 // sensor time; End is the next span's Start
}

// A Contact is one foot touching the ground.
type Contact struct {
	SensorTime int64
	Side       Side
}

// A State is what is true at one moment of a simulated recording.
type State struct {
	Activity   classifier.Activity // Unknown outside the plan
	Vehicle    Vehicle             // Transit only
	CadenceSPM float64             // the plan's cadence, steps a minute; NaN without steps
	PedalRPM   float64             // turns a minute while the pedals turn; NaN otherwise
	SpeedMPS   float64             // NaN outside the plan
}

func newTruth(cfg *Config, plan Plan) *Truth {
	who := cfg.person()
	legs := plan.legs(&who)
	t := &Truth{clock: cfg.clock()}
	for i := range legs {
		t.Spans = append(t.Spans, Span{
			Segment: legs[i].Segment,
			Start:   t.clock + nanoseconds(legs[i].start), End: t.clock + nanoseconds(legs[i].end),
		})
	}
	steps := cfg.stepper(legs, &who)
	for f, ok := steps.next(); ok; f, ok = steps.next() {
		t.Contacts = append(t.Contacts, Contact{t.clock + nanoseconds(f.at), f.side})
	}
	p := newPace(legs, cfg.Seed)
	for end := legs[len(legs)-1].end; p.stretch.end < end; {
		p.extend()
		t.stretches = append(t.stretches, p.stretch)
	}
	return t
}

// Start is the plan's beginning.
func (t *Truth) Start() int64 { return t.Spans[0].Start }

// End is the plan's end.
func (t *Truth) End() int64 { return t.Spans[len(t.Spans)-1].End }

// At returns what is true at a sensor time.
func (t *Truth) At(sensorTime int64) State {
	state := State{CadenceSPM: math.NaN(), PedalRPM: math.NaN(), SpeedMPS: math.NaN()}
	i := sort.Search(len(t.Spans), func(i int) bool { return t.Spans[i].End > sensorTime })
	if i == len(t.Spans) || sensorTime < t.Spans[0].Start {
		return state
	}
	span := &t.Spans[i]
	part := float64(sensorTime-span.Start) / float64(span.End-span.Start)
	var along float64
	state.Activity, state.Vehicle = span.Activity, span.Vehicle
	state.SpeedMPS, along = t.speed(float64(sensorTime-t.clock) / 1e9)
	switch span.Activity {
	case classifier.Walk, classifier.Run:
		state.CadenceSPM = span.CadenceSPM.At(part)
	case classifier.Cycle:
		if pedalling(state.SpeedMPS, along) {
			state.PedalRPM = span.PedalRPM.At(part)
		}
	}
	return state
}

func (t *Truth) speed(at float64) (speed, along float64) {
	i := sort.Search(len(t.stretches), func(i int) bool { return t.stretches[i].end > at })
	if i == len(t.stretches) {
		i--
	}
	return t.stretches[i].at(at)
}

// Steps returns how many foot contacts lie from one sensor time up to, and
// not including, another.
func (t *Truth) Steps(from, to int64) int {
	return max(t.contact(to)-t.contact(from), 0)
}

// StepRate returns the steps a minute that the contacts in a stretch of
// sensor time really make, and NaN for fewer than two contacts.
func (t *Truth) StepRate(from, to int64) float64 {
	i, j := t.contact(from), t.contact(to)-1
	if j <= i {
		return math.NaN()
	}
	return 60e9 * float64(j-i) / float64(t.Contacts[j].SensorTime-t.Contacts[i].SensorTime)
}

func (t *Truth) contact(at int64) int {
	return sort.Search(len(t.Contacts), func(i int) bool { return t.Contacts[i].SensorTime >= at })
}

// String says how long the simulated recording is and how many steps it holds.
func (t *Truth) String() string {
	return fmt.Sprintf("simulated truth: %d spans, %.0f s, %d steps",
		len(t.Spans), float64(t.End()-t.Start())/1e9, len(t.Contacts))
}
