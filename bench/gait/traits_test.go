package gait_test

import (
	"math"
	"math/cmplx"
	"sort"

	"gonum.org/v1/gonum/dsp/fourier"

	"github.com/tempogate/tempogate/classifier"
)

// Traits are what a recording is compared by: how strong its motion is and
// where in the spectrum it lies. None depends on how the phone is held.
const (
	traitMagnitude  = iota // standard deviation of the magnitude, m/s²
	traitVertical          // standard deviation along gravity, m/s²
	traitHorizontal        // standard deviation across gravity over the one along it
	traitPeak              // 99th percentile of the magnitude less gravity, m/s²
	traitStride            // share of vertical power at half the step rate
	traitStep              // share of vertical power at the step rate
	traitDouble            // share of vertical power at twice the step rate
	traitSlow              // share of vertical power from 0.4 to 1.2 Hz
	traitMiddle            // share of vertical power from 1.2 to 5 Hz
	traitFast              // share of vertical power from 5 to 20 Hz
	traitCadence           // strongest step rate, steps a minute
	traitCount
)

var traitNames = [traitCount]string{
	"magnitude SD", "vertical SD", "horizontal/vertical", "peak", "stride share", "step share",
	"double share", "0.4-1.2 Hz", "1.2-5 Hz", "5-20 Hz", "cadence",
}

const (
	windowSeconds = 10.24
	windowRate    = 50.0
	windowLength  = 512
	fastSourceHz  = 45.0
)

// Measured is one recording seen through the traits: the median of each over
// the recording's windows, and the mean vertical spectrum.
type measured struct {
	traits   [traitCount]float64
	spectrum []float64 // (m/s²)²/Hz, one value each windowRate/windowLength Hz
	rateHz   float64   // of the source
	windows  int
}

// Measure cuts a recording into windows and takes the median of each trait.
// Steps are looked for between lowHz and highHz; 0, 0 means there are none.
// The band from 5 to 20 Hz is left NaN for sources below fastSourceHz.
func measure(samples []classifier.Sample, lowHz, highHz float64) measured {
	var out measured
	if len(samples) < 2 {
		return out
	}
	out.rateHz = medianRate(samples)
	values := make([][]float64, traitCount)
	fft := fourier.NewFFT(windowLength)
	first, last := samples[0].SensorTime, samples[len(samples)-1].SensorTime
	out.spectrum = make([]float64, windowLength/2+1)
	next := 0
	for start := first; start+int64(windowSeconds*1e9) <= last; start += int64(windowSeconds * 0.5e9) {
		for samples[next].SensorTime < start {
			next++
		}
		x, y, z, ok := resample(samples[next:], start)
		if !ok {
			continue
		}
		t, spectrum := windowTraits(fft, x, y, z, lowHz, highHz)
		if out.rateHz < fastSourceHz {
			t[traitFast] = math.NaN()
		}
		out.windows++
		for i, v := range t {
			if !math.IsNaN(v) {
				values[i] = append(values[i], v)
			}
		}
		for i, v := range spectrum {
			out.spectrum[i] += v
		}
	}
	for i := range out.traits {
		out.traits[i] = quantile(values[i], 0.5)
	}
	for i := range out.spectrum {
		out.spectrum[i] /= float64(max(out.windows, 1))
	}
	return out
}

// Resample reads one window at 50 Hz by linear interpolation; it fails where
// the source has a gap of more than a second.
func resample(samples []classifier.Sample, start int64) (x, y, z []float64, ok bool) {
	x, y, z = make([]float64, windowLength), make([]float64, windowLength), make([]float64, windowLength)
	j := 0
	for i := range windowLength {
		t := start + int64(float64(i)/windowRate*1e9)
		for j+1 < len(samples) && samples[j+1].SensorTime <= t {
			j++
		}
		if j+1 >= len(samples) {
			return nil, nil, nil, false
		}
		a, b := samples[j], samples[j+1]
		if b.SensorTime-a.SensorTime > 1e9 {
			return nil, nil, nil, false
		}
		w := 0.0
		if b.SensorTime > a.SensorTime {
			w = float64(t-a.SensorTime) / float64(b.SensorTime-a.SensorTime)
		}
		w = min(max(w, 0), 1)
		x[i], y[i], z[i] = a.X+w*(b.X-a.X), a.Y+w*(b.Y-a.Y), a.Z+w*(b.Z-a.Z)
	}
	return x, y, z, true
}

