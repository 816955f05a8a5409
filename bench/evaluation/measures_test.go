package evaluation

import (
	"math"
	"testing"

	"github.com/tempogate/tempogate/classifier"
)

const (
	still   = classifier.Still
	walk    = classifier.Walk
	run     = classifier.Run
	cycle   = classifier.Cycle
	transit = classifier.Transit
	nothing = classifier.Unknown
)

// near tells whether two measures agree; NaN agrees with NaN.
func near(a, b float64) bool {
	return math.IsNaN(a) && math.IsNaN(b) || a == b || math.Abs(a-b) < 1e-12
}

// A small confusion, worked by hand. Cycling never happened.
//
//	          still walk run cycle transit unknown
//	still        60    0   0     0      30      10   100
//	walk          0   80  10     5       0       5   100
//	run           0   20  30     0       0       0    50
//	transit      40    0   0     0      40       0    80
var byHand = Confusion{
	{60, 0, 0, 0, 30, 10},
	{0, 80, 10, 5, 0, 5},
	{0, 20, 30, 0, 0, 0},
	{},
	{40, 0, 0, 0, 40, 0},
}

func TestMeasuresByHand(t *testing.T) {
	nan := math.NaN()
	for _, test := range []struct {
		activity              classifier.Activity
		precision, recall, f1 float64
	}{
		{still, 60. / 100, 60. / 100, 120. / 200},
		{walk, 80. / 100, 80. / 100, 160. / 200},
		{run, 30. / 40, 30. / 50, 60. / 90},
		// Answered for 5 s and never true: no recall, and nothing to average.
		{cycle, 0, nan, 0},
		{transit, 40. / 70, 40. / 80, 80. / 150},
	} {
		p, r, f := byHand.Precision(test.activity), byHand.Recall(test.activity), byHand.F1(test.activity)
		if !near(p, test.precision) || !near(r, test.recall) || !near(f, test.f1) {
			t.Errorf("%v: precision %v, recall %v, F1 %v, want %v %v %v", test.activity, p, r, f, test.precision, test.recall, test.f1)
		}
	}
	tally := Tally{Confusion: byHand}
	figures := tally.figures()
	for _, test := range []struct {
		name string
		got  float64
		want float64
	}{
		{"seconds", byHand.Total(), 330},
		{"macro-F1 of the four that happened", byHand.MacroF1(), (120./200 + 160./200 + 60./90 + 80./150) / 4},
		// Still and transit together: 60+30+40+40 right of 180 true, 5 more
		// answered (walk called cycle).
		{"walk, run, other", byHand.WalkRunOther(), (160./200 + 60./90 + 2*170./(175+180)) / 3},
		{"right", byHand.Right(), 210. / 330},
		{"unknown", figures[unknown], 15. / 330},
		{"transit called walk or run", figures[transitOnFoot], 0},
		{"walk or run called transit", figures[onFootTransit], 0},
	} {
		if !near(test.got, test.want) {
			t.Errorf("%s: %v, want %v", test.name, test.got, test.want)
		}
	}
	if got := byHand.confused([]classifier.Activity{walk}, []classifier.Activity{run, cycle}); !near(got, 15./100) {
		t.Errorf("walk called run or cycle: %v, want 0.15", got)
	}
}

// What cannot be known is NaN, not 0: it must not be averaged or shown as a
// failure.
func TestNothingCountedIsUndefined(t *testing.T) {
	var empty Tally
	for k, v := range empty.figures() {
		if want := k == right; (v == 0) != want || !want && !math.IsNaN(v) {
			t.Errorf("figure %d of nothing is %v", k, v)
		}
	}
}

func TestSharesOfRows(t *testing.T) {
	shares := byHand.Shares()
	if shares[0] != [6]float64{0.6, 0, 0, 0, 0.3, 0.1} {
		t.Errorf("still: %v", shares[0])
	}
	if shares[3] != [6]float64{} {
		t.Errorf("cycle never happened, and got %v", shares[3])
	}
}

