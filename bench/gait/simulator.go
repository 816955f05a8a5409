package gait

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/tempogate/tempogate/classifier"
)

// A Simulator makes the samples and fixes of a simulated phone, as they would
// arrive. It is not safe for use by several goroutines at once; any number of
// simulators may run side by side.
type Simulator struct {
	cfg     Config
	plan    Plan
	world   *world
	sensor  sensor
	courier courier
	locator locator
	latest  int64
}

// New prepares a simulator. It fails when the config or the plan holds
// something that cannot be simulated, and says which.
//
// The plan is kept and must not be changed while the simulator is in use.
func New(cfg Config, plan Plan) (*Simulator, error) {
	if err := cfg.Check(); err != nil {
		return nil, err
	}
	if err := plan.Check(); err != nil {
		return nil, err
	}
	who := cfg.person()
	legs := plan.legs(&who)
	end := legs[len(legs)-1].end
	s := &Simulator{cfg: cfg, plan: plan, world: newWorld(legs, &who, &cfg)}
	s.sensor = newSensor(&cfg, end, s.world)
	s.courier = newCourier(&cfg, s.sensor.clock)
	s.locator = newLocator(&cfg, legs, end)
	s.latest = s.sensor.clock
	return s, nil
}

// Next appends the next n samples to dst, fewer where the plan ends, and none
// after that. It makes no allocation when dst has room.
func (s *Simulator) Next(dst []classifier.Sample, n int) []classifier.Sample {
	for range n {
		sample, ok := s.courier.next(&s.sensor, s.world)
		if !ok {
			break
		}
		s.latest = max(s.latest, sample.SensorTime)
		dst = append(dst, sample)
	}
	return dst
}

// SensorTime is the newest time that Next has handed over, or the plan's
// beginning on the phone's clock.
func (s *Simulator) SensorTime() int64 { return s.latest }

// Fixes appends the fixes taken before a sensor time that have not been
// handed over yet. With SensorTime after each call of Next, fixes keep step
// with the samples. It makes no allocation when dst has room.
func (s *Simulator) Fixes(dst []classifier.Fix, before int64) []classifier.Fix {
	end := s.sensor.clock + nanoseconds(s.sensor.end)
	return s.locator.next(dst, float64(min(before, end)-s.sensor.clock)/1e9)
}

// Truth returns what really happens, for the whole plan. It is worked out
// anew by each call.
func (s *Simulator) Truth() *Truth { return newTruth(&s.cfg, s.plan) }

// String says what is simulated.
func (s *Simulator) String() string {
	return fmt.Sprintf("simulated phone: %v, %v", s.cfg, s.plan)
}

// String describes the config in a few words, beginning with "simulated".
func (c Config) String() string {
	return fmt.Sprintf("simulated %s at %g Hz, seed %d", c.Placement, usual(c.RateHz, usualRateHz), c.Seed)
}

func (c *Config) person() person {
	share := carriages[c.Placement].strideShare
	who := newPerson(share, rand.New(stream(c.Seed, personStream)))
	if c.StrideDominance != 0 {
		who.strideShare = max(c.StrideDominance, 0)
	}
	return who
}

func (c *Config) stepper(legs []leg, who *person) stepper {
	return newStepper(legs, usual(c.StepVariation, usualStepVariation), who.first, rand.New(stream(c.Seed, stepStream)))
}

func (c *Config) orientation() Quaternion {
	if c.Orientation == (Quaternion{}) {
		return randomQuaternion(rand.New(stream(c.Seed, orientationStream)))
	}
	return c.Orientation
}

func (c *Config) clock() int64 {
	if c.ClockStart != 0 {
		return c.ClockStart
	}
	return 1 + rand.New(stream(c.Seed, clockStream)).Int64N(int64(math.Round(30*24*3600e9)))
}
