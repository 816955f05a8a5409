package gait

import (
	"math"
	"math/rand/v2"

	"github.com/tempogate/tempogate/classifier"
)

// A sensor is the phone's accelerometer: it reads the world at its own
// moments, along its own axes, with its own noise, steps and range.
type sensor struct {
	random     *rand.Rand
	interval   float64 // seconds
	jitter     float64 // deviation in intervals
	noise      float64
	resolution float64
	limit      float64
	axes       rotation
	clock      int64   // sensor time at the plan's beginning
	end        float64 // seconds: the plan's length

	count         int64 // samples taken
	point         int64 // the grid point that before belongs to
	before, after vector
}

func newSensor(cfg *Config, end float64, w *world) sensor {
	s := sensor{
		random:     rand.New(stream(cfg.Seed, sensorStream)),
		interval:   1 / usual(cfg.RateHz, usualRateHz),
		noise:      usual(cfg.NoiseMPS2, usualNoiseMPS2),
		resolution: usual(cfg.ResolutionMPS2, usualResolution),
		limit:      usual(cfg.RangeMPS2, usualRange),
		axes:       cfg.orientation().rotation(),
		clock:      cfg.clock(),
		end:        end,
	}
	s.jitter = cfg.JitterS / s.interval
	if s.limit == 0 {
		s.limit = math.Inf(1)
	}
	s.before, s.after = w.next(), w.next()
	return s
}

// Read takes the next sample, and returns false at the plan's end.
func (s *sensor) read(w *world) (classifier.Sample, bool) {
	place := float64(s.count) + 0.5
	if s.jitter > 0 {
		place += min(max(s.jitter*s.random.NormFloat64(), -jitterBound), jitterBound)
	}
	t := place * s.interval
	if t >= s.end {
		return classifier.Sample{}, false
	}
	s.count++
	for t >= float64(s.point+1)*grid {
		s.before, s.after = s.after, w.next()
		s.point++
	}
	part := t*gridHz - float64(s.point)
	v := s.before.times(1 - part).plus(s.after.times(part))
	if s.noise > 0 {
		// The same in all directions, so it may come before the turn.
		v = v.plus(vector{s.random.NormFloat64(), s.random.NormFloat64(), s.random.NormFloat64()}.times(s.noise))
	}
	x, y, z := s.axes.apply(v)
	return classifier.Sample{SensorTime: s.clock + nanoseconds(t), X: s.reading(x), Y: s.reading(y), Z: s.reading(z)}, true
}

// Reading brings one axis to the sensor's steps and into its range.
func (s *sensor) reading(v float64) float64 {
	if s.resolution > 0 {
		v = math.RoundToEven(v/s.resolution) * s.resolution
	}
	return min(max(v, -s.limit), s.limit)
}

func nanoseconds(seconds float64) int64 { return int64(math.Round(seconds * 1e9)) }
