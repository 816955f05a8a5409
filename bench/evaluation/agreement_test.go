package evaluation

import (
	"context"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/tempogate/tempogate/classifier"
)

// wave samples a(t) = sin(2πft) on the x axis beside gravity.
func wave(f, hz, seconds float64) []classifier.Sample {
	var samples []classifier.Sample
	for i := 0; float64(i) < hz*seconds; i++ {
		t := float64(i) / hz
		samples = append(samples, classifier.Sample{
			SensorTime: 1e9 + int64(math.Round(t*1e9)), X: math.Sin(2 * math.Pi * f * t), Y: 9.81, Z: 1,
		})
	}
	return samples
}

func TestResampledKeepsWhatBothRatesCarry(t *testing.T) {
	uneven := wave(2, 100, 10)
	random := rand.New(rand.NewPCG(1, 1))
	for i := range uneven[1:] {
		s := &uneven[i+1]
		s.SensorTime += int64(6e6 * (random.Float64() - 0.5))
		s.X = math.Sin(2 * math.Pi * 2 * float64(s.SensorTime-1e9) * 1e-9)
	}
	tests := []struct {
		name      string
		samples   []classifier.Sample
		hz        float64
		f         float64 // Hz
		amplitude float64 // what is left of it
		near      float64
	}{
		{"100 to 20, a run", wave(2.8, 100, 10), 20, 2.8, 1, 0.01},
		{"100 to 20, at the edge of what is kept", wave(7.5, 100, 10), 20, 7.5, 1, 0.1},
		{"100 to 20, an engine", wave(14, 100, 10), 20, 14, 0, 0.02}, // would come out as 6 Hz
		{"100 to 200", wave(2, 100, 10), 200, 2, 1, 0.01},
		{"100 to 50, read unevenly", uneven, 50, 2, 1, 0.06},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			out := Resampled(test.samples, test.hz)
			if want := int(9.9 * test.hz); len(out) < want {
				t.Fatalf("%d readings, want at least %d", len(out), want)
			}
			for i := range out {
				s := &out[i]
				since := float64(s.SensorTime-1e9) * 1e-9
				if d := math.Abs(since*test.hz - float64(i)); d > 1e-5 {
					t.Fatalf("reading %d comes at %.6f s", i, since)
				}
				if since < 1 || since > 9 {
					continue // half of the kernel finds nothing there
				}
				want := test.amplitude * math.Sin(2*math.Pi*test.f*since)
				if math.Abs(s.X-want) > test.near || math.Abs(s.Y-9.81) > 1e-9 {
					t.Fatalf("at %.3f s: %.3f and %.3f, want %.3f and 9.81", since, s.X, s.Y, want)
				}
			}
		})
	}
}

func TestReadOffDrawsStraightLines(t *testing.T) {
	samples := []classifier.Sample{
		{SensorTime: 0, X: 0}, {SensorTime: 1e8, X: 1}, {SensorTime: 2e8, X: 0},
		{SensorTime: 1e10, X: 5}, {SensorTime: 10_050_000_000, X: 6}, // after a gap
	}
	var got []float64
	for _, s := range ReadOff(samples, 20) {
		got = append(got, float64(s.SensorTime)*1e-9, s.X)
	}
	want := []float64{0, 0, 0.05, 0.5, 0.1, 1, 0.15, 0.5, 10, 5, 10.05, 6}
	for i := range want {
		if i >= len(got) || math.Abs(got[i]-want[i]) > 1e-9 {
			t.Fatalf("times and values %v, want %v", got, want)
		}
	}
}

func TestTurnedKeepsLengthsAndAngles(t *testing.T) {
	samples := []classifier.Sample{{X: 1}, {Y: 2}, {Z: 3}, {X: 1, Y: 2, Z: 3}}
	out := Turned(samples, rand.New(rand.NewPCG(4, 2)))
	if reflect.DeepEqual(out, samples) {
		t.Error("nothing was turned")
	}
	dot := func(a, b classifier.Sample) float64 { return a.X*b.X + a.Y*b.Y + a.Z*b.Z }
	for i := range samples {
		for j := range samples {
			if got, want := dot(out[i], out[j]), dot(samples[i], samples[j]); math.Abs(got-want) > 1e-12 {
				t.Errorf("the product of %d and %d is %v, was %v", i, j, got, want)
			}
		}
	}
}

