package gait_test

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tempogate/tempogate/bench/gait"
	"github.com/tempogate/tempogate/classifier"
)

func record(t testing.TB, cfg gait.Config, plan gait.Plan) *gait.Recording {
	t.Helper()
	r, err := gait.Record(cfg, plan)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Truth is what record would find out, without making the samples.
func truth(t testing.TB, cfg gait.Config, plan gait.Plan) *gait.Truth {
	t.Helper()
	s, err := gait.New(cfg, plan)
	if err != nil {
		t.Fatal(err)
	}
	return s.Truth()
}

// OneOfEach is a plan with every activity, every vehicle and every kind of
// transition that the plans of this package make.
func oneOfEach() gait.Plan {
	plan := gait.Plan{
		{Activity: classifier.Still, Duration: 5 * time.Second},
		{Activity: classifier.Walk, Duration: 20 * time.Second, CadenceSPM: gait.Ramp(95, 120)},
		{Activity: classifier.Run, Duration: 20 * time.Second},
		{Activity: classifier.Walk, Duration: 10 * time.Second},
		{Activity: classifier.Cycle, Duration: 60 * time.Second, StopEvery: 20 * time.Second},
	}
	for v := gait.Car; v <= gait.Train; v++ {
		plan = append(plan, gait.Segment{Activity: classifier.Transit, Vehicle: v, Duration: 60 * time.Second})
	}
	return append(plan,
		gait.Segment{Activity: classifier.Walk, Duration: 300 * time.Millisecond}, // too short for a step
		gait.Segment{Activity: classifier.Still, Duration: 5 * time.Second},
	)
}

// Everything is what a Delivery can do, at once.
var everything = gait.Delivery{DuplicateShare: 0.05, GapEveryS: 20, GapS: 1.5, BatchSamples: 30, SwapShare: 0.2}

func TestSameSeedGivesTheSameBits(t *testing.T) {
	cfg := gait.Config{Seed: 7, JitterS: 0.002, Delivery: everything, FixRateHz: 1, FixLoss: 0.2}
	a, b := record(t, cfg, oneOfEach()), record(t, cfg, oneOfEach())
	if !slices.Equal(a.Samples, b.Samples) {
		t.Error("two recordings of one seed differ in their samples")
	}
	if !slices.Equal(a.Truth.Contacts, b.Truth.Contacts) {
		t.Error("two recordings of one seed differ in their steps")
	}
	if !slices.EqualFunc(a.Fixes, b.Fixes, sameFix) {
		t.Error("two recordings of one seed differ in their fixes")
	}
	cfg.Seed++
	if c := record(t, cfg, oneOfEach()); slices.Equal(a.Samples[:100], c.Samples[:100]) {
		t.Error("another seed gave the same samples")
	}
}

// Pieces checks that a stream taken in pieces of any size is the recording.
func TestPiecesMakeTheWhole(t *testing.T) {
	cfg := gait.Config{Seed: 3, Delivery: everything, FixRateHz: 2}
	whole := record(t, cfg, oneOfEach())
	s, err := gait.New(cfg, oneOfEach())
	if err != nil {
		t.Fatal(err)
	}
	var samples []classifier.Sample
	var fixes []classifier.Fix
	for piece := 1; ; piece = piece%97 + 1 {
		before := len(samples)
		samples = s.Next(samples, piece)
		fixes = s.Fixes(fixes, s.SensorTime())
		if len(samples) == before {
			break
		}
	}
	fixes = s.Fixes(fixes, math.MaxInt64)
	if !slices.Equal(samples, whole.Samples) {
		t.Errorf("%d samples in pieces, %d as a whole, or not the same", len(samples), len(whole.Samples))
	}
	if !slices.EqualFunc(fixes, whole.Fixes, sameFix) {
		t.Errorf("%d fixes in pieces, %d as a whole, or not the same", len(fixes), len(whole.Fixes))
	}
}

// SameFix compares bits, so that NaN equals NaN.
func sameFix(a, b classifier.Fix) bool {
	same := func(x, y float64) bool { return math.Float64bits(x) == math.Float64bits(y) }
	return a.SensorTime == b.SensorTime && same(a.SpeedMPS, b.SpeedMPS) && same(a.EastM, b.EastM) &&
		same(a.NorthM, b.NorthM) && same(a.AccuracyM, b.AccuracyM)
}

func TestEverySampleIsFinite(t *testing.T) {
	for placement := gait.Pocket; placement <= gait.Mount; placement++ {
		for seed := range uint64(3) {
			r := record(t, gait.Config{Seed: seed, Placement: placement, RateHz: 50}, oneOfEach())
			for _, s := range r.Samples {
				if m := magnitude(s); !(m >= 0 && m < 8*9.81*math.Sqrt(3)) {
					t.Fatalf("%s, seed %d: magnitude %g m/s² at %d", placement, seed, m, s.SensorTime)
				}
			}
		}
	}
}

func magnitude(s classifier.Sample) float64 { return math.Sqrt(s.X*s.X + s.Y*s.Y + s.Z*s.Z) }

// Quiet is a phone without errors of its own.
func quiet(cfg gait.Config) gait.Config {
	cfg.NoiseMPS2, cfg.ResolutionMPS2, cfg.RangeMPS2 = -1, -1, -1
	return cfg
}

// How the phone lies turns the samples and leaves their magnitude alone.
func TestOrientationLeavesTheMagnitude(t *testing.T) {
	plan := oneOfEach()
	flat := record(t, quiet(gait.Config{Seed: 5, Orientation: gait.Identity}), plan)
	for _, orientation := range []gait.Quaternion{
		{},                        // from the seed
		{W: 1, X: 1},              // a quarter turn about X
		{W: 0, Y: -3},             // upside down, not of length 1
		{W: 1, X: 2, Y: 3, Z: -4}, // askew
	} {
		turned := record(t, quiet(gait.Config{Seed: 5, Orientation: orientation}), plan)
		moved := 0.0
		for i, s := range turned.Samples {
			f := flat.Samples[i]
			if s.SensorTime != f.SensorTime || math.Abs(magnitude(s)-magnitude(f)) > 1e-9 {
				t.Fatalf("orientation %v: sample %d is %v, flat it is %v", orientation, i, s, f)
			}
			moved = max(moved, math.Abs(s.Z-f.Z))
		}
		if moved < 1 {
			t.Errorf("orientation %v turned nothing", orientation)
		}
	}
}

// Standing still, the phone feels gravity upwards and little else.
func TestStandingFeelsGravity(t *testing.T) {
	cfg := quiet(gait.Config{Placement: gait.Mount, Orientation: gait.Identity})
	r := record(t, cfg, gait.Plan{{Activity: classifier.Still, Duration: 10 * time.Second}})
	for _, s := range r.Samples {
		if s.X != 0 || s.Y != 0 || math.Abs(s.Z-9.80665) > 1e-9 {
			t.Fatalf("a phone tied to somebody who stands feels %v", s)
		}
	}
}

// The same motion, read 50 and 400 times a second: where both read, between
// the same grid points, they agree.
func TestRateChangesTheReadingNotTheMotion(t *testing.T) {
	plan := oneOfEach()
	slow := record(t, quiet(gait.Config{Seed: 11, RateHz: 80, Orientation: gait.Identity}), plan)
	fast := record(t, quiet(gait.Config{Seed: 11, RateHz: 240, Orientation: gait.Identity}), plan)
	for i, s := range slow.Samples {
		// Sample i of 80 Hz is taken at (i+0.5)/80 s = (3i+1+0.5)/240 s.
		f := fast.Samples[3*i+1]
		if s.SensorTime != f.SensorTime || math.Abs(s.Z-f.Z) > 1e-6 || math.Abs(s.X-f.X) > 1e-6 {
			t.Fatalf("sample %d: %v at 80 Hz, %v at 240 Hz", i, s, f)
		}
	}
}

func TestRateAndJitter(t *testing.T) {
	plan := gait.Plan{{Activity: classifier.Walk, Duration: 100 * time.Second}}
	for _, test := range []struct {
		rate, jitter float64
		deviation    float64 // of the interval, seconds
	}{
		{100, 0, 0},
		{100, 0.001, 0.001 * math.Sqrt2}, // an interval has two ends
		{25, 0.004, 0.004 * math.Sqrt2},
		{406, 0.0001, 0.0001 * math.Sqrt2},
		{0.5, 0, 0},
	} {
		r := record(t, gait.Config{Seed: 2, RateHz: test.rate, JitterS: test.jitter}, plan)
		if want := int(100 * test.rate); len(r.Samples) != want {
			t.Errorf("%g Hz: %d samples in 100 s, want %d", test.rate, len(r.Samples), want)
		}
		var intervals []float64
		for i := 1; i < len(r.Samples); i++ {
			intervals = append(intervals, float64(r.Samples[i].SensorTime-r.Samples[i-1].SensorTime)/1e9)
		}
		if m := mean(intervals); math.Abs(m*test.rate-1) > 1e-3 {
			t.Errorf("%g Hz: mean interval %g s", test.rate, m)
		}
		if d := deviation(intervals); math.Abs(d-test.deviation) > 0.05*test.deviation+1e-9 {
			t.Errorf("%g Hz, jitter %g s: intervals deviate by %g s, want %g", test.rate, test.jitter, d, test.deviation)
		}
	}
	// However large the jitter, time rises.
	r := record(t, gait.Config{Seed: 2, JitterS: 1}, plan)
	for i := 1; i < len(r.Samples); i++ {
		if r.Samples[i].SensorTime <= r.Samples[i-1].SensorTime {
			t.Fatalf("time stands still at sample %d", i)
		}
	}
}

func TestNoiseResolutionAndRange(t *testing.T) {
	still := gait.Plan{{Activity: classifier.Still, Duration: 100 * time.Second}}
	cfg := gait.Config{Placement: gait.Mount, Orientation: gait.Identity, NoiseMPS2: 0.3, ResolutionMPS2: 0.05}
	var x []float64
	for _, s := range record(t, cfg, still).Samples {
		x = append(x, s.X)
		if steps := s.X / 0.05; math.Abs(steps-math.Round(steps)) > 1e-9 {
			t.Fatalf("%g is no multiple of the resolution", s.X)
		}
	}
	if d := deviation(x); math.Abs(d-0.3) > 0.01 {
		t.Errorf("noise of 0.3 m/s² measures %g", d)
	}
	cfg.RangeMPS2 = 19.6
	largest := 0.0
	for _, s := range record(t, cfg, gait.DemoRun()).Samples {
		largest = max(largest, math.Abs(s.X), math.Abs(s.Y), math.Abs(s.Z))
	}
	if largest != 19.6 {
		t.Errorf("a run against a range of 19.6 m/s² reads up to %g", largest)
	}
}

func TestDuplicates(t *testing.T) {
	plan := gait.DemoWalk()
	once := record(t, gait.Config{Seed: 9}, plan)
	r := record(t, gait.Config{Seed: 9, Delivery: gait.Delivery{DuplicateShare: 0.1}}, plan)
	if share := float64(len(r.Samples))/float64(len(once.Samples)) - 1; math.Abs(share-0.1) > 0.02 {
		t.Errorf("%.3f of the samples came twice, want 0.1", share)
	}
	if compact := slices.Compact(slices.Clone(r.Samples)); !slices.Equal(compact, once.Samples) {
		t.Error("without the second copies it is not the same recording")
	}
}

func TestGaps(t *testing.T) {
	plan := gait.Plan{{Activity: classifier.Walk, Duration: 1000 * time.Second}}
	r := record(t, gait.Config{Seed: 1, RateHz: 50, Delivery: gait.Delivery{GapEveryS: 20, GapS: 2}}, plan)
	gaps := 0
	for i := 1; i < len(r.Samples); i++ {
		if long := float64(r.Samples[i].SensorTime-r.Samples[i-1].SensorTime) / 1e9; long > 0.1 {
			gaps++
			if math.Abs(long-2) > 0.05 {
				t.Errorf("a gap of %g s, want 2", long)
			}
		}
	}
	if gaps < 30 || gaps > 62 { // 1000 s over 20+2 s is 45, give or take 2.5 deviations
		t.Errorf("%d gaps in 1000 s, want about 45", gaps)
	}
}

func TestSwappedBatches(t *testing.T) {
	plan := gait.DemoWalk()
	once := record(t, gait.Config{Seed: 4}, plan)
	r := record(t, gait.Config{Seed: 4, Delivery: gait.Delivery{BatchSamples: 40, SwapShare: 0.3}}, plan)
	back := 0
	for i := 1; i < len(r.Samples); i++ {
		if r.Samples[i].SensorTime < r.Samples[i-1].SensorTime {
			back++
			// From the end of the later batch to the start of the earlier one.
			if long := float64(r.Samples[i-1].SensorTime-r.Samples[i].SensorTime) / 1e9; math.Abs(long-0.79) > 0.02 {
				t.Errorf("time goes back by %g s at sample %d, want 79 intervals", long, i)
			}
		}
	}
	if back < 30 || back > 90 { // 250 batches; each swap uses two: about 0.3/1.3 of them
		t.Errorf("%d batches came late, want about 58", back)
	}
	slices.SortFunc(r.Samples, func(a, b classifier.Sample) int { return int(a.SensorTime - b.SensorTime) })
	if !slices.Equal(r.Samples, once.Samples) {
		t.Error("in order again it is not the same recording")
	}
}

func TestClock(t *testing.T) {
	const epoch = 1_700_000_000_000_000_000 // the largest clock that phones use
	r := record(t, gait.Config{ClockStart: epoch, FixRateHz: 1}, gait.DemoWalk())
	if first := r.Samples[0].SensorTime - epoch; first != 5_000_000 {
		t.Errorf("the first sample comes %d ns after the start, want half an interval", first)
	}
	if r.Truth.Start() != epoch || r.Truth.End() != epoch+100e9 {
		t.Errorf("truth from %d to %d", r.Truth.Start(), r.Truth.End())
	}
	if first := r.Fixes[0].SensorTime - epoch; first != 500_000_000 {
		t.Errorf("the first fix comes %d ns after the start, want half an interval", first)
	}
}

// 0 allocs a sample, a fix, and a stream with every disturbance.
func TestNextAllocatesNothing(t *testing.T) {
	cfg := gait.Config{JitterS: 0.001, Delivery: everything, FixRateHz: 1}
	s, err := gait.New(cfg, append(oneOfEach(), gait.Segment{Activity: classifier.Run, Duration: time.Hour}))
	if err != nil {
		t.Fatal(err)
	}
	samples, fixes := make([]classifier.Sample, 0, 100), make([]classifier.Fix, 0, 16)
	if n := testing.AllocsPerRun(600, func() {
		samples = s.Next(samples[:0], 100)
		fixes = s.Fixes(fixes[:0], s.SensorTime())
	}); n != 0 {
		t.Errorf("%g allocations in 100 samples", n)
	}
	if len(samples) != 100 {
		t.Errorf("the plan ended during the test: %d samples", len(samples))
	}
}

func TestWhatCannotBeSimulated(t *testing.T) {
	good := gait.DemoWalk()
	walk := func(change func(*gait.Segment)) gait.Plan {
		s := gait.Segment{Activity: classifier.Walk, Duration: time.Minute}
		change(&s)
		return gait.Plan{s}
	}
	for _, test := range []struct {
		cfg  gait.Config
		plan gait.Plan
		want string // part of the error
	}{
		{plan: nil, want: "no segment"},
		{plan: gait.Plan{{Activity: classifier.Unknown, Duration: 1}}, want: "unknown cannot be simulated"},
		{plan: gait.Plan{{Activity: 99, Duration: 1}}, want: "cannot be simulated"},
		{plan: walk(func(s *gait.Segment) { s.Duration = -1 }), want: "duration"},
		{plan: walk(func(s *gait.Segment) { s.Duration = 1 << 62 }), want: "duration"},
		{plan: walk(func(s *gait.Segment) { s.CadenceSPM = gait.Ramp(100, 810) }), want: "cadence 100 to 810"},
		{plan: walk(func(s *gait.Segment) { s.CadenceSPM = gait.Steady(math.NaN()) }), want: "cadence"},
		{plan: walk(func(s *gait.Segment) { s.SpeedMPS = gait.Steady(math.Inf(1)) }), want: "speed"},
		{plan: walk(func(s *gait.Segment) { s.PedalRPM = gait.Steady(60) }), want: "no pedals"},
		{plan: walk(func(s *gait.Segment) { s.Vehicle = gait.Bus }), want: "rides in no vehicle"},
		{plan: gait.Plan{{Activity: classifier.Transit, Duration: 1, Vehicle: 77}}, want: "Vehicle(77)"},
		{plan: gait.Plan{{Activity: classifier.Transit, Duration: 1, CadenceSPM: gait.Steady(100)}}, want: "has no steps"},
		{plan: gait.Plan{{Activity: classifier.Still, Duration: 1, SpeedMPS: gait.Steady(1)}}, want: "still has no speed"},
		{plan: append(gait.DemoWalk(), gait.Segment{Activity: classifier.Walk}), want: "segment 3: duration"},
		{cfg: gait.Config{RateHz: -1}, plan: good, want: "RateHz"},
		{cfg: gait.Config{RateHz: math.NaN()}, plan: good, want: "RateHz"},
		{cfg: gait.Config{JitterS: -1}, plan: good, want: "JitterS"},
		{cfg: gait.Config{Placement: 200}, plan: good, want: "Placement"},
		{cfg: gait.Config{Orientation: gait.Quaternion{W: math.NaN()}}, plan: good, want: "Orientation"},
		{cfg: gait.Config{Orientation: gait.Quaternion{X: 1e-300}}, plan: good, want: "Orientation"},
		{cfg: gait.Config{ClockStart: math.MinInt64}, plan: good, want: "ClockStart"},
		{plan: slices.Repeat(gait.Plan{{Activity: classifier.Still, Duration: 24 * time.Hour}}, 31), want: "segment 30 ends after 744h"},
		{cfg: gait.Config{NoiseMPS2: math.NaN()}, plan: good, want: "NoiseMPS2"},
		{cfg: gait.Config{ResolutionMPS2: 11}, plan: good, want: "ResolutionMPS2"},
		{cfg: gait.Config{RangeMPS2: 5}, plan: good, want: "RangeMPS2"},
		{cfg: gait.Config{StrideDominance: 1.5}, plan: good, want: "StrideDominance"},
		{cfg: gait.Config{StepVariation: 0.5}, plan: good, want: "StepVariation"},
		{cfg: gait.Config{Delivery: gait.Delivery{DuplicateShare: 2}}, plan: good, want: "DuplicateShare"},
		{cfg: gait.Config{Delivery: gait.Delivery{GapEveryS: -2}}, plan: good, want: "GapEveryS"},
		{cfg: gait.Config{Delivery: gait.Delivery{GapS: -2}}, plan: good, want: "GapS"},
		{cfg: gait.Config{Delivery: gait.Delivery{BatchSamples: 1 << 20}}, plan: good, want: "BatchSamples"},
		{cfg: gait.Config{Delivery: gait.Delivery{SwapShare: math.NaN()}}, plan: good, want: "SwapShare"},
		{cfg: gait.Config{FixRateHz: 100}, plan: good, want: "FixRateHz"},
		{cfg: gait.Config{FixSpeedNoiseMPS: math.NaN()}, plan: good, want: "FixSpeedNoiseMPS"},
		{cfg: gait.Config{FixPositionNoiseM: 1e9}, plan: good, want: "FixPositionNoiseM"},
		{cfg: gait.Config{FixLoss: 1}, plan: good, want: "FixLoss"},
	} {
		_, err := gait.New(test.cfg, test.plan)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%+v %v: error %v, want one about %q", test.cfg, test.plan, err, test.want)
		}
		if _, err2 := gait.Record(test.cfg, test.plan); err2 == nil {
			t.Errorf("%+v %v: Record made no error", test.cfg, test.plan)
		}
	}
}

// Nobody should take a simulated recording for a real one.
func TestEveryDescriptionSaysSimulated(t *testing.T) {
	r := record(t, gait.Config{}, gait.DemoRide())
	s, err := gait.New(gait.Config{}, gait.DemoRide())
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{r.String(), s.String(), r.Config.String(), r.Plan.String(), r.Truth.String()} {
		if !strings.HasPrefix(text, "simulated ") {
			t.Errorf("%q does not begin with simulated", text)
		}
	}
}
