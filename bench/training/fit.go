package training

import (
	"context"
	"math"
	"sync/atomic"

	"github.com/tempogate/tempogate/classifier/model"
)

// Options steers Fit. The zero value is not useful; start from Defaults.
type Options struct {
	Forest ForestOptions

	// Features tried at each split of the coarse forest, if more than the
	// Forest's: two readings a second leave few that say anything, and a split
	// has to look at more of them to find one.
	CoarseFeatures int

	Most int // windows of one class and data set at most; more are thinned out evenly
}

// Defaults returns the options the shipped model was trained with.
func Defaults() Options {
	return Options{Forest: ForestOptions{Trees: 16, Leaves: 250, Features: 8, Least: 5, Windows: 0.6, Seed: 1}, CoarseFeatures: 20, Most: 2000}
}

// Fit trains a model. progress may be nil; it is told how many trees are grown
// of how many, from several goroutines. The same examples and options give the
// same model, whatever the number of processors.
func Fit(ctx context.Context, examples []Example, o Options, progress func(done, of int)) (*model.Model, error) {
	var fine, coarse []Example
	for _, e := range examples {
		if e.Coarse {
			coarse = append(coarse, e)
		} else {
			fine = append(fine, e)
		}
	}
	fine, coarse = thin(fine, o.Most), thin(coarse, o.Most)
	var grown atomic.Int64
	step := func() {
		if n := grown.Add(1); progress != nil {
			progress(int(n), 2*o.Forest.Trees)
		}
	}
	m := &model.Model{}
	var err error
	if m.Fine, err = growForest(ctx, fine, o.Forest, step); err != nil {
		return nil, err
	}
	slow := o.Forest
	slow.Features = max(slow.Features, o.CoarseFeatures)
	if m.Coarse, err = growForest(ctx, coarse, slow, step); err != nil {
		return nil, err
	}
	for k := range m.Prior {
		m.Prior[k] = 1.0 / model.Classes
	}
	m.Transition = transitions()
	m.Weight, m.SeatedWeight, m.SpeedWeight = 1, 0.07, 0.5
	m.SpeedEdges, m.Speed = speeds(examples)
	m.Decide, m.Change, m.Hold = 0.55, 0.65, 0.15
	// What is measured is what a file of it would say, to the last digit.
	return model.Parse(m.Append(nil))
}

// thin keeps at most so many examples of each class and data set, evenly
// spread over what there is.
func thin(examples []Example, most int) []Example {
	type cell struct {
		class int
		group string
	}
	count := map[cell]int{}
	for i := range examples {
		count[cell{examples[i].Class, examples[i].Group}]++
	}
	seen := map[cell]int{}
	var kept []Example
	for i := range examples {
		c := cell{examples[i].Class, examples[i].Group}
		before := seen[c] * most / count[c]
		seen[c]++
		if count[c] <= most || seen[c]*most/count[c] > before {
			kept = append(kept, examples[i])
		}
	}
	return kept
}

// balance gives each class the same total weight and, within a class, each
// data set a weight that grows with the root of its size: a data set of ten
// hours teaches more than one of ten minutes, but not sixty times more.
func balance(examples []Example) []float64 {
	type cell struct {
		class int
		group string
	}
	count := map[cell]float64{}
	for i := range examples {
		count[cell{examples[i].Class, examples[i].Group}]++
	}
	var class [model.Classes]float64
	for c, n := range count {
		_ = n
		class[c.class] += math.Sqrt(n)
	}
	weights := make([]float64, len(examples))
	for i := range examples {
		n := count[cell{examples[i].Class, examples[i].Group}]
		weights[i] = math.Sqrt(n) / n / class[examples[i].Class]
	}
	return weights
}

// dwell is how long an activity lasts on average, in seconds. No recording
// here holds a day with its changes, so these are set, not learned; they only
// have to be right within a factor of two.
var dwell = [model.Classes]float64{120, 120, 240, 240, 300}

// follows is how the next activity is shared out when one ends: one gets into
// and off a bicycle standing or walking, and into and off a vehicle by a few
// steps: what passes from rest to a ride without any has mostly been a ride
// that stood, or rest that was taken for a ride. Where somebody stops moving
// himself, it is in a vehicle three times in ten.
var follows = [model.Classes]model.Scores{
	/* still */ {0, 0.7, 0.15, 0.146, 0.004},
	/* walk */ {0.476, 0, 0.2, 0.12, 0.204},
	/* run */ {0.231, 0.64, 0, 0.03, 0.099},
	/* cycle */ {0.371, 0.45, 0.02, 0, 0.159},
	/* transit */ {0.004, 0.83, 0.033, 0.133, 0},
}

