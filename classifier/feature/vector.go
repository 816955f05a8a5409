package feature

import (
	"math"
	"strconv"

	"github.com/tempogate/tempogate/classifier/approx"
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

// levels fills the features that are sums over v and over h. Sums over h are
// what those in all directions have more than those over v.
func (e *Extractor) levels() {
	m := &e.motion
	f := &m.Features
	n := float64(m.Length)
	older := m.Length - int(e.newer.rows)
	var squares, cubes, fourths, steps float64
	var crossings uint64
	before := m.Vertical[0]
	below := math.Float64bits(before) >> 63
	for i, x := range m.Vertical {
		// The bit of the sign: a branch on it is one that nobody can predict.
		sign := math.Float64bits(x) >> 63
		crossings += sign ^ below
		below = sign
		square, step := x*x, x-before
		squares += square
		cubes += square * x
		fourths += square * square
		steps += step * step
		before = x
		m.energy[i+1] = squares
	}

	_, variance := e.whole.moments()
	newer := (squares - m.energy[older]) / e.newer.rows
	m.Variance = squares / n
	m.HorizontalVar = max(variance-m.Variance, 0)
	f[0], f[1] = level(m.Variance), level(m.HorizontalVar)
	f[3], f[4] = level(newer), level(max(e.newer.about(e.mean)-newer, 0))
	f[5], f[6] = shape(m.Variance, cubes/n, fourths/n)
	f[11] = roughness(steps/(n-1), m.Variance)
	f[12] = roughness(max(e.whole.steps-steps, 0)/(n-1), m.HorizontalVar)
	f[13] = float64(crossings) / (n - 1)
	f[30] = f[0] - f[1]
}

// magnitudes fills the features of m, given the square of each row's length.
func (e *Extractor) magnitudes(lengths []float64) {
	f := &e.motion.Features
	v := e.vertical[:len(lengths)]
	n := float64(len(lengths))
	g := e.motion.gravity()
	total := e.whole.squares
	if e.motion.GravityMPS2 == 0 {
		// Gravity is added: |a + g·up|² = |a|² + 2g a·up + g².
		still := e.mean.dot(e.up)
		total = 0
		for i := range lengths {
			lengths[i] = math.Abs(lengths[i] + 2*g*(v[i]+still) + g*g)
			total += lengths[i]
		}
	}
	// The root of the mean square lies close enough to the mean for sums about
	// it to lose nothing.
	usual := float32(math.Sqrt(total / n))
	// Magnitudes are not negative, so their bits are in their order.
	least, largest := uint32(math.MaxUint32), uint32(0)
	magnitude, squared := e.magnitude[:len(lengths)], e.squared[:len(lengths)]
	for i, square := range lengths {
		x := float32(math.Sqrt(float64(float32(square))))
		least = min(least, math.Float32bits(x))
		largest = max(largest, math.Float32bits(x))
		x -= usual
		magnitude[i], squared[i] = x, x*x
	}
	sum := product(&e.magnitude, &ones, len(lengths))
	squares := product(&e.magnitude, &e.magnitude, len(lengths))
	cubes := product(&e.squared, &e.magnitude, len(lengths))
	fourths := product(&e.squared, &e.squared, len(lengths))
	// From there to the mean.
	mean := sum / n
	s2, s3, s4 := squares/n, cubes/n, fourths/n
	square := mean * mean
	s4 += -4*mean*s3 + 6*square*s2 - 3*square*square
	s3 += -3*mean*s2 + 2*mean*square
	s2 -= square
	s2, s4 = max(s2, 0), max(s4, 0)
	f[2] = level(s2)
	f[7], f[8] = shape(s2, s3, s4)
	f[9] = float64(math.Float32frombits(least)) / g
	f[10] = approx.Log(max(float64(math.Float32frombits(largest)), 1e-3) / g)
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
