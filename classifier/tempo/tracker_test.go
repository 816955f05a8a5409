package tempo_test

import (
	"math"
	"math/rand/v2"
	"testing"
	"unsafe"

	"github.com/tempogate/tempogate/classifier/feature"
	"github.com/tempogate/tempogate/classifier/signal"
	"github.com/tempogate/tempogate/classifier/tempo"
)

// A gait is a vertical acceleration with exactly known cadence.
type gait struct {
	step, stride, second float64                 // amplitudes at step rate, half of it, and twice, m/s²
	noise                float64                 // standard deviation, m/s²
	loud                 func(t float64) float64 // factor over time; nil for 1
	free                 bool                    // the source delivers no gravity
}

// rows returns the gait on the even grid, its cadence given by second, in a
// phone that lies at a slant.
func (g gait) rows(cadence func(t float64) float64, seconds int) []signal.Row {
	random := rand.New(rand.NewPCG(5, 6))
	up := [3]float64{0.48, -0.6, 0.64}
	rows := make([]signal.Row, seconds*signal.RateHz)
	phase := 0.0
	for i := range rows {
		t := float64(i) / signal.RateHz
		phase += 2 * math.Pi * cadence(t) / 60 / signal.RateHz
		v := g.step*math.Sin(phase) + g.stride*math.Sin(phase/2+0.7) + g.second*math.Sin(2*phase+1.3)
		if g.loud != nil {
			v *= g.loud(t)
		}
		v += g.noise * random.NormFloat64()
		if !g.free {
			v += 9.81
		}
		for axis := range rows[i] {
			rows[i][axis] = float32(v*up[axis] + 0.3*random.NormFloat64())
		}
	}
	return rows
}

// follow runs rows through a tracker and returns what it says each second.
func follow(rows []signal.Row, belief func(second int) (walk, run float64)) []tempo.Tempo {
	return followBeliefs(rows, func(second int) tempo.Belief { return tempo.Known(belief(second)) })
}

// followBeliefs is follow where the newest window and the past may say different
// things.
func followBeliefs(rows []signal.Row, belief func(second int) tempo.Belief) []tempo.Tempo {
	var w signal.Window
	var tracker tempo.Tracker
	e := feature.NewExtractor()
	var said []tempo.Tempo
	for i, row := range rows {
		w.Push(row)
		if (i+1)%signal.RateHz == 0 {
			said = append(said, tracker.Step(e.Extract(&w), belief(len(said))))
		}
	}
	return said
}

func steady(spm float64) func(float64) float64 { return func(float64) float64 { return spm } }

func always(walk, run float64) func(int) (float64, float64) {
	return func(int) (float64, float64) { return walk, run }
}

func TestCadenceOfSteadyGaits(t *testing.T) {
	tests := []struct {
		name      string
		gait      gait
		spm       float64
		walk, run float64
	}{
		{"a slow stroll, its second harmonic as strong as the step", gait{step: 0.7, second: 0.7, noise: 0.2}, 66, 1, 0},
		{"a stroll", gait{step: 1.5, second: 0.5, noise: 0.3}, 84, 1, 0},
		{"a walk", gait{step: 2.5, second: 0.8, noise: 0.5}, 112, 1, 0},
		{"a walk without gravity", gait{step: 2.5, second: 0.8, noise: 0.5, free: true}, 112, 1, 0},
		{"a soft walk in the hand", gait{step: 1, second: 0.2, noise: 0.2}, 106, 1, 0},
		{"a brisk walk", gait{step: 4, second: 1, noise: 0.5}, 134, 1, 0},
		{"a walk in the pocket: the stride dominates", gait{step: 1.5, stride: 2.5, second: 0.6, noise: 0.4}, 108, 1, 0},
		{"a walk of which the stride is all there is to see", gait{step: 0.4, stride: 3, noise: 0.3}, 112, 1, 0},
		{"a walk with hard heels: the second harmonic dominates", gait{step: 1.5, stride: 0.3, second: 2.2, noise: 0.4}, 104, 1, 0},
		{"a walk in much noise", gait{step: 2.5, stride: 0.5, second: 0.8, noise: 1.2}, 112, 1, 0},
		{"a jog, below what others begin to hear at", gait{step: 8, second: 2, noise: 1}, 138, 0, 1},
		{"a run", gait{step: 10, second: 3, noise: 1}, 164, 0, 1},
		{"a run in the pocket: the stride dominates", gait{step: 6, stride: 8, second: 2, noise: 1}, 168, 0, 1},
		{"a fast run", gait{step: 12, second: 3, noise: 1}, 205, 0, 1},
		{"as fast as is heard", gait{step: 12, stride: 1, second: 3, noise: 1}, 219, 0, 1},
		{"a run that may be a walk", gait{step: 10, second: 3, noise: 1}, 160, 0.45, 0.45},
		{"a run that is believed to be a walk", gait{step: 10, second: 3, noise: 1}, 160, 0.9, 0.05},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			said := follow(test.gait.rows(steady(test.spm), 30), always(test.walk, test.run))
			for i, got := range said {
				if i < 3 {
					continue // the window is filling
				}
				if !(math.Abs(got.CadenceSPM-test.spm) <= 1.5) {
					t.Errorf("second %d: %.1f, want %.0f", i+1, got.CadenceSPM, test.spm)
				}
				if math.Abs(float64(got.BPM)-test.spm) > tempo.HoldSPM+0.5 {
					t.Errorf("second %d: the tempo is %d", i+1, got.BPM)
				}
			}
			if said[2].BPM == 0 {
				t.Errorf("no tempo after 3 s")
			}
		})
	}
}

