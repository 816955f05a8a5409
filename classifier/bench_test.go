package classifier_test

import (
	"flag"
	"fmt"
	"math"
	"runtime"
	"strings"
	"testing"
	"time"
	"unsafe"

	"gonum.org/v1/gonum/dsp/fourier"

	"github.com/tempogate/tempogate/classifier"
	"github.com/tempogate/tempogate/classifier/feature"
	"github.com/tempogate/tempogate/classifier/model"
	"github.com/tempogate/tempogate/classifier/signal"
	"github.com/tempogate/tempogate/classifier/tempo"
)

const benchHz = 100

// hop is one second of a walk, 100 readings and a fix, from the readings to
// the estimate: resampling, features, model, filter, tempo.
func hop() func() {
	s := classifier.NewStream(classifier.Config{})
	w := classifier.NewWorkspace()
	samples := walk(0, 10, benchHz)
	fixes := []classifier.Fix{{SpeedMPS: 1.4, AccuracyM: 5}}
	dst := make([]classifier.Estimate, 0, 8)
	now, at := int64(0), 0
	return func() {
		batch := samples[at : at+benchHz]
		at = (at + benchHz) % len(samples)
		for i := range batch {
			batch[i].SensorTime = now + int64(i)*second/benchHz
		}
		fixes[0].SensorTime = now + second/2
		now += second
		var err error
		if dst, err = s.Push(dst[:0], w, batch, fixes); err != nil || len(dst) > 1 {
			panic("a hop gives one estimate")
		}
	}
}

// fft256 is gonum's real transform of 256 points, the measure that the cost of
// a hop is held against.
func fft256() func() {
	fft := fourier.NewFFT(256)
	in, out := make([]float64, 256), make([]complex128, 129)
	for i := range in {
		in[i] = float64(i % 17)
	}
	return func() { fft.Coefficients(out, in) }
}

// resample is a hop's share of package signal.
func resample() func() {
	var r signal.Resampler
	var window signal.Window
	samples := walk(0, 10, benchHz)
	r.Start(0)
	now, at := int64(0), 0
	return func() {
		batch := samples[at : at+benchHz]
		at = (at + benchHz) % len(samples)
		for i := range batch {
			batch[i].SensorTime = now + int64(i)*second/benchHz
		}
		now += second
		read(&r, batch, &window)
	}
}

// read fills a window with what the samples are resampled to.
func read(r *signal.Resampler, samples []classifier.Sample, window *signal.Window) {
	var row signal.Row
	for {
		taken, complete := r.Read(samples, &row)
		samples = samples[taken:]
		if !complete {
			return
		}
		window.Push(row)
	}
}

// windows are some windows of a walk, a second apart.
func windows() (windows [8]signal.Window) {
	var window signal.Window
	var r signal.Resampler
	r.Start(0)
	samples := walk(0, 14, benchHz)
	for i := range windows {
		from, to := (5+i)*benchHz, (6+i)*benchHz
		if i == 0 {
			from = 0
		}
		read(&r, samples[from:to], &window)
		windows[i] = window
	}
	return windows
}

// describe is its share of package feature.
func describe() func() {
	windows := windows()
	e := feature.NewExtractor()
	var h feature.History
	i := 0
	return func() {
		e.ExtractAfter(&windows[i%len(windows)], &h)
		i++
	}
}

// name is its share of package model but for the filter.
func name() func() {
	windows := windows()
	m := model.Default()
	var vectors [len(windows)]feature.Vector
	for i := range windows {
		vectors[i] = feature.NewExtractor().Extract(&windows[i]).Features
	}
	var w model.Work
	var q model.Scores
	i := 0
	return func() {
		m.Posterior(&q, &w, &vectors[i%len(vectors)], benchHz)
		i++
	}
}

