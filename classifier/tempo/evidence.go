package tempo

import (
	"math"

	"gonum.org/v1/gonum/floats"

	"github.com/tempogate/tempogate/classifier/approx"
	"github.com/tempogate/tempogate/classifier/feature"
	"github.com/tempogate/tempogate/classifier/signal"
)

// What the evidence is made of; see the package comment.
const (
	strideWeight = 16.0 // of ρ one stride ago
	stepWeight   = 2.0  // of ρ one step ago
	shareWeight  = 3.0  // of the share of power at the step's rate

	walkMedianSPM, walkDeviation = 104.0, 0.14
	runMedianSPM, runDeviation   = 168.0, 0.16

	// ln of the vertical variance that is usual for a walk of levelSPM, its
	// growth with ln cadence, the cadence from which on it grows no more, the
	// same for a run at any cadence, and what people and pockets differ by.
	walkLevel, levelSPM, levelGrowth, levelKneeSPM = 2.3, 110.0, 5.0, 115.0
	runLevel                                       = 4.4
	levelDeviation                                 = 1.0
	mostPenalty                                    = 8.0 // a level never rules a cadence out
	levelFloor                                     = 0.01

	keep = 0.6 // share of the score that is carried to the next second

	// ln of how unlikely it is that the cadence moves by one or two candidates
	// within a second.
	movePenalty, leapPenalty = 0.5, 1.5

	// leastBelief is what walking and running are believed at least, so that
	// neither is ruled out by a first guess.
	leastBelief = 0.01
)

const (
	// Candidates is the number of cadences in the grid. They are 1.5 % apart
	// and reach beyond HighestSPM, so that a peak at that edge is still seen as
	// one; below LowestSPM there is no lag for a stride.
	Candidates = 90
	gridEndSPM = 231.0

	lags = feature.MaxLag + 1
)

// A candidate is one cadence of the grid with all that does not depend on the
// signal.
type candidate struct {
	period               float64 // of a step, in rows
	strideLag, stepLag   int32   // whole part of the lag in ρ
	strideRest, stepRest float32 // and the rest
	line                 int32   // spectral line of the step's rate
	walk, run            float32 // ln of the prior, up to a constant
	level                float32 // of a walk
}

var grid = newGrid()

func newGrid() (grid [Candidates]candidate) {
	for j := range grid {
		spm := LowestSPM * math.Pow(gridEndSPM/LowestSPM, float64(j)/(Candidates-1))
		c := &grid[j]
		c.period = 60 * signal.RateHz / spm
		// The stride of LowestSPM lies at the very end of ρ.
		whole, rest := math.Modf(min(2*c.period, feature.MaxLag-1e-6))
		c.strideLag, c.strideRest = int32(whole), float32(rest)
		whole, rest = math.Modf(c.period)
		c.stepLag, c.stepRest = int32(whole), float32(rest)
		c.line = int32(math.Round(spm / 60 / feature.BinHz))
		normal := func(median, deviation float64) float32 {
			z := math.Log(spm/median) / deviation
			return float32(-z*z/2 - math.Log(deviation))
		}
		c.walk, c.run = normal(walkMedianSPM, walkDeviation), normal(runMedianSPM, runDeviation)
		c.level = float32(walkLevel + levelGrowth*math.Log(min(spm, levelKneeSPM)/levelSPM))
	}
	return grid
}

// scores is ln of the belief in each candidate, up to a constant.
type scores [Candidates]float32

// weigh carries the scores of the second before on, if there are any, and adds
// the evidence of a window. It returns the best candidate and by how much it
// leads over all that are not its neighbours. 0 allocations.
func (s *scores) weigh(m *feature.Motion, started bool, walk, run float64) (best int, margin float64) {
	var rho, slope [lags]float32
	for i, r := range m.Correlation {
		rho[i] = strideWeight * float32(r)
	}
	for i := range slope[:lags-1] {
		slope[i] = rho[i+1] - rho[i]
	}
	const stepShare = stepWeight / strideWeight

	var line [feature.Bins]float32
	power := m.VerticalPower
	toShare := shareWeight / (floats.Sum(power[2:]) + 1e-9)
	for k := grid[0].line; k <= grid[Candidates-1].line; k++ {
		line[k] = float32(toShare * (power[k-1] + power[k] + power[k+1]))
	}

	level := float32(approx.Log(m.Variance + levelFloor))
	walkBelief := float32(approx.Log(walk + leastBelief))
	runBelief := float32(approx.Log(run+leastBelief)) - penalty(min(level-runLevel, 0))

	fresh := float32(1)
	var before [Candidates + 4]float32 // with two beyond either end
	if started {
		fresh = 1 - keep
		copy(before[2:], s[:])
		for i := range 2 {
			before[i], before[Candidates+2+i] = -math.MaxFloat32, -math.MaxFloat32
		}
	}
	most := float32(-math.MaxFloat32)
	for j := range s {
		c := &grid[j]
		walking := c.walk + walkBelief - penalty(level-c.level)
		prior := larger(walking, c.run+runBelief)
		evidence := rho[c.strideLag] + c.strideRest*slope[c.strideLag] +
			stepShare*(rho[c.stepLag]+c.stepRest*slope[c.stepLag]) + line[c.line]
		score := fresh * (evidence + prior)
		if started {
			around := (*[5]float32)(before[j:])
			near := larger(around[1], around[3]) - movePenalty
			far := larger(around[0], around[4]) - leapPenalty
			score += keep * larger(around[2], larger(near, far))
		}
		s[j] = score
		if score > most {
			most, best = score, j
		}
	}
	const neighbours = 4
	other := float32(-math.MaxFloat32)
	for _, x := range s[:max(best-neighbours, 0)] {
		if x > other {
			other = x
		}
	}
	for _, x := range s[min(best+neighbours+1, Candidates):] {
		if x > other {
			other = x
		}
	}
	return best, float64(most - other)
}

// penalty is -ln of how unlikely it is that a level lies so far off.
func penalty(off float32) float32 {
	const factor = 1 / (2 * levelDeviation * levelDeviation)
	if p := factor * off * off; p < mostPenalty {
		return p
	}
	return mostPenalty
}

// larger is max without its care for what is not a number, which costs a
// third of weigh.
func larger(a, b float32) float32 {
	if a > b {
		return a
	}
	return b
}
