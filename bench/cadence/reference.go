package cadence

import (
	"math"
	"math/cmplx"

	"gonum.org/v1/gonum/dsp/fourier"

	"github.com/tempogate/tempogate/classifier"
)

const (
	referenceHz    = 50.0                      // rate of the reference's even grid
	referenceGapNS = 1_000_000_000             // longest pause that is bridged by a straight line
	gravityS       = 4.0                       // gravity is the mean over so many seconds around
	frameLength    = 300                       // 6 s, centred
	frameStep      = 25                        // 0.5 s
	framePadded    = 2048                      // lines 0.024 Hz apart
	lineHz         = referenceHz / framePadded // distance of two lines
	highestHz      = 10.0                      // nothing above is looked at
	leastAmplitude = 0.35                      // standard deviation of the vertical, m/s², below which nobody steps
	leastContrast  = 0.10                      // of the comb, below which there is no rhythm
	candidateRatio = 1.004                     // between neighbouring cadences
	changeRatio    = 0.012                     // standard deviation of the change of cadence between frames
	combWeight     = 40                        // how much a comb's contrast counts against a change
	combHarmonics  = 8                         // multiples of the stride's rate that are looked at
	phaseHarmonics = 6                         // multiples of the stride's rate that settle the fine rate
	phaseS         = 0.6                       // standard deviation of the smoothing of phases, seconds
)

// Band bounds the cadences that a reference considers, in steps a minute. It
// must be narrower than an octave to keep half and double apart.
type Band struct{ LowSPM, HighSPM float64 }

// Bands for recordings whose activity is known.
var (
	WalkBand = Band{72, 143}
	RunBand  = Band{126, 224}
)

// A Reference is what the whole of a recording says about its steps.
type Reference struct {
	Stretches []Stretch // in order of time
}

// A Stretch is a part of a recording without pauses.
type Stretch struct {
	Start    int64     // sensor time of the first point, nanoseconds
	Rate     []float64 // steps a minute on a grid of referenceHz; NaN where there is no rhythm
	Contrast []float64 // how clearly the rhythm stands out, 0 to 1, on the same grid
}

// NewReference works out the cadence of a whole recording of known activity,
// looking forwards and backwards. It shares no code with the estimator.
func NewReference(samples []classifier.Sample, band Band) *Reference {
	r := &Reference{}
	for len(samples) > 0 {
		n := 1
		for n < len(samples) && samples[n].SensorTime-samples[n-1].SensorTime <= referenceGapNS {
			n++
		}
		if samples[n-1].SensorTime-samples[0].SensorTime >= frameLength/referenceHz*1e9 {
			r.Stretches = append(r.Stretches, newStretch(samples[:n], band))
		}
		samples = samples[n:]
	}
	return r
}

// SPM returns the reference's cadence at a time, NaN where it has none.
func (r *Reference) SPM(sensorTime int64) float64 {
	for i := range r.Stretches {
		s := &r.Stretches[i]
		if at := s.index(sensorTime); at >= 0 && at < len(s.Rate) {
			return s.Rate[at]
		}
	}
	return math.NaN()
}

func (s *Stretch) index(sensorTime int64) int {
	return int(math.Floor(float64(sensorTime-s.Start) * 1e-9 * referenceHz))
}

func newStretch(samples []classifier.Sample, band Band) Stretch {
	axes := evenGrid(samples)
	v := vertical(axes)
	f := newFrames(v)
	path, contrast := f.track(band)
	s := Stretch{Start: samples[0].SensorTime}
	s.Rate = refinePath(v, path)
	s.Contrast = spread(contrast, len(v))
	loud := loudness(v)
	for i := range s.Rate {
		if loud[i] < leastAmplitude || s.Contrast[i] < leastContrast {
			s.Rate[i] = math.NaN()
		}
	}
	return s
}

// evenGrid averages the readings of each cell of 20 ms; a cell without any is
// filled from its neighbours by a straight line.
func evenGrid(samples []classifier.Sample) [3][]float64 {
	start := samples[0].SensorTime
	cell := func(t int64) int { return int(float64(t-start) * 1e-9 * referenceHz) }
	n := cell(samples[len(samples)-1].SensorTime) + 1
	var axes [3][]float64
	for k := range axes {
		axes[k] = make([]float64, n)
	}
	count := make([]float64, n)
	for _, a := range samples {
		i := cell(a.SensorTime)
		count[i]++
		axes[0][i] += a.X
		axes[1][i] += a.Y
		axes[2][i] += a.Z
	}
	filled := -1
	for i := range n {
		if count[i] == 0 {
			continue
		}
		for k := range axes {
			axes[k][i] /= count[i]
			for j := filled + 1; j < i; j++ {
				part := float64(j-filled) / float64(i-filled)
				axes[k][j] = (1-part)*axes[k][filled] + part*axes[k][i]
			}
		}
		filled = i
	}
	return axes
}

