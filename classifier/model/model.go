package model

import (
	_ "embed"
	"math"
	"sync"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/gonum"

	"github.com/tempogate/tempogate/classifier/approx"
	"github.com/tempogate/tempogate/classifier/feature"
)

const (
	// Classes is the number of classes: still, walk, run, cycle, transit, in
	// this order everywhere.
	Classes = 5

	// Bound is the largest standardised feature.
	Bound = 4.0

	// CoarseBelowHz is the rate of the source, in readings a second, under
	// which the coarse network answers. The highest running cadence is 3.7
	// steps a second; less than two readings a step say nothing of it.
	CoarseBelowHz = 8.0

	// MaxHidden bounds the hidden layer.
	MaxHidden = 96
)

// Scores holds one value a class.
type Scores [Classes]float64

// A Network is one hidden layer and a softmax. All matrices are row-major.
type Network struct {
	Hidden int
	Mean   []float64 // feature.Count
	Scale  []float64 // feature.Count: 1 / standard deviation
	A      []float64 // Hidden × feature.Count
	Abias  []float64 // Hidden
	B      []float64 // Classes × Hidden
	Bbias  []float64 // Classes
}

// A Model is everything that training learned. It is read-only in use and
// shared by all streams.
type Model struct {
	Data         string // hash of the training data and of how it was used
	Fine, Coarse Network
	Prior        Scores             // class shares in training, π
	Transition   [Classes]Scores    // T, one row for each class left
	Weight       float64            // α
	SpeedWeight  float64            // β
	SpeedEdges   []float64          // m/s, ascending: bin i lies below edge i
	Speed        [Classes][]float64 // ln ℓ(s|k), len(SpeedEdges)+1 values a class
	Decide       float64            // least belief for a new decision
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
	m := &Model{Decide: 2}
	blank := func() Network {
		return Network{
			Hidden: 1,
			Mean:   make([]float64, feature.Count), Scale: make([]float64, feature.Count),
			A: make([]float64, feature.Count), Abias: make([]float64, 1),
			B: make([]float64, Classes), Bbias: make([]float64, Classes),
		}
	}
	m.Fine, m.Coarse = blank(), blank()
	for k := range Classes {
		m.Prior[k] = 1.0 / Classes
		for j := range Classes {
			m.Transition[j][k] = 1.0 / Classes
		}
	}
	return m
}

// A Work is the scratch memory for Posterior.
type Work struct {
	z      feature.Vector
	hidden [MaxHidden]float64
}

// Posterior writes the probability of each class, given a window alone, to
// dst. 0 allocations.
func (m *Model) Posterior(dst *Scores, w *Work, f *feature.Vector, sourceHz float64) {
	n := &m.Fine
	if sourceHz < CoarseBelowHz {
		n = &m.Coarse
	}
	for i, x := range f {
		w.z[i] = Standardise(x, n.Mean[i], n.Scale[i])
	}
	hidden := w.hidden[:n.Hidden]
	copy(hidden, n.Abias)
	addProduct(hidden, n.A, w.z[:])
	for j, x := range hidden {
		hidden[j] = x / (1 + math.Abs(x))
	}
	copy(dst[:], n.Bbias)
	addProduct(dst[:], n.B, hidden)
	Softmax(dst)
}

// addProduct adds a·x to dst, for a row-major a with a row for each of dst.
func addProduct(dst, a, x []float64) {
	var kernels gonum.Implementation
	kernels.Dgemv(blas.NoTrans, len(dst), len(x), 1, a, len(x), x, 1, 1, dst, 1)
}

// Standardise returns (x - mean)·scale within ±Bound.
func Standardise(x, mean, scale float64) float64 {
	x = (x - mean) * scale
	if x > Bound {
		return Bound
	}
	if x < -Bound {
		return -Bound
	}
	return x
}

// Softmax replaces logits by probabilities.
func Softmax(s *Scores) {
	largest := s[0]
	for _, x := range s {
		if x > largest {
			largest = x
		}
	}
	var sum float64
	for k, x := range s {
		s[k] = approx.Exp(max(x-largest, -700)) // which is nothing beside 1
		sum += s[k]
	}
	per := 1 / sum
	for k := range s {
		s[k] *= per
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
