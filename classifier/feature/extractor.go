package feature

import (
	"math"

	"gonum.org/v1/gonum/blas/blas32"
	"gonum.org/v1/gonum/floats"

	"github.com/tempogate/tempogate/classifier/signal"
)

const (
	// MinLength is the shortest window that is described: 2.56 s.
	MinLength = signal.WindowLength / 2

	// Bins is the number of spectral lines from 0 to half the rate.
	Bins = signal.WindowLength/2 + 1

	// BinHz is the distance between two lines.
	BinHz = float64(signal.RateHz) / signal.WindowLength

	// LeastLag and MaxLag are the shortest and the longest lag of the
	// autocorrelation, in rows: 0.24 s, a step of the fastest run, and 2 s, a
	// stride of the slowest walk.
	LeastLag, MaxLag = 6, 2 * signal.RateHz
)

// Motion is a window split along and across gravity. It belongs to its
// Extractor, which overwrites it at the next call.
type Motion struct {
	Length          int       // rows in the window, MinLength to signal.WindowLength
	GravityMPS2     float64   // |g|, 0 for a source without gravity
	Vertical        []float64 // v, m/s², Length values, mean 0
	North, East     []float64 // h in a basis at will, mean 0
	Magnitude       []float64 // m
	VerticalPower   []float64 // power of v by spectral line, (m/s²)², Bins values
	HorizontalPower []float64 // power of both components of h together
	Correlation     []float64 // autocorrelation of v by lag in rows, LeastLag to MaxLag; 0 below
	Variance        float64   // of v
	HorizontalVar   float64   // of h, both components together
	Features        Vector
}

// An Extractor holds the work space for Extract. One serves any number of
// windows in turn, and one goroutine at a time.
type Extractor struct {
	motion                           Motion
	axes                             [3][signal.WindowLength]float64
	vertical, north, east, magnitude [signal.WindowLength]float64
	power                            [2][Bins]float64
	lags                             [MaxLag + 1]float64
	taper                            [signal.WindowLength]float64 // Hann over the newest `tapered` rows, 0 beyond
	tapered                          int
	gain                             float64 // sum of squares of taper
	values, even, odd                points
	single                           [signal.WindowLength + block]float32 // v, and zeros behind it
}

// NewExtractor allocates an Extractor of about 14 KiB.
func NewExtractor() *Extractor { return &Extractor{} }

// Clear overwrites every trace of the last window.
func (e *Extractor) Clear() { *e = Extractor{taper: e.taper, tapered: e.tapered, gain: e.gain} }

// Extract describes the newest rows of the window that belong together. It
// returns nil when it holds fewer than MinLength. 0 allocations.
func (e *Extractor) Extract(w *signal.Window) *Motion { return e.ExtractAfter(w, &History{}) }

// ExtractAfter is Extract for a window with a past: the history takes in the
// newest second and gives the features of what was before. 0 allocations.
func (e *Extractor) ExtractAfter(w *signal.Window, h *History) *Motion {
	if w.Len() < MinLength {
		return nil
	}
	n := w.Axes(e.axes[0][:], e.axes[1][:], e.axes[2][:])
	if old := e.stale(n); old > 0 {
		for i := range e.axes {
			copy(e.axes[i][:], e.axes[i][old:n])
			clear(e.axes[i][n-old : n])
		}
		n -= old
	}
	m := &e.motion
	m.Length = n
	m.Vertical, m.North, m.East = e.vertical[:n], e.north[:n], e.east[:n]
	m.Magnitude = e.magnitude[:n]
	m.VerticalPower, m.HorizontalPower = e.power[0][:], e.power[1][:]
	m.Correlation = e.lags[:]
	e.split(n)
	e.spectra(n)
	m.Variance = floats.Dot(m.Vertical, m.Vertical) / float64(n)
	e.correlate()
	m.describe()
	h.add(m.newest())
	h.describe(m.Features[31+2*bands:])
	return m
}

const (
	part       = signal.WindowLength / 4 // rows that are compared as one: 1.28 s
	levelBreak = 1.6                     // ln of a ratio of variances: a factor of 5
	turnBreak  = 0.5                     // chord on the unit sphere: about 30 degrees
)

