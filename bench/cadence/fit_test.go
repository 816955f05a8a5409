package cadence

import (
	"context"
	"math"
	"math/rand/v2"
	"testing"
)

// Even weights, all of one group.
func even(n int) []float64 {
	w := make([]float64, n)
	for i := range w {
		w[i] = 1 / float64(n)
	}
	return w
}

// Windows whose true candidate is drawn with known weights give these weights
// back.
func TestFitEvidenceFindsTheWeights(t *testing.T) {
	truth := []float64{8, 2, 1, 1.5, -6}
	random := rand.New(rand.NewPCG(1, 2))
	choices := make([]choice, 2500)
	for i := range choices {
		c := &choices[i]
		var sum float64
		var p [fitCandidates]float64
		for j := range c.x {
			l := math.Log(fitFromSPM * math.Pow(fitToSPM/fitFromSPM, float64(j)/(fitCandidates-1)) / walkCentreSPM)
			c.x[j] = [...]float64{random.NormFloat64() / 4, random.NormFloat64() / 4, random.Float64(), l, l * l}
			var z float64
			for k, x := range c.x[j] {
				z += truth[k] * x
			}
			p[j] = math.Exp(z)
			sum += p[j]
		}
		at := random.Float64() * sum
		for j := range p {
			if at -= p[j]; at <= 0 {
				c.target[j] = 1
				break
			}
		}
	}
	got := fitEvidence(context.Background(), choices, even(len(choices)))
	for k, want := range truth {
		if math.Abs(got[k]-want) > 0.1*math.Abs(want)+0.3 {
			t.Errorf("weight %d: %.2f, want %.2f", k, got[k], want)
		}
	}
	// Half the stride's weight on everything means the same: weights are told
	// for a stride's weight of 16, and the prior as a median and a deviation.
	told := evidenceOf(walkCentreSPM)(truth)
	want := []float64{16, 4, 2, walkCentreSPM * math.Exp(1.5/12), math.Sqrt(1.0 / 24)}
	for k := range want {
		if math.Abs(told[k]-want[k]) > 1e-9 {
			t.Errorf("%s is told as %v, want %v", evidenceNames[k], told[k], want[k])
		}
	}
}

// Likewise for what was right with known probability.
func TestFitLogisticFindsTheWeights(t *testing.T) {
	truth := verdict{x: []float64{-1, 0.5, 2}}
	random := rand.New(rand.NewPCG(3, 4))
	verdicts := make([]verdict, 20000)
	for i := range verdicts {
		v := &verdicts[i]
		v.x = []float64{1, random.Float64() * mostMargin, random.Float64() * 2}
		v.right = random.Float64() < v.chance(truth.x)
	}
	got := fitLogistic(context.Background(), len(truth.x), verdicts, even(len(verdicts)))
	for k, want := range truth.x {
		if math.Abs(got[k]-want) > 0.1 {
			t.Errorf("%s: %.2f, want %.2f", confidenceNames[k], got[k], want)
		}
	}
}

// Ten windows of one group do not count ten times one of another, and a group
// that is left out counts nothing.
func TestWeightsOfGroups(t *testing.T) {
	places := []int{0, 0, 0, 0, 1, 2}
	group := func(place int) string { return string(rune('a' + place)) }
	got := weights(places, group, "c")
	// Roots of 4 and 1, shared among four and one.
	want := []float64{1. / 6, 1. / 6, 1. / 6, 1. / 6, 1. / 3, 0}
	for i := range want {
		if math.Abs(got[i]-want[i]) > 1e-12 {
			t.Errorf("window %d: weight %v, want %v", i, got[i], want[i])
		}
	}
}