// vertical returns the acceleration along gravity without gravity; gravity is
// the mean over gravityS around each moment.
func vertical(axes [3][]float64) []float64 {
	n := len(axes[0])
	var g [3][]float64
	for k := range g {
		g[k] = movingMean(axes[k], gravityS*referenceHz/2)
	}
	v := make([]float64, n)
	for i := range v {
		length := math.Sqrt(g[0][i]*g[0][i] + g[1][i]*g[1][i] + g[2][i]*g[2][i])
		if length < 1 {
			length = 1
		}
		for k := range g {
			v[i] += (axes[k][i] - g[k][i]) * g[k][i] / length
		}
	}
	return v
}

// movingMean returns the mean over reach points to either side, fewer at the
// ends.
func movingMean(x []float64, reach int) []float64 {
	sum := make([]float64, len(x)+1)
	for i, a := range x {
		sum[i+1] = sum[i] + a
	}
	mean := make([]float64, len(x))
	for i := range mean {
		from, to := max(i-reach, 0), min(i+reach+1, len(x))
		mean[i] = (sum[to] - sum[from]) / float64(to-from)
	}
	return mean
}

// loudness is the standard deviation within a second around each point.
func loudness(v []float64) []float64 {
	squares := make([]float64, len(v))
	for i, x := range v {
		squares[i] = x * x
	}
	mean := movingMean(squares, referenceHz/2)
	for i := range mean {
		mean[i] = math.Sqrt(mean[i])
	}
	return mean
}

// frames are the amplitude spectra of 6 s each, every half second.
type frames struct {
	amplitude [][]float64 // of each frame, by line; the root of power, so that one line does not drown the others
}

func newFrames(v []float64) *frames {
	fft := fourier.NewFFT(framePadded)
	in := make([]float64, framePadded)
	out := make([]complex128, framePadded/2+1)
	lines := int(math.Ceil(highestHz/lineHz)) + 1
	f := &frames{}
	for centre := 0; centre < len(v); centre += frameStep {
		clear(in)
		for i := range frameLength {
			at := centre - frameLength/2 + i
			if at < 0 || at >= len(v) {
				continue
			}
			taper := 0.5 - 0.5*math.Cos(2*math.Pi*(float64(i)+0.5)/frameLength)
			in[i] = taper * v[at]
		}
		fft.Coefficients(out, in)
		amplitude := make([]float64, lines)
		var sum float64
		for k := range amplitude {
			amplitude[k] = cmplx.Abs(out[k])
			sum += amplitude[k]
		}
		if sum > 0 {
			for k := range amplitude {
				amplitude[k] /= sum
			}
		}
		f.amplitude = append(f.amplitude, amplitude)
	}
	return f
}

// width of a tone under the taper, in lines: half of its main lobe.
const toneLines = 2 * framePadded / frameLength

// contrast says how much more of the spectrum's amplitude lies on the comb of
// a stride's multiples than half-way between its teeth: about 1 for a pure
// rhythm, 0 for noise. Odd multiples count half, because a symmetric gait has
// none.
func contrast(amplitude []float64, spm float64) float64 {
	stride := spm / 120 / lineHz
	at := func(line float64) float64 {
		i := int(line)
		if i+1 >= len(amplitude) {
			return 0
		}
		part := line - float64(i)
		return (1-part)*amplitude[i] + part*amplitude[i+1]
	}
	var sum float64
	for h := 1; h <= combHarmonics; h++ {
		k := float64(h)
		weight := 1.0
		if h%2 == 1 {
			weight = 0.5
		}
		sum += weight * (at(k*stride) - 0.5*at((k-0.5)*stride) - 0.5*at((k+0.5)*stride))
	}
	return sum * toneLines
}

// track finds the path of cadences through all frames that maximises the sum
// of contrasts less a penalty for changes, by dynamic programming (Viterbi
// 1967), and the contrast along it.
func (f *frames) track(band Band) (path, along []float64) {
	steps := int(math.Log(band.HighSPM/band.LowSPM)/math.Log(candidateRatio)) + 1
	spm := make([]float64, steps)
	for j := range spm {
		spm[j] = band.LowSPM * math.Pow(candidateRatio, float64(j))
	}
	const reach = 12
	var penalty [reach + 1]float64
	for d := range penalty {
		z := float64(d) * math.Log(candidateRatio) / changeRatio
		penalty[d] = 0.5 * z * z
	}
	n := len(f.amplitude)
	score := make([]float64, steps)
	from := make([][]int16, n)
	values := make([][]float64, n)
	for t := range n {
		values[t] = make([]float64, steps)
		from[t] = make([]int16, steps)
		next := make([]float64, steps)
		for j := range next {
			values[t][j] = contrast(f.amplitude[t], spm[j])
			best, which := math.Inf(-1), j
			for i := max(j-reach, 0); i <= min(j+reach, steps-1); i++ {
				if s := score[i] - penalty[max(i-j, j-i)]; s > best {
					best, which = s, i
				}
			}
			next[j] = best + combWeight*max(values[t][j], 0)
			from[t][j] = int16(which)
		}
		score = next
	}
	last := 0
	for j := range score {
		if score[j] > score[last] {
			last = j
		}
	}
	path, along = make([]float64, n), make([]float64, n)
	for t := n - 1; t >= 0; t-- {
		path[t], along[t] = spm[last], values[t][last]
		last = int(from[t][last])
	}
	return path, along
}

