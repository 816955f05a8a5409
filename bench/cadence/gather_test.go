package cadence

import (
	"math"
	"strings"
	"testing"

	"github.com/tempogate/tempogate/bench/dataset"
	"github.com/tempogate/tempogate/classifier"
)

// A tempo follows a change when it is right for five seconds on end, from the
// first of them.
func TestFollowed(t *testing.T) {
	said := func(spm ...float64) (list []Second) {
		for i, x := range spm {
			list = append(list, Second{SensorTime: int64(i) * 1_000_000_000, SPM: x})
		}
		return list
	}
	nan, never := math.NaN(), math.Inf(1)
	tests := []struct {
		name string
		said []Second
		want float64
	}{
		{"after 3 s", said(150, 150, 150, 155, 158, 163, 165, 165, 165, 166), 3},
		{"a lucky second does not count", said(150, 150, 165, 155, 158, 163, 165, 165, 165, 166), 3},
		{"nor does a silent one", said(150, 150, 165, 165, 165, nan, 165, 165, 165, 165, 165), 4},
		{"what was said before the change counts nothing", said(165, 165, 165, 165, 165, 165, 165), 0},
		{"too short to tell", said(150, 150, 150, 165, 165, 165, 165), never},
		{"at the half", said(150, 150, 82, 82, 82, 82, 82, 82), never},
	}
	for _, test := range tests {
		if got := followed(test.said, 2_000_000_000, 165); got != test.want {
			t.Errorf("%s: %v s, want %v", test.name, got, test.want)
		}
	}
}

// Stretches of seconds that are off, each once, with means.
func TestDisagreements(t *testing.T) {
	o := outcome{name: "run"}
	for i := range int64(120) { // two steps a second
		o.truth.Times = append(o.truth.Times, i*500_000_000)
		o.truth.Mended = append(o.truth.Mended, false)
	}
	said := map[int64]float64{10: 124, 11: 128, 20: 60, 30: math.NaN(), 31: 123}
	for s := range int64(60) {
		spm, ok := said[s]
		if !ok {
			spm = 120
		}
		o.trace.Stream = append(o.trace.Stream, Second{SensorTime: s * 1_000_000_000, SPM: spm})
	}
	got := o.disagreements()
	want := []Disagreement{
		{Recording: "run", FromS: 10, Seconds: 2, Said: 126, Reference: 120},
		{Recording: "run", FromS: 20, Seconds: 1, Said: 60, Reference: 120},
	}
	if len(got) != len(want) {
		t.Fatalf("%d stretches: %+v", len(got), got)
	}
	for i := range want {
		got[i].Contrast = 0 // there is no reference here
		if got[i] != want[i] {
			t.Errorf("stretch %d: %+v, want %+v", i, got[i], want[i])
		}
	}
}

// Seconds at rest are counted by the labels that are believed.
func TestSecondsWithoutSteps(t *testing.T) {
	label := func(from, to int64, a classifier.Activity) dataset.Label {
		return dataset.Label{FromTime: from * 1_000_000_000, ToTime: to * 1_000_000_000, Activity: a}
	}
	all := []dataset.Label{label(0, 10, classifier.Transit), label(10, 20, classifier.Walk), label(30, 40, classifier.Still)}
	believed := &dataset.Recording{Labels: []dataset.Label{label(0, 5, classifier.Transit), all[1], all[2]}}
	o := outcome{idle: map[idleKey]idleCounts{}}
	for s := range int64(45) {
		spm := math.NaN()
		if s >= 4 && s < 31 {
			spm = 100
		}
		o.trace.Stream = append(o.trace.Stream, Second{SensorTime: s * 1_000_000_000, SPM: spm})
	}
	o.countIdle(believed, all, o.trace.Stream, false)
	o.countIdle(believed, all, o.trace.Stream[:3], true)
	for _, test := range []struct {
		name      string
		got, want idleCount
	}{
		{"transit", o.idle[idleKey{activity: "transit"}].idleCount, idleCount{5, 1}},
		{"still", o.idle[idleKey{activity: "still"}].idleCount, idleCount{10, 1}},
		{"transit, with location", o.idle[idleKey{activity: "transit"}].located, idleCount{3, 0}},
		{"a label that is not believed", o.distrusted, idleCount{5, 5}},
	} {
		if test.got != test.want {
			t.Errorf("%s: %+v, want %+v", test.name, test.got, test.want)
		}
	}
	if len(o.idle) != 2 {
		t.Errorf("counted were %v", o.idle)
	}
}

// What cannot be believed goes, for the reason that is given.
func TestDistrust(t *testing.T) {
	const s = 1_000_000_000
	recording := func(detail string) *dataset.Recording {
		return &dataset.Recording{
			Samples: []classifier.Sample{{SensorTime: 50 * s}, {SensorTime: 1600 * s}},
			Labels:  []dataset.Label{{FromTime: 50 * s, ToTime: 1600 * s, Activity: classifier.Transit, Detail: detail}},
		}
	}
	car := recording("car")
	if why := distrust(&dataset.Entry{Path: "qrowd/car-3", Dataset: "qrowd"}, car); !strings.Contains(why, "parked") || len(car.Labels) != 1 || car.Labels[0].ToTime != 1512*s {
		t.Errorf("%q, labels %v", why, car.Labels)
	}
	bus := recording("bus")
	if why := distrust(&dataset.Entry{Path: "qrowd/bus-1", Dataset: "qrowd"}, bus); why != "" || len(bus.Labels) != 1 || bus.Labels[0].ToTime != 1600*s {
		t.Errorf("%q, labels %v", why, bus.Labels)
	}
	clapping := recording("R")
	labels := clapping.Labels
	if why := distrust(&dataset.Entry{Path: "wisdm/x", Dataset: "wisdm", Subject: "1638"}, clapping); !strings.Contains(why, "wrist") || len(clapping.Labels) != 0 {
		t.Errorf("%q, labels %v", why, clapping.Labels)
	}
	if labels[0].Detail != "R" {
		t.Error("the labels of the collection were written over")
	}
}