func transitions() [model.Classes]model.Scores {
	var t [model.Classes]model.Scores
	for j := range t {
		for k := range t[j] {
			t[j][k] = follows[j][k] / dwell[j]
		}
		t[j][j] = 1 - 1/dwell[j]
	}
	return t
}

var speedEdges = []float64{0.3, 0.7, 1.1, 1.5, 1.9, 2.3, 2.8, 3.4, 4, 5, 6.5, 8, 10, 14, 20}

// pseudo is the speed that each class is expected to have, in m/s, as a mean
// and a standard deviation, before any recording is seen; share is how much of
// the time it stands still. Walking and running after Bohannon 1997 and the
// range of recreational runners; the rest after urban traffic.
var pseudo = [model.Classes]struct{ mean, deviation, share float64 }{
	{0, 0.35, 0.5},
	{1.35, 0.35, 0.08},
	{2.9, 0.7, 0.02},
	{4.6, 1.5, 0.06},
	{11, 8, 0.2},
}

// speeds returns the table of ln ℓ(s|k): the shares of each class's seconds by
// speed over the recordings with fixes, each recording counting the same,
// together with as much again of pseudo. Everything is drawn a little towards
// equal shares, because receivers are wrong at times, if hardly ever by so much
// for the median of three fixes.
func speeds(examples []Example) (edges []float64, table [model.Classes][]float64) {
	const bins = 16
	bin := func(s float64) int {
		b := 0
		for b < len(speedEdges) && s >= speedEdges[b] {
			b++
		}
		return b
	}
	type key struct{ class, recording int }
	counts := map[key]*[bins]float64{}
	var order []key
	for i := range examples {
		e := &examples[i]
		if math.IsNaN(e.SpeedMPS) {
			continue
		}
		k := key{e.Class, e.Recording}
		if counts[k] == nil {
			counts[k] = new([bins]float64)
			order = append(order, k)
		}
		counts[k][bin(e.SpeedMPS)]++
	}
	for class := range table {
		row := make([]float64, bins)
		recordings := 0.0
		for _, k := range order {
			if k.class != class {
				continue
			}
			var total float64
			for _, n := range counts[k] {
				total += n
			}
			for b, n := range counts[k] {
				row[b] += n / total
			}
			recordings++
		}
		expected := expectation(class)
		for b := range row {
			share := expected[b]
			if recordings > 0 {
				// Pseudo counts as five recordings.
				share = (row[b] + 5*expected[b]) / (recordings + 5)
			}
			row[b] = math.Log((1-wrong)*share + wrong*mistaken(b))
		}
		table[class] = row
	}
	return speedEdges, table
}

// wrong is the share of speeds that have nothing to do with how fast it went.
const wrong = 0.02

// mistaken returns the share of those in each bin: the same for all, but where
// nobody runs, the median of three fixes is a hundred times rarer a mistake.
func mistaken(bin int) float64 {
	const beyond, rare = 10.0, 0.01 // m/s
	fast := 0.0                     // bins
	for _, edge := range speedEdges {
		if edge >= beyond {
			fast++
		}
	}
	slow := float64(len(speedEdges)+1) - fast
	if bin > 0 && speedEdges[bin-1] >= beyond {
		return rare / (slow + rare*fast)
	}
	return 1 / (slow + rare*fast)
}

// expectation returns the share of pseudo's seconds in each bin.
func expectation(class int) [16]float64 {
	p := pseudo[class]
	below := func(s float64) float64 {
		normal := 0.5 * (1 + math.Erf((s-p.mean)/p.deviation/math.Sqrt2))
		nought := 0.5 * (1 + math.Erf(-p.mean/p.deviation/math.Sqrt2))
		rest := 1 - math.Exp(-s/0.2)
		return p.share*rest + (1-p.share)*(normal-nought)/(1-nought)
	}
	var shares [16]float64
	before := 0.0
	for b := range shares {
		upto := 1.0
		if b < len(speedEdges) {
			upto = below(speedEdges[b])
		}
		shares[b] = upto - before
		before = upto
	}
	return shares
}
