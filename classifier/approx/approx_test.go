package approx_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/tempogate/tempogate/classifier/approx"
)

func TestLog(t *testing.T) {
	tests := []struct{ x, want float64 }{
		{1, 0},
		{2, math.Ln2},
		{0.5, -math.Ln2},
		{math.E, 1},
		{math.Sqrt2, math.Ln2 / 2},    // where the exponent changes
		{9e-4, -7.013115794639964},    // the floor of a variance, squared
		{0x1p-1022, -1022 * math.Ln2}, // the smallest normal number
		{math.MaxFloat64, 709.782712893384},
	}
	for _, test := range tests {
		if got := approx.Log(test.x); math.Abs(got-test.want) > 1e-8 {
			t.Errorf("ln %g is %.10f, want %.10f", test.x, got, test.want)
		}
	}
	for e := -1022; e < 1023; e++ {
		for step := range 64 {
			x := math.Ldexp(1+float64(step)/64+1e-9, e)
			if d := math.Abs(approx.Log(x) - math.Log(x)); d > 1e-8 {
				t.Fatalf("ln %g is off by %g", x, d)
			}
		}
	}
}

func TestExp(t *testing.T) {
	for x := -700.0; x <= 700; x += 0.0137 {
		want := math.Exp(x)
		if d := math.Abs(approx.Exp(x)-want) / want; d > 1e-8 {
			t.Fatalf("exp %g is off by a part of %g", x, d)
		}
	}
	if got := approx.Exp(0); got != 1 {
		t.Errorf("exp 0 is %v", got)
	}
}

func ExampleLog() {
	fmt.Printf("%.6f\n", approx.Log(10))
	fmt.Printf("%.6f\n", approx.Exp(approx.Log(10)))
	// Output:
	// 2.302585
	// 10.000000
}

// BenchmarkBoth compares with package math what a hop does: many values, one
// behind the other.
func BenchmarkBoth(b *testing.B) {
	functions := []struct {
		name string
		f    func(dst, src []float64)
	}{
		{"Log", func(dst, src []float64) {
			for i, x := range src {
				dst[i] = approx.Log(x)
			}
		}},
		{"math.Log", func(dst, src []float64) {
			for i, x := range src {
				dst[i] = math.Log(x)
			}
		}},
		{"Exp", func(dst, src []float64) {
			for i, x := range src {
				dst[i] = approx.Exp(x)
			}
		}},
		{"math.Exp", func(dst, src []float64) {
			for i, x := range src {
				dst[i] = math.Exp(x)
			}
		}},
	}
	var src, dst [64]float64
	for i := range src {
		src[i] = math.Exp(float64(i)/8 - 5)
	}
	for _, f := range functions {
		b.Run(f.name, func(b *testing.B) {
			for b.Loop() {
				f.f(dst[:], src[:])
			}
		})
	}
}
