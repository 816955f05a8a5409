package classifier_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"github.com/tempogate/tempogate/classifier"
	"github.com/tempogate/tempogate/classifier/tempo"
)

const second = int64(1_000_000_000)

// walk returns a simple gait at 110 steps a minute for the given seconds, on a
// phone that lies askew, at a rate of readings a second.
func walk(from, seconds, rate float64) []classifier.Sample {
	random := rand.New(rand.NewPCG(1, uint64(rate)))
	var samples []classifier.Sample
	for i := 0; float64(i) < seconds*rate; i++ {
		t := from + float64(i)/rate
		phase := 2 * math.Pi * t * 110 / 60
		v := 9.81 + 2.6*math.Sin(phase) + 0.9*math.Sin(2*phase+1) + 0.4*math.Sin(phase/2) + 0.2*random.NormFloat64()
		h := 1.2*math.Cos(phase) + 0.2*random.NormFloat64()
		samples = append(samples, classifier.Sample{
			SensorTime: int64(math.Round(t * 1e9)), X: 0.6*v + 0.8*h, Y: 0.3 * random.NormFloat64(), Z: 0.8*v - 0.6*h,
		})
	}
	return samples
}

// push runs samples and fixes through a fresh stream in one go.
func push(t *testing.T, samples []classifier.Sample, fixes []classifier.Fix) []classifier.Estimate {
	t.Helper()
	estimates, err := classifier.NewStream(classifier.Config{}).Push(nil, classifier.NewWorkspace(), slices.Clone(samples), slices.Clone(fixes))
	if err != nil {
		t.Fatal(err)
	}
	return estimates
}

// same compares estimates bit for bit, NaN included.
func same(a, b classifier.Estimate) bool {
	bits := func(e classifier.Estimate) [3]uint64 {
		return [3]uint64{math.Float64bits(e.CadenceSPM), math.Float64bits(e.CadenceConfidence), math.Float64bits(e.SpeedMPS)}
	}
	return a.SensorTime == b.SensorTime && a.Activity == b.Activity && a.P == b.P && a.BPM == b.BPM && bits(a) == bits(b)
}

func TestOneEstimateASecond(t *testing.T) {
	for _, rate := range []float64{10, 15, 20, 26, 50, 100, 213, 406} {
		estimates := push(t, walk(1000, 30, rate), nil)
		if n := len(estimates); n < 28 || n > 30 {
			t.Errorf("%v Hz: %d estimates from 30 s", rate, n)
		}
		for i, e := range estimates {
			due := 1000*second + int64(i+1)*second
			// Due at the whole second; said when the readings that make it
			// certain are there, two of the source's periods later.
			if late := e.SensorTime - due; late < 0 || float64(late) > 3.1e9/rate {
				t.Errorf("%v Hz: estimate %d comes %.3f s after it is due", rate, i, float64(late)*1e-9)
			}
		}
		last := estimates[len(estimates)-1]
		if last.Activity != classifier.Walk {
			t.Errorf("%v Hz: %v", rate, last.Activity)
		}
		if rate > 10 && math.Abs(last.CadenceSPM-110) > 1 {
			t.Errorf("%v Hz: cadence %.1f", rate, last.CadenceSPM)
		}
	}
}

// An estimate uses nothing newer than its time: what comes later changes it no
// more.
func TestEstimatesAreCausal(t *testing.T) {
	samples := walk(0, 40, 100)
	whole := push(t, samples, nil)
	for cut := 150; cut < len(samples); cut += 371 {
		part := push(t, samples[:cut], nil)
		for i := range part {
			if !same(part[i], whole[i]) {
				t.Fatalf("with the first %d readings, estimate %d differs", cut, i)
			}
			if newest := samples[cut-1].SensorTime; part[i].SensorTime > newest {
				t.Fatalf("estimate %d is of %d, after the newest reading %d", i, part[i].SensorTime, newest)
			}
		}
	}
}

// How readings are batched on their way changes nothing, nor does a workspace
// that others used in between.
func TestBatchesChangeNothing(t *testing.T) {
	samples := walk(0, 30, 100)
	fixes := []classifier.Fix{{SensorTime: 3 * second, SpeedMPS: 1.4, AccuracyM: 5}, {SensorTime: 9 * second, SpeedMPS: 1.5, AccuracyM: 5}}
	whole := push(t, samples, fixes)
	shared := classifier.NewWorkspace()
	other := classifier.NewStream(classifier.Config{})
	for _, size := range []int{1, 7, 100, 999} {
		s := classifier.NewStream(classifier.Config{})
		var parts []classifier.Estimate
		rest, fixes := slices.Clone(samples), slices.Clone(fixes)
		for len(rest) > 0 {
			n := min(size, len(rest))
			k := 0
			for k < len(fixes) && fixes[k].SensorTime <= rest[n-1].SensorTime {
				k++
			}
			var err error
			if parts, err = s.Push(parts, shared, rest[:n], fixes[:k]); err != nil {
				t.Fatal(err)
			}
			rest, fixes = rest[n:], fixes[k:]
			if _, err := other.Push(nil, shared, walk(float64(len(rest)), 0.5, 50)[:1], nil); err != nil && !errors.Is(err, classifier.ErrTimeBackwards) {
				t.Fatal(err)
			}
			other.Clear()
			shared.Clear()
		}
		if len(parts) != len(whole) {
			t.Fatalf("batches of %d: %d estimates, in one go %d", size, len(parts), len(whole))
		}
		for i := range parts {
			if !same(parts[i], whole[i]) {
				t.Fatalf("batches of %d: estimate %d differs", size, i)
			}
		}
	}
}

