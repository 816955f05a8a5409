package tempo_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/tempogate/tempogate/classifier/feature"
	"github.com/tempogate/tempogate/classifier/signal"
	"github.com/tempogate/tempogate/classifier/tempo"
)

// gait is a vertical acceleration with exactly known cadence.
type gait struct {
	step, stride, second float64 // amplitudes at step rate, half of it, and twice, m/s²
	noise                float64 // standard deviation, m/s²
}

// follow runs a cadence, given by second, through a tracker and returns what
// it says each second.
func follow(g gait, cadence func(t float64) float64, seconds int, walk, run float64) []tempo.Tempo {
	random := rand.New(rand.NewPCG(5, 6))
	var w signal.Window
	e := feature.NewExtractor()
	var tracker tempo.Tracker
	var said []tempo.Tempo
	phase := 0.0
	for i := range seconds * signal.RateHz {
		t := float64(i) / signal.RateHz
		phase += 2 * math.Pi * cadence(t) / 60 / signal.RateHz
		v := g.step*math.Sin(phase) + g.stride*math.Sin(phase/2+0.7) + g.second*math.Sin(2*phase+1.3) + g.noise*random.NormFloat64()
		w.Push(signal.Row{float32(0.3 * random.NormFloat64()), float32(0.3 * random.NormFloat64()), float32(9.81 + v)})
		if (i+1)%signal.RateHz == 0 {
			said = append(said, tracker.Step(e.Extract(&w), walk, run))
		}
	}
	return said
}

func steady(spm float64) func(float64) float64 { return func(float64) float64 { return spm } }

func TestCadenceOfSteadyGaits(t *testing.T) {
	tests := []struct {
		name      string
		gait      gait
		spm       float64
		walk, run float64
		worst     float64 // steps a minute
	}{
		{"a stroll", gait{step: 1.5, second: 0.5, noise: 0.3}, 84, 1, 0, 1},
		{"a walk", gait{step: 2.5, second: 0.8, noise: 0.5}, 112, 1, 0, 1},
		{"a brisk walk", gait{step: 4, second: 1, noise: 0.5}, 134, 1, 0, 1},
		{"a walk in the pocket: the stride dominates", gait{step: 1.5, stride: 2.5, second: 0.6, noise: 0.4}, 108, 1, 0, 1},
		{"a walk with hard heels: the second harmonic dominates", gait{step: 1.5, stride: 0.3, second: 2.2, noise: 0.4}, 104, 1, 0, 1},
		{"a jog, below what the feature of 2015 heard", gait{step: 8, second: 2, noise: 1}, 138, 0, 1, 1},
		{"a run", gait{step: 10, second: 3, noise: 1}, 164, 0, 1, 1},
		{"a run in the pocket: the stride dominates", gait{step: 6, stride: 8, second: 2, noise: 1}, 168, 0, 1, 1.5},
		{"a sprint", gait{step: 12, second: 3, noise: 1}, 205, 0, 1, 1.5},
		{"a run that may be a walk", gait{step: 10, second: 3, noise: 1}, 160, 0.45, 0.45, 1.5},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			for i, got := range follow(test.gait, steady(test.spm), 30, test.walk, test.run) {
				if i < 3 {
					continue // the window is filling
				}
				if !(math.Abs(got.CadenceSPM-test.spm) <= test.worst) {
					t.Errorf("second %d: %.1f, want %.0f", i+1, got.CadenceSPM, test.spm)
				}
				if math.Abs(float64(got.BPM)-test.spm) > tempo.HoldSPM+0.5 {
					t.Errorf("second %d: the tempo is %d", i+1, got.BPM)
				}
			}
		})
	}
}

func TestNoSteppingNoCadence(t *testing.T) {
	walking := gait{step: 2.5, second: 0.8, noise: 0.5}
	tests := []struct {
		name      string
		gait      gait
		walk, run float64
	}{
		{"the activity is none on foot", walking, 0.1, 0.1},
		{"no rhythm", gait{noise: 2}, 1, 0},
		{"nothing moves", gait{}, 1, 0},
	}
	for _, test := range tests {
		said := 0
		for _, got := range follow(test.gait, steady(110), 40, test.walk, test.run) {
			if !math.IsNaN(got.CadenceSPM) {
				said++
			}
		}
		if said > 2 {
			t.Errorf("%s: a cadence in %d of 40 seconds", test.name, said)
		}
	}
}

func TestFollowsAChange(t *testing.T) {
	// 15 steps a minute more after 20 s.
	change := func(s float64) float64 {
		if s < 20 {
			return 150
		}
		return 165
	}
	said := follow(gait{step: 9, second: 2, noise: 1}, change, 40, 0, 1)
	for i, got := range said {
		want := change(float64(i))
		if i > 4 && i < 20 || i > 27 {
			if math.Abs(got.CadenceSPM-want) > 2 {
				t.Errorf("second %d: %.1f, want %.0f", i+1, got.CadenceSPM, want)
			}
		}
	}
	if last := said[len(said)-1].BPM; last < 163 || last > 167 {
		t.Errorf("the tempo ends at %d", last)
	}
}

// What a Tracker says depends on its input alone.
func TestSameInputSameOutput(t *testing.T) {
	g := gait{step: 3, stride: 1, second: 1, noise: 1}
	a := follow(g, steady(117), 20, 0.8, 0.1)
	b := follow(g, steady(117), 20, 0.8, 0.1)
	for i := range a {
		if a[i] != b[i] && !(math.IsNaN(a[i].CadenceSPM) && math.IsNaN(b[i].CadenceSPM)) {
			t.Fatalf("second %d: %v and %v", i+1, a[i], b[i])
		}
	}
}

func BenchmarkStep(b *testing.B) {
	b.ReportAllocs()
	var w signal.Window
	for i := range signal.WindowLength {
		w.Push(signal.Row{0, 0, float32(9.81 + 3*math.Sin(2*math.Pi*2*float64(i)/signal.RateHz))})
	}
	m := feature.NewExtractor().Extract(&w)
	var tracker tempo.Tracker
	for b.Loop() {
		tracker.Step(m, 0.9, 0.05)
	}
}
