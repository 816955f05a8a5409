package tempo

import (
	"math"

	"github.com/tempogate/tempogate/classifier/feature"
	"github.com/tempogate/tempogate/classifier/signal"
)

const (
	// LowestSPM and HighestSPM bound the cadence.
	LowestSPM, HighestSPM = 60.0, 220.0

	// Candidates is the number of cadences in the grid, 1.5 % apart.
	Candidates = 88

	// HoldSPM is how far the cadence must leave BPM before BPM follows.
	HoldSPM = 2.5

	// ForgetHops is how many seconds without a cadence end BPM.
	ForgetHops = 5

	leastStepping = 0.5  // belief in walk or run below which there is no cadence
	leastRhythm   = 0.3  // largest ρ at step or stride below which there is no cadence
	sharpness     = 3.0  // κ
	renewal       = 0.02 // share of the belief that starts anew from the prior
)

// Tempo is what one window gave.
type Tempo struct {
	CadenceSPM float64 // NaN when there is no stepping
	Confidence float64 // 0 to 1
	BPM        int     // 0 when there is none
}

// tables are computed once and only read afterwards.
var cadence, period, walkPrior, runPrior = grid()

func grid() (cadence, period, walk, run [Candidates]float64) {
	var walkSum, runSum float64
	for j := range cadence {
		cadence[j] = LowestSPM * math.Pow(HighestSPM/LowestSPM, float64(j)/(Candidates-1))
		period[j] = 60 * signal.RateHz / cadence[j]
		normal := func(median, deviation float64) float64 {
			d := math.Log(cadence[j]/median) / deviation
			return math.Exp(-d * d / 2)
		}
		walk[j], run[j] = normal(110, 0.17), normal(163, 0.09)
		walkSum += walk[j]
		runSum += run[j]
	}
	for j := range cadence {
		walk[j] /= walkSum
		run[j] /= runSum
	}
	return cadence, period, walk, run
}

// A Tracker follows the cadence of one stream. The zero value is ready.
type Tracker struct {
	belief [Candidates]float32 // sums to 1; all 0 when nothing is believed
	beat   beat
}

// Clear forgets everything.
func (t *Tracker) Clear() { *t = Tracker{} }

// Step takes one window and the belief that it is a walk or a run. A nil
// motion means that there is none to look at. 0 allocations.
func (t *Tracker) Step(m *feature.Motion, walk, run float64) Tempo {
	if m == nil || walk+run < leastStepping {
		t.belief = [Candidates]float32{}
		return Tempo{CadenceSPM: math.NaN(), BPM: t.beat.step(math.NaN())}
	}
	var prior [Candidates]float64
	for j := range prior {
		prior[j] = (walk*walkPrior[j] + run*runPrior[j]) / (walk + run)
	}
	best, mass := t.update(m, &prior)
	rho := max(at(m.Correlation, period[best]), at(m.Correlation, 2*period[best]))
	if rho < leastRhythm {
		return Tempo{CadenceSPM: math.NaN(), BPM: t.beat.step(math.NaN())}
	}
	exact := 60 * signal.RateHz / refine(m.Correlation, period[best])
	exact = min(max(exact, LowestSPM), HighestSPM)
	return Tempo{
		CadenceSPM: exact,
		Confidence: mass * min(rho/0.8, 1),
		BPM:        t.beat.step(exact),
	}
}

// update carries the belief on by one second and returns the most likely
// candidate and how much is believed of it and its neighbours.
func (t *Tracker) update(m *feature.Motion, prior *[Candidates]float64) (best int, mass float64) {
	var power float64
	for _, p := range m.VerticalPower[2:] {
		power += p
	}
	power += 1e-9
	started := t.belief != [Candidates]float32{}
	var next [Candidates]float64
	var sum float64
	for j := range next {
		carried := prior[j]
		if started {
			carried = renewal*prior[j] + (1-renewal)*t.spread(j)
		}
		// The prior weighs in every second, gently: an unlikely cadence needs
		// better evidence than a likely one, every time.
		next[j] = carried * math.Sqrt(prior[j]+1e-6) * math.Exp(sharpness*evidence(m, power, j))
		sum += next[j]
	}
	for j := range next {
		next[j] /= sum
		t.belief[j] = float32(next[j])
		if next[j] > next[best] {
			best = j
		}
	}
	for j := max(best-2, 0); j <= min(best+2, Candidates-1); j++ {
		mass += next[j]
	}
	return best, mass
}

// spread is the belief of the second before, blurred over neighbours: a
// binomial kernel with a standard deviation of one candidate, 1.5 %.
func (t *Tracker) spread(j int) float64 {
	sum := 6 * t.belief[j]
	sum += 4 * (t.belief[max(j-1, 0)] + t.belief[min(j+1, Candidates-1)])
	sum += t.belief[max(j-2, 0)] + t.belief[min(j+2, Candidates-1)]
	return float64(sum) / 16
}

// evidence is S for one candidate.
func evidence(m *feature.Motion, power float64, j int) float64 {
	hz := cadence[j] / 60
	share := (line(m.VerticalPower, hz) + line(m.VerticalPower, 2*hz)) / power
	return at(m.Correlation, period[j]) + at(m.Correlation, 2*period[j]) + min(share, 1)
}

// at interpolates ρ between rows.
func at(correlation []float64, lag float64) float64 {
	i := int(lag)
	if i+1 >= len(correlation) {
		return correlation[len(correlation)-1]
	}
	f := lag - float64(i)
	return correlation[i] + f*(correlation[i+1]-correlation[i])
}

// line is the power around a frequency: the three nearest spectral lines,
// which hold a steady tone under a Hann taper.
func line(power []float64, hz float64) float64 {
	k := int(hz/feature.BinHz + 0.5)
	if k < 1 || k+1 >= len(power) {
		return 0
	}
	return power[k-1] + power[k] + power[k+1]
}

// refine returns the period, in rows, that the peaks of ρ near multiples of a
// rough period agree on best.
func refine(correlation []float64, rough float64) float64 {
	better := rough
	for multiple := 1.0; multiple*rough <= float64(len(correlation)-2); multiple++ {
		// Each peak found makes the next one's place better known.
		centre := multiple * better
		reach := 0.06*rough*math.Sqrt(multiple) + 1
		lag, value, ok := peak(correlation, centre, reach)
		if ok && value > leastRhythm {
			better = lag / multiple
		}
	}
	return better
}

// peak finds the largest local maximum of ρ within reach of a lag and returns
// its place between rows.
func peak(correlation []float64, centre, reach float64) (lag, value float64, ok bool) {
	from, to := max(int(math.Ceil(centre-reach)), 1), min(int(centre+reach), len(correlation)-2)
	for i := from; i <= to; i++ {
		a, b, c := correlation[i-1], correlation[i], correlation[i+1]
		if b < a || b < c || ok && b <= value {
			continue
		}
		curve := a - 2*b + c
		if curve >= 0 {
			continue
		}
		lag, value, ok = float64(i)+0.5*(a-c)/curve, b, true
	}
	return lag, value, ok
}
