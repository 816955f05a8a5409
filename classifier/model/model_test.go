package model_test

import (
	"bytes"
	"math"
	"strings"
	"testing"

	"github.com/tempogate/tempogate/classifier/feature"
	"github.com/tempogate/tempogate/classifier/model"
)

// small returns a model in which the first feature alone speaks for walking.
func small() *model.Model {
	m := model.Blank()
	m.Data = "0123"
	m.Fine = model.Forest{
		{
			Nodes: []model.Node{model.Split(0, 0.25, 2), model.Leaf(0), model.Split(1, -1.5, 4), model.Leaf(1), model.Leaf(2)},
			Shares: [][model.Classes]float32{
				{0.6, 0.1, 0.1, 0.1, 0.1},
				{0, 0.5, 0.5, 0, 0},
				{0.1, 0.8, 0, 0.1, 0},
			},
		},
		{Nodes: []model.Node{model.Leaf(0)}, Shares: [][model.Classes]float32{{0.2, 0.2, 0.2, 0.2, 0.2}}},
	}
	m.Weight, m.SeatedWeight = 0.5, 0.1
	m.Decide, m.Change, m.Hold = 0.4, 0.4, 0.2
	m.SpeedWeight = 1
	m.SpeedEdges = []float64{0.5, 3}
	for k := range m.Speed {
		m.Speed[k] = []float64{-1, -1, -1}
	}
	m.Speed[0] = []float64{-0.1, -3, -5}
	for j := range m.Transition {
		for k := range m.Transition[j] {
			m.Transition[j][k] = 0.01
		}
		m.Transition[j][j] = 0.96
	}
	return m
}

func TestDefaultModel(t *testing.T) {
	m := model.Default()
	if len(m.Data) != 64 {
		t.Errorf("the training data's hash is %q", m.Data)
	}
	for k := range m.Transition {
		var sum float64
		for _, p := range m.Transition[k] {
			sum += p
		}
		if math.Abs(sum-1) > 1e-6 {
			t.Errorf("transitions from class %d sum to %v", k, sum)
		}
	}
}

func TestWhatIsWrittenIsRead(t *testing.T) {
	text := small().Append(nil)
	m, err := model.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	if again := m.Append(nil); !bytes.Equal(text, again) {
		t.Error("reading and writing changed the model")
	}
}

func TestBrokenModels(t *testing.T) {
	good := string(small().Append(nil))
	tests := []struct {
		name, text, want string
	}{
		{"empty", "", "line 1"},
		{"something else", "PK\x03\x04", "not a model of this version"},
		{"another version", strings.Replace(good, "tempogate-model 3", "tempogate-model 1", 1), "not a model of this version"},
		{"cut short", good[:len(good)/2], "line "},
		{"without its last line", good[:strings.LastIndex(good, "hold")], "cut short"},
		{"other features", strings.Replace(good, "feature level vertical\n", "feature level sideways\n", 1), "train it anew"},
		{"a word for a number", strings.Replace(good, "\nweight 0.5", "\nweight half", 1), "not a finite number"},
		{"not a number", strings.Replace(good, "\nweight 0.5", "\nweight NaN", 1), "not a finite number"},
		{"too few numbers", strings.Replace(good, "\nspeed -1 -1 -1\n", "\nspeed -1 -1\n", 1), "2 values, 3 belong there"},
		{"a million trees", strings.Replace(good, "fine 2\n", "fine 1000000\n", 1), "1 to 512"},
		{"half a tree", strings.Replace(good, "fine 2\n", "fine 1.5\n", 1), "1 to 512"},
		{"a tree less", strings.Replace(good, "fine 2\n", "fine 3\n", 1), "\"tree\" should stand"},
		{"a split with one side", strings.Replace(good, " 100,800,0,100,0", "", 1), "nothing on one side"},
		{"a leaf too many", strings.Replace(good, " 100,800,0,100,0", " 100,800,0,100,0 0,0,0,0,1000", 1), "after the last leaf"},
		{"a leaf with too few shares", strings.Replace(good, "100,800,0,100,0", "100,800,100", 1), "a leaf with 5 shares"},
		{"more than all of a leaf", strings.Replace(good, "100,800,0,100,0", "100,8000,0,100,0", 1), "no share in thousandths"},
		{"a feature that there is not", strings.Replace(good, " 1:-1.5", " 200:-1.5", 1), "no feature's place"},
		{"a threshold that is none", strings.Replace(good, " 1:-1.5", " 1:Inf", 1), "not a finite number"},
		{"something after the end", good + "more\n", "after the end"},
	}
	for _, test := range tests {
		_, err := model.Parse([]byte(test.text))
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q in it", test.name, err, test.want)
		}
	}
}

