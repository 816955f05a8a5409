package evaluation

import (
	"math"
	"slices"
	"testing"

	"github.com/tempogate/tempogate/bench/dataset"
	"github.com/tempogate/tempogate/classifier"
)

func TestDelayByHand(t *testing.T) {
	const second = classifier.HopNS
	for _, test := range []struct {
		name    string
		said    string // one letter a second from 1 s on; the change to walk is at 3.5 s
		already bool
		delay   float64
	}{
		{"noticed at 5 s", "sssswwww", false, 1.5},
		{"three in a row at the very end", "sssssssswww", false, 5.5},
		{"two in a row are not enough", "ssssswwsww", false, math.Inf(1)},
		{"unknown breaks the row", "ssssww-www", false, 4.5},
		{"a passing guess is not the notice", "sssswsswww", false, 4.5},
		{"walk was the answer all the time", "wwwwww", true, 0.5},
		{"an earlier wrong walk is forgotten", "wwsswww", false, 1.5},
		{"never", "ssssssss", false, math.Inf(1)},
		{"no answer at all", "", false, math.Inf(1)},
	} {
		var estimates []classifier.Estimate
		for i, letter := range test.said {
			activity := map[rune]classifier.Activity{'s': still, 'w': walk, '-': nothing}[letter]
			estimates = append(estimates, classifier.Estimate{SensorTime: int64(i+1) * second, Activity: activity})
		}
		already, delay := delay(estimates, 3*second+second/2, walk)
		if already != test.already || !near(delay, test.delay) {
			t.Errorf("%s: already %v, %v s, want %v, %v s", test.name, already, delay, test.already, test.delay)
		}
	}
}

func TestPercentilesOfDelays(t *testing.T) {
	never := math.Inf(1)
	change := func(delay float64, already bool) Change {
		return Change{Dataset: "a", Before: still, After: walk, DelaySeconds: delay, Already: already}
	}
	report := changeReport([]Change{
		change(4, false), change(2, false), change(never, false), change(3, false),
		change(0.5, true), // was the answer before: says nothing
	})
	if report.Counted != 4 || report.NotWithin != 1 || report.Already != 1 {
		t.Errorf("%d counted, %d not noticed, %d already", report.Counted, report.NotWithin, report.Already)
	}
	if report.MedianS != 3 {
		t.Errorf("median %v, want the second of four", report.MedianS)
	}
	if report.P90S.defined() {
		t.Errorf("the 90th percentile is %v although the fourth of four was never noticed", report.P90S)
	}
	if len(report.Pairs) != 1 || report.Pairs[0].Before != "still" || report.Pairs[0].After != "walk" || report.Datasets[0].Dataset != "a" {
		t.Errorf("pairs %+v, data sets %+v", report.Pairs, report.Datasets)
	}
	if empty := changeReport(nil); empty.MedianS.defined() || empty.Counted != 0 {
		t.Errorf("nothing spliced, and %+v", empty)
	}
}

func TestSplicesJoinOneDatasetAtOneRate(t *testing.T) {
	var all []excerpt
	cut := func(dataset_, who string, p phone) {
		r := simulate(t, p)
		found := excerpts(&r, &dataset.Entry{Dataset: dataset_, Subject: who})
		if len(found) != 1 {
			t.Fatalf("%d excerpts of one long recording", len(found))
		}
		all = append(all, found...)
	}
	cut("a", "1", phone{activity: walk, seconds: 50})
	cut("a", "1", phone{activity: run, seconds: 50})
	cut("a", "2", phone{activity: run, seconds: 50})
	cut("a", "2", phone{activity: still, seconds: 50, rate: 80}) // twice the rate: not put beside the others
	cut("b", "3", phone{activity: walk, seconds: 50})
	for range 12 {
		cut("c", "4", phone{activity: walk, seconds: 40})
	}
	cut("c", "4", phone{activity: cycle, seconds: 40})

	found := splices(all, 1)
	for _, s := range found {
		if s.before.dataset != s.after.dataset || s.before.activity == s.after.activity || s.before.activity == still || s.after.activity == still {
			t.Errorf("%s %v to %s %v", s.before.dataset, s.before.activity, s.after.dataset, s.after.activity)
		}
	}
	if n := len(found); n != 4+2*mostSplices {
		t.Errorf("%d splices, want 4 of the first data set and %d each way of the third", n, mostSplices)
	}
	// One person's recordings first.
	if found[0].strangers() != 0 || found[1].strangers() != 1 {
		t.Error("two people were put together before one person's own")
	}
	again := splices(all, 1)
	if !slices.Equal(found, again) {
		t.Error("the same seed chose other splices")
	}
}

