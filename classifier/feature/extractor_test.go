package feature_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/tempogate/tempogate/classifier/feature"
	"github.com/tempogate/tempogate/classifier/signal"
)

// gait fills a window with a simple gait: steps at 2 Hz along gravity, strides
// at 1 Hz across it, on a phone turned by the given rotation.
func gait(rows int, gravity float64, turn func([3]float64) [3]float64) *signal.Window {
	random := rand.New(rand.NewPCG(3, 4))
	var w signal.Window
	for i := range rows {
		t := float64(i) / signal.RateHz
		a := turn([3]float64{
			1.0*math.Sin(2*math.Pi*1*t+0.4) + 0.05*random.NormFloat64(),
			0.7*math.Cos(2*math.Pi*2*t) + 0.05*random.NormFloat64(),
			gravity + 2.5*math.Sin(2*math.Pi*2*t) + 0.6*math.Sin(2*math.Pi*4*t+1) + 0.05*random.NormFloat64(),
		})
		w.Push(signal.Row{float32(a[0]), float32(a[1]), float32(a[2])})
	}
	return &w
}

func upright(a [3]float64) [3]float64 { return a }

// rotation returns the rotation of a random unit quaternion.
func rotation(seed uint64) func([3]float64) [3]float64 {
	random := rand.New(rand.NewPCG(seed, 9))
	var q [4]float64
	var length float64
	for i := range q {
		q[i] = random.NormFloat64()
		length += q[i] * q[i]
	}
	for i := range q {
		q[i] /= math.Sqrt(length)
	}
	w, x, y, z := q[0], q[1], q[2], q[3]
	return func(a [3]float64) [3]float64 {
		return [3]float64{
			(1-2*(y*y+z*z))*a[0] + 2*(x*y-w*z)*a[1] + 2*(x*z+w*y)*a[2],
			2*(x*y+w*z)*a[0] + (1-2*(x*x+z*z))*a[1] + 2*(y*z-w*x)*a[2],
			2*(x*z-w*y)*a[0] + 2*(y*z+w*x)*a[1] + (1-2*(x*x+y*y))*a[2],
		}
	}
}

func TestTurningThePhoneChangesNothing(t *testing.T) {
	e := feature.NewExtractor()
	want := e.Extract(gait(signal.WindowLength, 9.81, upright)).Features
	for seed := range uint64(50) {
		got := e.Extract(gait(signal.WindowLength, 9.81, rotation(seed))).Features
		for i := range want {
			if d := math.Abs(got[i] - want[i]); d > 2e-4 {
				t.Errorf("rotation %d: %s is %v, upright %v", seed, feature.Names[i], got[i], want[i])
			}
		}
	}
}

// iOS gives gravity the other sign than Android.
func TestSignOfTheAxesChangesNothing(t *testing.T) {
	e := feature.NewExtractor()
	want := e.Extract(gait(signal.WindowLength, 9.81, upright)).Features
	got := e.Extract(gait(signal.WindowLength, 9.81, func(a [3]float64) [3]float64 { return [3]float64{-a[0], -a[1], -a[2]} })).Features
	for i := range want {
		if d := math.Abs(got[i] - want[i]); d > 1e-9 {
			t.Errorf("%s is %v, with the other sign %v", feature.Names[i], want[i], got[i])
		}
	}
}

// Without gravity the direction of the largest motion stands in for up.
func TestSourceWithoutGravity(t *testing.T) {
	e := feature.NewExtractor()
	with := *e.Extract(gait(signal.WindowLength, 9.81, upright))
	v := append([]float64(nil), with.Vertical...)
	without := e.Extract(gait(signal.WindowLength, 0, rotation(7)))
	if without.GravityMPS2 != 0 {
		t.Errorf("gravity of %v found where there is none", without.GravityMPS2)
	}
	var same, norm, other float64
	for i := range v {
		same += v[i] * without.Vertical[i]
		norm += v[i] * v[i]
		other += without.Vertical[i] * without.Vertical[i]
	}
	if r := math.Abs(same) / math.Sqrt(norm*other); r < 0.95 {
		t.Errorf("the stand-in follows the vertical with a correlation of %.2f only", r)
	}
}

func TestSpectrumAndRhythm(t *testing.T) {
	e := feature.NewExtractor()
	m := e.Extract(gait(signal.WindowLength, 9.81, rotation(1)))
	tests := []struct {
		name            string
		got, want, near float64
	}{
		// Amplitudes 2.5 and 0.6 and noise of 0.05: 2.5²/2 + 0.6²/2 + 0.05².
		{"variance of v", m.Variance, 3.31, 0.1},
		{"variance of h", m.HorizontalVar, 0.5 + 0.245 + 0.005, 0.1},
		{"power of v in all lines", sum(m.VerticalPower), 3.31, 0.2},
		{"power of h in all lines", sum(m.HorizontalPower), 0.75, 0.2},
		{"share of the line at 2 Hz", m.VerticalPower[10] / sum(m.VerticalPower), 0.6, 0.1},
		{"ρ after half a second", m.Correlation[12], 0.98, 0.1}, // the period is 12.5 rows
		{"ρ after a second", m.Correlation[25], 1, 0.02},
		{"ρ after a quarter", m.Correlation[6], -0.85, 0.15},
	}
	for _, test := range tests {
		if math.Abs(test.got-test.want) > test.near {
			t.Errorf("%s: %.3f, want %.3f", test.name, test.got, test.want)
		}
	}
}

func sum(v []float64) (s float64) {
	for _, x := range v {
		s += x
	}
	return s
}

