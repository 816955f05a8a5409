package feature

import (
	"math"

	"github.com/tempogate/tempogate/classifier/approx"
	"github.com/tempogate/tempogate/classifier/signal"
)

// hann prepares for windows of n rows.
func (e *Extractor) hann(n int) {
	if e.taperedRows == n {
		return
	}
	e.taperedRows = n
	e.gain = 0
	for i := range n {
		e.taper[i] = 0.5 - 0.5*math.Cos(2*math.Pi*(float64(i)+0.5)/float64(n))
		e.gain += e.taper[i] * e.taper[i]
	}
	clear(e.tapered[:])
	// One at a time: together they would be put together on the stack, and how much
	// of it a session keeps is what it needs at most.
	e.motion.single = singles{}
	e.magnitude = singles{}
	e.squared = singles{}
}

// spectra fills VerticalPower and HorizontalPower and their features, from
// three transforms of half the length: one takes v with its odd rows as
// imaginary parts, two take the even and the odd rows of c = north + i·east, of
// which
//
//	|C(k)|² + |C(-k)|² = 2(|N(k)|² + |E(k)|²).
func (e *Extractor) spectra() {
	// Scaled so that the lines of a signal add up to its variance.
	scale := 2 / (e.gain * signal.WindowLength)
	e.verticalSpectrum(scale)
	e.horizontalSpectrum(scale)
	f := &e.motion.Features
	f[14], f[16], f[18] = peak(&e.power[0], f[31:31+bands])
	f[15], f[17], f[19] = peak(&e.power[1], f[31+bands:31+2*bands])
}

func (e *Extractor) verticalSpectrum(scale float64) {
	transform(&e.even, &e.between, &e.tapered[0])
	power := &e.power[0]
	for k := range half/2 + 1 {
		// What stems from the real parts has a symmetric spectrum, what stems
		// from the imaginary parts an antisymmetric one. Both are doubled.
		z, mirror := e.even[k], e.even[(half-k)%half]
		even := complex(real(z)+real(mirror), imag(z)-imag(mirror))
		odd := complex(imag(z)+imag(mirror), real(mirror)-real(z))
		lower, upper := sides(even, odd, turns[k])
		power[k], power[half-k] = scale/4*lower, scale/4*upper
	}
}

func (e *Extractor) horizontalSpectrum(scale float64) {
	transform(&e.even, &e.between, &e.tapered[1])
	transform(&e.odd, &e.between, &e.tapered[2])
	power := &e.power[1]
	clear(power[:])
	for k := range half {
		lower, upper := sides(e.even[k], e.odd[k], turns[k])
		power[k] += scale / 2 * lower
		power[half-k] += scale / 2 * upper // line k+64 mirrors line 64-k
	}
	power[0] *= 2
	power[half] *= 2
}

// correlate fills Correlation and its features.
func (e *Extractor) correlate() {
	m := &e.motion
	for lag := LeastLag; lag <= MaxLag; lag++ {
		e.lags[lag] = m.Lagged(0, lag)
	}
	e.rhythm()
}

// Lagged returns the correlation of v, from a first row on, with itself some
// rows before: the covariance over the rows that overlap, against the variance
// of the same rows, so that a perfect rhythm gives 1 at every multiple of its
// period. The lag is less than what is left of Length.
//
// The products are added up in single precision, which a processor does four
// at a time: the result is good to six digits.
func (m *Motion) Lagged(first, lag int) float64 {
	n := m.Length
	rows := whole(n - first - lag)
	products := kernels.Sdot(rows, m.single[first+lag:], 1, m.single[first:], 1)
	now, then := m.energy[n]-m.energy[first+lag], m.energy[n-lag]-m.energy[first]
	return float64(products) / (0.5*(now+then) + quietRow*float64(n-first))
}

// quietRow is added to the energy of a row, (m/s²)², so that nothing moving
// has no rhythm.
const quietRow = 1e-6

// bandLines holds the first spectral line of each band, at or above its lower
// edge, and behind them the first beyond all bands; places holds ln of each
// line's frequency.
var bandLines, places = func() (lines [bands + 1]int, places [Bins]float64) {
	for b := range lines {
		lines[b] = int(math.Ceil(edges[b] / BinHz))
	}
	for k := 1; k < Bins; k++ {
		places[k] = math.Log(float64(k) * BinHz)
	}
	return lines, places
}()

// perEntropy is 1/ln of the number of lines in all bands.
var perEntropy = 1 / math.Log(float64(bandLines[bands]-bandLines[0]))

// leastShare is added to a band's share before its logarithm is taken: below
// half a percent it makes no difference how little there is.
const leastShare = 0.005

// peak returns the share of the largest line and its neighbours in the power
// of all bands, the logarithm of its frequency, and the entropy of the lines,
// 0 to 1: Rényi's of order 2, which needs one logarithm where Shannon's needs
// one a line. It fills shares with the logarithm of each band's share.
func peak(power *[Bins]float64, shares []float64) (share, place, entropy float64) {
	lowest, highest := bandLines[0], bandLines[bands]
	shares = shares[:bands]
	var total, squares float64
	// Powers are not negative, so their bits are in their order; the lowest
	// six give way to the line, which must be below 64. A branch for each new
	// largest is one that nobody can predict.
	var most uint64
	for b := range shares {
		var sum float64
		for k := bandLines[b]; k < bandLines[b+1]; k++ {
			p := power[k]
			most = max(most, math.Float64bits(p)&^63|uint64(k))
			p += lineNoise
			sum += p
			squares += p * p
		}
		shares[b] = sum
		total += sum
	}
	largest := int(most & 63)
	perTotal := 1 / total
	for b, sum := range shares {
		shares[b] = approx.Log(sum*perTotal + leastShare)
	}
	for k := max(largest-1, lowest); k <= min(largest+1, highest-1); k++ {
		share += power[k] + lineNoise
	}
	return share * perTotal, places[largest], approx.Log(total*total/squares) * perEntropy
}

// The lags, in rows, between which a rhythm is looked for, and their
// logarithms in seconds.
const leastRhythm, mostRhythm = 7, 22

var rhythmLags = func() (lags [mostRhythm + 1]float64) {
	for l := range lags {
		lags[l] = math.Log(float64(l) / signal.RateHz)
	}
	return lags
}()

// rhythm fills the features of the autocorrelation: the largest between 0.28
// and 0.9 s, the logarithm of its lag in seconds, and the value around twice
// the lag.
func (e *Extractor) rhythm() {
	best := leastRhythm
	for l := leastRhythm; l <= mostRhythm; l++ {
		if e.lags[l] > e.lags[best] {
			best = l
		}
	}
	f := &e.motion.Features
	f[20], f[21] = e.lags[best], rhythmLags[best]
	f[22] = max(e.lags[2*best-1], e.lags[2*best], e.lags[2*best+1])
}
