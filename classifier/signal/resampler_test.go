package signal_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/tempogate/tempogate/classifier/signal"
)

// sampled runs a(t) = sin(2πft) on the x axis, a constant on the y axis and a
// ramp on the z axis through a resampler, at the sensor times given in
// seconds, and returns the rows with their times.
func sampled(times []float64, f float64) (rows []signal.Row, at []float64) {
	var r signal.Resampler
	r.Start(0)
	var samples []signal.Sample
	for _, t := range times {
		samples = append(samples, signal.Sample{SensorTime: int64(math.Round(t * 1e9)), X: math.Sin(2 * math.Pi * f * t), Y: 9.81, Z: 0.1 * t})
	}
	read(&r, samples, func(row signal.Row) {
		rows = append(rows, row)
		at = append(at, float64(r.Index())/signal.RateHz)
	})
	return rows, at
}

// read reads all samples and hands on the rows that they complete.
func read(r *signal.Resampler, samples []signal.Sample, take func(signal.Row)) {
	var row signal.Row
	for {
		taken, complete := r.Read(samples, &row)
		samples = samples[taken:]
		if !complete {
			return
		}
		take(row)
	}
}

func steady(rate, seconds float64) []float64 {
	var times []float64
	for i := 0; float64(i) < rate*seconds; i++ {
		times = append(times, float64(i)/rate)
	}
	return times
}

// delay is the time from the middle of the newest cell to the middle of the
// filter: 7 cells and a half.
const delay = 7.5 * 0.020

func TestRateOfTheSourceDoesNotShow(t *testing.T) {
	jittered := func(rate float64) []float64 {
		random := rand.New(rand.NewPCG(1, 2))
		times := steady(rate, 10)
		for i := range times[1:] {
			times[i+1] += 0.3 / rate * (random.Float64() - 0.5)
		}
		return times
	}
	tests := []struct {
		name  string
		times []float64
		f     float64 // Hz
		worst float64 // largest difference from the true curve
	}{
		{"406 Hz", steady(406, 10), 2, 0.01},
		{"200 Hz", steady(200, 10), 2, 0.01},
		{"100 Hz", steady(100, 10), 2, 0.01},
		{"100 Hz jittered", jittered(100), 2, 0.01},
		{"50 Hz", steady(50, 10), 2, 0.01},
		{"26 Hz", steady(26, 10), 2, 0.02},
		{"20 Hz", steady(20, 10), 2, 0.04},
		{"20 Hz jittered", jittered(20), 2, 0.06},
		{"100 Hz, second harmonic of a run", steady(100, 10), 5.6, 0.05},
		{"20 Hz, second harmonic of a run", steady(20, 10), 5.6, 0.4}, // near its Nyquist rate: the curve between three readings a period is a guess
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			rows, at := sampled(test.times, test.f)
			if len(rows) < 9*signal.RateHz {
				t.Fatalf("%d rows from 10 s", len(rows))
			}
			for i, row := range rows {
				if at[i] < 0.5 {
					continue // the filter is still filling
				}
				want := math.Sin(2 * math.Pi * test.f * (at[i] - delay))
				if d := math.Abs(float64(row[0]) - want); d > test.worst {
					t.Fatalf("at %.2f s: %.3f, want %.3f", at[i], row[0], want)
				}
				if d := math.Abs(float64(row[1]) - 9.81); d > 1e-4 {
					t.Fatalf("a constant came out as %v", row[1])
				}
				if d := math.Abs(float64(row[2]) - 0.1*(at[i]-delay)); d > 1e-3 {
					t.Fatalf("at %.2f s a ramp came out as %v", at[i], row[2])
				}
			}
		})
	}
}

// What a source faster than the grid carries above the grid's own band must
// not come out as slow motion.
func TestVibrationDoesNotAlias(t *testing.T) {
	for _, f := range []float64{18, 22, 27, 31, 45, 50, 75, 95} {
		rows, _ := sampled(steady(400, 10), f)
		var power float64
		for _, row := range rows[signal.RateHz:] {
			power += float64(row[0] * row[0])
		}
		rms := math.Sqrt(power / float64(len(rows)-signal.RateHz))
		if limit := 0.16 / math.Sqrt2; rms > limit {
			t.Errorf("%v Hz comes through with an amplitude of %.3f", f, rms*math.Sqrt2)
		}
	}
}

func TestHalfBandTaps(t *testing.T) {
	bessel := func(x float64) float64 {
		sum, term := 1.0, 1.0
		for k := 1.0; term > 1e-18*sum; k++ {
			term *= (x / 2 / k) * (x / 2 / k)
			sum += term
		}
		return sum
	}
	var want [4]float64
	var total float64
	for i := range want {
		n := float64(2*i + 1)
		want[i] = math.Sin(math.Pi*n/2) / (math.Pi * n) * bessel(4*math.Sqrt(1-n*n/64)) / bessel(4)
		total += want[i]
	}
	for i, tap := range signal.HalfBand() {
		if d := math.Abs(tap - want[i]*0.25/total); d > 1e-15 {
			t.Errorf("tap %d is off by %g", 2*i+1, d)
		}
	}
}

func TestRestartKeepsTheGrid(t *testing.T) {
	var r signal.Resampler
	r.Start(0)
	feed := func(from, to float64) (first, last int64) {
		first = -1
		for s := from; s < to; s += 0.01 {
			read(&r, []signal.Sample{{SensorTime: int64(s * 1e9), X: 1, Y: 2, Z: 3}}, func(signal.Row) {
				if first < 0 {
					first = r.Index()
				}
				last = r.Index()
			})
		}
		return first, last
	}
	if first, last := feed(0, 2); first != 1 || last != 49 {
		t.Errorf("rows %d to %d from the first two seconds", first, last)
	}
	r.Restart()
	if first, _ := feed(100.003, 101); first != 2501 && first != 2502 {
		t.Errorf("after a gap the first row is %d", first)
	}
	if hz := r.SourceHz(); math.Abs(hz-100) > 1 {
		t.Errorf("the source has %.1f Hz", hz)
	}
}

func TestClearLeavesNothing(t *testing.T) {
	var r signal.Resampler
	var w signal.Window
	r.Start(0)
	for i := range 1000 {
		read(&r, []signal.Sample{{SensorTime: int64(i) * 1e7, X: 7, Y: 7, Z: 7}}, w.Push)
	}
	r.Clear()
	w.Clear()
	if r != (signal.Resampler{}) || w != (signal.Window{}) {
		t.Error("something is left")
	}
}

func TestWindowSlides(t *testing.T) {
	var w signal.Window
	var rows [signal.WindowLength]signal.Row
	for i := range 300 {
		w.Push(signal.Row{float32(i), float32(2 * i), float32(3 * i)})
		n := w.Rows(&rows)
		if n != min(i+1, signal.WindowLength) || n != w.Len() {
			t.Fatalf("after %d rows: %d held", i+1, n)
		}
		for j := range n {
			if x := float32(i - n + 1 + j); rows[j] != (signal.Row{x, 2 * x, 3 * x}) {
				t.Fatalf("after %d rows: place %d holds %v", i+1, j, rows[j])
			}
		}
	}
}

func BenchmarkResample100Hz(b *testing.B) {
	b.ReportAllocs()
	var r signal.Resampler
	var w signal.Window
	r.Start(0)
	samples := make([]signal.Sample, 100)
	for i := range b.N {
		for j := range samples {
			samples[j] = signal.Sample{SensorTime: int64(100*i+j) * 10_000_000, X: 0.3, Y: 9.7, Z: float64(j % 7)}
		}
		read(&r, samples, w.Push)
	}
}
