package feature

import (
	"gonum.org/v1/gonum/blas/gonum"

	"github.com/tempogate/tempogate/classifier/signal"
)

// singles are values of the rows in single precision, of which a processor
// multiplies and adds up four at a time. There are zeros behind the last.
type singles [signal.WindowLength + block]float32

// block is how many values are multiplied at a time.
const block = 16

// kernels are what is behind gonum's blas32, which would find them anew at
// every call.
var kernels gonum.Implementation

// ones turn a product into a sum.
var ones = func() (ones singles) {
	for i := range ones {
		ones[i] = 1
	}
	return ones
}()

// product returns Σ a(i) b(i).
func product(a, b *singles, rows int) float64 {
	return float64(kernels.Sdot(whole(rows), a[:], 1, b[:], 1))
}

// whole rounds up to whole blocks: zeros are multiplied faster than left out.
func whole(rows int) int { return (rows + block - 1) / block * block }
