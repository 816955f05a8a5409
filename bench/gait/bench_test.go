package gait_test

import (
	"testing"
	"time"
	"unsafe"

	"github.com/tempogate/tempogate/bench/gait"
	"github.com/tempogate/tempogate/classifier"
)

// BenchmarkSample is the cost of one sample: 0 allocs.
func BenchmarkSample(b *testing.B) {
	for _, activity := range []classifier.Activity{classifier.Still, classifier.Walk, classifier.Run, classifier.Cycle, classifier.Transit} {
		for _, rate := range []float64{50, 100} {
			b.Run(activity.String()+map[float64]string{50: "/50Hz", 100: "/100Hz"}[rate], func(b *testing.B) {
				s, err := gait.New(gait.Config{RateHz: rate, FixRateHz: 1}, gait.Plan{{Activity: activity, Duration: 700 * time.Hour}})
				if err != nil {
					b.Fatal(err)
				}
				samples, fixes := make([]classifier.Sample, 0, 64), make([]classifier.Fix, 0, 8)
				b.ReportAllocs()
				for n := 0; n < b.N; n += 50 {
					samples = s.Next(samples[:0], 50)
					fixes = s.Fixes(fixes[:0], s.SensorTime())
				}
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
	_ = unsafe.Sizeof(0)
}