func TestTimeThatIsNotInOrder(t *testing.T) {
	samples := walk(100, 20, 100)
	whole := push(t, samples, nil)

	t.Run("out of order within a batch", func(t *testing.T) {
		mixed := slices.Clone(samples)
		rand.New(rand.NewPCG(1, 1)).Shuffle(len(mixed), func(i, j int) { mixed[i], mixed[j] = mixed[j], mixed[i] })
		got := push(t, mixed, nil)
		if len(got) != len(whole) || !same(got[len(got)-1], whole[len(whole)-1]) {
			t.Error("sorting did not restore the order")
		}
	})
	t.Run("twice", func(t *testing.T) {
		got := push(t, append(slices.Clone(samples), samples...), nil)
		if len(got) != len(whole) || !same(got[len(got)-1], whole[len(whole)-1]) {
			t.Error("readings that came twice were used twice")
		}
	})
	t.Run("late", func(t *testing.T) {
		s := classifier.NewStream(classifier.Config{})
		w := classifier.NewWorkspace()
		var got []classifier.Estimate
		for _, part := range [][]classifier.Sample{samples[:500], samples[600:700], samples[500:600], samples[700:]} {
			var err error
			if got, err = s.Push(got, w, slices.Clone(part), nil); err != nil {
				t.Fatal(err)
			}
		}
		if s.Late() != 100 {
			t.Errorf("%d readings counted as late, 100 were", s.Late())
		}
		if len(got) != len(whole) {
			t.Errorf("%d estimates, want %d", len(got), len(whole))
		}
	})
	t.Run("backwards by a minute", func(t *testing.T) {
		s := classifier.NewStream(classifier.Config{})
		w := classifier.NewWorkspace()
		if _, err := s.Push(nil, w, slices.Clone(samples), nil); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Push(nil, w, walk(40, 1, 100), nil); !errors.Is(err, classifier.ErrTimeBackwards) {
			t.Errorf("%v", err)
		}
		if _, err := s.Push(nil, w, nil, []classifier.Fix{{SensorTime: 40 * second}}); !errors.Is(err, classifier.ErrTimeBackwards) {
			t.Errorf("fixes: %v", err)
		}
		if got, err := s.Push(nil, w, walk(120, 2, 100), nil); err != nil || len(got) == 0 {
			t.Errorf("a refused batch spoiled the stream: %d estimates, %v", len(got), err)
		}
	})
	t.Run("a gap begins the window anew", func(t *testing.T) {
		s := classifier.NewStream(classifier.Config{})
		w := classifier.NewWorkspace()
		if _, err := s.Push(nil, w, slices.Clone(samples), nil); err != nil {
			t.Fatal(err)
		}
		if s.Resident() != 128 {
			t.Errorf("%d readings held, a full window is 128", s.Resident())
		}
		// A year later.
		got, err := s.Push(nil, w, walk(100+365*86400, 2, 100), nil)
		if err != nil || len(got) > 2 {
			t.Errorf("%d estimates, %v", len(got), err)
		}
		if s.Resident() > 60 {
			t.Errorf("%d readings held after a gap and two seconds", s.Resident())
		}
	})
}

func TestWhatIsNotAReading(t *testing.T) {
	for _, bad := range []float64{math.NaN(), math.Inf(1), math.Inf(-1), 1001, -1e300} {
		for axis := range 3 {
			s := classifier.NewStream(classifier.Config{})
			samples := walk(0, 5, 100)
			*[]*float64{&samples[333].X, &samples[333].Y, &samples[333].Z}[axis] = bad
			got, err := s.Push(nil, classifier.NewWorkspace(), samples, nil)
			if !errors.Is(err, classifier.ErrNotFinite) {
				t.Errorf("%v: %v", bad, err)
			}
			if len(got) != 0 || s.Resident() != 0 {
				t.Errorf("%v: the batch was taken in part", bad)
			}
		}
	}
}

