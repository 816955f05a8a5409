package training

import (
	"fmt"
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/optimize"

	"github.com/tempogate/tempogate/classifier/feature"
	"github.com/tempogate/tempogate/classifier/model"
)

// NetworkOptions steers the fit of one network.
type NetworkOptions struct {
	Members    int     // networks whose logits are averaged into one
	Hidden     int     // units in the hidden layer of each
	Decay      float64 // weight of the sum of squared weights
	Iterations int     // of the optimizer, at most
	Seed       uint64  // of the first weights
}

// fitNetworks fits the members, which differ in their first weights, and joins
// them: the mean of their logits is the output of one network that has all
// their hidden units. What they agree on is what the examples say; what each
// makes up between the examples cancels (Hansen and Salamon 1990).
func fitNetworks(examples []Example, weights []float64, o NetworkOptions, step recorder) (model.Network, error) {
	var joined model.Network
	for member := range o.Members {
		one := o
		one.Seed = o.Seed<<8 + uint64(member)
		n, err := fitNetwork(examples, weights, one, step)
		if err != nil {
			return joined, err
		}
		joined = join(joined, n, float64(o.Members))
	}
	return joined, nil
}

// join adds the hidden units of n to those of a joined network of so many
// members.
func join(joined, n model.Network, members float64) model.Network {
	if joined.Hidden == 0 {
		joined = model.Network{Mean: n.Mean, Scale: n.Scale, Bbias: make([]float64, model.Classes)}
	}
	var b []float64
	for k := range model.Classes {
		b = append(b, joined.B[k*joined.Hidden:(k+1)*joined.Hidden]...)
		for _, w := range n.B[k*n.Hidden : (k+1)*n.Hidden] {
			b = append(b, w/members)
		}
		joined.Bbias[k] += n.Bbias[k] / members
	}
	joined.B = b
	joined.A = append(joined.A, n.A...)
	joined.Abias = append(joined.Abias, n.Abias...)
	joined.Hidden += n.Hidden
	return joined
}

// fitNetwork minimises the weighted cross-entropy of the examples plus decay,
// with all examples at every step (L-BFGS, Nocedal and Wright 2006), so that
// the same examples and seed give the same network.
func fitNetwork(examples []Example, weights []float64, o NetworkOptions, step recorder) (model.Network, error) {
	if len(examples) == 0 {
		return model.Network{}, fmt.Errorf("training: no examples for this network")
	}
	n := model.Network{Hidden: o.Hidden}
	n.Mean, n.Scale = standard(examples, weights)
	f := newObjective(examples, weights, &n, o.Decay)
	random := rand.New(rand.NewPCG(o.Seed, 0x7465_6d70_6f67_6174))
	x := make([]float64, f.size())
	for i := range x {
		x[i] = random.NormFloat64() / math.Sqrt(float64(feature.Count))
	}
	problem := optimize.Problem{
		Func: f.value,
		Grad: func(grad, x []float64) { f.gradient(grad, x) },
	}
	settings := &optimize.Settings{
		MajorIterations:   o.Iterations,
		GradientThreshold: 1e-5,
		Recorder:          step,
	}
	result, err := optimize.Minimize(problem, x, settings, &optimize.LBFGS{Store: 20})
	if result == nil {
		return model.Network{}, fmt.Errorf("training: the fit did not start: %w", err)
	}
	// A line search that can improve no further ends the fit with an error and
	// a good result.
	f.unpack(result.X, &n)
	return n, nil
}

// A recorder is called once an iteration; its error ends the fit.
type recorder func() error

func (r recorder) Init() error { return nil }

func (r recorder) Record(_ *optimize.Location, op optimize.Operation, _ *optimize.Stats) error {
	if op == optimize.MajorIteration {
		return r()
	}
	return nil
}

// standard returns the weighted mean and the inverse of the weighted standard
// deviation of each feature.
func standard(examples []Example, weights []float64) (mean, scale []float64) {
	mean, scale = make([]float64, feature.Count), make([]float64, feature.Count)
	var total float64
	for i := range examples {
		total += weights[i]
		for j, x := range examples[i].Features {
			mean[j] += weights[i] * x
		}
	}
	for j := range mean {
		mean[j] /= total
	}
	for i := range examples {
		for j, x := range examples[i].Features {
			scale[j] += weights[i] * (x - mean[j]) * (x - mean[j])
		}
	}
	for j := range scale {
		scale[j] = 1 / math.Sqrt(scale[j]/total+1e-6)
	}
	return mean, scale
}

// objective is the loss over all examples. Parameters lie in one slice: A with
// a bias column, then B with a bias column.
type objective struct {
	rows    int
	hidden  int
	decay   float64
	z       blas64.General // rows × (Count+1), the last column 1
	class   []int
	weights []float64 // sum to 1

	at       []float64      // parameters that the rest belongs to
	loss     float64        // at them
	grad     []float64      // at them
	pre      blas64.General // rows × hidden
	act      blas64.General // rows × (hidden+1), the last column 1
	out      blas64.General // rows × Classes
	backward blas64.General // rows × hidden
}