// stale returns how many of the oldest rows belong to something else than the
// newest half of the window does: another intensity, or another pose of the
// phone. A window that spans a change resembles neither side of it, and looks
// most like what it is least.
func (e *Extractor) stale(n int) int {
	now := e.pose(n-2*part, n)
	nowLevel := level(now.variance)
	furthest := turnBreak * turnBreak * max(dot(now.mean, now.mean), gravityFreeBelow*gravityFreeBelow)
	for end := n - 2*part; end > 0; {
		// What is less than half a part long goes with the rest.
		start := end - part
		if start < part/2 {
			start = 0
		}
		then := e.pose(start, end)
		var turn float64
		for i := range now.mean {
			turn += (then.mean[i] - now.mean[i]) * (then.mean[i] - now.mean[i])
		}
		if math.Abs(level(then.variance)-nowLevel) > levelBreak || turn > furthest {
			return end
		}
		end = start
	}
	return 0
}

func (e *Extractor) pose(from, to int) pose {
	return poseOf(e.axes[0][from:to], e.axes[1][from:to], e.axes[2][from:to])
}

// A pose is the mean acceleration of some rows, and the variance about it in
// all directions together.
type pose struct {
	mean     [3]float64
	variance float64
}

func poseOf(x, y, z []float64) pose {
	y, z = y[:len(x)], z[:len(x)]
	var sumX, sumY, sumZ, squares float64
	for i, a := range x {
		b, c := y[i], z[i]
		sumX += a
		sumY += b
		sumZ += c
		squares += a*a + b*b + c*c
	}
	per := 1 / float64(len(x))
	mean := [3]float64{sumX * per, sumY * per, sumZ * per}
	return pose{mean, max(squares*per-dot(mean, mean), 0)}
}

// gravityFreeBelow is the mean magnitude, m/s², under which a source is taken
// to deliver acceleration without gravity. Nobody walks at half a g.
const gravityFreeBelow = 4.0

// split fills Vertical, North, East and Magnitude.
func (e *Extractor) split(n int) {
	m := &e.motion
	x, y, z := e.axes[0][:n], e.axes[1][:n], e.axes[2][:n]
	mean := [3]float64{floats.Sum(x) / float64(n), floats.Sum(y) / float64(n), floats.Sum(z) / float64(n)}
	g := math.Sqrt(mean[0]*mean[0] + mean[1]*mean[1] + mean[2]*mean[2])
	up := mean
	assumed := 0.0 // gravity to add to the magnitude
	if g >= gravityFreeBelow {
		m.GravityMPS2 = g
		for i := range up {
			up[i] /= g
		}
	} else {
		m.GravityMPS2 = 0
		up = principal(x, y, z, mean)
		assumed = standardGravity
	}
	north, east := across(up)
	lift := [3]float64{assumed * up[0], assumed * up[1], assumed * up[2]}
	vertical, norths, easts, magnitude := m.Vertical[:n], m.North[:n], m.East[:n], m.Magnitude[:n]
	for i := range n {
		ax, ay, az := x[i], y[i], z[i]
		bx, by, bz := ax-mean[0], ay-mean[1], az-mean[2]
		vertical[i] = bx*up[0] + by*up[1] + bz*up[2]
		norths[i] = bx*north[0] + by*north[1] + bz*north[2]
		easts[i] = bx*east[0] + by*east[1] + bz*east[2]
		ax, ay, az = ax+lift[0], ay+lift[1], az+lift[2]
		magnitude[i] = math.Sqrt(ax*ax + ay*ay + az*az)
	}
}

const standardGravity = 9.80665 // m/s², ISO 80000-3

func dot(a, b [3]float64) float64 { return a[0]*b[0] + a[1]*b[1] + a[2]*b[2] }

// across returns two unit vectors that make a right-handed basis with up.
func across(up [3]float64) (north, east [3]float64) {
	// Start from the axis that up leans on least.
	least := 0
	for i := 1; i < 3; i++ {
		if math.Abs(up[i]) < math.Abs(up[least]) {
			least = i
		}
	}
	north[least] = 1
	lean := up[least]
	for i := range north {
		north[i] -= lean * up[i]
	}
	length := math.Sqrt(dot(north, north))
	for i := range north {
		north[i] /= length
	}
	east = [3]float64{
		up[1]*north[2] - up[2]*north[1],
		up[2]*north[0] - up[0]*north[2],
		up[0]*north[1] - up[1]*north[0],
	}
	return north, east
}

