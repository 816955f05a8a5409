package model

import (
	_ "embed"
	"sync"

	"github.com/tempogate/tempogate/classifier/feature"
)

const (
	// Classes is the number of classes: still, walk, run, cycle, transit, in
	// this order everywhere.
	Classes = 5

	// CoarseBelowHz is the rate of the source, in readings a second, under
	// which the coarse forest answers. The highest running cadence is 3.7
	// steps a second; less than two readings a step say nothing of it.
	CoarseBelowHz = 8.0
)

// Scores holds one value a class.
type Scores [Classes]float64

// A Model is everything that training learned. It is read-only in use and
// shared by all streams.
type Model struct {
	Data         string // hash of the training data and of how it was used
	Fine, Coarse Forest
	Prior        Scores             // class shares in training, π
	Transition   [Classes]Scores    // T, one row for each class left
	Weight       float64            // α
	SeatedWeight float64            // α', between still and transit
	SpeedWeight  float64            // β
	SpeedEdges   []float64          // m/s, ascending: bin i lies below edge i
	Speed        [Classes][]float64 // ln ℓ(s|k), len(SpeedEdges)+1 values a class
	Decide       float64            // least belief for a decision where there is none
	Change       float64            // the same where there is another
	Hold         float64            // least belief for keeping one; below it the answer is unknown
}

//go:embed default.model
var embedded []byte

// Default returns the model built into the program.
var Default = sync.OnceValue(func() *Model {
	m, err := Parse(embedded)
	if err != nil {
		panic(err) // TestDefaultModel parses it in every build
	}
	return m
})

// Blank returns a model that knows nothing: every class is as likely as the
// others, always. Training streams recordings through it to see the windows.
func Blank() *Model {
	m := &Model{Decide: 2, Change: 2}
	var equal [Classes]float32
	for k := range Classes {
		equal[k] = 1.0 / Classes
		m.Prior[k] = 1.0 / Classes
		for j := range Classes {
			m.Transition[j][k] = 1.0 / Classes
		}
	}
	blank := Tree{Nodes: []Node{Leaf(0)}, Shares: [][Classes]float32{equal}}
	m.Fine, m.Coarse = Forest{blank}, Forest{blank}
	return m
}

// A Work is the scratch memory for Posterior.
type Work struct{ values [slots]float32 }

// Posterior writes the probability of each class, given a window alone, to
// dst. 0 allocations.
func (m *Model) Posterior(dst *Scores, w *Work, f *feature.Vector, sourceHz float64) {
	for i, x := range f {
		w.values[i] = float32(x)
	}
	if sourceHz < CoarseBelowHz {
		m.Coarse.shares(dst, &w.values)
	} else {
		m.Fine.shares(dst, &w.values)
	}
}

// SpeedLog writes ln ℓ(s|k) for a speed in m/s to dst.
func (m *Model) SpeedLog(dst *Scores, speed float64) {
	bin := 0
	for bin < len(m.SpeedEdges) && speed >= m.SpeedEdges[bin] {
		bin++
	}
	for k := range dst {
		dst[k] = m.Speed[k][bin]
	}
}
