package cadence

import (
	"fmt"
	"math"
	"time"

	"github.com/tempogate/tempogate/bench/gait"
	"github.com/tempogate/tempogate/classifier"
	"github.com/tempogate/tempogate/classifier/model"
)

// A scenario is one simulated recording: what is varied, and to what.
type scenario struct {
	sweep, value string
	config       gait.Config
	plan         gait.Plan
	change       time.Duration // into the plan, when the cadence changes; 0 for never
	to           float64       // steps a minute after the change
}

const (
	simulatedStand = 8 * time.Second
	simulatedMove  = 60 * time.Second
	simulatedRides = 180 * time.Second
	usualWalkSPM   = 112
	usualRunSPM    = 165
)

// Sweeps in the order of the report.
const (
	sweepWalk      = "walking cadence, steps a minute"
	sweepRun       = "running cadence, steps a minute"
	sweepPlacement = "placement"
	sweepStride    = "share of the stride in the vertical motion"
	sweepNoise     = "noise of the sensor, m/s²"
	sweepRate      = "readings a second"
	sweepVariation = "variation of step times"
	sweepDelivery  = "delivery"
	sweepChange    = "change of cadence"
	sweepIdle      = "no steps"
)

// scenarios returns everything that is simulated, each of it with several
// seeds, so several people.
func scenarios(seed uint64) []scenario {
	var list []scenario
	// Who and where change together from seed to seed.
	wheres := []gait.Placement{gait.Pocket, gait.Hand, gait.Armband}
	add := func(sweep, value string, config gait.Config, plan gait.Plan, places ...gait.Placement) *scenario {
		for i := range wheres {
			s := scenario{sweep: sweep, value: value, config: config, plan: plan}
			s.config.Seed = seed + uint64(len(list)+1)
			s.config.Placement = wheres[i]
			if len(places) > 0 {
				s.config.Placement = places[i%len(places)]
			}
			list = append(list, s)
		}
		return &list[len(list)-len(wheres)]
	}
	for spm := 60.0; spm <= 140; spm += 10 {
		add(sweepWalk, fmt.Sprint(spm), gait.Config{}, moving(classifier.Walk, spm))
	}
	for _, spm := range []float64{130, 140, 150, 160, 170, 180, 190, 200, 210, 218} {
		add(sweepRun, fmt.Sprint(spm), gait.Config{}, moving(classifier.Run, spm))
	}
	both := func(sweep, value string, config gait.Config, places ...gait.Placement) {
		add(sweep, value+", walk", config, moving(classifier.Walk, usualWalkSPM), places...)
		add(sweep, value+", run", config, moving(classifier.Run, usualRunSPM), places...)
	}
	for _, p := range []gait.Placement{gait.Pocket, gait.Waist, gait.Hand, gait.Armband, gait.Bag} {
		both(sweepPlacement, p.String(), gait.Config{}, p)
	}
	for _, share := range []float64{-1, 0.2, 0.4, 0.6, 0.8, 0.9} {
		both(sweepStride, fmt.Sprint(max(share, 0)), gait.Config{StrideDominance: share}, gait.Pocket, gait.Waist)
	}
	for _, noise := range []float64{0.01, 0.1, 0.3, 0.6, 1, 2} {
		both(sweepNoise, fmt.Sprint(noise), gait.Config{NoiseMPS2: noise})
	}
	for _, rate := range []float64{10, 15, 20, 25, 50, 100, 200, 400} {
		both(sweepRate, fmt.Sprint(rate), gait.Config{RateHz: rate, JitterS: 0.1 / rate})
	}
	for _, variation := range []float64{0.01, 0.02, 0.04, 0.06, 0.1} {
		both(sweepVariation, fmt.Sprint(variation), gait.Config{StepVariation: variation})
	}
	both(sweepDelivery, "moments off by 3 ms", gait.Config{JitterS: 0.003})
	both(sweepDelivery, "one in twenty twice", gait.Config{Delivery: gait.Delivery{DuplicateShare: 0.05}})
	both(sweepDelivery, "0.5 s missing every 15 s", gait.Config{Delivery: gait.Delivery{GapEveryS: 15, GapS: 0.5}})
	both(sweepDelivery, "2 s missing every 20 s", gait.Config{Delivery: gait.Delivery{GapEveryS: 20, GapS: 2}})

	change := func(from, to classifier.Activity, fromSPM, toSPM float64) {
		plan := gait.Plan{
			{Activity: classifier.Still, Duration: simulatedStand},
			{Activity: from, Duration: simulatedMove / 2, CadenceSPM: gait.Steady(fromSPM)},
			{Activity: to, Duration: simulatedMove / 2, CadenceSPM: gait.Steady(toSPM)},
		}
		first := len(list)
		add(sweepChange, fmt.Sprintf("%s %g to %s %g", from, fromSPM, to, toSPM), gait.Config{}, plan)
		for i := first; i < len(list); i++ {
			list[i].change, list[i].to = simulatedStand+simulatedMove/2, toSPM
		}
	}
	change(classifier.Walk, classifier.Walk, 100, 115)
	change(classifier.Walk, classifier.Walk, 120, 105)
	change(classifier.Run, classifier.Run, 150, 165)
	change(classifier.Run, classifier.Run, 175, 160)
	change(classifier.Walk, classifier.Run, 112, 160)
	change(classifier.Run, classifier.Walk, 165, 110)

	rides := []gait.Segment{
		{Activity: classifier.Still}, {Activity: classifier.Cycle},
		{Activity: classifier.Transit, Vehicle: gait.Car}, {Activity: classifier.Transit, Vehicle: gait.Bus},
		{Activity: classifier.Transit, Vehicle: gait.Tram}, {Activity: classifier.Transit, Vehicle: gait.Metro},
		{Activity: classifier.Transit, Vehicle: gait.Train},
	}
	for _, s := range rides {
		s.Duration = simulatedRides
		name := s.Activity.String()
		if s.Activity == classifier.Transit {
			name = s.Vehicle.String()
		}
		add(sweepIdle, name, gait.Config{}, gait.Plan{s})
	}
	return list
}

