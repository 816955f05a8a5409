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

// describe fills Features from the rest of the Motion.
func (m *Motion) describe() {
	f := &m.Features
	m.alongGravity(f)
	m.acrossGravity(f)
	f[30] = f[0] - f[1]
	m.inMagnitude(f)
	f[14], f[16], f[18] = peak(m.VerticalPower, f[31:31+bands])
	f[15], f[17], f[19] = peak(m.HorizontalPower, f[31+bands:31+2*bands])
	f[20], f[21], f[22] = rhythm(m.Correlation)
	m.course(f)
}

// alongGravity fills the features that are sums over v.
func (m *Motion) alongGravity(f *Vector) {
	n := float64(m.Length)
	newer := m.Length - m.Length/2
	var squares, cubes, fourths, steps, older float64
	var crossings uint64
	before := m.Vertical[0]
	for i, x := range m.Vertical {
		if i == newer {
			older = squares
		}
		square, step := x*x, x-before
		squares += square
		cubes += square * x
		fourths += square * square
		steps += step * step
		// Where the signs differ, without a branch that nobody can predict.
		crossings += (math.Float64bits(x) ^ math.Float64bits(before)) >> 63
		before = x
	}
	m.Variance = squares / n
	f[0] = level(m.Variance)
	f[3] = level((squares - older) / float64(m.Length/2))
	f[5], f[6] = shape(m.Variance, cubes/n, fourths/n)
	f[11] = roughness(steps/(n-1), m.Variance)
	f[13] = float64(crossings) / (n - 1)
}

// acrossGravity fills the features that are sums over h.
func (m *Motion) acrossGravity(f *Vector) {
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
}

// inMagnitude fills the features of m.
func (m *Motion) inMagnitude(f *Vector) {
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

// rhythm returns the largest autocorrelation between 0.28 and 0.9 s, the
// logarithm of its lag in seconds, and the value around twice the lag.
func rhythm(correlation []float64) (value, lag, twice float64) {
	best := leastRhythm
	for l := leastRhythm; l <= mostRhythm; l++ {
		if correlation[l] > correlation[best] {
			best = l
		}
	}
	twice = max(correlation[2*best-1], correlation[2*best], correlation[2*best+1])
	return correlation[best], rhythmLags[best], twice
}

// course fills the features that compare quarters of the window.
func (m *Motion) course(f *Vector) {
	const quarters = 4
	n := m.Length / quarters
	var levels [quarters]float64
	var poses [quarters]pose // along v, north and east
	for q := range poses {
		p := &poses[q]
		*p = poseOf(m.Vertical[q*n:(q+1)*n], m.North[q*n:(q+1)*n], m.East[q*n:(q+1)*n])
		levels[q] = level(p.variance)
	}
	low, high, mean := levels[0], levels[0], 0.0
	for _, l := range levels {
		low, high = min(low, l), max(high, l)
		mean += l / quarters
	}
	f[23] = high - low
	f[24] = low
	f[25] = levels[quarters-1] - mean

	var largest, slowV, slowH float64
	for q := range poses {
		v, north, east := poses[q].mean[0], poses[q].mean[1], poses[q].mean[2]
		slowV += v * v / quarters
		slowH += (north*north + east*east) / quarters
		if q > 0 {
			largest = max(largest, turn(&poses[q-1], &poses[q]))
		}
	}
	perG := 1 / m.gravity()
	f[26] = approx.Log(math.Sqrt(largest)*perG + leastTurn)
	f[27] = approx.Log(math.Sqrt(turn(&poses[0], &poses[quarters-1]))*perG + leastTurn)
	f[28] = level(slowV)
	f[29] = level(slowH)
}

// leastTurn is added to a turn, in radians, before its logarithm is taken.
const leastTurn = 0.01

// turn returns how far the mean acceleration across gravity moved between two
// quarters, squared.
func turn(a, b *pose) float64 {
	north, east := b.mean[1]-a.mean[1], b.mean[2]-a.mean[2]
	return north*north + east*east
}

// newest returns the variances of the newest second: of the motion in all
// directions, and of its first differences.
func (m *Motion) newest() (motion, jerk float64) {
	const n = signal.RateHz
	for _, v := range [3][]float64{m.Vertical, m.North, m.East} {
		v = v[len(v)-n:]
		var sum, squares float64
		before := v[0]
		for _, x := range v {
			step := x - before
			sum += x
			squares += x * x
			jerk += step * step
			before = x
		}
		motion += squares - sum*sum/n
	}
	return max(motion, 0) / n, jerk / (n - 1)
}
