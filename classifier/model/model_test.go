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
	m.Fine.Scale[0] = 2
	m.Fine.A[0] = 1
	m.Fine.B[1] = 3
	m.Weight = 0.5
	m.Decide, m.Hold = 0.4, 0.2
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
		{"another version", strings.Replace(good, "tempogate-model 1", "tempogate-model 2", 1), "not a model of this version"},
		{"cut short", good[:len(good)/2], "line "},
		{"without its last line", good[:strings.LastIndex(good, "hold")], "cut short"},
		{"other features", strings.Replace(good, "feature level vertical\n", "feature level sideways\n", 1), "train it anew"},
		{"a word for a number", strings.Replace(good, "weight 0.5", "weight half", 1), "not a finite number"},
		{"not a number", strings.Replace(good, "weight 0.5", "weight NaN", 1), "not a finite number"},
		{"too few numbers", strings.Replace(good, "fine.a 0\n", "fine.a\n", 1), "0 values, 1 belong there"},
		{"a hidden layer of a million", strings.Replace(good, "fine.hidden 1\n", "fine.hidden 1000000\n", 1), "1 to 96"},
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
		x, hz float64
		walk  float64
	}{
		{0, 100, 0.2},
		// z = 2x = 1, h = 1/2, logit 1.5: e^1.5/(e^1.5+4).
		{0.5, 100, 0.5284},
		// z is bounded to 4: h = 0.8, logit 2.4, however large x is.
		{1e9, 100, 0.7337},
		{-1e9, 100, 0.0222},
		// A slow source asks the other network, which knows nothing here.
		{0.5, 2, 0.2},
	}
	for _, test := range tests {
		f[0] = test.x
		m.Posterior(&q, &w, &f, test.hz)
		if math.Abs(q[1]-test.walk) > 1e-4 {
			t.Errorf("x = %v at %v Hz: %.4f, want %.4f", test.x, test.hz, q[1], test.walk)
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
	m := &model.Model{Decide: 0.55, Hold: 0.15}
	var f model.Filter
	steps := []struct {
		p    model.Scores
		want int // class, -1 for none
	}{
		{model.Scores{0.4, 0.3, 0.1, 0.1, 0.1}, -1}, // nothing stands out
		{model.Scores{0.6, 0.2, 0.1, 0.05, 0.05}, 0},
		{model.Scores{0.4, 0.5, 0.05, 0.03, 0.02}, 0}, // nearly the same: it stays
		{model.Scores{0.2, 0.5, 0.2, 0.05, 0.05}, 0},
		{model.Scores{0.1, 0.7, 0.1, 0.05, 0.05}, 1},
		{model.Scores{0.5, 0.1, 0.2, 0.1, 0.1}, -1}, // hardly believed, and nothing in its place
		{model.Scores{0.5, 0.2, 0.1, 0.1, 0.1}, -1},
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
	f.Add([]byte("tempogate-model 1\ndata x\n"))
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