func TestPosterior(t *testing.T) {
	m := small()
	var w model.Work
	var f feature.Vector
	var q model.Scores
	tests := []struct {
		first, second, hz float64
		still, walk       float64
	}{
		// Half is what the second tree says: 0.2 of each.
		{0, 0, 100, 0.4, 0.15},
		{0.25, 0, 100, 0.4, 0.15}, // what lies at the threshold goes to the low side
		{0.26, 0, 100, 0.15, 0.5},
		{0.26, -1.5, 100, 0.1, 0.35},
		{1e9, -1e9, 100, 0.1, 0.35},
		// A slow source asks the other forest, which knows nothing here.
		{0.26, 0, 2, 0.2, 0.2},
	}
	for _, test := range tests {
		f[0], f[1] = test.first, test.second
		m.Posterior(&q, &w, &f, test.hz)
		if math.Abs(q[0]-test.still) > 1e-6 || math.Abs(q[1]-test.walk) > 1e-6 {
			t.Errorf("%v, %v at %v Hz: still %.4f, walk %.4f, want %.4f and %.4f", test.first, test.second, test.hz, q[0], q[1], test.still, test.walk)
		}
	}
}

// A smooth ride looks like rest now and then: it takes a while until one
// becomes the other, and no time at all until either becomes a walk.
func TestSeated(t *testing.T) {
	m := small()
	m.Weight, m.SeatedWeight, m.Decide, m.Change, m.Hold = 1, 0.07, 0.55, 0.65, 0.15
	riding, resting := model.Scores{0.1, 0, 0, 0, 0.9}, model.Scores{0.9, 0, 0, 0, 0.1}
	walking := model.Scores{0.05, 0.8, 0.05, 0.05, 0.05}
	turn := func(before, after *model.Scores, want int) (seconds int) {
		var f model.Filter
		for range 300 {
			f.Step(m, before, nil)
		}
		for ; seconds < 200; seconds++ {
			f.Step(m, after, nil)
			if class, ok := f.Decide(m); ok && class == want {
				return seconds + 1
			}
		}
		return seconds
	}
	if n := turn(&riding, &resting, 0); n < 10 || n > 120 {
		t.Errorf("%d seconds from a ride to rest", n)
	}
	if n := turn(&resting, &riding, 4); n < 10 || n > 120 {
		t.Errorf("%d seconds from rest to a ride", n)
	}
	for _, seated := range []*model.Scores{&riding, &resting} {
		if n := turn(seated, &walking, 1); n > 3 {
			t.Errorf("%d seconds until a walk", n)
		}
	}
}

// Fixes that stand end no ride within a red light; one that drives ends rest.
func TestStandingAtARedLight(t *testing.T) {
	m := small()
	m.SeatedWeight, m.SpeedWeight, m.Decide, m.Change, m.Hold = 0.07, 0.35, 0.55, 0.65, 0.15
	m.Speed = [model.Classes][]float64{{-0.3, -3, -6}, {-2.5, -1, -6}, {-4.5, -1, -5}, {-3, -2, -2}, {-2.2, -4, -1}}
	quiet := model.Scores{0.5, 0, 0, 0, 0.5} // the phone says nothing
	var f model.Filter
	step := func(speed float64) (class int, ok bool) {
		var ell model.Scores
		m.SpeedLog(&ell, speed)
		f.Step(m, &quiet, &ell)
		return f.Decide(m)
	}
	for range 60 {
		step(12)
	}
	for second := range 20 {
		if class, ok := step(0); !ok || class != 4 {
			t.Fatalf("class %d after %d seconds at a red light", class, second+1)
		}
	}
	f = model.Filter{}
	for second := range 60 {
		// Fixes at rest wander.
		step([]float64{0, 0, 0.6, 0.9}[second%4])
	}
	if class, _ := f.Decide(m); class != 0 {
		t.Fatalf("class %d for a phone that lies", class)
	}
	seconds := 1
	for class, ok := step(12); !ok || class != 4; class, ok = step(12) {
		if seconds++; seconds > 10 {
			t.Fatal("12 m/s for ten seconds is no ride")
		}
	}
}

