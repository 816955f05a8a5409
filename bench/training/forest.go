package training

import (
	"container/heap"
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/tempogate/tempogate/classifier/feature"
	"github.com/tempogate/tempogate/classifier/model"
)

// ForestOptions steers the growth of a forest.
type ForestOptions struct {
	Trees    int
	Leaves   int     // of a tree, at most
	Features int     // tried at each split, drawn anew
	Least    int     // windows in a leaf, at least
	Windows  float64 // share of the windows that a tree sees
	Seed     uint64
}

// binCount is the number of steps that a feature's range is divided into, each
// holding the same number of windows. Thresholds lie between steps.
const binCount = 256

// growForest grows a forest from examples (Breiman 2001), except that a tree
// sees a part of the windows, each once, and grows where it gains most until it
// has all its leaves, so that its size is known.
func growForest(ctx context.Context, examples []Example, o ForestOptions, step func()) (model.Forest, error) {
	if len(examples) == 0 {
		return nil, fmt.Errorf("training: no examples for this forest")
	}
	g := newGround(examples)
	forest := make(model.Forest, o.Trees)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for t := range forest {
		group.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			forest[t] = g.grow(o, rand.New(rand.NewPCG(o.Seed, uint64(t))))
			step()
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return forest, nil
}

// ground is what all trees grow on.
type ground struct {
	class   []uint8   // of each example
	weights []float64 // of each example
	bins    [feature.Count][]uint8
	edges   [feature.Count][]float32 // the value between a bin and the next
}

func newGround(examples []Example) *ground {
	g := &ground{weights: balance(examples)}
	for i := range examples {
		g.class = append(g.class, uint8(examples[i].Class))
	}
	values := make([]float32, len(examples))
	for f := range g.bins {
		for i := range examples {
			values[i] = float32(examples[i].Features[f])
		}
		slices.Sort(values)
		g.edges[f] = edges(values)
		g.bins[f] = make([]uint8, len(examples))
		for i := range examples {
			// The first edge that is not below the value: what is above an
			// edge lies in a later bin.
			bin, _ := slices.BinarySearch(g.edges[f], float32(examples[i].Features[f]))
			g.bins[f][i] = uint8(bin)
		}
	}
	return g
}

// edges returns the values that divide sorted values into at most binCount
// bins, ascending.
func edges(sorted []float32) (edges []float32) {
	for b := 1; b < binCount; b++ {
		place := b * len(sorted) / binCount
		below, above := sorted[max(place-1, 0)], sorted[place]
		edge := below + (above-below)/2
		if edge < above && (len(edges) == 0 || edge > edges[len(edges)-1]) {
			edges = append(edges, edge)
		}
	}
	return edges
}

// bud is a leaf that could be split.
type bud struct {
	rows      []int32
	shares    model.Scores // weight of each class
	gain      float64
	feature   int
	bin       int // what lies in a later bin goes to the high side
	low, high *bud
}

type buds []*bud

func (b buds) Len() int           { return len(b) }
func (b buds) Less(i, j int) bool { return b[i].gain > b[j].gain }
func (b buds) Swap(i, j int)      { b[i], b[j] = b[j], b[i] }
func (b *buds) Push(x any)        { *b = append(*b, x.(*bud)) }
func (b *buds) Pop() any {
	last := (*b)[len(*b)-1]
	*b = (*b)[:len(*b)-1]
	return last
}

// grow draws windows and splits where it gains most until there are leaves
// enough.
func (g *ground) grow(o ForestOptions, random *rand.Rand) model.Tree {
	var rows []int32
	for i := range g.class {
		if random.Float64() < o.Windows {
			rows = append(rows, int32(i))
		}
	}
	root := g.bud(rows, o, random)
	open := &buds{root}
	for leaves := 1; leaves < o.Leaves; leaves++ {
		b := heap.Pop(open).(*bud)
		if b.gain <= 0 {
			break
		}
		// In place: the rows of the low side first.
		bins, split := g.bins[b.feature], 0
		for i, row := range b.rows {
			if int(bins[row]) <= b.bin {
				b.rows[i], b.rows[split] = b.rows[split], b.rows[i]
				split++
			}
		}
		b.low, b.high = g.bud(b.rows[:split], o, random), g.bud(b.rows[split:], o, random)
		heap.Push(open, b.low)
		heap.Push(open, b.high)
	}
	var t model.Tree
	g.write(&t, root)
	return t
}

// bud finds the best split of some rows, by the decrease of Gini's impurity.
func (g *ground) bud(rows []int32, o ForestOptions, random *rand.Rand) *bud {
	b := &bud{rows: rows}
	for _, row := range rows {
		b.shares[g.class[row]] += g.weights[row]
	}
	if len(rows) < 2*o.Least {
		return b
	}
	whole := purity(&b.shares)
	var weight [binCount]model.Scores
	var count [binCount]int
	for _, f := range random.Perm(feature.Count)[:o.Features] {
		last := len(g.edges[f])
		clear(weight[:last+1])
		clear(count[:last+1])
		bins := g.bins[f]
		for _, row := range rows {
			weight[bins[row]][g.class[row]] += g.weights[row]
			count[bins[row]]++
		}
		var low model.Scores
		n := 0
		for bin := range last {
			n += count[bin]
			for k, w := range weight[bin] {
				low[k] += w
			}
			if count[bin] == 0 || n < o.Least || len(rows)-n < o.Least {
				continue
			}
			high := b.shares
			for k, w := range low {
				high[k] -= w
			}
			if gain := purity(&low) + purity(&high) - whole; gain > b.gain+1e-12 {
				b.gain, b.feature, b.bin = gain, f, bin
			}
		}
	}
	return b
}

// purity is the weight less Gini's impurity, times the weight: Σ w_k² / Σ w_k.
func purity(shares *model.Scores) float64 {
	var sum, squares float64
	for _, w := range shares {
		sum += w
		squares += w * w
	}
	if sum <= 0 {
		return 0
	}
	return squares / sum
}

// write appends a bud and what grew from it to a tree.
func (g *ground) write(t *model.Tree, b *bud) {
	if b.low == nil {
		t.Nodes = append(t.Nodes, model.Leaf(len(t.Shares)))
		var sum float64
		for _, w := range b.shares {
			sum += w
		}
		var shares [model.Classes]float32
		for k, w := range b.shares {
			if sum > 0 { // nothing only where there was nothing to draw
				shares[k] = float32(w / sum)
			} else {
				shares[k] = 1.0 / model.Classes
			}
		}
		t.Shares = append(t.Shares, shares)
		return
	}
	place := len(t.Nodes)
	t.Nodes = append(t.Nodes, model.Node{})
	g.write(t, b.low)
	t.Nodes[place] = model.Split(b.feature, g.edges[b.feature][b.bin], len(t.Nodes))
	g.write(t, b.high)
}
