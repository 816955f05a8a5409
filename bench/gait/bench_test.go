//go:build unix

package gait_test

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/tempogate/tempogate/bench/gait"
	"github.com/tempogate/tempogate/classifier"
)

// BenchmarkSample is the cost of one sample, with its share of the fixes: 0
// allocs. The metric cpu-ns/op is processor time, which a busy machine does
// not stretch as it does the clock.
func BenchmarkSample(b *testing.B) {
	for _, activity := range []classifier.Activity{classifier.Still, classifier.Walk, classifier.Run, classifier.Cycle, classifier.Transit} {
		for _, rate := range []float64{50, 100} {
			b.Run(fmt.Sprintf("%s/%gHz", activity, rate), func(b *testing.B) {
				s, err := gait.New(gait.Config{RateHz: rate, FixRateHz: 1}, gait.Plan{{Activity: activity, Duration: 700 * time.Hour}})
				if err != nil {
					b.Fatal(err)
				}
				samples, fixes := make([]classifier.Sample, 0, 64), make([]classifier.Fix, 0, 8)
				b.ReportAllocs()
				b.ResetTimer()
				before := processorTime(b)
				for n := 0; n < b.N; n += 50 {
					samples = s.Next(samples[:0], 50)
					fixes = s.Fixes(fixes[:0], s.SensorTime())
				}
				b.ReportMetric(float64((processorTime(b)-before).Nanoseconds())/float64(b.N), "cpu-ns/op")
			})
		}
	}
}

// BenchmarkNew is the cost of one more simulated phone.
func BenchmarkNew(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := gait.New(gait.Config{}, gait.DemoRun()); err != nil {
			b.Fatal(err)
		}
	}
}

// ProcessorTime is what this process has used so far, in user mode.
func processorTime(b *testing.B) time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano())
}
