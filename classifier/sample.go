package classifier

import "github.com/tempogate/tempogate/classifier/signal"

// A Sample is one reading of a phone's accelerometer: its SensorTime, and X, Y
// and Z in m/s², gravity included, along the phone's axes.
type Sample = signal.Sample

// A Fix is one reading of a phone's location service, already reduced to what
// the feature needs. It carries no position: where somebody is ends at the
// decoder, or never leaves the phone.
type Fix struct {
	SensorTime    int64   // nanoseconds on the phone's own clock
	SpeedMPS      float64 // m/s as the phone states it, NaN when unknown
	EastM, NorthM float64 // metres moved since the fix before, NaN when there is none
	AccuracyM     float64 // horizontal accuracy in metres (68 %), NaN when unknown
}

// An Estimate is what the classifier says about one second.
type Estimate struct {
	SensorTime        int64         // time of the newest sample or fix used, nanoseconds on the phone's clock
	Activity          Activity      // the decision, Unknown where the evidence is too thin
	P                 Probabilities // after the filter over time
	CadenceSPM        float64       // steps a minute, both feet; NaN when there is no stepping
	CadenceConfidence float64       // 0 to 1; 0 when CadenceSPM is NaN
	BPM               int           // tempo for music, beats a minute; 0 when there is none
	SpeedMPS          float64       // NaN without usable fixes
}
