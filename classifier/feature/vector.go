package feature

import (
	"math"
	"strconv"

	"github.com/tempogate/tempogate/classifier/approx"
	"github.com/tempogate/tempogate/classifier/signal"
)

// FloorMPS2 is added, squared, to every variance before its logarithm is
// taken. It is above the noise of any phone's accelerometer in this band
// (0.003 to 0.02 m/s²).
const FloorMPS2 = 0.03

// edges bound the nine bands of the spectrum, in Hz: sway, stride of a walk,
// step of a slow and a brisk walk, step of a run, their harmonics, vibration.
var edges = [...]float64{0.3, 0.8, 1.3, 1.8, 2.3, 2.9, 3.7, 5, 7, 9.5}

const bands = len(edges) - 1

// Count is the number of features.
const Count = 31 + 2*bands + historyCount

// A Vector holds the features of one window, in the order of Names.
type Vector [Count]float64

// Names gives each feature its name, for reports and the model's readable
// form.
var Names = names()

func names() [Count]string {
	n := [...]string{
		"level vertical", "level horizontal", "level magnitude",
		"level vertical newer half", "level horizontal newer half",
		"skewness vertical", "kurtosis vertical", "skewness magnitude", "kurtosis magnitude",
		"least magnitude", "largest magnitude",
		"roughness vertical", "roughness horizontal", "zero crossings",
		"peak share vertical", "peak share horizontal",
		"peak place vertical", "peak place horizontal",
		"entropy vertical", "entropy horizontal",
		"rhythm", "rhythm lag", "rhythm twice",
		"level spread", "level minimum", "level trend",
		"largest turn", "whole turn",
		"slow vertical", "slow horizontal", "vertical share",
	}
	var all [Count]string
	copy(all[:], n[:])
	for b := range bands {
		band := " " + number(edges[b]) + " to " + number(edges[b+1]) + " Hz"
		all[len(n)+b] = "vertical" + band
		all[len(n)+bands+b] = "horizontal" + band
	}
	for i, memory := range memories {
		span := " over " + strconv.Itoa(int(memory)) + " s"
		copy(all[len(n)+2*bands+4*i:], []string{"loud" + span, "quiet" + span, "loud jerk" + span, "quiet jerk" + span})
	}
	return all
}

func number(hz float64) string {
	tenths := int(math.Round(hz * 10))
	digits := []byte{byte('0' + tenths/10)}
	if tenths%10 != 0 {
		digits = append(digits, '.', byte('0'+tenths%10))
	}
	return string(digits)
}

// noise is the floor under a variance; lineNoise is its share of a spectral
// line, spread evenly as white noise would be.
const (
	noise     = FloorMPS2 * FloorMPS2
	lineNoise = noise / Bins
)

func level(variance float64) float64 { return approx.Log(variance + noise) }

// alongGravity fills the features that are sums over v.
func (m *Motion) alongGravity() {
	f := &m.Features
	n := float64(m.Length)
	newer := m.Length - m.Length/2
	var squares, cubes, fourths, steps, older float64
	var crossings uint64
	before := m.Vertical[0]
	below := math.Float64bits(before) >> 63
	for i, x := range m.Vertical {
		if i == newer {
			older = squares
		}
		square, step := x*x, x-before
		squares += square
		cubes += square * x
		fourths += square * square
		steps += step * step
		before = x
		// The bit of the sign: a branch on it is one that nobody can predict.
		sign := math.Float64bits(x) >> 63
		crossings += sign ^ below
		below = sign
	}
	m.Variance = squares / n
	f[0] = level(m.Variance)
	f[3] = level((squares - older) / float64(m.Length/2))
	f[5], f[6] = shape(m.Variance, cubes/n, fourths/n)
	f[11] = roughness(steps/(n-1), m.Variance)
	f[13] = float64(crossings) / (n - 1)
}