func TestASpliceIsOneTimeLine(t *testing.T) {
	var parts []excerpt
	for _, a := range []classifier.Activity{still, run} {
		r := simulate(t, phone{activity: a, seconds: 40, fixes: true})
		parts = append(parts, excerpts(&r, &dataset.Entry{Dataset: "a"})...)
	}
	s := splice{&parts[0], &parts[1]}
	if !s.hasFixes() {
		t.Fatal("an excerpt of 30 s at a fix a second has fixes")
	}
	samples, fixes, changed := s.timeline(true)
	if samples[0].SensorTime != 0 {
		t.Errorf("begins at %d", samples[0].SensorTime)
	}
	for i := 1; i < len(samples); i++ {
		if gap := samples[i].SensorTime - samples[i-1].SensorTime; gap <= 0 || gap > 100_000_000 {
			t.Fatalf("%d ns between readings %d and %d of a phone with 40 readings a second", gap, i-1, i)
		}
	}
	if at := float64(changed) * 1e-9; math.Abs(at-SpliceSeconds) > 0.1 {
		t.Errorf("the splice is at %.3f s, want %d", at, SpliceSeconds)
	}
	unknown := 0
	for i := range fixes {
		if i > 0 && fixes[i].SensorTime <= fixes[i-1].SensorTime {
			t.Fatalf("fix %d is not later than the one before", i)
		}
		if math.IsNaN(fixes[i].EastM) {
			unknown++
			if fixes[i].SensorTime < changed {
				t.Errorf("fix %d before the splice does not know how far it moved", i)
			}
		}
	}
	if unknown != 1 {
		t.Errorf("%d fixes do not know how far they moved, want the first after the splice", unknown)
	}
	if bare, none, _ := s.timeline(false); len(none) != 0 || len(bare) != len(samples) {
		t.Error("withheld fixes were given, or readings with them")
	}
	// The excerpts are as they were.
	if parts[1].samples[0].SensorTime == changed {
		t.Error("putting parts together changed them")
	}
}

func TestExcerptsAreWhole(t *testing.T) {
	r := simulate(t, phone{activity: walk, seconds: 60})
	entry := &dataset.Entry{Dataset: "a"}
	x := excerpts(&r, entry)
	if len(x) != 1 || len(x[0].samples) != SpliceSeconds*40 {
		t.Fatalf("%d excerpts", len(x))
	}
	// From the middle: as much before as after.
	before := x[0].samples[0].SensorTime - r.Samples[0].SensorTime
	after := r.Samples[len(r.Samples)-1].SensorTime - x[0].samples[len(x[0].samples)-1].SensorTime
	if math.Abs(float64(before-after)) > 0.1e9 {
		t.Errorf("%d ns before and %d ns after the excerpt", before, after)
	}
	gap := r
	gap.Samples = append(slices.Clone(r.Samples[:1000]), r.Samples[1100:]...)
	if n := len(excerpts(&gap, entry)); n != 0 {
		t.Errorf("%d excerpts with a gap of 2.5 s in them", n)
	}
	short := r
	short.Samples = r.Samples[:SpliceSeconds*40-1]
	if n := len(excerpts(&short, entry)); n != 0 {
		t.Errorf("%d excerpts of less than %d s", n, SpliceSeconds)
	}
}
