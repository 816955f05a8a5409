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

// Feet alternate: a foot that comes down again too soon has bounced, and where
// one comes down twice the other was missed.
func TestMend(t *testing.T) {
	const left, right = dataset.LeftFoot, dataset.RightFoot
	at := func(tenth int64, foot dataset.Foot) dataset.Step {
		return dataset.Step{SensorTime: tenth * 100_000_000, Foot: foot}
	}
	// Steps half a second apart, from which the usual step is known.
	var before []dataset.Step
	for i := range int64(10) {
		before = append(before, at(5*i, dataset.Foot(i%2)))
	}
	tests := []struct {
		name   string
		after  []dataset.Step
		want   []int64 // tenths of a second after the first ten
		mended []bool
	}{
		{"nothing to mend", []dataset.Step{at(50, left), at(55, right)}, []int64{50, 55}, []bool{false, false}},
		{"the left foot bounces", []dataset.Step{at(50, left), at(52, left), at(55, right)}, []int64{50, 55}, []bool{true, true}},
		{"it bounces after the right one has come down", []dataset.Step{at(50, left), at(55, right), at(56, left), at(60, left)}, []int64{50, 55, 60}, []bool{false, true, true}},
		{"a right contact is missing", []dataset.Step{at(50, left), at(60, left), at(65, right)}, []int64{50, 55, 60, 65}, []bool{false, true, true, false}},
		{"a pause is left alone", []dataset.Step{at(50, left), at(90, left), at(95, right)}, []int64{50, 90, 95}, []bool{false, false, false}},
	}
	for _, test := range tests {
		s := Mend(append(append([]dataset.Step{}, before...), test.after...))
		times, mended := s.Times[len(before):], s.Mended[len(before):]
		if len(times) != len(test.want) {
			t.Errorf("%s: %d steps, want %d", test.name, len(times), len(test.want))
			continue
		}
		for i := range times {
			if times[i] != test.want[i]*100_000_000 || mended[i] != test.mended[i] {
				t.Errorf("%s: step %d at %v, mended %v; want %v, %v", test.name, i, float64(times[i])/1e8, mended[i], test.want[i], test.mended[i])
			}
		}
	}
}

// Ten steps a second apart from 1 s on, a pause, and ten more; tempos of 60
// with one error of each kind.
func TestCompareByHand(t *testing.T) {
	var truth Steps
	for _, begin := range []int64{1, 21} {
		for i := range int64(10) {
			truth.Times = append(truth.Times, (begin+i)*1_000_000_000)
			truth.Mended = append(truth.Mended, false)
		}
	}
	nan := math.NaN()
	said := map[int64]float64{ // by second; others have no tempo
		3: 60, 9: 60, 10: 64,
		25: 120, 29: 30, 30: 70,
	}
	var seconds []Second
	for s := int64(0); s <= 31; s++ {
		spm, ok := said[s]
		if !ok {
			spm = nan
		}
		seconds = append(seconds, Second{SensorTime: s * 1_000_000_000, SPM: spm, Confidence: 0.5})
	}
	// The truth is 60 from the ninth step of each stretch to 1.5 s after the
	// last: at 9, 10, 11 and at 29, 30, 31 s.
	got := Compare(seconds, &truth, false)
	if got.Seconds != 6 || got.Silent != 2 || got.Said() != 4 {
		t.Errorf("%d seconds, %d silent", got.Seconds, got.Silent)
	}
	if got.Right != 1 || got.Wrong != 2 || got.Gross != 2 || got.Half != 1 || got.Double != 0 {
		t.Errorf("right %d, wrong %d, gross %d, half %d, double %d", got.Right, got.Wrong, got.Gross, got.Half, got.Double)
	}
	if got.Absolute != 0+4+30+10 || got.Signed != 4-30+10 {
		t.Errorf("errors of %v, signed %v", got.Absolute, got.Signed)
	}
	if want := []float64{2, 4}; len(got.FirstS) != 2 || got.FirstS[0] != want[0] || got.FirstS[1] != want[1] {
		t.Errorf("first tempos after %v s, want %v", got.FirstS, want)
	}
	if want := (60.0 + 60 + 64 + 120 + 30 + 70) / 60; math.Abs(got.Added-want) > 1e-9 {
		t.Errorf("%v steps added up, want %v", got.Added, want)
	}
	// The first tempo is carried back from 3 s to the first step at 1 s.
	if want := (2*60.0 + 60 + 64 + 120 + 30 + 70) / 60; math.Abs(got.Carried-want) > 1e-9 {
		t.Errorf("%v steps carried, want %v", got.Carried, want)
	}
	// All four tempos have confidence 0.5 and one of them is right.
	if math.Abs(got.ECE()-0.25) > 1e-9 {
		t.Errorf("expected calibration error %v", got.ECE())
	}
	// A mended step takes the seconds out whose truth rests on it.
	truth.Mended[9] = true
	if clean := Compare(seconds, &truth, true); clean.Seconds != 4 {
		t.Errorf("%d clean seconds, want 4", clean.Seconds)
	}
}