func TestNoCadence(t *testing.T) {
	tests := []struct {
		name      string
		gait      gait
		spm       float64
		walk, run float64
	}{
		{"the activity is none on foot, and the rhythm not clear", gait{step: 1, stride: 0.5, noise: 2}, 110, 0.02, 0.02},
		{"no rhythm", gait{noise: 2}, 110, 1, 0},
		{"nothing moves", gait{}, 110, 1, 0},
		{"a rhythm faster than any cadence", gait{step: 10, noise: 0.5}, 229, 0, 1},
	}
	for _, test := range tests {
		said := 0
		for _, got := range follow(test.gait.rows(steady(test.spm), 60), always(test.walk, test.run)) {
			if !math.IsNaN(got.CadenceSPM) {
				said++
			} else if got.Confidence != 0 {
				t.Errorf("%s: confident of nothing", test.name)
			}
		}
		if said > 3 {
			t.Errorf("%s: a cadence in %d of 60 seconds", test.name, said)
		}
	}
}

// A tempo of 15 steps a minute more or less is followed within 6 s, and
// neither before nor after is anything else said.
func TestFollowsAChange(t *testing.T) {
	tests := []struct {
		name      string
		gait      gait
		from, to  float64
		walk, run float64
	}{
		{"a run gets faster", gait{step: 9, second: 2, noise: 1}, 150, 165, 0, 1},
		{"a run gets slower", gait{step: 9, stride: 3, second: 2, noise: 1}, 175, 160, 0, 1},
		{"a walk gets faster", gait{step: 2.5, stride: 0.8, second: 0.8, noise: 0.5}, 102, 117, 1, 0},
		{"a walk gets slower", gait{step: 2.5, second: 0.8, noise: 0.5}, 120, 105, 1, 0},
	}
	const changes, follows = 20, 26
	for _, test := range tests {
		cadence := func(s float64) float64 {
			if s < changes {
				return test.from
			}
			return test.to
		}
		said := follow(test.gait.rows(cadence, 40), always(test.walk, test.run))
		for i, got := range said {
			second := i + 1
			switch {
			case second > 3 && second <= changes && !(math.Abs(got.CadenceSPM-test.from) < 2),
				second >= follows && !(math.Abs(got.CadenceSPM-test.to) < 2):
				t.Errorf("%s: second %d: %.1f", test.name, second, got.CadenceSPM)
			}
		}
		if got := said[follows+2].BPM; math.Abs(float64(got)-test.to) > tempo.HoldSPM {
			t.Errorf("%s: the tempo after %d s is %d", test.name, follows+3-changes, got)
		}
	}
}

// Who ties a shoe has no cadence, and the same one as before afterwards; who
// misses a step keeps it.
func TestPauses(t *testing.T) {
	pause := func(from, to float64) func(float64) float64 {
		return func(t float64) float64 {
			if t >= from && t < to {
				return 0
			}
			return 1
		}
	}
	g := gait{step: 9, stride: 1, second: 2, noise: 0.3}
	g.loud = pause(20, 20.4)
	for i, got := range follow(g.rows(steady(160), 40), always(0, 1)) {
		if i > 3 && !(math.Abs(got.CadenceSPM-160) < 2) {
			t.Errorf("a missed step: second %d: %.1f", i+1, got.CadenceSPM)
		}
	}
	g.loud = pause(20, 30)
	none := 0
	for i, got := range follow(g.rows(steady(160), 45), always(0, 1)) {
		switch {
		case i >= 26 && i < 30 && math.IsNaN(got.CadenceSPM):
			none++
		case (i > 3 && i < 20 || i > 34) && !(math.Abs(got.CadenceSPM-160) < 2):
			t.Errorf("a pause: second %d: %.1f", i+1, got.CadenceSPM)
		}
	}
	if none < 4 {
		t.Errorf("a pause: %d of its last four seconds had no cadence", none)
	}
}