// filter is the filter's share.
func filter() func() {
	m := model.Default()
	var f model.Filter
	q := model.Scores{0.02, 0.9, 0.01, 0.05, 0.02}
	var speed model.Scores
	return func() {
		m.SpeedLog(&speed, 1.4)
		f.Step(m, &q, &speed)
		f.Decide(m)
	}
}

// cadence is the tempo's share.
func cadence() func() {
	windows := windows()
	var motions [len(windows)]*feature.Motion
	for i := range windows {
		motions[i] = feature.NewExtractor().Extract(&windows[i])
	}
	var tracker tempo.Tracker
	i := 0
	return func() {
		tracker.Step(motions[i%len(motions)], tempo.Known(0.9, 0.05))
		i++
	}
}

// work is what is measured: first the measure and the whole, then its parts.
var work = [...]struct {
	name  string
	begin func() func()
}{
	{"FFT256", fft256},
	{"Hop", hop},
	{"Resample", resample},
	{"Features", describe},
	{"Model", name},
	{"Filter", filter},
	{"Tempo", cadence},
}

// Benchmark has a sub-benchmark for each of work.
func Benchmark(b *testing.B) {
	for _, w := range work {
		b.Run(w.name, func(b *testing.B) {
			b.ReportAllocs()
			do := w.begin()
			for b.Loop() {
				do()
			}
		})
	}
}

var figures = flag.Bool("figures", false, "measure and print the figures of make bench-classifier")

// TestBenchmarkFigures prints what make bench-classifier promises: lines that
// benchstat reads, and below them the shortest times.
//
// All take turns, so that they see the same machine. Turns are short and many
// and the shortest counts: on a busy machine most longer ones are interrupted.
func TestBenchmarkFigures(t *testing.T) {
	if !*figures {
		t.Skip("run with -figures, or make bench-classifier")
	}
	const rounds, turns = 10, 30
	var (
		do     [len(work)]func()
		times  [len(work)]int // of one turn, about half a millisecond
		best   [len(work)]float64
		allocs [len(work)]float64
	)
	for i, w := range work {
		do[i] = w.begin()
		for times[i] = 1; timed(do[i], times[i])*float64(times[i]) < 0.3e6; {
			times[i] *= 2
		}
		allocs[i] = testing.AllocsPerRun(100, do[i])
		best[i] = math.Inf(1)
	}
	fmt.Printf("goos: %s\ngoarch: %s\npkg: github.com/tempogate/tempogate/classifier\n", runtime.GOOS, runtime.GOARCH)
	for range rounds {
		var ns [len(work)]float64
		for range turns {
			for i := range work {
				if took := timed(do[i], times[i]); ns[i] == 0 || took < ns[i] {
					ns[i] = took
				}
			}
		}
		for i, w := range work {
			fmt.Printf("Benchmark/%s-%d\t%d\t%.1f ns/op\t%.0f allocs/op\n", w.name, runtime.GOMAXPROCS(0), turns*times[i], ns[i], allocs[i])
			best[i] = min(best[i], ns[i])
		}
	}
	byName := map[string]float64{}
	for i, w := range work {
		byName[w.name] = best[i]
		if w.name == "Hop" {
			fmt.Printf("hop_allocs %.0f\n", allocs[i])
		}
	}
	fmt.Printf("hop_ns %.0f\n", byName["Hop"])
	fmt.Printf("fft256_ns %.0f\n", byName["FFT256"])
	fmt.Printf("hop_over_fft256 %.2f\n", byName["Hop"]/byName["FFT256"])
	for _, part := range []string{"Resample", "Features", "Model", "Filter", "Tempo"} {
		fmt.Printf("%s_ns %.0f\n", strings.ToLower(part), byName[part])
	}
	fmt.Printf("state_bytes %d\n", unsafe.Sizeof(classifier.Stream{}))
}

// timed returns the nanoseconds of one of n times.
func timed(do func(), n int) float64 {
	began := time.Now()
	for range n {
		do()
	}
	return float64(time.Since(began)) / float64(n)
}