// The reference counts the steps of simulated people who speed up and slow
// down, and has none where they stand.
func TestReferenceCounts(t *testing.T) {
	for _, test := range []struct {
		activity classifier.Activity
		from, to float64
		band     Band
	}{
		{classifier.Walk, 100, 120, WalkBand},
		{classifier.Run, 175, 155, RunBand},
	} {
		r, err := gait.Record(gait.Config{Seed: 3, Placement: gait.Hand}, gait.Plan{
			{Activity: classifier.Still, Duration: 20 * time.Second},
			{Activity: test.activity, Duration: 60 * time.Second, CadenceSPM: gait.Ramp(test.from, test.to)},
		})
		if err != nil {
			t.Fatal(err)
		}
		reference := NewReference(r.Samples, test.band)
		begin := r.Truth.Start()
		for second := int64(2); second < 16; second++ {
			if got := reference.SPM(begin + second*1_000_000_000); !math.IsNaN(got) {
				t.Errorf("%v: %.1f while standing, after %d s", test.activity, got, second)
			}
		}
		steps := reference.Steps()
		from, to := begin+25_000_000_000, begin+75_000_000_000
		got, want := steps.Between(from, to), r.Truth.Steps(from, to)
		if d := got - want; d < -1 || d > 1 {
			t.Errorf("%v: %d steps, want %d", test.activity, got, want)
		}
	}
}

func TestSpeedBand(t *testing.T) {
	watch := dataset.Recording{Labels: []dataset.Label{{ToTime: math.MaxInt64, Activity: classifier.Run}}}
	for i := range int64(200) {
		watch.Cadence = append(watch.Cadence, dataset.CadenceReading{SensorTime: i * 1_000_000_000, SPM: 160 + float64(i%21)})
		watch.Fixes = append(watch.Fixes, classifier.Fix{SensorTime: i * 1_000_000_000, SpeedMPS: 2.7})
	}
	table := newSpeedTable([]dataset.Recording{watch})
	if len(table) != 1 || table[0].FromMPS != 2.5 || table[0].ToMPS != 3 || table[0].Seconds != 200 {
		t.Fatalf("%+v", table)
	}
	if b := table[0]; math.Abs(b.LowSPM-160*(1-peopleShare)) > 1 || math.Abs(b.HighSPM-180*(1+peopleShare)) > 1.2 || b.MedianSPM != 169 {
		t.Errorf("%+v", b)
	}
	run := dataset.Recording{Labels: watch.Labels, Fixes: watch.Fixes}
	table.check(&run, []Second{
		{SensorTime: 50_000_000_000, SPM: 165}, {SensorTime: 51_000_000_000, SPM: 83}, {SensorTime: 52_000_000_000, SPM: math.NaN()},
	})
	if b := table[0]; b.Checked != 3 || b.Said != 2 || b.Inside != 1 {
		t.Errorf("%+v", b)
	}
}
