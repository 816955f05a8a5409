package gait

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/tempogate/tempogate/classifier"
)

// A Plan is what the simulated person does, one segment after the other.
type Plan []Segment

// A Segment is one activity for one stretch of time.
//
// Every quantity that is left zero takes a usual value: a walker's cadence
// follows from the speed and the speed from the cadence, and where both are
// missing the person walks, runs or rides as people mostly do.
type Segment struct {
	Activity   classifier.Activity // Still, Walk, Run, Cycle or Transit
	Duration   time.Duration       // longer than 0
	CadenceSPM Range               // steps a minute, both feet; Walk and Run only, 30 to 300
	PedalRPM   Range               // crank turns a minute; Cycle only, 20 to 200
	SpeedMPS   Range               // Walk and Run: the speed. Cycle and Transit: the speed between stops
	Vehicle    Vehicle             // Transit only
	StopEvery  time.Duration       // Cycle and Transit: mean time between stops; 0 as usual, negative never
}

// A Range is a quantity that moves evenly from one value to another over a
// segment. The zero value means "as usual".
type Range struct{ From, To float64 }

// Steady is a Range that stays at one value.
func Steady(value float64) Range { return Range{value, value} }

// Ramp is a Range that moves evenly from one value to another.
func Ramp(from, to float64) Range { return Range{from, to} }

// At returns the value at a part, 0 to 1, of the way through.
func (r Range) At(part float64) float64 { return r.From + (r.To-r.From)*part }

func (r Range) isZero() bool { return r.From == 0 && r.To == 0 }

func (r Range) within(low, high float64) bool {
	return r.From >= low && r.From <= high && r.To >= low && r.To <= high
}

// A Vehicle is what a Transit segment rides in.
type Vehicle uint8

// The vehicles. AnyVehicle, the zero value, rides in a car.
const (
	AnyVehicle Vehicle = iota
	Car
	Bus
	Tram
	Metro
	Train
)

var vehicleNames = [...]string{"any", "car", "bus", "tram", "metro", "train"}

// String returns the vehicle's name in lower case.
func (v Vehicle) String() string {
	if int(v) < len(vehicleNames) {
		return vehicleNames[v]
	}
	return fmt.Sprintf("Vehicle(%d)", uint8(v))
}

// Duration is the length of the whole plan.
func (p Plan) Duration() time.Duration {
	total := time.Duration(0)
	for i := range p {
		total += p[i].Duration
	}
	return total
}

// String describes the plan in one line, beginning with "simulated".
func (p Plan) String() string {
	var b strings.Builder
	b.WriteString("simulated plan:")
	for i, s := range p {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, " %s", s.Activity)
		if s.Activity == classifier.Transit {
			fmt.Fprintf(&b, " by %s", s.vehicle())
		}
		fmt.Fprintf(&b, " %v", s.Duration)
		switch {
		case !s.CadenceSPM.isZero():
			fmt.Fprintf(&b, " at %s steps a minute", s.CadenceSPM)
		case !s.SpeedMPS.isZero():
			fmt.Fprintf(&b, " at %s m/s", s.SpeedMPS)
		}
	}
	return b.String()
}

// String returns "165" for a steady value and "150 to 170" for a ramp.
func (r Range) String() string {
	if r.From == r.To {
		return fmt.Sprintf("%g", r.From)
	}
	return fmt.Sprintf("%g to %g", r.From, r.To)
}

func (s *Segment) vehicle() Vehicle {
	if s.Vehicle == AnyVehicle {
		return Car
	}
	return s.Vehicle
}

// Check returns an error that names the first segment which cannot be
// simulated and why, and nil when the plan is good.
func (p Plan) Check() error {
	if len(p) == 0 {
		return fmt.Errorf("gait: the plan has no segment")
	}
	total := time.Duration(0)
	for i := range p {
		if err := p[i].check(); err != nil {
			return fmt.Errorf("gait: segment %d: %w", i, err)
		}
		if total += p[i].Duration; total > longestPlan {
			return fmt.Errorf("gait: segment %d ends after %v, more than %v", i, total, longestPlan)
		}
	}
	return nil
}

// LongestPlan bounds a plan so that time in seconds, a float64, keeps well
// under a nanosecond of error.
const longestPlan = 30 * 24 * time.Hour

