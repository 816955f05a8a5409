package cadence

import (
	"math"
	"slices"

	"github.com/tempogate/tempogate/classifier"
	"github.com/tempogate/tempogate/classifier/feature"
	"github.com/tempogate/tempogate/classifier/model"
	"github.com/tempogate/tempogate/classifier/tempo"
)

// A Second is what was said about one second.
type Second struct {
	SensorTime int64   // nanoseconds on the recording's clock; nothing later was used
	SPM        float64 // steps a minute; NaN for no tempo
	Confidence float64 // 0 without a tempo
	BPM        int     // tempo for music; 0 for none

	Belief   tempo.Belief // in walking and running
	Measured tempo.Measurement
}

// A Trace is what was said about a recording, second by second.
type Trace struct {
	Stream []Second // by the whole classifier, which also has to find out the activity
	Known  []Second // by the tempo estimator alone, told the activity; nil where that is never on foot
}

// Follow streams samples through a classifier with the model, location not
// granted, and through a tempo estimator that is told the activity of each
// time, so that errors of either can be told apart. The samples are left as
// they are. look may be nil; it sees each window and the activity.
func Follow(m *model.Model, samples []classifier.Sample, activityAt func(sensorTime int64) classifier.Activity, look Look) (Trace, error) {
	var trace Trace
	var alone tempo.Tracker
	onFoot := false
	var err error
	trace.Stream, err = stream(m, samples, nil, func(o classifier.Observation) {
		activity := activityAt(o.SensorTime)
		walk, run := belief(activity)
		onFoot = onFoot || walk+run > 0
		t := alone.Step(o.Motion, tempo.Known(walk, run))
		trace.Known = append(trace.Known, newSecond(o.SensorTime, tempo.Known(walk, run), t))
		if look != nil && o.Motion != nil {
			look(o.SensorTime, activity, o.Motion, t.Measured)
		}
	})
	if err != nil {
		return Trace{}, err
	}
	if !onFoot {
		trace.Known = nil
	}
	return trace, nil
}

// stream returns what the whole classifier says about samples and fixes, which
// are left as they are.
func stream(m *model.Model, samples []classifier.Sample, fixes []classifier.Fix, observe func(classifier.Observation)) ([]Second, error) {
	var seconds []Second
	s := classifier.NewStream(classifier.Config{Model: m, Observe: func(o classifier.Observation) {
		seconds = append(seconds, newSecond(o.SensorTime, o.Belief, o.Tempo))
		if observe != nil {
			observe(o)
		}
	}})
	_, err := s.Push(nil, classifier.NewWorkspace(), slices.Clone(samples), slices.Clone(fixes))
	return seconds, err
}

func newSecond(sensorTime int64, b tempo.Belief, t tempo.Tempo) Second {
	return Second{sensorTime, t.CadenceSPM, t.Confidence, t.BPM, b, t.Measured}
}

// A Look sees a window, which is valid during the call only.
type Look func(sensorTime int64, activity classifier.Activity, w *feature.Motion, measured tempo.Measurement)

// belief of a known activity.
func belief(a classifier.Activity) (walk, run float64) {
	switch a {
	case classifier.Walk:
		return 1, 0
	case classifier.Run:
		return 0, 1
	}
	return 0, 0
}

// silent tells whether there was no tempo.
func (s *Second) silent() bool { return math.IsNaN(s.SPM) }
