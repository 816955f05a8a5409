package cadence

import (
	"math"
	"testing"
	"time"

	"github.com/tempogate/tempogate/bench/dataset"
	"github.com/tempogate/tempogate/bench/gait"
	"github.com/tempogate/tempogate/classifier"
)

// contacts are alternating feet at times in tenths of a second.
func contacts(tenths ...int64) []dataset.Step {
	steps := make([]dataset.Step, len(tenths))
	for i, t := range tenths {
		steps[i] = dataset.Step{SensorTime: t * 100_000_000, Foot: dataset.Foot(i % 2)}
	}
	return steps
}

// The true cadence is that of the last eight steps.
func TestCountedCadence(t *testing.T) {
	s := Counted(contacts(0, 5, 10, 15, 20, 25, 30, 35, 40, 44, 48))
	tests := []struct {
		tenth int64
		want  float64 // steps a minute, NaN where eight steps are not there
	}{
		{39, math.NaN()},
		{40, 120},          // eight steps in 4 s
		{43, 120},          // nothing new since
		{48, 8 * 60 / 3.8}, // from 1.0 to 4.8 s
		{70, math.NaN()},   // more than 1.5 s without a step
	}
	for _, test := range tests {
		got, _ := s.Cadence(test.tenth * 100_000_000)
		if got != test.want && !(math.IsNaN(got) && math.IsNaN(test.want)) && math.Abs(got-test.want) > 1e-9 {
			t.Errorf("at %.1f s: %v, want %v", float64(test.tenth)/10, got, test.want)
		}
	}
	if n := s.Between(0, 2_000_000_000); n != 4 {
		t.Errorf("%d steps after 0 s and up to 2 s, want 4", n)
	}
}

// The reference, which shares no code with the estimator, finds an even
// cadence within half a step a minute.
func TestReferenceOnSimulatedRuns(t *testing.T) {
	for _, spm := range []float64{150, 165, 180} {
		r, err := gait.Record(gait.Config{Seed: uint64(spm), Placement: gait.Armband, StepVariation: -1}, gait.Plan{
			{Activity: classifier.Run, Duration: 60 * time.Second, CadenceSPM: gait.Steady(spm)},
		})
		if err != nil {
			t.Fatal(err)
		}
		reference := NewReference(r.Samples, Band{LowSPM: 120, HighSPM: 220})
		from := r.Samples[0].SensorTime
		for second := int64(10); second < 50; second += 5 {
			if got := reference.SPM(from + second*1_000_000_000); !(math.Abs(got-spm) < 0.5) {
				t.Errorf("%v a minute: %.1f after %d s", spm, got, second)
			}
		}
	}
}