// acrossGravity fills the features that are sums over h.
func (m *Motion) acrossGravity() {
	f := &m.Features
	n := float64(m.Length)
	newer := m.Length - m.Length/2
	var squares, steps, older float64
	east := m.East[:len(m.North)]
	beforeX, beforeY := m.North[0], east[0]
	for i, x := range m.North {
		if i == newer {
			older = squares
		}
		y := east[i]
		stepX, stepY := x-beforeX, y-beforeY
		squares += x*x + y*y
		steps += stepX*stepX + stepY*stepY
		beforeX, beforeY = x, y
	}
	m.HorizontalVar = squares / n
	f[1] = level(m.HorizontalVar)
	f[4] = level((squares - older) / float64(m.Length/2))
	f[12] = roughness(steps/(n-1), m.HorizontalVar)
	f[30] = f[0] - f[1]
}

// inMagnitude fills the features of m.
func (m *Motion) inMagnitude() {
	f := &m.Features
	n := float64(m.Length)
	g := m.gravity()
	var sum, squares, cubes, fourths float64
	least, largest := m.Magnitude[0], m.Magnitude[0]
	for _, x := range m.Magnitude {
		if x < least {
			least = x
		}
		if x > largest {
			largest = x
		}
		// About |g|, which lies close enough to the mean to lose nothing.
		x -= g
		square := x * x
		sum += x
		squares += square
		cubes += square * x
		fourths += square * square
	}
	// From about |g| to about the mean.
	mean := sum / n
	s2, s3, s4 := squares/n, cubes/n, fourths/n
	square := mean * mean
	s4 += -4*mean*s3 + 6*square*s2 - 3*square*square
	s3 += -3*mean*s2 + 2*mean*square
	s2 -= square
	s2, s4 = max(s2, 0), max(s4, 0)
	f[2] = level(s2)
	f[7], f[8] = shape(s2, s3, s4)
	f[9], f[10] = least/g, approx.Log(max(largest, 1e-3)/g)
}

// gravity is |g|, or what it would be in a source without it.
func (m *Motion) gravity() float64 {
	if m.GravityMPS2 == 0 {
		return standardGravity
	}
	return m.GravityMPS2
}

// shape returns skewness and the logarithm of the kurtosis, given the central
// moments, drawn towards those of noise (0 and ln 3) where the signal is no
// larger than FloorMPS2.
func shape(s2, s3, s4 float64) (skewness, kurtosis float64) {
	soft := s2 + noise
	return s3 / (soft * math.Sqrt(soft)), approx.Log((s4 + 6*s2*noise + 3*noise*noise) / (soft * soft))
}

// roughness is ln(mean square of first differences / variance): the logarithm
// of a mean squared frequency.
func roughness(steps, variance float64) float64 {
	return approx.Log((steps + 2*noise) / (variance + noise))
}

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

// inSpectra fills the features of the spectra.
func (m *Motion) inSpectra() {
	f := &m.Features
	f[14], f[16], f[18] = peak(m.VerticalPower, f[31:31+bands])
	f[15], f[17], f[19] = peak(m.HorizontalPower, f[31+bands:31+2*bands])
}

// peak returns the share of the largest line and its neighbours in the power
// of all bands, the logarithm of its frequency, and the entropy of the lines,
// 0 to 1: Rényi's of order 2, which needs one logarithm where Shannon's needs
// one a line. It fills shares with the logarithm of each band's share.
func peak(power []float64, shares []float64) (share, place, entropy float64) {
	lowest, highest := bandLines[0], bandLines[bands]
	shares = shares[:bands]
	var total, squares, most float64
	largest := lowest
	for b := range shares {
		var sum float64
		for k, p := range power[bandLines[b]:bandLines[b+1]] {
			if p > most {
				most, largest = p, bandLines[b]+k
			}
			p += lineNoise
			sum += p
			squares += p * p
		}
		shares[b] = sum
		total += sum
	}
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

// inTime fills the features of the autocorrelation: the largest between 0.28
// and 0.9 s, the logarithm of its lag in seconds, and the value around twice
// the lag.
func (m *Motion) inTime() {
	f, correlation := &m.Features, m.Correlation
	best := leastRhythm
	for l := leastRhythm; l <= mostRhythm; l++ {
		if correlation[l] > correlation[best] {
			best = l
		}
	}
	f[20], f[21] = correlation[best], rhythmLags[best]
	f[22] = max(correlation[2*best-1], correlation[2*best], correlation[2*best+1])
}
