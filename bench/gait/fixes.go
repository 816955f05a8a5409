package gait

import (
	"math"
	"math/rand/v2"

	"github.com/tempogate/tempogate/classifier"
)

// A locator is the phone's location service: it follows the same pace as the
// world and reports speed and metres moved, with errors.
type locator struct {
	random   *rand.Rand
	pace     pace
	interval float64 // seconds, +Inf for no fixes
	speedMPS float64 // deviation of a reported speed
	position float64 // deviation of a reported position, metres
	loss     float64
	clock    int64
	end      float64

	count   int64
	at      float64 // seconds: how far east and north have been added up
	heading float64 // rad, from east to north
	east    float64
	north   float64
	astray  [2]float64 // of the last position, in deviations
	last    [2]float64 // position last reported
	started bool
	change  float64 // seconds: when reception is lost or comes back
	lost    bool
}

// Positions err together: what a fix is off, the next one a second later is
// off by nearly the same.
const (
	positionMemoryS = 20.0
	lossS           = 20.0 // usual length of a stretch without fixes
	pathStepS       = 0.1  // the way is added up in steps of this
)

func newLocator(cfg *Config, legs []leg, end float64) locator {
	l := locator{
		random:   rand.New(stream(cfg.Seed, fixStream)),
		pace:     newPace(legs, cfg.Seed),
		interval: math.Inf(1),
		speedMPS: usual(cfg.FixSpeedNoiseMPS, 0.15),
		position: usual(cfg.FixPositionNoiseM, 3),
		loss:     cfg.FixLoss,
		clock:    cfg.clock(),
		end:      end,
		change:   math.Inf(1),
	}
	if cfg.FixRateHz > 0 {
		l.interval = 1 / cfg.FixRateHz
	}
	l.heading = 2 * math.Pi * l.random.Float64()
	l.astray = [2]float64{l.random.NormFloat64(), l.random.NormFloat64()}
	if l.loss > 0 {
		l.lost = l.random.Float64() < l.loss
		l.change = l.stretch()
	}
	return l
}

// Stretch draws how long reception stays as it is.
func (l *locator) stretch() float64 {
	if l.lost {
		return lossS * l.random.ExpFloat64()
	}
	return lossS * (1 - l.loss) / l.loss * l.random.ExpFloat64()
}

// Next appends the fixes taken before the time, in seconds.
func (l *locator) next(dst []classifier.Fix, before float64) []classifier.Fix {
	for {
		t := (float64(l.count) + 0.5) * l.interval
		if !(t < before && t < l.end) {
			return dst
		}
		l.count++
		speed := l.walk(t)
		keep := math.Exp(-l.interval / positionMemoryS)
		for i := range l.astray {
			l.astray[i] = keep*l.astray[i] + math.Sqrt(1-keep*keep)*l.random.NormFloat64()
		}
		speed = max(speed+l.speedMPS*l.random.NormFloat64(), 0)
		accuracy := l.position * 1.5 * math.Exp(0.2*l.random.NormFloat64())
		for t >= l.change {
			l.lost = !l.lost
			l.change += l.stretch()
		}
		if l.lost {
			continue
		}
		here := [2]float64{l.east + l.position*l.astray[0], l.north + l.position*l.astray[1]}
		fix := classifier.Fix{
			SensorTime: l.clock + nanoseconds(t), SpeedMPS: speed, AccuracyM: accuracy,
			EastM: math.NaN(), NorthM: math.NaN(),
		}
		if l.started {
			fix.EastM, fix.NorthM = here[0]-l.last[0], here[1]-l.last[1]
		}
		l.last, l.started = here, true
		dst = append(dst, fix)
	}
}

// Walk adds up the way to the time and returns the speed there.
func (l *locator) walk(t float64) (speed float64) {
	for l.at < t {
		step := min(pathStepS, t-l.at)
		middle, _, _, turning := l.pace.at(l.at + step/2)
		l.heading += turning * step
		sin, cos := math.Sincos(l.heading)
		l.east += middle * cos * step
		l.north += middle * sin * step
		l.at += step
		if step < 1e-9 {
			break
		}
	}
	speed, _, _, _ = l.pace.at(t)
	return speed
}
