package classifier_test

import (
	"flag"
	"fmt"
	"testing"
	"unsafe"

	"gonum.org/v1/gonum/dsp/fourier"

	"github.com/tempogate/tempogate/classifier"
	"github.com/tempogate/tempogate/classifier/feature"
	"github.com/tempogate/tempogate/classifier/signal"
	"github.com/tempogate/tempogate/classifier/tempo"
)

// BenchmarkHop is one second of 100 readings and one fix, from the readings to
// the estimate: resampling, features, model, filter, tempo.
func BenchmarkHop(b *testing.B) {
	b.ReportAllocs()
	s := classifier.NewStream(classifier.Config{})
	w := classifier.NewWorkspace()
	samples := walk(0, 1, 100)
	fixes := []classifier.Fix{{SpeedMPS: 1.4, AccuracyM: 5}}
	dst := make([]classifier.Estimate, 0, 8)
	now := int64(0)
	for b.Loop() {
		for i := range samples {
			samples[i].SensorTime = now + int64(i)*second/100
		}
		fixes[0].SensorTime = now + second/2
		now += second
		var err error
		if dst, err = s.Push(dst[:0], w, samples, fixes); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkFFT256 is gonum's real transform of 256 points, the measure that
// the cost of a hop is held against.
func BenchmarkFFT256(b *testing.B) {
	b.ReportAllocs()
	fft := fourier.NewFFT(256)
	in, out := make([]float64, 256), make([]complex128, 129)
	for i := range in {
		in[i] = float64(i % 17)
	}
	for b.Loop() {
		fft.Coefficients(out, in)
	}
}

// BenchmarkTempo is the tempo's share of a hop.
func BenchmarkTempo(b *testing.B) {
	b.ReportAllocs()
	var window signal.Window
	var r signal.Resampler
	r.Start(0)
	for _, s := range walk(0, 6, 100) {
		r.Add(s.SensorTime, s.X, s.Y, s.Z)
		var row signal.Row
		for r.Next(&row) {
			window.Push(row)
		}
	}
	m := feature.NewExtractor().Extract(&window)
	var tracker tempo.Tracker
	for b.Loop() {
		tracker.Step(m, 0.9, 0.05)
	}
}

var figures = flag.Bool("figures", false, "measure and print the figures of make bench-classifier")

// TestBenchmarkFigures prints what make bench-classifier promises. The hop and
// the transform take turns, so that both see the same machine.
func TestBenchmarkFigures(t *testing.T) {
	if !*figures {
		t.Skip("run with -figures, or make bench-classifier")
	}
	best := func(n *float64, b testing.BenchmarkResult) {
		if ns := float64(b.T.Nanoseconds()) / float64(b.N); *n == 0 || ns < *n {
			*n = ns
		}
	}
	var hop, fft, cadence float64
	var allocs int64
	for range 5 {
		best(&fft, testing.Benchmark(BenchmarkFFT256))
		result := testing.Benchmark(BenchmarkHop)
		best(&hop, result)
		allocs = max(allocs, result.AllocsPerOp())
		best(&cadence, testing.Benchmark(BenchmarkTempo))
	}
	fmt.Printf("hop_ns %.0f\n", hop)
	fmt.Printf("fft256_ns %.0f\n", fft)
	fmt.Printf("hop_over_fft256 %.2f\n", hop/fft)
	fmt.Printf("hop_allocs %d\n", allocs)
	fmt.Printf("tempo_ns %.0f\n", cadence)
	fmt.Printf("state_bytes %d\n", unsafe.Sizeof(classifier.Stream{}))
}