// spread brings values of frames to every point by straight lines.
func spread(frame []float64, n int) []float64 {
	out := make([]float64, n)
	for i := range out {
		at := float64(i) / frameStep
		k := min(int(at), len(frame)-1)
		next := min(k+1, len(frame)-1)
		part := at - float64(k)
		out[i] = (1-part)*frame[k] + part*frame[next]
	}
	return out
}

// refinePath makes a rough path exact. The vertical is turned back by the
// path's own phase at each multiple of the stride; how the phases that remain
// drift, weighed by their power, is what the path is wrong by.
func refinePath(v, path []float64) []float64 {
	rough := spread(path, len(v))
	stride := make([]float64, len(v)) // phase of the rough stride, rad
	for i := 1; i < len(v); i++ {
		stride[i] = stride[i-1] + 2*math.Pi*(rough[i]+rough[i-1])/240/referenceHz
	}
	above := make([]float64, len(v)) // sum over multiples of power · multiple · drift
	below := make([]float64, len(v)) // sum of power · multiple²
	turned := make([]complex128, len(v))
	for h := 1; h <= phaseHarmonics; h++ {
		for i := range v {
			turned[i] = complex(v[i], 0) * cmplx.Rect(1, -float64(h)*stride[i])
		}
		smooth := gaussian(turned, phaseS*referenceHz)
		for i := range v {
			before, after := smooth[max(i-1, 0)], smooth[min(i+1, len(v)-1)]
			// Im(conj(s)·ds/dt) is power times the drift of the phase.
			drift := imag(cmplx.Conj(smooth[i])*(after-before)) * referenceHz / 2
			power := real(smooth[i])*real(smooth[i]) + imag(smooth[i])*imag(smooth[i])
			above[i] += float64(h) * drift
			below[i] += float64(h*h) * power
		}
	}
	exact := make([]float64, len(v))
	for i := range v {
		exact[i] = rough[i]
		if below[i] > 0 {
			// Rad a second of the stride to steps a minute.
			exact[i] += above[i] / below[i] * 60 / math.Pi
		}
	}
	return exact
}

// gaussian smooths with a Gaussian kernel of a standard deviation in points,
// cut at three of them.
func gaussian(x []complex128, deviation float64) []complex128 {
	reach := int(3 * deviation)
	kernel := make([]float64, reach+1)
	for d := range kernel {
		z := float64(d) / deviation
		kernel[d] = math.Exp(-z * z / 2)
	}
	out := make([]complex128, len(x))
	for i := range x {
		var sum complex128
		for d := -reach; d <= reach; d++ {
			if at := i + d; at >= 0 && at < len(x) {
				sum += complex(kernel[max(d, -d)], 0) * x[at]
			}
		}
		out[i] = sum
	}
	return out
}

// Steps returns moments at which the reference has counted a whole step more.
// Where in a step they lie means nothing; their distances are exact. The first
// after a moment without rhythm counts as mended: its distance says nothing.
func (r *Reference) Steps() Steps {
	var s Steps
	for _, stretch := range r.Stretches {
		counted, resumed := 0.0, true
		for i, rate := range stretch.Rate {
			if math.IsNaN(rate) {
				resumed = true
				continue
			}
			before := counted
			counted += rate / 60 / referenceHz
			if whole := math.Floor(counted); whole > before {
				part := (whole - before) / (counted - before)
				s.Times = append(s.Times, stretch.Start+int64((float64(i)+part)*1e9/referenceHz))
				s.Mended = append(s.Mended, resumed)
				resumed = false
			}
		}
	}
	return s
}

// contrastAt returns how clear the rhythm was at a time, NaN where there is no
// reference.
func (r *Reference) contrastAt(sensorTime int64) float64 {
	if r == nil {
		return math.NaN()
	}
	for i := range r.Stretches {
		s := &r.Stretches[i]
		if at := s.index(sensorTime); at >= 0 && at < len(s.Contrast) {
			return s.Contrast[at]
		}
	}
	return math.NaN()
}