func moving(a classifier.Activity, spm float64) gait.Plan {
	return gait.Plan{
		{Activity: classifier.Still, Duration: simulatedStand},
		{Activity: a, Duration: simulatedMove, CadenceSPM: gait.Steady(spm)},
	}
}

// A simulation is what came of a scenario.
type simulation struct {
	stream, known             Tally
	streamFollow, knownFollow float64 // seconds until a change was followed; NaN without one
	seconds, idle             int     // of a plan without steps, and with a tempo all the same
}

func simulate(m *model.Model, s *scenario) (simulation, error) {
	r, err := gait.Record(s.config, s.plan)
	if err != nil {
		return simulation{}, err
	}
	trace, err := Follow(m, r.Samples, func(t int64) classifier.Activity { return r.Truth.At(t).Activity }, nil)
	if err != nil {
		return simulation{}, err
	}
	var truth Steps
	for _, c := range r.Truth.Contacts {
		truth.Times = append(truth.Times, c.SensorTime)
		truth.Mended = append(truth.Mended, false)
	}
	result := simulation{
		stream: Compare(trace.Stream, &truth, false), known: Compare(trace.Known, &truth, false),
		streamFollow: math.NaN(), knownFollow: math.NaN(),
	}
	if s.change > 0 {
		at := r.Truth.Start() + s.change.Nanoseconds()
		result.streamFollow, result.knownFollow = followed(trace.Stream, at, s.to), followed(trace.Known, at, s.to)
	}
	if len(truth.Times) == 0 {
		result.seconds = len(trace.Stream)
		for i := range trace.Stream {
			if !trace.Stream[i].silent() {
				result.idle++
			}
		}
	}
	return result, nil
}

// followedS is how long a new cadence has to be said without a break to be
// followed.
const followedS = 5

// followed returns how many seconds after a change the tempo is right, and
// stays right for followedS; +Inf for never.
func followed(seconds []Second, change int64, spm float64) float64 {
	right := 0
	for i := range seconds {
		s := &seconds[i]
		if s.SensorTime < change || !(math.Abs(s.SPM-spm) <= RightSPM) {
			right = 0
			continue
		}
		if right++; right == followedS {
			return float64(seconds[i-followedS+1].SensorTime-change) * 1e-9
		}
	}
	return math.Inf(1)
}