func windowTraits(fft *fourier.FFT, x, y, z []float64, lowHz, highHz float64) ([traitCount]float64, []float64) {
	var t [traitCount]float64
	for i := range t {
		t[i] = math.NaN()
	}
	gx, gy, gz := mean(x), mean(y), mean(z)
	g := math.Sqrt(gx*gx + gy*gy + gz*gz)
	magnitude, vertical := make([]float64, len(x)), make([]float64, len(x))
	across := 0.0
	for i := range x {
		magnitude[i] = math.Sqrt(x[i]*x[i] + y[i]*y[i] + z[i]*z[i])
		vertical[i] = (x[i]*gx+y[i]*gy+z[i]*gz)/g - g
		across += max(magnitude[i]*magnitude[i]-(vertical[i]+g)*(vertical[i]+g), 0)
	}
	across = math.Sqrt(across / float64(len(x)))
	t[traitMagnitude] = deviation(magnitude)
	t[traitVertical] = deviation(vertical)
	t[traitHorizontal] = across / math.Max(t[traitVertical], 1e-9)
	t[traitPeak] = quantile(magnitude, 0.99) - mean(magnitude)

	spectrum := powerSpectrum(fft, vertical)
	total := band(spectrum, 0.4, 20)
	slowTotal := band(spectrum, 0.4, 10) // a 20 Hz source reaches no further
	t[traitSlow] = band(spectrum, 0.4, 1.2) / slowTotal
	t[traitMiddle] = band(spectrum, 1.2, 5) / slowTotal
	t[traitFast] = band(spectrum, 5, 20) / total
	if highHz > 0 {
		step := stepRate(spectrum, lowHz, highHz)
		t[traitCadence] = 60 * step
		t[traitStride] = band(spectrum, step/2-0.25, step/2+0.25) / slowTotal
		t[traitStep] = band(spectrum, step-0.25, step+0.25) / slowTotal
		t[traitDouble] = band(spectrum, 2*step-0.25, 2*step+0.25) / slowTotal
	}
	return t, spectrum
}

// PowerSpectrum is the one-sided power density of a Hann-weighted window.
func powerSpectrum(fft *fourier.FFT, values []float64) []float64 {
	weighted := make([]float64, len(values))
	weight := 0.0
	for i, v := range values {
		w := 0.5 - 0.5*math.Cos(2*math.Pi*float64(i)/float64(len(values)))
		weighted[i] = v * w
		weight += w * w
	}
	coefficients := fft.Coefficients(nil, weighted)
	power := make([]float64, len(coefficients))
	for i, c := range coefficients {
		a := cmplx.Abs(c)
		power[i] = 2 * a * a / (windowRate * weight)
	}
	return power
}

func band(spectrum []float64, lowHz, highHz float64) float64 {
	sum := 0.0
	for i, p := range spectrum {
		f := float64(i) * windowRate / windowLength
		if f >= lowHz && f < highHz {
			sum += p * windowRate / windowLength
		}
	}
	return sum
}

// StepRate is the frequency whose comb (half, one and two times) holds the
// most power, brought to the middle of the power about it. It is meant for
// clean recordings of a known activity.
func stepRate(spectrum []float64, lowHz, highHz float64) float64 {
	best, at := -1.0, lowHz
	for f := lowHz; f <= highHz; f += 0.02 {
		score := amplitude(spectrum, f) + 0.7*amplitude(spectrum, 2*f) + 0.3*amplitude(spectrum, f/2)
		if score > best {
			best, at = score, f
		}
	}
	sum, weight := 0.0, 0.0
	for i, p := range spectrum {
		if f := float64(i) * windowRate / windowLength; math.Abs(f-at) < 0.16 {
			sum, weight = sum+f*p, weight+p
		}
	}
	return sum / weight
}

func amplitude(spectrum []float64, f float64) float64 {
	place := f * windowLength / windowRate
	i := int(place)
	if i+1 >= len(spectrum) {
		return 0
	}
	w := place - float64(i)
	return math.Sqrt((1-w)*spectrum[i] + w*spectrum[i+1])
}

func medianRate(samples []classifier.Sample) float64 {
	steps := make([]float64, 0, min(len(samples), 2001))
	for i := 1; i < len(samples) && i <= 2000; i++ {
		steps = append(steps, float64(samples[i].SensorTime-samples[i-1].SensorTime)/1e9)
	}
	return 1 / math.Max(quantile(steps, 0.5), 1e-6)
}

func mean(values []float64) float64 {
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	return sum / float64(len(values))
}

func deviation(values []float64) float64 {
	m, sum := mean(values), 0.0
	for _, v := range values {
		sum += (v - m) * (v - m)
	}
	return math.Sqrt(sum / float64(len(values)))
}

// Quantile is the value below which the given part of the values lies, NaN
// for none. It leaves values as they are.
func quantile(values []float64, part float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	sorted := append([]float64(nil), values...)
	sort.Float64s(sorted)
	place := part * float64(len(sorted)-1)
	i := int(place)
	if i+1 >= len(sorted) {
		return sorted[len(sorted)-1]
	}
	w := place - float64(i)
	return sorted[i] + w*(sorted[i+1]-sorted[i])
}