// Whatever a sensor may deliver, every feature is a finite number.
func TestFeaturesAreFinite(t *testing.T) {
	fill := func(f func(i int) signal.Row) *signal.Window {
		var w signal.Window
		for i := range signal.WindowLength {
			w.Push(f(i))
		}
		return &w
	}
	windows := map[string]*signal.Window{
		"nothing at all":        fill(func(int) signal.Row { return signal.Row{} }),
		"a phone on a table":    fill(func(int) signal.Row { return signal.Row{0, 0, 9.81} }),
		"one axis stuck":        fill(func(i int) signal.Row { return signal.Row{1000, float32(i % 3), 0} }),
		"clipped at both ends":  fill(func(i int) signal.Row { return signal.Row{float32(1000 * (i%2*2 - 1)), 0, 0} }),
		"a single spike":        fill(func(i int) signal.Row { return signal.Row{0, 0, float32(1000 * (i / 127))} }),
		"the shortest window":   gait(feature.MinLength, 9.81, upright),
		"free fall, no gravity": gait(signal.WindowLength, 0, upright),
		"tiny, without gravity": fill(func(i int) signal.Row { return signal.Row{float32(i) * 1e-20, 0, 0} }),
		"slowly turned all over": fill(func(i int) signal.Row {
			s, c := math.Sincos(float64(i) / 20)
			return signal.Row{float32(9 * s), 0, float32(9 * c)}
		}),
	}
	e := feature.NewExtractor()
	for name, w := range windows {
		for i, x := range e.Extract(w).Features {
			if math.IsNaN(x) || math.IsInf(x, 0) {
				t.Errorf("%s: %s is %v", name, feature.Names[i], x)
			}
		}
	}
}

// An Extractor shares sums, takes short cuts and approximates logarithms; what
// comes out is what the definitions give.
func TestFeaturesAreWhatTheyAreDefinedAs(t *testing.T) {
	streams := []struct {
		name   string
		motion func(t float64, random *rand.Rand) [3]float64
	}{
		{"a walk, turned all over", func(t float64, random *rand.Rand) [3]float64 {
			return rotation(5)([3]float64{
				math.Sin(2*math.Pi*0.9*t) + 0.2*random.NormFloat64(),
				0.7*math.Cos(2*math.Pi*1.8*t) + 0.2*random.NormFloat64(),
				9.81 + 2.5*math.Sin(2*math.Pi*1.8*t) + 0.6*math.Sin(2*math.Pi*3.6*t) + 0.2*random.NormFloat64(),
			})
		}},
		{"a run, below free fall at times", func(t float64, random *rand.Rand) [3]float64 {
			return rotation(8)([3]float64{
				4*math.Sin(2*math.Pi*1.4*t) + random.NormFloat64(), 3 * random.NormFloat64(),
				9.81 + 12*math.Sin(2*math.Pi*2.8*t) + random.NormFloat64(),
			})
		}},
		{"on a table", func(t float64, random *rand.Rand) [3]float64 {
			return [3]float64{0.01 * random.NormFloat64(), 0.01 * random.NormFloat64(), 9.81 + 0.01*random.NormFloat64()}
		}},
		{"still and walking in turns, so that windows are cut", func(t float64, random *rand.Rand) [3]float64 {
			a := 3.0
			if math.Mod(t, 7.3) < 3.1 {
				a = 0.05
			}
			return [3]float64{a * random.NormFloat64(), 0.3 * a * math.Cos(12*t), 9.81 + a*math.Sin(12*t)}
		}},
		{"turned over again and again", func(t float64, random *rand.Rand) [3]float64 {
			s, c := math.Sincos(t)
			return [3]float64{9.81*s + 0.3*random.NormFloat64(), 0.3 * random.NormFloat64(), 9.81 * c}
		}},
		{"without gravity", func(t float64, random *rand.Rand) [3]float64 {
			return rotation(4)([3]float64{0.5 * random.NormFloat64(), 0.3 * random.NormFloat64(), 2.5*math.Sin(2*math.Pi*2*t) + 0.2})
		}},
	}
	const near = 5e-5 // a feature's spread over activities is about 1
	for _, stream := range streams {
		t.Run(stream.name, func(t *testing.T) {
			random := rand.New(rand.NewPCG(6, 2))
			e := feature.NewExtractor()
			var w signal.Window
			var h feature.History
			var r reference
			for row := range 40 * signal.RateHz {
				a := stream.motion(float64(row)/signal.RateHz, random)
				w.Push(signal.Row{float32(a[0]), float32(a[1]), float32(a[2])})
				// Every length up to a whole window, and then every second.
				if w.Len() < feature.MinLength || w.Len() == signal.WindowLength && row%signal.RateHz > 0 {
					continue
				}
				got, want := e.ExtractAfter(&w, &h).Features, r.describe(&w)
				for i, name := range feature.Names {
					if d := math.Abs(got[i] - want[i]); !(d <= near) {
						t.Fatalf("row %d: %s is %.8f, by its definition %.8f", row, name, got[i], want[i])
					}
				}
			}
		})
	}
}

func TestTooShortAWindow(t *testing.T) {
	if feature.NewExtractor().Extract(gait(feature.MinLength-1, 9.81, upright)) != nil {
		t.Error("a window below the least length was described")
	}
}

func TestNamesAreDistinct(t *testing.T) {
	seen := map[string]bool{}
	for i, name := range feature.Names {
		if name == "" || seen[name] {
			t.Errorf("feature %d is called %q", i, name)
		}
		seen[name] = true
	}
}

func BenchmarkExtract(b *testing.B) {
	b.ReportAllocs()
	e := feature.NewExtractor()
	w := gait(signal.WindowLength, 9.81, rotation(1))
	for b.Loop() {
		e.Extract(w)
	}
}
