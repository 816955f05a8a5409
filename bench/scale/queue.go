package scale

import (
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/mathext"
	"gonum.org/v1/gonum/stat/distuv"
)

// PoissonQuantile returns the least k of which a Poisson distribution with the mean
// lies at or below it with at least the probability p.
func PoissonQuantile(mean, p float64) float64 {
	if mean <= 0 {
		return 0
	}
	// P(X ≤ k) is the upper regularised gamma function at k+1.
	low, high := 0.0, mean+20*math.Sqrt(mean)+20
	for low < high {
		k := math.Floor((low + high) / 2)
		if mathext.GammaIncRegComp(k+1, mean) >= p {
			high = k
		} else {
			low = k + 1
		}
	}
	return low
}

// ErlangC returns the probability that somebody has to wait in M/M/c with a load of
// so many servers.
func ErlangC(servers int, load float64) float64 {
	if load >= float64(servers) {
		return 1
	}
	blocked := 1.0 // Erlang's B, by its recursion
	for n := 1; n <= servers; n++ {
		blocked = load * blocked / (float64(n) + load*blocked)
	}
	busy := load / float64(servers)
	return blocked / (1 - busy*(1-blocked))
}

// WaitMDC returns the mean wait in M/D/c, in service times, by Cosmetatos'
// approximation. It is exact for one server (Pollaczek and Khinchine).
func WaitMDC(servers int, load float64) float64 {
	if load >= float64(servers) {
		return math.Inf(1)
	}
	c := float64(servers)
	busy := load / c
	mmc := ErlangC(servers, load) / (c - load)
	correction := 1 + (1-busy)*(c-1)*(math.Sqrt(4+5*c)-2)/(16*busy*c)
	return mmc / 2 * correction
}

// length returns how long runs are, in hours.
func (c Config) length() distuv.LogNormal { return c.lengthFrom(nil) }

func (c Config) lengthFrom(source rand.Source) distuv.LogNormal {
	mean, deviation := c.Habits.Length.Hours(), c.Habits.Spread.Hours()
	sigma2 := math.Log(1 + deviation*deviation/(mean*mean))
	return distuv.LogNormal{Mu: math.Log(mean) - sigma2/2, Sigma: math.Sqrt(sigma2), Src: source}
}