// The belief over time, step by step.
func TestFilter(t *testing.T) {
	m := small()
	walking, nothing := model.Scores{0.05, 0.8, 0.05, 0.05, 0.05}, model.Scores{0.2, 0.2, 0.2, 0.2, 0.2}
	still := model.Scores{0.9, 0.025, 0.025, 0.025, 0.025}
	fast := model.Scores{-5, -1, -1, -1, -1}
	var f model.Filter
	step := func(posterior, speed *model.Scores) model.Scores { f.Step(m, posterior, speed); return f.P }

	one := step(&walking, nil)
	if class, ok := f.Decide(m); !ok || class != 1 || one[1] < 0.4 || one[1] > 0.6 {
		t.Errorf("after one walking window: class %d with %.2f", class, one[1])
	}
	two := step(&walking, nil)
	if two[1] <= one[1] {
		t.Error("a second walking window did not strengthen the belief")
	}
	for range 100 {
		step(&walking, nil)
	}
	if held := step(&nothing, nil); held[1] < 0.9 {
		t.Errorf("a window that says nothing left %.2f", held[1])
	}
	if alone := step(nil, nil); math.Abs(alone[1]-f.P[1]) > 1e-12 || alone[1] < 0.85 {
		t.Errorf("no window at all left %.2f", alone[1])
	}
	seconds := 0
	for ; f.P[0] < 0.5 && seconds < 10; seconds++ {
		step(&still, nil)
	}
	if seconds > 4 {
		t.Errorf("%d seconds of standing still to turn over a belief of 100 s", seconds)
	}
	if moved := step(nil, &fast); moved[0] > 0.2 {
		t.Errorf("at 10 m/s still is believed with %.2f", moved[0])
	}
	var sum float64
	for _, p := range f.P {
		sum += p
	}
	if math.Abs(sum-1) > 1e-12 {
		t.Errorf("the belief sums to %v", sum)
	}
}

// A decision is taken when something is believed enough, and holds while it
// is believed at all.
func TestDecide(t *testing.T) {
	m := &model.Model{Decide: 0.55, Change: 0.65, Hold: 0.15}
	var f model.Filter
	steps := []struct {
		p    model.Scores
		want int // class, -1 for none
	}{
		{model.Scores{0.4, 0.3, 0.1, 0.1, 0.1}, -1}, // nothing stands out
		{model.Scores{0.6, 0.2, 0.1, 0.05, 0.05}, 0},
		{model.Scores{0.4, 0.5, 0.05, 0.03, 0.02}, 0}, // nearly the same: it stays
		{model.Scores{0.2, 0.5, 0.2, 0.05, 0.05}, 0},
		{model.Scores{0.2, 0.6, 0.1, 0.05, 0.05}, 0}, // enough for a decision, not for changing one
		{model.Scores{0.1, 0.7, 0.1, 0.05, 0.05}, 1},
		{model.Scores{0.5, 0.1, 0.2, 0.1, 0.1}, -1}, // hardly believed, and nothing in its place
		{model.Scores{0.5, 0.2, 0.1, 0.1, 0.1}, -1},
		{model.Scores{0.6, 0.2, 0.1, 0.05, 0.05}, 0}, // nothing stands in its way
		{model.Scores{0.1, 0.6, 0.1, 0.1, 0.1}, -1},  // what stood there fell first
		{model.Scores{0.05, 0.05, 0.8, 0.05, 0.05}, 2},
	}
	for i, step := range steps {
		f.P = step.p
		class, ok := f.Decide(m)
		if !ok {
			class = -1
		}
		if class != step.want {
			t.Errorf("step %d: class %d, want %d", i, class, step.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(small().Append(nil))
	f.Add([]byte("tempogate-model 3\ndata x\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := model.Parse(text)
		if err != nil {
			return
		}
		// What parses can be used and written.
		var q model.Scores
		m.Posterior(&q, new(model.Work), new(feature.Vector), 100)
		if _, err := model.Parse(m.Append(nil)); err != nil {
			t.Errorf("written anew it does not parse: %v", err)
		}
	})
}
