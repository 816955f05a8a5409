package feature_test

import (
	"math"
	"math/cmplx"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/stat"

	"github.com/tempogate/tempogate/classifier/feature"
	"github.com/tempogate/tempogate/classifier/signal"
)

// reference describes windows as the package comment says it, in the order in
// which it says it: sums written out, a transform by its definition, nothing
// shared between features.
type reference struct{ levels [][2]float64 } // of motion and jerk, by hop

const noise = feature.FloorMPS2 * feature.FloorMPS2

func level(variance float64) float64 { return math.Log(variance + noise) }

func square(x float64) float64 { return x * x }

// variance is the mean square about the mean.
func variance(v []float64) float64 { return stat.MomentAbout(2, v, stat.Mean(v, nil), nil) }

func meanSquare(v []float64) float64 { return floats.Dot(v, v) / float64(len(v)) }

func (r *reference) describe(w *signal.Window) (f feature.Vector) {
	var rows [signal.WindowLength]signal.Row
	n := w.Rows(&rows)
	var axes [3][]float64
	for _, row := range rows[:n] {
		for i, x := range row {
			axes[i] = append(axes[i], float64(x))
		}
	}
	starts := stretches(axes)
	for i := range axes {
		axes[i] = axes[i][n-starts[len(starts)-1]:]
	}
	v, north, east, magnitude, gravity := split(axes)
	n = len(v)
	newer := n - starts[(len(starts)-1)/2] // the newer stretches

	f[0], f[1] = level(variance(v)), level(variance(north)+variance(east))
	f[2] = level(variance(magnitude))
	f[3] = level(meanSquare(v[newer:]))
	f[4] = level(meanSquare(north[newer:]) + meanSquare(east[newer:]))
	f[5], f[6] = shape(v)
	f[7], f[8] = shape(magnitude)
	f[9], f[10] = floats.Min(magnitude)/gravity, math.Log(max(floats.Max(magnitude), 1e-3)/gravity)
	f[11] = math.Log((meanSquare(differences(v)) + 2*noise) / (variance(v) + noise))
	f[12] = math.Log((meanSquare(differences(north)) + meanSquare(differences(east)) + 2*noise) / (variance(north) + variance(east) + noise))
	for i := 1; i < n; i++ {
		if v[i-1] < 0 != (v[i] < 0) {
			f[13] += 1 / float64(n-1)
		}
	}

	vertical, horizontal := power(v), power(north)
	floats.Add(horizontal, power(east))
	for i, p := range [][]float64{vertical, horizontal} {
		f[14+i], f[16+i], f[18+i] = peak(p)
		copy(f[31+9*i:], shares(p))
	}
	f[20], f[21], f[22] = rhythm(v)

	course(&f, starts, v, north, east, gravity)
	f[30] = math.Log((variance(v) + noise) / (variance(north) + variance(east) + noise))

	var motion, jerk float64
	for _, x := range [][]float64{v, north, east} {
		x = x[n-signal.RateHz:]
		motion += variance(x)
		jerk += meanSquare(differences(x))
	}
	r.levels = append(r.levels, [2]float64{level(motion), level(jerk)})
	copy(f[49:], r.history())
	return f
}

func differences(v []float64) []float64 {
	d := make([]float64, len(v)-1)
	floats.SubTo(d, v[1:], v[:len(v)-1])
	return d
}

// stretches returns how far before the newest row each stretch of 32 rows
// begins, from new to old, up to where something else began.
func stretches(axes [3][]float64) (starts []int) {
	n := len(axes[0])
	pose := func(from, to int) (mean []float64, l float64) {
		var sum float64
		for _, a := range axes {
			mean = append(mean, stat.Mean(a[n-from:n-to], nil))
			sum += variance(a[n-from : n-to])
		}
		return mean, level(sum)
	}
	start := 0
	for start < n {
		end := start
		start += 32
		if n-start < 16 {
			start = n
		}
		if len(starts) >= 2 {
			now, nowLevel := pose(starts[1], 0)
			then, thenLevel := pose(start, end)
			turned := floats.Distance(then, now, 2) > 0.5*max(floats.Norm(now, 2), 4)
			if turned || math.Abs(thenLevel-nowLevel) > 1.6 {
				break
			}
		}
		starts = append(starts, start)
	}
	return starts
}

