package cadence

import (
	"context"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/tempogate/tempogate/bench/evaluation"
	"github.com/tempogate/tempogate/classifier"
)

// ramp is readings at the given milliseconds, with x the time in seconds.
func ramp(milliseconds ...int64) []classifier.Sample {
	var samples []classifier.Sample
	for _, t := range milliseconds {
		samples = append(samples, classifier.Sample{SensorTime: t * 1_000_000, X: float64(t) / 1000, Z: 9.81})
	}
	return samples
}

// Straight lines between readings, nothing in gaps.
func TestReadOffEvenly(t *testing.T) {
	got := at(10)(ramp(0, 30, 250, 310, 2310, 2330, 2600), nil)
	want := []float64{0, 0.1, 0.2, 0.3, 2.4, 2.5, 2.6}
	// At 0.4 s the last reading before the gap is 90 ms old, less than a tenth:
	// it stands for that moment. From 0.5 s on there is none.
	want = append(want[:4], append([]float64{0.4}, want[4:]...)...)
	if len(got) != len(want) {
		t.Fatalf("%d readings, want %d: %v", len(got), len(want), got)
	}
	for i, a := range got {
		x := want[i]
		if i == 4 {
			x = 0.31
		}
		if a.SensorTime != int64(math.Round(want[i]*1e9)) || math.Abs(a.X-x) > 1e-9 || a.Z != 9.81 {
			t.Errorf("reading %d: %+v, want x = %v at %v s", i, a, x, want[i])
		}
	}
	if got := at(10)(ramp(5), nil); len(got) != 1 {
		t.Errorf("a single reading became %d", len(got))
	}
}

// A turn keeps lengths and angles, and is another one each time.
func TestTurned(t *testing.T) {
	axes := []classifier.Sample{{X: 1}, {Y: 1}, {Z: 1}}
	random := rand.New(rand.NewPCG(1, 2))
	first := evaluation.Turned(axes, random)
	for i := range axes {
		for j := range axes {
			a, b := &first[i], &first[j]
			dot, want := a.X*b.X+a.Y*b.Y+a.Z*b.Z, 0.0
			if i == j {
				want = 1
			}
			if math.Abs(dot-want) > 1e-12 {
				t.Errorf("axes %d and %d: product %v, want %v", i, j, dot, want)
			}
		}
	}
	if second := evaluation.Turned(axes, random); math.Abs(second[0].X-first[0].X) < 1e-3 {
		t.Error("the same turn twice")
	}
}

// What does not change goes, what is quick stays.
func TestWeightless(t *testing.T) {
	var samples []classifier.Sample
	for i := range int64(1000) { // 20 s
		samples = append(samples, classifier.Sample{SensorTime: i * 20_000_000, X: 3, Y: -4, Z: 9 + math.Sin(2*math.Pi*2*float64(i)/50)})
	}
	for i, a := range weightless(samples)[200:800] {
		if want := math.Sin(2 * math.Pi * 2 * float64(i+200) / 50); math.Abs(a.X) > 1e-9 || math.Abs(a.Y) > 1e-9 || math.Abs(a.Z-want) > 0.02 {
			t.Fatalf("reading %d: %+v, want z = %v", i+200, a, want)
		}
	}
}

func TestAgreeByHand(t *testing.T) {
	nan := math.NaN()
	seconds := func(spm ...float64) (list []Second) {
		for i, x := range spm {
			list = append(list, Second{SensorTime: int64(i+1) * 1_000_000_000, SPM: x})
		}
		return list
	}
	other := seconds(nan, 120, 120, 123, 130, nan)
	for i := range other {
		other[i].SensorTime += 20_000_000 // the newest reading came a little later
	}
	got := agree(seconds(nan, nan, 120.5, 121, 120, 120, 120), other, 0)
	if got.either != 5 || got.both != 3 || got.within1 != 1 || got.within != 2 || math.Abs(got.distance-12.5) > 1e-9 {
		t.Errorf("%+v", got)
	}
}

// An invented walk says the same at every rate and in every pose.
func TestRecordedOtherwise(t *testing.T) {
	report, err := Run(context.Background(), invented(t), Config{Seed: 1, scenarios: few()[:1]})
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, o := range report.Otherwise {
		seen[o.How] = true
		if o.Recordings != 2 || o.Seconds < 80 || !(o.Within3 >= 0.99) || !(o.OneSilent < 0.1) || !(o.Measures.MAE < 2) {
			t.Errorf("%s: %+v", o.How, o)
		}
	}
	// They were recorded 50 times a second.
	if !seen["20 readings a second"] || !seen["50 readings a second"] || !seen["turned at random"] || seen["100 readings a second"] {
		t.Errorf("tried were %v", seen)
	}
}