func (s *Segment) check() error {
	stepping := s.Activity == classifier.Walk || s.Activity == classifier.Run
	switch {
	case s.Activity.Index() < 0 || s.Activity.Index() >= classifier.Classes:
		return fmt.Errorf("activity %s cannot be simulated", s.Activity)
	case s.Duration <= 0 || s.Duration > longestPlan:
		return fmt.Errorf("duration %v is not between 0 and %v", s.Duration, longestPlan)
	case !s.CadenceSPM.isZero() && !stepping:
		return fmt.Errorf("%s has no steps, yet a cadence is given", s.Activity)
	case !s.CadenceSPM.isZero() && !s.CadenceSPM.within(30, 300):
		return fmt.Errorf("cadence %s is not between 30 and 300 steps a minute", s.CadenceSPM)
	case !s.PedalRPM.isZero() && s.Activity != classifier.Cycle:
		return fmt.Errorf("%s has no pedals, yet a pedal rate is given", s.Activity)
	case !s.PedalRPM.isZero() && !s.PedalRPM.within(20, 200):
		return fmt.Errorf("pedal rate %s is not between 20 and 200 turns a minute", s.PedalRPM)
	case !s.SpeedMPS.isZero() && s.Activity == classifier.Still:
		return fmt.Errorf("still has no speed, yet %s m/s is given", s.SpeedMPS)
	case !s.SpeedMPS.isZero() && !s.SpeedMPS.within(0.2, 120):
		return fmt.Errorf("speed %s is not between 0.2 and 120 m/s", s.SpeedMPS)
	case s.Vehicle > Train:
		return fmt.Errorf("no vehicle is called %s", s.Vehicle)
	case s.Vehicle != AnyVehicle && s.Activity != classifier.Transit:
		return fmt.Errorf("%s rides in no vehicle, yet %s is given", s.Activity, s.Vehicle)
	}
	return nil
}

// A leg is a segment with every open quantity filled in and its place in
// time, in seconds from the plan's beginning.
type leg struct {
	Segment
	start, end float64
	vehicle    *vehicle // nil but for Transit
}

// Legs fills in a checked plan for one person.
func (p Plan) legs(who *person) []leg {
	legs := make([]leg, len(p))
	at := time.Duration(0)
	for i := range p {
		l := &legs[i]
		l.Segment = p[i]
		l.start = at.Seconds()
		at += p[i].Duration
		l.end = at.Seconds()
		switch l.Activity {
		case classifier.Walk:
			l.fillWalk(who)
		case classifier.Run:
			l.fillRun()
		case classifier.Cycle:
			if l.SpeedMPS.isZero() {
				l.SpeedMPS = Steady(usualCycleMPS)
			}
			if l.PedalRPM.isZero() {
				l.PedalRPM = Steady(who.pedalRPM)
			}
			if l.StopEvery == 0 {
				l.StopEvery = 150 * time.Second
			}
		case classifier.Transit:
			l.Vehicle = l.Segment.vehicle()
			l.vehicle = &vehicles[l.Vehicle]
			if l.SpeedMPS.isZero() {
				l.SpeedMPS = Steady(l.vehicle.cruiseMPS)
			}
			if l.StopEvery == 0 {
				l.StopEvery = l.vehicle.stopEvery
			}
		}
	}
	return legs
}

// Usual speeds, metres a second.
const (
	usualWalkMPS  = 1.35
	usualRunMPS   = 2.8
	usualCycleMPS = 5.0
)

// FillWalk relates cadence and speed by the walk ratio: step length over step
// rate is nearly constant for one person (Sekiya and Nagasaki 1998).
func (l *leg) fillWalk(who *person) {
	switch {
	case l.CadenceSPM.isZero() && l.SpeedMPS.isZero():
		l.SpeedMPS = Steady(usualWalkMPS)
		fallthrough
	case l.CadenceSPM.isZero():
		spm := func(mps float64) float64 { return min(max(math.Sqrt(60*mps/who.walkRatio), 40), 160) }
		l.CadenceSPM = Range{spm(l.SpeedMPS.From), spm(l.SpeedMPS.To)}
	case l.SpeedMPS.isZero():
		mps := func(spm float64) float64 { return who.walkRatio * spm * spm / 60 }
		l.SpeedMPS = Range{mps(l.CadenceSPM.From), mps(l.CadenceSPM.To)}
	}
}

// FillRun relates cadence and speed by a straight line. A runner's step rate
// rises slowly with speed; step length does most of the work below 7 m/s.
func (l *leg) fillRun() {
	const spmAtRest, spmPerMPS = 140, 8.5
	switch {
	case l.CadenceSPM.isZero() && l.SpeedMPS.isZero():
		l.SpeedMPS = Steady(usualRunMPS)
		fallthrough
	case l.CadenceSPM.isZero():
		spm := func(mps float64) float64 { return spmAtRest + spmPerMPS*mps }
		l.CadenceSPM = Range{spm(l.SpeedMPS.From), spm(l.SpeedMPS.To)}
	case l.SpeedMPS.isZero():
		mps := func(spm float64) float64 { return min(max((spm-spmAtRest)/spmPerMPS, 1.8), 6.5) }
		l.SpeedMPS = Range{mps(l.CadenceSPM.From), mps(l.CadenceSPM.To)}
	}
}

// Part returns how far, 0 to 1, a time in seconds is through the leg.
func (l *leg) part(t float64) float64 {
	return min(max((t-l.start)/(l.end-l.start), 0), 1)
}

func (l *leg) stepping() bool {
	return l.Activity == classifier.Walk || l.Activity == classifier.Run
}