// split turns readings into motion along and across gravity.
func split(axes [3][]float64) (v, north, east, magnitude []float64, gravity float64) {
	var mean, up [3]float64
	for i, a := range axes {
		mean[i] = stat.Mean(a, nil)
	}
	gravity = floats.Norm(mean[:], 2)
	assumed := 0.0
	if gravity >= 4 {
		floats.ScaleTo(up[:], 1/gravity, mean[:])
	} else {
		gravity, assumed = 9.80665, 9.80665
		up = principal(axes)
	}
	// Any basis will do: the axis that up leans on least, made orthogonal.
	least := 0
	for i := range up {
		if math.Abs(up[i]) < math.Abs(up[least]) {
			least = i
		}
	}
	var a [3]float64
	a[least] = 1
	floats.AddScaled(a[:], -up[least], up[:])
	floats.Scale(1/floats.Norm(a[:], 2), a[:])
	b := [3]float64{up[1]*a[2] - up[2]*a[1], up[2]*a[0] - up[0]*a[2], up[0]*a[1] - up[1]*a[0]}

	for i := range axes[0] {
		reading := [3]float64{axes[0][i], axes[1][i], axes[2][i]}
		motion := reading
		floats.Sub(motion[:], mean[:])
		v = append(v, floats.Dot(motion[:], up[:]))
		north = append(north, floats.Dot(motion[:], a[:]))
		east = append(east, floats.Dot(motion[:], b[:]))
		floats.AddScaled(reading[:], assumed, up[:])
		magnitude = append(magnitude, floats.Norm(reading[:], 2))
	}
	return v, north, east, magnitude, gravity
}

// principal is the direction of the largest variance.
func principal(axes [3][]float64) (p [3]float64) {
	p = [3]float64{0.3, 0.5, 0.8}
	for range 1000 {
		var next [3]float64
		for j := range next {
			for k := range next {
				next[j] += stat.Covariance(axes[j], axes[k], nil) * p[k]
			}
		}
		floats.ScaleTo(p[:], 1/floats.Norm(next[:], 2), next[:])
	}
	return p
}

// shape is skewness and ln kurtosis, those of noise where there is no more.
func shape(v []float64) (skewness, kurtosis float64) {
	mean := stat.Mean(v, nil)
	s2, s3, s4 := variance(v), stat.MomentAbout(3, v, mean, nil), stat.MomentAbout(4, v, mean, nil)
	return s3 / math.Pow(s2+noise, 1.5), math.Log((s4 + 6*s2*noise + 3*noise*noise) / square(s2+noise))
}

// power is the power by spectral line under a Hann window, which adds up to
// the variance.
func power(v []float64) []float64 {
	taper := make([]float64, len(v))
	for i := range v {
		taper[i] = square(math.Sin(math.Pi * (float64(i) + 0.5) / float64(len(v))))
	}
	p := make([]float64, feature.Bins)
	for k := range p {
		var c complex128
		for i, x := range v {
			c += cmplx.Rect(x*taper[i], -2*math.Pi*float64(i*k)/signal.WindowLength)
		}
		p[k] = 2 * square(cmplx.Abs(c)) / (floats.Dot(taper, taper) * signal.WindowLength)
	}
	return p
}