// answers makes one a second.
func answers(list ...Answer) []Answer {
	for i := range list {
		list[i].SensorTime = int64(i+1) * classifier.HopNS
		if list[i].Truth != nothing {
			list[i].Labelled = true
		}
		if list[i].CadenceSPM == 0 {
			list[i].CadenceSPM = math.NaN()
		}
	}
	return list
}

func said(truth, activity classifier.Activity) Answer {
	return Answer{Truth: truth, Estimate: classifier.Estimate{Activity: activity}}
}

func TestFalseChangesByHand(t *testing.T) {
	for _, test := range []struct {
		name    string
		answers []Answer
		skip    int
		changes float64 // of walk
	}{
		{"one wrong second changes there and back",
			answers(said(walk, walk), said(walk, run), said(walk, walk)), 0, 2},
		{"unknown is no activity",
			answers(said(walk, walk), said(walk, nothing), said(walk, walk)), 0, 0},
		{"one activity after another, unknown in between",
			answers(said(walk, walk), said(walk, nothing), said(walk, run)), 0, 1},
		{"a true change is none",
			answers(said(still, still), said(walk, walk)), 0, 0},
		{"nor is being late, until it is put right",
			answers(said(still, still), said(walk, still), said(walk, walk)), 0, 1},
		{"the first window does not count",
			answers(said(walk, run), said(walk, walk)), 1, 0},
		{"nor does what nobody labelled",
			answers(said(walk, walk), said(nothing, run), said(walk, walk)), 0, 0},
	} {
		var tally Tally
		tally.Add(test.answers, test.skip)
		if got := tally.Changes[walk.Index()]; got != test.changes {
			t.Errorf("%s: %v changes, want %v", test.name, got, test.changes)
		}
	}

	// 2 changes in 3 s are 2400 an hour.
	var tally Tally
	tally.Add(answers(said(walk, walk), said(walk, run), said(walk, walk)), 0)
	if got := tally.FalseChanges(); !near(got, 2400) {
		t.Errorf("%v false changes an hour, want 2400", got)
	}
}

func TestCalibrationByHand(t *testing.T) {
	sure := func(truth classifier.Activity, p classifier.Probabilities) Answer {
		return Answer{Truth: truth, Estimate: classifier.Estimate{Activity: walk, P: p}}
	}
	var tally Tally
	tally.Add(answers(
		// Two of 0.95 in the last bin, one right: |1 - 1.9| = 0.9.
		sure(walk, classifier.Probabilities{0, 0.95, 0.05}),
		sure(still, classifier.Probabilities{0, 0.95, 0.05}),
		// Certain and right: in the last bin too, since there is none above.
		sure(run, classifier.Probabilities{0, 0, 1}),
		// 0.45, right: |1 - 0.45| = 0.55. The decision plays no part.
		sure(still, classifier.Probabilities{0.45, 0.3, 0.25}),
		// No probabilities yet: not a claim, and not in the curve.
		sure(walk, classifier.Probabilities{}),
		// None of the five: not in the curve either.
		Answer{Labelled: true, Estimate: classifier.Estimate{P: classifier.Probabilities{0.5, 0.5}}},
	), 0)
	curve := tally.Curve()
	if b := curve[9]; b.Seconds != 3 || !near(b.Confidence, 2.9) || b.Right != 2 {
		t.Errorf("last bin %+v", b)
	}
	if b := curve[4]; b.Seconds != 1 || !near(b.Confidence, 0.45) || b.Right != 1 {
		t.Errorf("fifth bin %+v", b)
	}
	if got, want := tally.ECE(), (math.Abs(2-2.9)+0.55)/4; !near(got, want) {
		t.Errorf("ECE %v, want %v", got, want)
	}
	if tally.Other != [6]float64{0, 0, 0, 0, 0, 1} {
		t.Errorf("none of the five: %v", tally.Other)
	}
}

func TestTempoWhereNobodyWalks(t *testing.T) {
	tempo := func(truth classifier.Activity) Answer {
		return Answer{Truth: truth, Estimate: classifier.Estimate{CadenceSPM: 110}}
	}
	var tally Tally
	tally.Add(answers(tempo(transit), said(transit, transit), said(still, still), said(still, still), tempo(walk)), 0)
	if got := tally.IdleTempo(); got != 0.25 {
		t.Errorf("%v of the still and transit seconds have a tempo, want 0.25", got)
	}
}