func TestHz(t *testing.T) {
	tests := []struct {
		name    string
		samples []classifier.Sample
		want    float64
	}{
		{"nothing", nil, 0},
		{"one reading", wave(1, 100, 0.01), 0},
		{"even", wave(1, 50, 3), 50},
		{"with a gap", append(wave(1, 50, 3), classifier.Sample{SensorTime: 1e12}), 50},
	}
	for _, test := range tests {
		if got := Hz(test.samples); math.Abs(got-test.want) > 0.01 {
			t.Errorf("%s: %.2f, want %.2f", test.name, got, test.want)
		}
	}
}

// Simulated people who walk and ride are told alike at every rate and in every
// pose; the report says of whom that is.
func TestAgreement(t *testing.T) {
	c := newCollector(t)
	c.simulate("town/walk", "town", "anna", "pocket", phone{activity: walk, seconds: 40, rate: 100, seed: 1})
	c.simulate("town/ride", "town", "ben", "pocket", phone{activity: transit, seconds: 40, rate: 100, seed: 2})
	c.simulate("hills/walk", "hills", "cleo", "bag", phone{activity: walk, seconds: 40, rate: 5, seed: 3}) // too slow for other rates
	c.entry("town/away", "town", "dan", "walk", "", "gps")                                                 // not looked at
	c.write("broken.csv", []byte("t,ax,ay,az\n0,1,2,x\n"))
	c.entry("broken.csv", "town", "dan", "walk", "", "acc")
	collection := c.open()

	if _, err := RunAgreement(context.Background(), collection, AgreementConfig{}); err == nil || !strings.Contains(err.Error(), "broken.csv:2") {
		t.Errorf("a broken recording: %v", err)
	}
	report, err := RunAgreement(context.Background(), collection, AgreementConfig{Seed: 1, SkipBroken: true})
	if err != nil {
		t.Fatal(err)
	}
	if len(report.Broken) != 1 || report.Broken[0].Path != "broken.csv" {
		t.Errorf("broken: %v", report.Broken)
	}
	if len(report.Ways) != len(ways) {
		t.Fatalf("%d ways, want %d", len(report.Ways), len(ways))
	}
	for _, w := range report.Ways {
		recordings := 2
		if w.How == "turned at random" {
			recordings = 3
		}
		if w.Recordings != recordings || len(w.Datasets) != recordings-1 {
			t.Errorf("%s: %d recordings of %d data sets", w.How, w.Recordings, len(w.Datasets))
		}
		if least := 34 * recordings; w.Seconds < least || w.Seconds > 36*recordings {
			t.Errorf("%s: %d seconds of %d recordings of 40 s", w.How, w.Seconds, recordings)
		}
		if w.Agree < 0.9 {
			t.Errorf("%s: %.3f alike", w.How, float64(w.Agree))
		}
	}
	again, err := RunAgreement(context.Background(), collection, AgreementConfig{Seed: 1, SkipBroken: true})
	if err != nil || !reflect.DeepEqual(again, report) {
		t.Errorf("another run: %v, %+v", err, again)
	}
	text := string(report.Markdown())
	for _, want := range []string{"| turned at random | 3 | ", "| hills | – | ", "broken.csv:2"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in the report:\n%s", want, text)
		}
	}
}

func TestDecisionsApartAreCounted(t *testing.T) {
	report := newWayReport("a way", map[string]*agreementCount{
		"b": {2, map[pair]int{{classifier.Walk, classifier.Walk}: 90, {classifier.Walk, classifier.Cycle}: 10}},
		"a": {1, map[pair]int{{classifier.Still, classifier.Transit}: 30, {classifier.Run, classifier.Run}: 70}},
	})
	want := WayReport{
		How: "a way", Recordings: 3, Seconds: 200, Agree: 0.8,
		Datasets: []DatasetAgrees{{"a", 1, 100, 0.7}, {"b", 2, 100, 0.9}},
		Apart:    []ApartReport{{"still", "transit", 30}, {"walk", "cycle", 10}},
	}
	if !reflect.DeepEqual(report, want) {
		t.Errorf("%+v\nwant %+v", report, want)
	}
}