// peak is share, place and entropy of the lines from 0.3 to 9.5 Hz.
func peak(power []float64) (share, place, entropy float64) {
	const lowest, highest = 2, 49
	lines := make([]float64, highest-lowest)
	for i := range lines {
		lines[i] = power[lowest+i] + noise/feature.Bins
	}
	largest := floats.MaxIdx(lines)
	around := lines[max(largest-1, 0):min(largest+2, len(lines))]
	total := floats.Sum(lines)
	return floats.Sum(around) / total, math.Log(float64(lowest+largest) * feature.BinHz),
		math.Log(square(total)/floats.Dot(lines, lines)) / math.Log(highest-lowest)
}

// shares is ln of each band's share.
func shares(power []float64) []float64 {
	edges := []float64{0.3, 0.8, 1.3, 1.8, 2.3, 2.9, 3.7, 5, 7, 9.5}
	dst := make([]float64, len(edges)-1)
	for k, p := range power {
		hz := float64(k) * feature.BinHz
		for b := range dst {
			if hz >= edges[b] && hz < edges[b+1] {
				dst[b] += p + noise/feature.Bins
			}
		}
	}
	total := floats.Sum(dst)
	for b := range dst {
		dst[b] = math.Log(dst[b]/total + 0.005)
	}
	return dst
}

// autocorrelation is the covariance of v with itself some rows before, against
// the mean variance of the rows on both sides.
func autocorrelation(v []float64, lag int) float64 {
	before, after := v[:len(v)-lag], v[lag:]
	energy := (floats.Dot(before, before) + floats.Dot(after, after)) / 2
	return floats.Dot(before, after) / (energy + 1e-6*float64(len(v)))
}

// rhythm is the largest autocorrelation, ln of its lag, and the largest around
// twice the lag.
func rhythm(v []float64) (value, lag, twice float64) {
	best := 7
	for l := 7; l <= 22; l++ {
		if autocorrelation(v, l) > autocorrelation(v, best) {
			best = l
		}
	}
	twice = max(autocorrelation(v, 2*best-1), autocorrelation(v, 2*best), autocorrelation(v, 2*best+1))
	return autocorrelation(v, best), math.Log(float64(best) / signal.RateHz), twice
}

// course compares the stretches, newest first.
func course(f *feature.Vector, starts []int, v, north, east []float64, gravity float64) {
	var levels []float64
	var means [][3]float64
	var slow [2]float64
	end := 0
	for _, start := range starts {
		var mean [3]float64
		var sum float64
		for i, x := range [][]float64{v, north, east} {
			x = x[len(x)-start : len(x)-end]
			mean[i] = stat.Mean(x, nil)
			sum += variance(x)
		}
		means, levels = append(means, mean), append(levels, level(sum))
		slow[0] += square(mean[0]) / float64(len(starts))
		slow[1] += (square(mean[1]) + square(mean[2])) / float64(len(starts))
		end = start
	}
	turn := func(a, b int) float64 {
		return math.Hypot(means[a][1]-means[b][1], means[a][2]-means[b][2]) / gravity
	}
	var largest float64
	for i := 1; i < len(means); i++ {
		largest = max(largest, turn(i-1, i))
	}
	f[23] = floats.Max(levels) - floats.Min(levels)
	f[24] = floats.Min(levels)
	f[25] = levels[0] - stat.Mean(levels, nil)
	f[26] = math.Log(largest + 0.01)
	f[27] = math.Log(turn(0, len(means)-1) + 0.01)
	f[28], f[29] = level(slow[0]), level(slow[1])
}

// history is the running means of σ and 1/σ over 12 and 60 hops, as levels:
// plain means at first.
func (r *reference) history() (levels []float64) {
	for _, memory := range []float64{12, 60} {
		for i := range 2 {
			var loud, quiet float64
			for hop, l := range r.levels {
				weight := 1 / min(float64(hop+1), memory)
				loud += weight * (math.Exp(l[i]/2) - loud)
				quiet += weight * (math.Exp(-l[i]/2) - quiet)
			}
			levels = append(levels, 2*math.Log(loud), -2*math.Log(quiet))
		}
	}
	return levels
}
