package evaluation

import (
	"math"
	"time"

	"gonum.org/v1/gonum/dsp/fourier"

	"github.com/tempogate/tempogate/classifier"
	"github.com/tempogate/tempogate/classifier/model"
)

// A Cost is what one second costs, beside a transform that everybody can
// measure. It is the one part of a report that differs from run to run.
type Cost struct {
	HopNS         float64 `json:"hop_ns"`          // one hop: 100 readings and a fix in, an estimate out
	FFT256NS      float64 `json:"fft256_ns"`       // gonum's real FFT of 256 points, measured in turns with the hop
	HopOverFFT256 float64 `json:"hop_over_fft256"` // how many times as much
}

// measureCost times a hop and the transform in turns, so that both see the
// same machine, and keeps the shortest of each. Turns are short and many: on a
// busy machine most longer ones are interrupted.
func measureCost(m *model.Model) Cost {
	const turns = 100
	hop, fft := hopOf(m), fft256()
	hops, ffts := rounds(hop), rounds(fft)
	c := Cost{HopNS: math.Inf(1), FFT256NS: math.Inf(1)}
	for range turns {
		c.FFT256NS = min(c.FFT256NS, timed(fft, ffts))
		c.HopNS = min(c.HopNS, timed(hop, hops))
	}
	c.HopOverFFT256 = c.HopNS / c.FFT256NS
	return c
}

// rounds finds how often something has to be done to last some half a
// millisecond.
func rounds(do func()) int {
	n := 1
	for timed(do, n)*float64(n) < 0.25e6 {
		n *= 2
	}
	return 2 * n
}

// timed returns the nanoseconds of one of n times.
func timed(do func(), n int) float64 {
	began := time.Now()
	for range n {
		do()
	}
	return float64(time.Since(began)) / float64(n)
}

// hopOf returns one second of somebody walking with a phone that gives 100
// readings a second and a fix: resampling, features, model, filter and tempo.
func hopOf(m *model.Model) func() {
	const rate = 100
	var (
		stream    = classifier.NewStream(classifier.Config{Model: m})
		workspace = classifier.NewWorkspace()
		samples   = make([]classifier.Sample, rate)
		fixes     = make([]classifier.Fix, 1)
		estimates = make([]classifier.Estimate, 0, 8)
		now       int64
	)
	for i := range samples {
		// Two steps a second, the stride beside them, and some sway: all of
		// it repeats every second.
		t := float64(i) / rate
		samples[i].X = 0.8 * math.Sin(2*math.Pi*t)
		samples[i].Y = 9.6 + 2.5*math.Sin(4*math.Pi*t) + 0.7*math.Sin(8*math.Pi*t+1)
		samples[i].Z = 1.2 * math.Cos(4*math.Pi*t)
	}
	return func() {
		for i := range samples {
			samples[i].SensorTime = now + int64(i)*classifier.HopNS/rate
		}
		fixes[0] = classifier.Fix{SensorTime: now + classifier.HopNS/2, SpeedMPS: 1.4, AccuracyM: 5, EastM: math.NaN(), NorthM: math.NaN()}
		now += classifier.HopNS
		// Nothing here can be refused: finite, and forward in time.
		estimates, _ = stream.Push(estimates[:0], workspace, samples, fixes)
	}
}

func fft256() func() {
	fft := fourier.NewFFT(256)
	in, out := make([]float64, 256), make([]complex128, 129)
	for i := range in {
		in[i] = float64(i % 17)
	}
	return func() { fft.Coefficients(out, in) }
}
