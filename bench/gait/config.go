package gait

import (
	"fmt"
	"math"

	"github.com/tempogate/tempogate/classifier"
)

// A Config says how the simulated phone records. The zero value is a phone in
// a trouser pocket, 100 samples a second, seed 0.
//
// Where a zero field stands for a usual value, a negative one stands for none.
type Config struct {
	// Seed decides everything that chance decides: the person, the way the
	// phone lies, each step's small irregularity, the noise. The same seed,
	// config and plan give the same samples, bit for bit. Two configs that
	// differ only in how the phone records (RateHz, JitterS, Orientation,
	// NoiseMPS2, ResolutionMPS2, RangeMPS2, ClockStart, Delivery, fixes)
	// record the same motion.
	Seed uint64

	RateHz  float64 // samples a second, 0 means 100; 0.5 to 1000
	JitterS float64 // deviation of the sampling moments, seconds; held within 0.45 of an interval, so that times keep rising

	Placement   Placement
	Orientation Quaternion // turns a vector along forward, left, up into one along the phone's X, Y, Z; zero means drawn from the seed

	NoiseMPS2      float64 // deviation of the sensor's noise on each axis, m/s²; 0 means 0.012
	ResolutionMPS2 float64 // the sensor's smallest step, m/s²; 0 means 4 g over 13 bits, 0.0048
	RangeMPS2      float64 // the sensor's largest reading, m/s²; 0 means 8 g

	// StrideDominance, 0 to 1, is the share that the stride (half the step
	// rate) has in the power of stride and step together, in the smooth
	// vertical motion of the body. 0 means as the placement and the person
	// have it, negative means none. Near 1 every other step is all there is
	// to see: the case that makes tempo estimates jump to half.
	StrideDominance float64

	// StepVariation is the coefficient of variation of step times; 0 means
	// 0.02 (young adults walk with 0.02 to 0.03), at most 0.1.
	StepVariation float64

	ClockStart int64 // sensor time at the plan's beginning, nanoseconds; 0 means an uptime of up to 30 days drawn from the seed

	Delivery Delivery

	FixRateHz         float64 // location fixes a second; 0 means none, at most 10
	FixSpeedNoiseMPS  float64 // deviation of a fix's speed, m/s; 0 means 0.15
	FixPositionNoiseM float64 // deviation of a fix's position, metres; 0 means 3
	FixLoss           float64 // part of the time, 0 to 0.95, without fixes, in stretches of about 20 s
}

// A Delivery is what happens to samples between the sensor and the receiver.
// The zero value hands over every sample once and in order.
type Delivery struct {
	DuplicateShare float64 // part of the samples that come twice, 0 to 1
	GapEveryS      float64 // mean seconds between gaps; 0 means no gaps
	GapS           float64 // length of a gap, seconds; 0 means 1
	BatchSamples   int     // samples a batch; 0 means 25, at most 4096. Only matters with SwapShare
	SwapShare      float64 // part of the batches that arrive after the batch that follows them, 0 to 1
}

// Usual values and bounds.
const (
	usualRateHz        = 100.0
	usualNoiseMPS2     = 0.012
	usualResolution    = 4 * gravity / 8192
	usualRange         = 8 * gravity
	usualStepVariation = 0.02
	usualBatch         = 25
	jitterBound        = 0.45    // of an interval
	latestClock        = 1 << 62 // nanoseconds, 146 years
)

// Usual returns value, fallback for 0 and 0 for a negative value.
func usual(value, fallback float64) float64 {
	switch {
	case value == 0:
		return fallback
	case value < 0:
		return 0
	}
	return value
}

// Check returns an error that names the first field out of bounds.
func (c *Config) Check() error {
	bad := func(name string, value float64, allowed string) error {
		return fmt.Errorf("gait: config: %s is %g, not %s", name, value, allowed)
	}
	outside := func(v, low, high float64) bool { return !(v >= low && v <= high) } // true for NaN
	d := &c.Delivery
	switch {
	case c.RateHz != 0 && outside(c.RateHz, 0.5, 1000):
		return bad("RateHz", c.RateHz, "between 0.5 and 1000")
	case outside(c.JitterS, 0, 10):
		return bad("JitterS", c.JitterS, "between 0 and 10")
	case c.Placement >= placements:
		return bad("Placement", float64(c.Placement), "a placement")
	case c.Orientation != Quaternion{} && outside(c.Orientation.length(), 1e-6, 1e6):
		return bad("Orientation's length", c.Orientation.length(), "between 1e-6 and 1e6")
	case math.IsNaN(c.NoiseMPS2) || c.NoiseMPS2 > 100:
		return bad("NoiseMPS2", c.NoiseMPS2, "at most 100")
	case math.IsNaN(c.ResolutionMPS2) || c.ResolutionMPS2 > 10:
		return bad("ResolutionMPS2", c.ResolutionMPS2, "at most 10")
	case math.IsNaN(c.RangeMPS2) || (c.RangeMPS2 > 0 && c.RangeMPS2 < gravity):
		return bad("RangeMPS2", c.RangeMPS2, "at least 1 g")
	case math.IsNaN(c.StrideDominance) || c.StrideDominance > 1:
		return bad("StrideDominance", c.StrideDominance, "at most 1")
	case math.IsNaN(c.StepVariation) || c.StepVariation > 0.1:
		return bad("StepVariation", c.StepVariation, "at most 0.1")
	case c.ClockStart > latestClock || c.ClockStart < -latestClock:
		return bad("ClockStart", float64(c.ClockStart), "within 2^62 of 0")
	case outside(d.DuplicateShare, 0, 1):
		return bad("Delivery.DuplicateShare", d.DuplicateShare, "between 0 and 1")
	case outside(d.GapEveryS, 0, 1e6):
		return bad("Delivery.GapEveryS", d.GapEveryS, "between 0 and 1e6")
	case outside(d.GapS, 0, 1e6):
		return bad("Delivery.GapS", d.GapS, "between 0 and 1e6")
	case d.BatchSamples < 0 || d.BatchSamples > 4096:
		return bad("Delivery.BatchSamples", float64(d.BatchSamples), "between 0 and 4096")
	case outside(d.SwapShare, 0, 1):
		return bad("Delivery.SwapShare", d.SwapShare, "between 0 and 1")
	case outside(c.FixRateHz, 0, 10):
		return bad("FixRateHz", c.FixRateHz, "between 0 and 10")
	case math.IsNaN(c.FixSpeedNoiseMPS) || c.FixSpeedNoiseMPS > 100:
		return bad("FixSpeedNoiseMPS", c.FixSpeedNoiseMPS, "at most 100")
	case math.IsNaN(c.FixPositionNoiseM) || c.FixPositionNoiseM > 1e4:
		return bad("FixPositionNoiseM", c.FixPositionNoiseM, "at most 1e4")
	case outside(c.FixLoss, 0, 0.95):
		return bad("FixLoss", c.FixLoss, "between 0 and 0.95")
	}
	return nil
}

// Levels, streams and the like are indexed by activity.
var (
	still   = classifier.Still.Index()
	walk    = classifier.Walk.Index()
	run     = classifier.Run.Index()
	cycle   = classifier.Cycle.Index()
	transit = classifier.Transit.Index()
)
