package gait

import (
	"math"
	"math/rand/v2"

	"github.com/tempogate/tempogate/classifier"
)

// A courier hands samples over as a Delivery says.
type courier struct {
	Delivery
	random *rand.Rand
	gap    int64 // sensor time at which the next gap begins
	again  bool  // the last sample comes once more
	last   classifier.Sample

	// Two batches, the second before the first when they were swapped.
	batches [2][]classifier.Sample
	order   [2]int
	turn    int // 0 or 1: which batch is being handed over, 2 for none
	at      int
}

func newCourier(cfg *Config, clock int64) courier {
	c := courier{Delivery: cfg.Delivery, random: rand.New(stream(cfg.Seed, deliveryStream)), turn: 2}
	if c.GapS == 0 {
		c.GapS = 1
	}
	if c.BatchSamples == 0 {
		c.BatchSamples = usualBatch
	}
	c.gap = math.MaxInt64
	if c.GapEveryS > 0 {
		c.gap = clock + nanoseconds(c.GapEveryS*c.random.ExpFloat64())
	}
	if c.SwapShare > 0 {
		for i := range c.batches {
			c.batches[i] = make([]classifier.Sample, 0, c.BatchSamples)
		}
	}
	return c
}

// Next hands over one sample, and false when there are no more.
func (c *courier) next(s *sensor, w *world) (classifier.Sample, bool) {
	if c.SwapShare == 0 {
		return c.pick(s, w)
	}
	for {
		for c.turn < 2 {
			if batch := c.batches[c.order[c.turn]]; c.at < len(batch) {
				c.at++
				return batch[c.at-1], true
			}
			c.turn, c.at = c.turn+1, 0
		}
		c.fill(0, s, w)
		c.batches[1] = c.batches[1][:0]
		c.order, c.turn = [2]int{0, 1}, 0
		if c.random.Float64() < c.SwapShare {
			c.fill(1, s, w)
			c.order = [2]int{1, 0}
		}
		if len(c.batches[0]) == 0 && len(c.batches[1]) == 0 {
			c.turn = 2
			return classifier.Sample{}, false
		}
	}
}

func (c *courier) fill(i int, s *sensor, w *world) {
	c.batches[i] = c.batches[i][:0]
	for len(c.batches[i]) < c.BatchSamples {
		sample, ok := c.pick(s, w)
		if !ok {
			return
		}
		c.batches[i] = append(c.batches[i], sample)
	}
}

// Pick takes the next sample that is neither lost in a gap nor the second
// copy of one, which it hands over first.
func (c *courier) pick(s *sensor, w *world) (classifier.Sample, bool) {
	if c.again {
		c.again = false
		return c.last, true
	}
	for {
		sample, ok := s.read(w)
		if !ok {
			return sample, false
		}
		if sample.SensorTime >= c.gap {
			end := c.gap + nanoseconds(c.GapS)
			if sample.SensorTime < end {
				continue
			}
			c.gap = end + nanoseconds(c.GapEveryS*c.random.ExpFloat64())
		}
		if c.DuplicateShare > 0 && c.random.Float64() < c.DuplicateShare {
			c.last, c.again = sample, true
		}
		return sample, true
	}
}
