package feature_test

import (
	"math/cmplx"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/dsp/fourier"

	"github.com/tempogate/tempogate/classifier/feature"
)

func TestTransform(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	gonum := fourier.NewCmplxFFT(64)
	for range 20 {
		var x [64]complex128
		for i := range x {
			x[i] = complex(random.NormFloat64(), random.NormFloat64())
		}
		got, want := feature.Transform(x), gonum.Coefficients(nil, x[:])
		for k := range want {
			if cmplx.Abs(got[k]-want[k]) > 1e-13 {
				t.Fatalf("line %d is %v, gonum's %v", k, got[k], want[k])
			}
		}
	}
}

// A single 1 at place j has exp(-2πijk/64) for its spectrum.
func TestTransformOfOnePoint(t *testing.T) {
	tests := []struct {
		place, line int
		want        complex128
	}{
		{0, 0, 1},
		{0, 63, 1},
		{1, 16, -1i},
		{16, 1, -1i},
		{32, 3, -1},
		{3, 16, 1i},
		{63, 48, -1i},
	}
	for _, test := range tests {
		var x [64]complex128
		x[test.place] = 1
		if got := feature.Transform(x)[test.line]; cmplx.Abs(got-test.want) > 1e-15 {
			t.Errorf("a 1 at place %d gives %v in line %d, want %v", test.place, got, test.line, test.want)
		}
	}
}

func BenchmarkTransform(b *testing.B) {
	var x [64]complex128
	for b.Loop() {
		feature.Transform(x)
	}
}
