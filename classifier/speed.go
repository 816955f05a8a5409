package classifier

import "math"

const (
	// A fix less accurate than this says nothing about speed.
	worstAccuracyM = 100

	// fixLifeNS is how long a speed is believed after its fix.
	fixLifeNS = 8_000_000_000

	// maxSpeedMPS is faster than any train.
	maxSpeedMPS = 150

	// A displacement is taken for a speed only over a time in which a receiver
	// does not merely wander.
	shortestLegNS = 800_000_000
	longestLegNS  = 30_000_000_000
)

// A speedometer follows the speed that fixes state. It holds speeds and times,
// no displacement.
type speedometer struct {
	recent [3]struct {
		time  int64
		speed float64
	}
	count int
	taken bool  // a fix has been seen
	last  int64 // the newest, usable or not

	// The next displacement is counted from a fix that came late and was
	// passed over.
	astray bool
}

// take notes a fix and returns false when it came late or twice.
func (s *speedometer) take(f *Fix) bool {
	first := !s.taken
	if !first && f.SensorTime <= s.last {
		s.astray = s.astray || f.SensorTime < s.last
		return false
	}
	leg, astray := f.SensorTime-s.last, s.astray
	s.taken, s.last = true, f.SensorTime
	s.astray = false
	if f.AccuracyM > worstAccuracyM {
		return true
	}
	speed := f.SpeedMPS
	if !(speed >= 0 && speed <= maxSpeedMPS) {
		// The phone does not say: how far, how long.
		if first || astray || leg < shortestLegNS || leg > longestLegNS {
			return true
		}
		speed = math.Hypot(f.EastM, f.NorthM) / (float64(leg) * 1e-9)
		if !(speed <= maxSpeedMPS) {
			return true
		}
	}
	s.recent[0], s.recent[1] = s.recent[1], s.recent[2]
	s.recent[2].time, s.recent[2].speed = f.SensorTime, speed
	s.count = min(s.count+1, len(s.recent))
	return true
}

// at returns the median of the newest three speeds that are still believed, in
// m/s, and NaN when there is none. It forgets those that are not.
func (s *speedometer) at(now int64) float64 {
	for s.count > 0 && now-s.recent[len(s.recent)-s.count].time > fixLifeNS {
		s.recent[len(s.recent)-s.count].time, s.recent[len(s.recent)-s.count].speed = 0, 0
		s.count--
	}
	var v [3]float64
	n := 0
	for i := len(s.recent) - s.count; i < len(s.recent); i++ {
		if now-s.recent[i].time <= fixLifeNS {
			v[n] = s.recent[i].speed
			n++
		}
	}
	switch n {
	case 0:
		return math.NaN()
	case 1:
		return v[0]
	case 2:
		return (v[0] + v[1]) / 2
	}
	return max(min(v[0], v[1]), min(max(v[0], v[1]), v[2]))
}