const columns = feature.Count + 1

func newObjective(examples []Example, weights []float64, n *model.Network, decay float64) *objective {
	rows, hidden := len(examples), n.Hidden
	f := &objective{rows: rows, hidden: hidden, decay: decay}
	f.z = general(rows, columns)
	f.class = make([]int, rows)
	f.weights = make([]float64, rows)
	var total float64
	for i := range examples {
		total += weights[i]
	}
	for i := range examples {
		row := f.z.Data[i*columns : (i+1)*columns]
		for j, x := range examples[i].Features {
			row[j] = model.Standardise(x, n.Mean[j], n.Scale[j])
		}
		row[feature.Count] = 1
		f.class[i] = examples[i].Class
		f.weights[i] = weights[i] / total
	}
	f.pre = general(rows, hidden)
	f.act = general(rows, hidden+1)
	f.out = general(rows, model.Classes)
	f.backward = general(rows, hidden)
	f.grad = make([]float64, f.size())
	return f
}

func general(rows, cols int) blas64.General {
	return blas64.General{Rows: rows, Cols: cols, Stride: cols, Data: make([]float64, rows*cols)}
}

func (f *objective) size() int { return f.hidden*columns + model.Classes*(f.hidden+1) }

// layers views a parameter slice as the two matrices.
func (f *objective) layers(x []float64) (a, b blas64.General) {
	split := f.hidden * columns
	a = blas64.General{Rows: f.hidden, Cols: columns, Stride: columns, Data: x[:split]}
	b = blas64.General{Rows: model.Classes, Cols: f.hidden + 1, Stride: f.hidden + 1, Data: x[split:]}
	return a, b
}

func (f *objective) value(x []float64) float64 {
	f.evaluate(x)
	return f.loss
}

func (f *objective) gradient(grad, x []float64) {
	f.evaluate(x)
	copy(grad, f.grad)
}

// evaluate computes loss and gradient together, once for each x.
func (f *objective) evaluate(x []float64) {
	if f.at != nil && equal(f.at, x) {
		return
	}
	f.at = append(f.at[:0], x...)
	a, b := f.layers(x)
	gradA, gradB := f.layers(f.grad)

	blas64.Gemm(blas.NoTrans, blas.Trans, 1, f.z, a, 0, f.pre)
	for i := range f.rows {
		pre := f.pre.Data[i*f.hidden : (i+1)*f.hidden]
		act := f.act.Data[i*(f.hidden+1) : (i+1)*(f.hidden+1)]
		for j, v := range pre {
			act[j] = v / (1 + math.Abs(v))
		}
		act[f.hidden] = 1
	}
	blas64.Gemm(blas.NoTrans, blas.Trans, 1, f.act, b, 0, f.out)
	f.loss = 0
	for i := range f.rows {
		scores := (*model.Scores)(f.out.Data[i*model.Classes : (i+1)*model.Classes])
		model.Softmax(scores)
		w := f.weights[i]
		f.loss -= w * math.Log(scores[f.class[i]]+1e-12)
		for k := range scores {
			scores[k] *= w
		}
		scores[f.class[i]] -= w
	}
	blas64.Gemm(blas.Trans, blas.NoTrans, 1, f.out, f.act, 0, gradB)
	weightsOnly := blas64.General{Rows: model.Classes, Cols: f.hidden, Stride: f.hidden + 1, Data: b.Data}
	blas64.Gemm(blas.NoTrans, blas.NoTrans, 1, f.out, weightsOnly, 0, f.backward)
	for i, v := range f.pre.Data {
		s := 1 + math.Abs(v)
		f.backward.Data[i] /= s * s
	}
	blas64.Gemm(blas.Trans, blas.NoTrans, 1, f.backward, f.z, 0, gradA)

	// Decay, on all but the biases.
	for _, layer := range []struct{ x, grad blas64.General }{{a, gradA}, {b, gradB}} {
		for i := range layer.x.Rows {
			for j := range layer.x.Cols - 1 {
				v := layer.x.Data[i*layer.x.Stride+j]
				f.loss += 0.5 * f.decay * v * v
				layer.grad.Data[i*layer.x.Stride+j] += f.decay * v
			}
		}
	}
}

func equal(a, b []float64) bool {
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return len(a) == len(b)
}

// unpack copies the parameters into the network's own matrices.
func (f *objective) unpack(x []float64, n *model.Network) {
	a, b := f.layers(x)
	for j := range f.hidden {
		n.A = append(n.A, a.Data[j*columns:j*columns+feature.Count]...)
		n.Abias = append(n.Abias, a.Data[j*columns+feature.Count])
	}
	for k := range model.Classes {
		n.B = append(n.B, b.Data[k*(f.hidden+1):k*(f.hidden+1)+f.hidden]...)
		n.Bbias = append(n.Bbias, b.Data[k*(f.hidden+1)+f.hidden])
	}
}