func TestFixesAlone(t *testing.T) {
	var fixes []classifier.Fix
	for i := range int64(120) {
		fixes = append(fixes, classifier.Fix{SensorTime: 2 * i * second, SpeedMPS: 22, EastM: 44, AccuracyM: 8})
	}
	got := push(t, nil, fixes)
	if len(got) != 238 {
		t.Errorf("%d estimates from 238 s", len(got))
	}
	last := got[len(got)-1]
	if last.Activity != classifier.Transit || last.SpeedMPS != 22 || !math.IsNaN(last.CadenceSPM) {
		t.Errorf("at 22 m/s: %+v", last)
	}
	// A year between two fixes is not a year of estimates.
	got = push(t, nil, []classifier.Fix{{SensorTime: 0, SpeedMPS: 1}, {SensorTime: 365 * 86400 * second, SpeedMPS: 1}})
	if len(got) > 2 {
		t.Errorf("%d estimates from two fixes", len(got))
	}
}

func TestSpeed(t *testing.T) {
	unknown := math.NaN()
	tests := []struct {
		name  string
		fixes []classifier.Fix
		want  float64 // m/s at 10 s
	}{
		{"none", nil, unknown},
		{"as stated", []classifier.Fix{{SensorTime: 9 * second, SpeedMPS: 2.5, AccuracyM: 5}}, 2.5},
		{"not stated: from the way moved", []classifier.Fix{
			{SensorTime: 7 * second, SpeedMPS: unknown, EastM: unknown, NorthM: unknown, AccuracyM: 5},
			{SensorTime: 9 * second, SpeedMPS: unknown, EastM: 3, NorthM: 4, AccuracyM: 5}}, 2.5},
		{"1.4 km wrong", []classifier.Fix{{SensorTime: 9 * second, SpeedMPS: 2.5, AccuracyM: 1400}}, unknown},
		{"long ago", []classifier.Fix{{SensorTime: 1 * second, SpeedMPS: 2.5, AccuracyM: 5}}, unknown},
		{"one spike among three", []classifier.Fix{
			{SensorTime: 7 * second, SpeedMPS: 2.5, AccuracyM: 5},
			{SensorTime: 8 * second, SpeedMPS: 60, AccuracyM: 5},
			{SensorTime: 9 * second, SpeedMPS: 2.7, AccuracyM: 5}}, 2.7},
		{"infinite", []classifier.Fix{{SensorTime: 9 * second, SpeedMPS: math.Inf(1), AccuracyM: 5}}, unknown},
		{"negative, no way moved", []classifier.Fix{{SensorTime: 9 * second, SpeedMPS: -1, AccuracyM: 5}}, unknown},
		{"accuracy unknown", []classifier.Fix{{SensorTime: 9 * second, SpeedMPS: 2.5, AccuracyM: unknown}}, 2.5},
	}
	for _, test := range tests {
		got := push(t, walk(0, 10.2, 100), test.fixes)
		if e := got[len(got)-1]; !reflect.DeepEqual(e.SpeedMPS, test.want) && !(math.IsNaN(e.SpeedMPS) && math.IsNaN(test.want)) {
			t.Errorf("%s: %v, want %v", test.name, e.SpeedMPS, test.want)
		}
	}
}

// A fix that comes late is passed over, and the way from it to the next with
// it: what is counted from is not the fix before.
func TestFixesThatComeLate(t *testing.T) {
	s, w := classifier.NewStream(classifier.Config{}), classifier.NewWorkspace()
	unknown := math.NaN()
	at := func(time int64, east float64) classifier.Fix {
		return classifier.Fix{SensorTime: time * second, SpeedMPS: unknown, EastM: east, AccuracyM: 5}
	}
	var got []classifier.Estimate
	push := func(from, to int, fix classifier.Fix) float64 {
		samples := walk(float64(from), float64(to-from), 100)
		var err error
		if got, err = s.Push(got[:0], w, samples, []classifier.Fix{fix}); err != nil {
			t.Fatal(err)
		}
		return got[len(got)-1].SpeedMPS
	}
	push(0, 5, at(1, unknown))
	if v := push(5, 9, at(6, 7)); v != 1.4 {
		t.Fatalf("7 m in 5 s: %v m/s", v)
	}
	if v := push(9, 12, at(5, -100)); v != 1.4 || s.Late() != 1 {
		t.Errorf("after a fix that came late: %v m/s, %d late", v, s.Late())
	}
	if v := push(12, 13, at(12, 109)); v != 1.4 {
		t.Errorf("109 m from it in 6 s: %v m/s", v)
	}
	if v := push(13, 17, at(16, 4)); v != 1 {
		t.Errorf("4 m in 4 s: %v m/s", v)
	}
}

