package training

import (
	"context"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/tempogate/tempogate/classifier/feature"
	"github.com/tempogate/tempogate/classifier/model"
)

func TestEdgesBetweenBins(t *testing.T) {
	tests := []struct {
		name   string
		values []float32
		want   []float32
	}{
		{"halfway between two values", []float32{1, 2}, []float32{1.5}},
		{"none within equal values", []float32{3, 3, 3, 7}, []float32{5}},
		{"none where all are equal", []float32{3, 3, 3}, nil},
	}
	for _, test := range tests {
		if got := edges(test.values); !slices.Equal(got, test.want) {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
	}
	many := make([]float32, 10000)
	for i := range many {
		many[i] = float32(i)
	}
	if n := len(edges(many)); n != binCount-1 {
		t.Errorf("%d edges between 10000 values, want %d", n, binCount-1)
	}
}

// all looks at every feature and sees every window, so that the split is known.
var all = ForestOptions{Trees: 1, Leaves: 2, Features: feature.Count, Least: 1, Windows: 1.1}

func TestBestSplit(t *testing.T) {
	var examples []Example
	for _, e := range []struct {
		value float64
		class int
	}{{1, 0}, {2, 0}, {3, 1}, {4, 0}, {5, 1}, {6, 1}} {
		one := Example{Group: "a", Class: e.class}
		one.Features[7] = e.value
		examples = append(examples, one)
	}
	forest, err := growForest(context.Background(), examples, all, func() {})
	if err != nil {
		t.Fatal(err)
	}
	// By hand: after 2 the sides hold (2,0) and (1,3), after 4 (3,1) and (0,2);
	// both gain the same, and the first is kept.
	nodes := forest[0].Nodes
	if len(nodes) != 3 || nodes[0] != model.Split(7, 2.5, 2) {
		t.Fatalf("%v", nodes)
	}
	if got, want := forest[0].Shares[0], [model.Classes]float32{1, 0, 0, 0, 0}; got != want {
		t.Errorf("below: %v, want %v", got, want)
	}
	if got, want := forest[0].Shares[1], [model.Classes]float32{0.25, 0.75, 0, 0, 0}; got != want {
		t.Errorf("above: %v, want %v", got, want)
	}
}

// checkers are windows whose class no single feature tells: 0 where two agree
// in sign, else 1.
func checkers(n int, seed uint64) []Example {
	random := rand.New(rand.NewPCG(seed, 0))
	examples := make([]Example, n)
	for i := range examples {
		x, y := random.NormFloat64(), random.NormFloat64()
		examples[i].Group = "a"
		examples[i].Features[3], examples[i].Features[9] = x, y
		if x > 0 != (y > 0) {
			examples[i].Class = 1
		}
	}
	return examples
}

func TestForestLearnsWhatTwoFeaturesTellTogether(t *testing.T) {
	o := ForestOptions{Trees: 20, Leaves: 32, Features: feature.Count / 2, Least: 5, Windows: 0.7, Seed: 1}
	forest, err := growForest(context.Background(), checkers(2000, 1), o, func() {})
	if err != nil {
		t.Fatal(err)
	}
	m := &model.Model{Fine: forest}
	var w model.Work
	var q model.Scores
	right := 0
	unseen := checkers(1000, 2)
	for i := range unseen {
		m.Posterior(&q, &w, &unseen[i].Features, 100)
		if q[unseen[i].Class] > 0.5 {
			right++
		}
	}
	if right < 930 {
		t.Errorf("%d of 1000 right", right)
	}
	for i := range forest {
		if n := len(forest[i].Shares); n > o.Leaves {
			t.Errorf("tree %d has %d leaves", i, n)
		}
	}
}

func TestLeavesAreNeverSmallerThanAsked(t *testing.T) {
	o := all
	o.Leaves, o.Least = 500, 20
	examples := checkers(600, 3)
	forest, err := growForest(context.Background(), examples, o, func() {})
	if err != nil {
		t.Fatal(err)
	}
	in := map[int]int{} // windows by leaf
	for i := range examples {
		nodes, place := forest[0].Nodes, 0
		for !nodes[place].IsLeaf() {
			if float32(examples[i].Features[nodes[place].Feature()]) > nodes[place].Threshold {
				place = nodes[place].Next()
			} else {
				place++
			}
		}
		in[place]++
	}
	for place, n := range in {
		if n < o.Least {
			t.Errorf("the leaf at %d holds %d windows", place, n)
		}
	}
	if len(in) != len(forest[0].Shares) || len(in) < 4 {
		t.Errorf("windows fall into %d of %d leaves", len(in), len(forest[0].Shares))
	}
}

func TestNothingToGrowOn(t *testing.T) {
	if _, err := growForest(context.Background(), nil, all, func() {}); err == nil {
		t.Error("a forest of nothing")
	}
}
