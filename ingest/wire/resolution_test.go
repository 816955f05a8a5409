package wire

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/tempogate/tempogate/classifier"
)

// steps makes samples on multiples of a step, as a phone of that step would,
// moving by up to spread steps, and prints them as a recording might.
func onGrid(step float64, spread int, print func(float64) float64) []classifier.Sample {
	random := rand.New(rand.NewPCG(7, 8))
	out := make([]classifier.Sample, 100)
	at := [3]int{-300, 4000, 150}
	for i := range out {
		for axis := range at {
			at[axis] += random.IntN(2*spread+1) - spread
		}
		out[i] = classifier.Sample{SensorTime: int64(i) * 1e7, X: print(float64(at[0]) * step), Y: print(float64(at[1]) * step), Z: print(float64(at[2]) * step)}
	}
	return out
}

// The encoder finds a phone's own step, so that its integers come back exactly.
func TestEncoderFindsTheStep(t *testing.T) {
	exact := func(v float64) float64 { return v }
	float := func(v float64) float64 { return float64(float32(v)) }
	fiveDecimals := func(v float64) float64 { return math.Round(v*1e5) / 1e5 }
	for _, c := range []struct {
		name   string
		step   float64 // of the phone
		spread int
		print  func(float64) float64
		want   float64 // that the encoder uses
	}{
		{"Android, 8 g", standardGravity / 4096, 3, float, standardGravity / 4096},
		{"Android, 8 g, running", standardGravity / 4096, 800, float, standardGravity / 4096},
		{"Android, 4 g", standardGravity / 8192, 20, float, standardGravity / 8192},
		{"Android, 2 g", standardGravity / 16384, 20, float, standardGravity / 16384},
		{"g of 9.81", 9.81 / 4096, 20, float, 9.81 / 4096},
		{"an old phone", 0.0383, 5, exact, 0.0383},
		{"counts of 1/256 g", standardGravity / 256, 30, exact, standardGravity / 256},
		{"printed with five decimals", 0.01362, 10, fiveDecimals, 0.01362},
		{"finer than a sensor: iOS", 9.81 / 65536, 200, float, DefaultResolutionMPS2},
		{"no step at all", 1e-9, 1e7, exact, DefaultResolutionMPS2},
	} {
		t.Run(c.name, func(t *testing.T) {
			samples := onGrid(c.step, c.spread, c.print)
			e := NewEncoder(EncoderConfig{})
			if got := e.resolution(samples); math.Abs(got/c.want-1) > 1e-6 {
				t.Fatalf("found a step of %v, want %v", got, c.want)
			}
			got, _ := roundTrip(t, e, samples, nil)
			for i, s := range got.Samples {
				for axis, v := range [3]float64{s.X - samples[i].X, s.Y - samples[i].Y, s.Z - samples[i].Z} {
					most := 1e-5 // the digits that were printed
					if c.want != c.step {
						most = c.want/2 + 1e-9
					}
					if math.Abs(v) > most {
						t.Fatalf("sample %d, axis %d is %g off", i, axis, v)
					}
				}
			}
		})
	}
}

// A phone at rest shows no step. The one found before still holds.
func TestEncoderRemembersTheStep(t *testing.T) {
	step := standardGravity / 8192
	e := NewEncoder(EncoderConfig{})
	e.resolution(onGrid(step, 20, func(v float64) float64 { return v }))
	rest := make([]classifier.Sample, 100)
	for i := range rest {
		rest[i] = classifier.Sample{X: 7 * step, Y: 8001 * step, Z: -3 * step}
	}
	if got := e.resolution(rest); got != step {
		t.Errorf("step %v at rest, want %v", got, step)
	}
	if got := NewEncoder(EncoderConfig{}).resolution(rest); got != DefaultResolutionMPS2 {
		t.Errorf("step %v without anything to find it in, want the default", got)
	}
}

// The search must not cost every frame of a phone that has no step.
func TestEncoderStopsSearching(t *testing.T) {
	e := NewEncoder(EncoderConfig{})
	smooth := onGrid(1e-9, 1e7, func(v float64) float64 { return v })
	for range 2 * stepTries {
		e.resolution(smooth)
	}
	if e.tries != stepTries {
		t.Errorf("searched %d times, want %d", e.tries, stepTries)
	}
}
