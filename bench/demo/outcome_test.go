package demo

import (
	"math"
	"strings"
	"testing"

	"github.com/tempogate/tempogate/classifier"
)

const second = classifier.HopNS

// standThenWalk is six seconds of standing and twenty of walking at 120 steps
// a minute, on a clock that starts at 100 s.
func standThenWalk() *scene {
	s := &scene{name: "walk", moving: 106 * second, truth: func(t int64) classifier.Activity {
		if t < 106*second {
			return classifier.Still
		}
		return classifier.Walk
	}}
	for t := int64(100 * second); t <= 126*second; t += second / 100 {
		s.samples = append(s.samples, classifier.Sample{SensorTime: t})
	}
	for t := int64(106 * second); t <= 126*second; t += second / 2 {
		s.steps = append(s.steps, t)
	}
	return s
}

func TestJudge(t *testing.T) {
	none := math.NaN()
	var estimates []classifier.Estimate
	for i := int64(1); i <= 26; i++ {
		e := classifier.Estimate{SensorTime: (100 + i) * second, Activity: classifier.Still, CadenceSPM: none}
		if i >= 10 { // four seconds late
			e.Activity, e.CadenceSPM = classifier.Walk, 121
		}
		if i == 20 {
			e.CadenceSPM = 127
		}
		estimates = append(estimates, e)
	}
	o := judge(standThenWalk(), estimates)
	tests := []struct {
		name      string
		got, want float64
	}{
		// Counted from the first full window, 5.12 s, to 26 s.
		{"seconds", float64(o.seconds), 21},
		// Walking was said from 10 s on, true from 6 s on: 6, 7, 8, 9 are wrong.
		{"right", float64(o.right), 17},
		{"seconds without a tempo", float64(o.silent), 4},
		{"first tempo after moving", o.first, 4},
		{"mean cadence", o.inferred, (16*121 + 127) / 17.0},
		{"counted cadence", o.true, 120},
		{"worst second", o.worst, 7},
		{"seconds streamed", o.streamed, 26},
	}
	for _, test := range tests {
		if math.Abs(test.got-test.want) > 1e-9 {
			t.Errorf("%s: %v, want %v", test.name, test.got, test.want)
		}
	}
	o.took = 0.5
	var text strings.Builder
	if err := table(&text, []outcome{o}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"81.0 % of 21 s", "121.4 a minute", "120.0 (worst second off by 7.0)", "4.0 s after moving", "17 of 21", "52 times real speed"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("the table does not say %q:\n%s", want, text.String())
		}
	}
}

// Without a single tempo nothing is made up.
func TestJudgeSilence(t *testing.T) {
	o := judge(standThenWalk(), []classifier.Estimate{{SensorTime: 110 * second, Activity: classifier.Walk, CadenceSPM: math.NaN()}})
	if !math.IsNaN(o.first) || !math.IsNaN(o.inferred) || !math.IsNaN(o.true) {
		t.Errorf("%+v", o)
	}
}

// Movement begins with the first second that shakes.
func TestOnset(t *testing.T) {
	var samples []classifier.Sample
	for i := range int64(1000) {
		s := classifier.Sample{SensorTime: i * second / 100, Z: 9.81}
		if i >= 420 {
			s.Z += 3 * math.Sin(float64(i)/8)
		}
		samples = append(samples, s)
	}
	if got := onset(samples); got != 4*second {
		t.Errorf("at %v s", float64(got)/second)
	}
	if got := onset(samples[:100]); got != 0 {
		t.Errorf("a phone that never moves begins at %v", got)
	}
}