// Two data sets: the large one is always right about walking, the small one
// never, and only the large one has anybody still.
func TestBalanceByHand(t *testing.T) {
	var large, small Tally
	for range 90 {
		large.Add(answers(said(walk, walk)), 0)
	}
	for range 10 {
		small.Add(answers(said(walk, run)), 0)
	}
	for range 40 {
		large.Add(answers(said(still, still)), 0)
	}
	balanced := Balance([]Tally{large, small})
	if got := balanced.Confusion.Recall(walk); !near(got, 0.5) {
		t.Errorf("recall of walking %v, want the mean of 1 and 0", got)
	}
	for _, a := range []classifier.Activity{still, walk} {
		if got := balanced.Confusion.Seconds(a); !near(got, 1) {
			t.Errorf("%v weighs %v, want 1", a, got)
		}
	}
	// Half of the walking is called run, so running has no precision.
	if got, want := balanced.Confusion.MacroF1(), (1+2*0.5/1.5)/2; !near(got, want) {
		t.Errorf("macro-F1 %v, want %v", got, want)
	}
}

func crowd(dataset string, rights ...bool) []*person {
	var people []*person
	for i, ok := range rights {
		p := &person{dataset: dataset, subject: dataset + string(rune('a'+i))}
		activity := run
		if ok {
			activity = walk
		}
		p.tally.Add(answers(said(walk, activity), said(walk, activity)), 0)
		people = append(people, p)
	}
	return people
}

func TestBootstrapByHand(t *testing.T) {
	half := make([]bool, 20)
	for i := range half {
		half[i] = i%2 == 0
	}
	for _, test := range []struct {
		name      string
		people    []*person
		low, high float64
		within    float64
	}{
		{"one person says nothing about others", crowd("a", true), math.NaN(), math.NaN(), 0},
		{"two who agree", crowd("a", true, true), 1, 1, 0},
		// Both wrong, both right: each a quarter of the rounds.
		{"two who do not", crowd("a", true, false), 0, 1, 0},
		// The number of rights among 20 drawn is binomial: P(at most 5) = 0.021,
		// P(at most 6) = 0.058, so the 2.5th percentile is 6 of 20.
		{"ten of twenty", crowd("a", half...), 0.3, 0.7, 0.05},
	} {
		bySeconds, byDataset := bootstrap(test.people, DefaultRounds, 1)
		for i, got := range []interval{bySeconds[right], byDataset[recall+walk.Index()]} {
			if math.Abs(got.low-test.low) > test.within || math.Abs(got.high-test.high) > test.within || math.IsNaN(got.low) != math.IsNaN(test.low) {
				t.Errorf("%s, %d: %v to %v, want %v to %v", test.name, i, got.low, got.high, test.low, test.high)
			}
		}
	}
	a, _ := bootstrap(crowd("a", half...), 200, 1)
	b, _ := bootstrap(crowd("a", half...), 200, 1)
	if a[right] != b[right] {
		t.Errorf("the same seed gave %v and %v", a[right], b[right])
	}
}

func TestTheFirstWindowIsNotCounted(t *testing.T) {
	list := answers(make([]Answer, 8)...) // at 1 s to 8 s
	simulated := simulate(t, phone{activity: walk, seconds: 8})
	for _, test := range []struct {
		name    string
		began   int64
		skipped int
	}{
		// 5.12 s after the beginning: the sixth answer is the first that counts.
		{"from the first reading", 0, 5},
		{"which may be late", 500_000_000, 5},
		{"or much later", 3 * classifier.HopNS, 8},
	} {
		r := simulated
		r.Samples = append([]classifier.Sample(nil), r.Samples...)
		for i := range r.Samples {
			r.Samples[i].SensorTime = test.began + int64(i)
		}
		if got := firstWindow(list, &r, false); got != test.skipped {
			t.Errorf("%s: %d answers skipped, want %d", test.name, got, test.skipped)
		}
	}

	var tally Tally
	tally.Add(list, len(list)+3)
	if tally != (Tally{}) {
		t.Error("a recording shorter than its first window was counted")
	}
}