// principal returns the unit vector along which the readings vary most, by
// power iteration on their covariance.
func principal(x, y, z []float64, mean [3]float64) [3]float64 {
	var c [3][3]float64
	for i := range x {
		a := [3]float64{x[i] - mean[0], y[i] - mean[1], z[i] - mean[2]}
		for j := range a {
			for k := range a {
				c[j][k] += a[j] * a[k]
			}
		}
	}
	// The column of the largest variance is never orthogonal to the answer.
	largest := 0
	for j := 1; j < 3; j++ {
		if c[j][j] > c[largest][largest] {
			largest = j
		}
	}
	p := c[largest]
	for range 12 {
		length := math.Sqrt(dot(p, p))
		if length == 0 {
			return [3]float64{0, 0, 1}
		}
		for i := range p {
			p[i] /= length
		}
		p = [3]float64{dot(c[0], p), dot(c[1], p), dot(c[2], p)}
	}
	length := math.Sqrt(dot(p, p))
	for i := range p {
		p[i] /= length
	}
	return p
}

// spectra fills VerticalPower and HorizontalPower, from three transforms of
// half the length: one takes v with its odd places as imaginary parts, two
// take the even and the odd places of c = north + i·east, of which
//
//	|C(k)|² + |C(-k)|² = 2(|N(k)|² + |E(k)|²).
func (e *Extractor) spectra(n int) {
	if e.tapered != n {
		e.gain = 0
		clear(e.taper[n:])
		for i := range n {
			e.taper[i] = 0.5 - 0.5*math.Cos(2*math.Pi*(float64(i)+0.5)/float64(n))
			e.gain += e.taper[i] * e.taper[i]
		}
		e.tapered = n
	}
	// Scaled so that the lines of a signal add up to its variance.
	scale := 2 / (e.gain * signal.WindowLength)
	e.verticalSpectrum(scale)
	e.horizontalSpectrum(scale)
}

func (e *Extractor) verticalSpectrum(scale float64) {
	v, power := &e.vertical, &e.power[0]
	for i := range e.values {
		e.values[i] = complex(e.taper[2*i]*v[2*i], e.taper[2*i+1]*v[2*i+1])
	}
	transform(&e.even, &e.values)
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
	north, east, power := &e.north, &e.east, &e.power[1]
	for i := range e.values {
		e.values[i] = complex(e.taper[2*i]*north[2*i], e.taper[2*i]*east[2*i])
	}
	transform(&e.even, &e.values)
	for i := range e.values {
		e.values[i] = complex(e.taper[2*i+1]*north[2*i+1], e.taper[2*i+1]*east[2*i+1])
	}
	transform(&e.odd, &e.values)
	clear(power[:])
	for k := range half {
		lower, upper := sides(e.even[k], e.odd[k], turns[k])
		power[k] += scale / 2 * lower
		power[half-k] += scale / 2 * upper // line k+64 mirrors line 64-k
	}
	power[0] *= 2
	power[half] *= 2
}

// correlate fills Correlation: for each lag the covariance of v with itself
// over the rows that overlap, against the variance of the same rows, so that a
// perfect rhythm gives 1 at every multiple of its period.
//
// The products are added up in single precision, which a processor does four
// at a time: the result is good to six digits.
func (e *Extractor) correlate() {
	m := &e.motion
	v := m.Vertical
	n := len(v)
	for i, x := range v {
		e.single[i] = float32(x)
	}
	clear(e.single[n:])
	// Mean energy of the first and of the last n-lag rows, kept by taking rows
	// off.
	energy := (m.Variance + quietRow) * float64(n)
	for lag := 1; lag <= MaxLag; lag++ {
		energy -= 0.5 * (v[lag-1]*v[lag-1] + v[n-lag]*v[n-lag])
		if lag < LeastLag {
			continue
		}
		// Whole blocks: there are zeros behind the last row.
		rows := (n - lag + block - 1) / block * block
		product := blas32.Dot(
			blas32.Vector{N: rows, Inc: 1, Data: e.single[lag : lag+rows]},
			blas32.Vector{N: rows, Inc: 1, Data: e.single[:rows]},
		)
		m.Correlation[lag] = float64(product) / energy
	}
}

const (
	// block is how many products at a time are added up.
	block = 16

	// quietRow is added to the energy of a row, (m/s²)², so that nothing
	// moving has no rhythm.
	quietRow = 1e-6
)
