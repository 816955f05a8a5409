package dataset

import (
	"sort"

	"github.com/tempogate/tempogate/classifier"
)

// A Recording is what one phone or watch measured in one go.
//
// Every time is in nanoseconds on the recording's own clock; its zero means
// nothing (phyphox starts at 0, Sensor Logger and FIT count from 1970, WISDM
// and the Oxford walks from when the phone was switched on). All times of one
// Recording are on the same clock.
//
// The slices belong to whoever called Read; no two recordings share memory.
type Recording struct {
	Name   string // path below the collection, or as given to Read; "#" and more for one of several in a file
	Format string // the format that was read, one of Formats

	Samples []classifier.Sample // m/s² with gravity, strictly ascending in time; nil without an accelerometer
	Fixes   []classifier.Fix    // strictly ascending in time; nil without a location
	Labels  []Label             // sorted, never overlapping; nil where nobody said what happened
	Steps   []Step              // foot contacts, ascending in time; only in oxford
	Cadence []CadenceReading    // ascending in time; only in fit

	Reordered  int // readings that came up to a second late and were sorted in
	Duplicates int // readings left out because an earlier line has the very same time
	Skipped    int // readings left out because they say nothing: padding, or a position that cannot be
}

// A Label says what a person did from FromTime up to but not including ToTime.
type Label struct {
	FromTime, ToTime int64               // nanoseconds on the recording's clock
	Activity         classifier.Activity // Unknown: known to be none of the five, or not well enough known to train on
	Detail           string              // what the source called it: a WISDM code, a GeoLife mode, a vehicle, a FIT sport
}

// A Foot is left or right.
type Foot uint8

// The feet.
const (
	LeftFoot Foot = iota
	RightFoot
)

// String returns "left" or "right".
func (f Foot) String() string {
	if f == LeftFoot {
		return "left"
	}
	return "right"
}

// A Step is the moment at which a foot was first seen on the ground.
type Step struct {
	SensorTime int64 // nanoseconds on the recording's clock; late by up to the sensor's period (about 100 ms)
	Foot       Foot
}

// A CadenceReading is the step rate that a watch stated.
type CadenceReading struct {
	SensorTime int64   // nanoseconds on the recording's clock
	SPM        float64 // steps a minute, both feet; 0 while standing
}

// Span returns the times of the first and the last reading of any kind, and
// false for a recording without readings.
func (r *Recording) Span() (from, to int64, ok bool) {
	include := func(first, last int64) {
		if !ok || first < from {
			from = first
		}
		if !ok || last > to {
			to = last
		}
		ok = true
	}
	if n := len(r.Samples); n > 0 {
		include(r.Samples[0].SensorTime, r.Samples[n-1].SensorTime)
	}
	if n := len(r.Fixes); n > 0 {
		include(r.Fixes[0].SensorTime, r.Fixes[n-1].SensorTime)
	}
	if n := len(r.Cadence); n > 0 {
		include(r.Cadence[0].SensorTime, r.Cadence[n-1].SensorTime)
	}
	return from, to, ok
}

// LabelAt returns the label that covers a time, and false where none does.
func (r *Recording) LabelAt(sensorTime int64) (Label, bool) {
	i := sort.Search(len(r.Labels), func(i int) bool { return r.Labels[i].ToTime > sensorTime })
	if i < len(r.Labels) && r.Labels[i].FromTime <= sensorTime {
		return r.Labels[i], true
	}
	return Label{}, false
}

// labelAll replaces the labels by one over the whole recording.
func (r *Recording) labelAll(activity classifier.Activity, detail string) {
	if from, to, ok := r.Span(); ok {
		r.Labels = []Label{{FromTime: from, ToTime: to + 1, Activity: activity, Detail: detail}}
	}
}