func TestClearLeavesNothing(t *testing.T) {
	s := classifier.NewStream(classifier.Config{})
	fresh := *s
	if _, err := s.Push(nil, classifier.NewWorkspace(), walk(0, 20, 100), []classifier.Fix{{SensorTime: second, SpeedMPS: 1}}); err != nil {
		t.Fatal(err)
	}
	s.Clear()
	if !reflect.DeepEqual(*s, fresh) {
		t.Error("something is left of the stream")
	}
}

// Taking location back leaves no speed and costs no second of tempo.
func TestForgetLocation(t *testing.T) {
	s := classifier.NewStream(classifier.Config{})
	w := classifier.NewWorkspace()
	samples := walk(0, 22, 100)
	before, err := s.Push(nil, w, samples[:2000], []classifier.Fix{{SensorTime: 19 * second, SpeedMPS: 1.4, AccuracyM: 5}})
	if err != nil || before[len(before)-1].SpeedMPS != 1.4 {
		t.Fatalf("before: %v", err)
	}
	s.ForgetLocation()
	after, err := s.Push(nil, w, samples[2000:], nil)
	if err != nil {
		t.Fatal(err)
	}
	if e := after[0]; !math.IsNaN(e.SpeedMPS) || math.IsNaN(e.CadenceSPM) {
		t.Errorf("afterwards: %+v", e)
	}
}

// Music at half the tempo, before and after a Clear.
func TestTempoForMusic(t *testing.T) {
	half := tempo.Range{Low: 50, High: 60}
	samples := walk(0, 20, 50)
	plain := push(t, samples, nil)
	s := classifier.NewStream(classifier.Config{BPMRange: half})
	for range 2 {
		mapped, err := s.Push(nil, classifier.NewWorkspace(), slices.Clone(samples), nil)
		if err != nil {
			t.Fatal(err)
		}
		for i, e := range mapped {
			if e.BPM != half.MapBPM(plain[i].BPM) || e.CadenceSPM != plain[i].CadenceSPM && !math.IsNaN(e.CadenceSPM) {
				t.Errorf("second %d: %d beats at %.1f steps a minute; without a range %d at %.1f", i+1, e.BPM, e.CadenceSPM, plain[i].BPM, plain[i].CadenceSPM)
			}
		}
		if last := mapped[len(mapped)-1].BPM; last != 55 {
			t.Errorf("the walk ends at %d beats a minute, want half of 110", last)
		}
		s.Clear()
	}
}

// Two seconds without readings, with location or without: the cadence is gone
// until the window has filled anew, the music plays on. Ten seconds end it.
func TestMusicThroughAGap(t *testing.T) {
	for gap, held := range map[float64]bool{2: true, 10: false} {
		for _, located := range []bool{false, true} {
			var fixes []classifier.Fix
			for i := int64(0); located && i < 40; i++ {
				fixes = append(fixes, classifier.Fix{SensorTime: i * second, SpeedMPS: 1.4, AccuracyM: 5})
			}
			silent, stopped := false, false
			for _, e := range push(t, append(walk(0, 20, 50), walk(20+gap, 10, 50)...), fixes) {
				if e.SensorTime <= 10*second || e.SensorTime > int64(20+gap+10)*second {
					continue
				}
				silent = silent || math.IsNaN(e.CadenceSPM)
				stopped = stopped || e.BPM == 0
			}
			if !silent || stopped == held {
				t.Errorf("gap of %v s, located %v: cadence lost %v, music stopped %v", gap, located, silent, stopped)
			}
		}
	}
}

// A clear rhythm at a speed that nobody walks or runs at is none of steps.
func TestNoTempoAtTheSpeedOfATrain(t *testing.T) {
	var fixes []classifier.Fix
	for i := range int64(60) {
		fixes = append(fixes, classifier.Fix{SensorTime: i * second, SpeedMPS: 30, AccuracyM: 5})
	}
	for _, e := range push(t, walk(0, 60, 50), fixes)[20:] {
		if !math.IsNaN(e.CadenceSPM) {
			t.Fatalf("after %d s at 30 m/s: %.1f steps a minute", e.SensorTime/second, e.CadenceSPM)
		}
	}
}

func TestPushAllocatesNothing(t *testing.T) {
	s := classifier.NewStream(classifier.Config{})
	w := classifier.NewWorkspace()
	samples := walk(0, 1, 100)
	fixes := []classifier.Fix{{SpeedMPS: 1.4, AccuracyM: 5}}
	dst := make([]classifier.Estimate, 0, 8)
	now := int64(0)
	allocs := testing.AllocsPerRun(200, func() {
		for i := range samples {
			samples[i].SensorTime = now + int64(i)*second/100
		}
		fixes[0].SensorTime = now + second/2
		now += second
		var err error
		if dst, err = s.Push(dst[:0], w, samples, fixes); err != nil {
			t.Fatal(err)
		}
	})
	if allocs != 0 {
		t.Errorf("%v allocations a hop", allocs)
	}
}
