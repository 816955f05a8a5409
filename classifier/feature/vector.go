package feature

import (
	"math"
	"strconv"

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

func level(variance float64) float64 { return math.Log(variance + FloorMPS2*FloorMPS2) }

// describe fills Features from the rest of the Motion.
func (m *Motion) describe() {
	f := &m.Features
	n := m.Length
	newer := n - n/2
	f[0], f[1] = level(m.Variance), level(m.HorizontalVar)
	f[3] = level(meanSquare(m.Vertical[newer:]))
	f[4] = level(meanSquare(m.North[newer:]) + meanSquare(m.East[newer:]))

	var variance float64
	_, f[5], f[6] = moments(m.Vertical)
	variance, f[7], f[8] = moments(m.Magnitude)
	f[2] = level(variance)
	g := m.GravityMPS2
	if g == 0 {
		g = standardGravity
	}
	least, largest := extremes(m.Magnitude)
	f[9], f[10] = least/g, math.Log(largest/g)

	f[11] = roughness(m.Variance, m.Vertical)
	f[12] = roughness(m.HorizontalVar, m.North, m.East)
	f[13] = crossings(m.Vertical)

	f[14], f[16], f[18] = peak(m.VerticalPower)
	f[15], f[17], f[19] = peak(m.HorizontalPower)
	f[20], f[21], f[22] = rhythm(m.Correlation)
	m.course(f)
	f[30] = math.Log((m.Variance + FloorMPS2*FloorMPS2) / (m.HorizontalVar + FloorMPS2*FloorMPS2))
	shares(m.VerticalPower, f[31:31+bands])
	shares(m.HorizontalPower, f[31+bands:31+2*bands])
}

// moments returns variance, skewness and the logarithm of the kurtosis, the
// last two drawn towards those of noise (0 and ln 3) where the signal is no
// larger than FloorMPS2.
func moments(v []float64) (variance, skewness, kurtosis float64) {
	n := float64(len(v))
	var mean float64
	for _, x := range v {
		mean += x
	}
	mean /= n
	var s2, s3, s4 float64
	for _, x := range v {
		d := x - mean
		d2 := d * d
		s2 += d2
		s3 += d * d2
		s4 += d2 * d2
	}
	variance = s2 / n
	soft := variance + FloorMPS2*FloorMPS2
	skewness = s3 / n / (soft * math.Sqrt(soft))
	noise := FloorMPS2 * FloorMPS2
	kurtosis = math.Log((s4/n + 6*variance*noise + 3*noise*noise) / (soft * soft))
	return variance, skewness, kurtosis
}

func extremes(v []float64) (least, largest float64) {
	least, largest = v[0], v[0]
	for _, x := range v {
		least, largest = min(least, x), max(largest, x)
	}
	return least, max(largest, 1e-3)
}

// roughness is ln(variance of first differences / variance): the logarithm of
// a mean squared frequency.
func roughness(variance float64, components ...[]float64) float64 {
	var sum float64
	for _, v := range components {
		for i := 1; i < len(v); i++ {
			d := v[i] - v[i-1]
			sum += d * d
		}
	}
	sum /= float64(len(components[0]) - 1)
	return math.Log((sum + 2*FloorMPS2*FloorMPS2) / (variance + FloorMPS2*FloorMPS2))
}

// crossings returns the share of neighbours that lie on both sides of zero.
func crossings(v []float64) float64 {
	var count int
	for i := 1; i < len(v); i++ {
		if v[i-1] < 0 != (v[i] < 0) {
			count++
		}
	}
	return float64(count) / float64(len(v)-1)
}

// bin returns the first spectral line at or above a frequency.
func bin(hz float64) int { return int(math.Ceil(hz / BinHz)) }

var lowest, highest = bin(edges[0]), bin(edges[bands])

// peak returns the share of the largest line and its neighbours in the power
// between edges, the logarithm of its frequency, and the entropy of the lines,
// 0 to 1: Rényi's of order 2, which needs one logarithm where Shannon's needs
// one a line.
func peak(power []float64) (share, place, entropy float64) {
	// The floor spreads FloorMPS2 evenly, as white noise would be.
	const floor = FloorMPS2 * FloorMPS2 / Bins
	var total, squares float64
	largest := lowest
	for k := lowest; k < highest; k++ {
		p := power[k] + floor
		total += p
		squares += p * p
		if power[k] > power[largest] {
			largest = k
		}
	}
	var around float64
	for k := max(largest-1, lowest); k <= min(largest+1, highest-1); k++ {
		around += power[k] + floor
	}
	return around / total, math.Log(float64(largest) * BinHz),
		math.Log(total*total/squares) / math.Log(float64(highest-lowest))
}

// leastShare is added to a band's share before its logarithm is taken: below
// half a percent it makes no difference how little there is.
const leastShare = 0.005

// shares fills dst with the logarithm of each band's share of the power.
func shares(power, dst []float64) {
	const floor = FloorMPS2 * FloorMPS2 / Bins
	var total float64
	for b := range bands {
		var sum float64
		for k := bin(edges[b]); k < bin(edges[b+1]); k++ {
			sum += power[k] + floor
		}
		dst[b] = sum
		total += sum
	}
	for b := range bands {
		dst[b] = math.Log(dst[b]/total + leastShare)
	}
}

// rhythm returns the largest autocorrelation between 0.28 and 0.9 s, the
// logarithm of its lag in seconds, and the value around twice the lag.
func rhythm(correlation []float64) (value, lag, twice float64) {
	const from, to = 7, 22
	best := from
	for l := from; l <= to; l++ {
		if correlation[l] > correlation[best] {
			best = l
		}
	}
	twice = max(correlation[2*best-1], correlation[2*best], correlation[2*best+1])
	return correlation[best], math.Log(float64(best) / signal.RateHz), twice
}

// course fills the features that compare quarters of the window.
func (m *Motion) course(f *Vector) {
	const quarters = 4
	n := m.Length / quarters
	var levels [quarters]float64
	var means [quarters][3]float64 // vertical, north, east
	for q := range quarters {
		part := func(v []float64) (mean, variance float64) {
			v = v[q*n : (q+1)*n]
			for _, x := range v {
				mean += x
			}
			mean /= float64(n)
			for _, x := range v {
				variance += (x - mean) * (x - mean)
			}
			return mean, variance / float64(n)
		}
		var sum, variance float64
		for i, v := range [3][]float64{m.Vertical, m.North, m.East} {
			means[q][i], variance = part(v)
			sum += variance
		}
		levels[q] = level(sum)
	}
	low, high, mean := levels[0], levels[0], 0.0
	for _, l := range levels {
		low, high = min(low, l), max(high, l)
		mean += l / quarters
	}
	f[23] = high - low
	f[24] = low
	f[25] = levels[quarters-1] - mean

	g := m.GravityMPS2
	if g == 0 {
		g = standardGravity
	}
	var largest, slowV, slowH float64
	for q := range quarters {
		slowV += means[q][0] * means[q][0] / quarters
		slowH += (means[q][1]*means[q][1] + means[q][2]*means[q][2]) / quarters
		if q > 0 {
			largest = max(largest, turn(&means[q-1], &means[q], g))
		}
	}
	f[26] = math.Log(largest + 0.01)
	f[27] = math.Log(turn(&means[0], &means[quarters-1], g) + 0.01)
	f[28] = level(slowV)
	f[29] = level(slowH)
}

// newest returns the levels of the newest second: of the motion in all
// directions, and of its first differences.
func (m *Motion) newest() (motion, jerk float64) {
	const n = signal.RateHz
	var sum, squares, steps float64
	for _, v := range [3][]float64{m.Vertical, m.North, m.East} {
		v = v[len(v)-n:]
		sum = 0
		for i, x := range v {
			sum += x
			squares += x * x
			if i > 0 {
				steps += (x - v[i-1]) * (x - v[i-1])
			}
		}
		squares -= sum * sum / n
	}
	return level(max(squares, 0) / n), level(steps / (n - 1))
}

// turn returns how far the direction of the mean acceleration moved between
// two quarters, as a chord in units of gravity (about radians).
func turn(a, b *[3]float64, g float64) float64 {
	north, east := b[1]-a[1], b[2]-a[2]
	return math.Sqrt(north*north+east*east) / g
}