// Noise that hides the rhythm for a moment is bridged, with less confidence,
// and only while somebody is still believed to walk or run.
func TestBridges(t *testing.T) {
	g := gait{step: 2.5, second: 0.8, noise: 0.3}
	rows := g.rows(steady(110), 40)
	random := rand.New(rand.NewPCG(1, 2))
	for i := 20 * signal.RateHz; i < 24*signal.RateHz; i++ {
		for axis := range rows[i] {
			rows[i][axis] += float32(12 * random.NormFloat64())
		}
	}
	bridged := 0
	for i, got := range follow(rows, always(1, 0)) {
		if i >= 19 && !math.IsNaN(got.CadenceSPM) && got.Confidence < 0.9 {
			if math.Abs(got.CadenceSPM-110) > 3 {
				t.Errorf("second %d: %.1f", i+1, got.CadenceSPM)
			}
			bridged++
		}
	}
	if bridged == 0 {
		t.Error("nothing was bridged")
	}
	said := follow(rows, func(second int) (walk, run float64) {
		if second >= 20 {
			return 0.02, 0
		}
		return 1, 0
	})
	for i, got := range said[20:] {
		if !math.IsNaN(got.CadenceSPM) {
			t.Errorf("nobody walks, yet after %d s: %.1f", i+1, got.CadenceSPM)
		}
	}
}

// The more noise, the less confidence.
func TestConfidenceFallsWithNoise(t *testing.T) {
	last := 1.0
	for _, noise := range []float64{0.2, 1, 2, 4} {
		said := follow(gait{step: 2.5, second: 0.8, noise: noise}.rows(steady(112), 60), always(1, 0))
		mean := 0.0
		for _, got := range said[5:] {
			if got.Confidence < 0 || got.Confidence > 1 {
				t.Fatalf("confidence %g", got.Confidence)
			}
			mean += got.Confidence / float64(len(said)-5)
		}
		if mean > last {
			t.Errorf("noise of %g m/s²: confidence %.3f, more than %.3f with less", noise, mean, last)
		}
		last = mean
	}
	if last > 0.5 {
		t.Errorf("confidence %.3f with noise above the step", last)
	}
}

// A Tracker that was cleared is as new.
func TestClear(t *testing.T) {
	var tracker tempo.Tracker
	m := window(t, 0, 112)
	tracker.Step(m, tempo.Known(1, 0))
	tracker.Clear()
	if tracker != (tempo.Tracker{}) {
		t.Error("something is left")
	}
}

// What a Tracker says depends on its input alone.
func TestSameInputSameOutput(t *testing.T) {
	g := gait{step: 3, stride: 1, second: 1, noise: 1}
	a := follow(g.rows(steady(117), 20), always(0.8, 0.1))
	b := follow(g.rows(steady(117), 20), always(0.8, 0.1))
	for i := range a {
		if a[i] != b[i] && !(math.IsNaN(a[i].CadenceSPM) && math.IsNaN(b[i].CadenceSPM)) {
			t.Fatalf("second %d: %v and %v", i+1, a[i], b[i])
		}
	}
}

// A stream is small, so its tracker must be.
func TestTrackerIsSmall(t *testing.T) {
	if size := unsafe.Sizeof(tempo.Tracker{}); size > 512 {
		t.Errorf("a tracker has %d bytes", size)
	}
}

func TestStepDoesNotAllocate(t *testing.T) {
	m := window(t, 1, 112)
	var tracker tempo.Tracker
	if n := testing.AllocsPerRun(100, func() { tracker.Step(m, tempo.Known(0.9, 0.05)) }); n != 0 {
		t.Errorf("%g allocations", n)
	}
}

// window describes 5.12 s of a walk.
func window(t testing.TB, stride, spm float64) *feature.Motion {
	t.Helper()
	var w signal.Window
	for _, row := range (gait{step: 3, stride: stride, second: 1, noise: 0.3}).rows(steady(spm), 6) {
		w.Push(row)
	}
	return feature.NewExtractor().Extract(&w)
}

func BenchmarkStep(b *testing.B) {
	b.ReportAllocs()
	m := window(b, 1, 112)
	var tracker tempo.Tracker
	for b.Loop() {
		tracker.Step(m, tempo.Known(0.9, 0.05))
	}
}

// Who begins to walk gets a tempo at once with little of a rhythm, with the
// confidence that it deserves; later there is one when it is sure, or the last one
// is held.
func TestFirstTempoIsNotWaitedForLong(t *testing.T) {
	const begins = 19
	rows := gait{step: 1.2, stride: 0.6, noise: 1.6}.rows(steady(108), 30)
	said := follow(rows, func(second int) (walk, run float64) {
		if second < begins {
			return 0.01, 0
		}
		return 0.9, 0
	})
	if before := said[begins-1]; !math.IsNaN(before.CadenceSPM) {
		t.Fatalf("before the walk %.1f", before.CadenceSPM)
	}
	if first := said[begins]; math.Abs(first.CadenceSPM-108) > 3 || first.Confidence >= 0.55 || first.Confidence < 0.35 {
		t.Errorf("in its first second %.1f, confidence %.2f", first.CadenceSPM, first.Confidence)
	}
	for i, next := range said[begins+1:] {
		if next.Confidence < 0.55 && !math.IsNaN(next.CadenceSPM) && next.CadenceSPM != said[begins+i].CadenceSPM {
			t.Errorf("%d s later %.1f, confidence %.2f", i+1, next.CadenceSPM, next.Confidence)
		}
	}
}
