package feature

import (
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
	VerticalPower   []float64 // power of v by spectral line, (m/s²)², Bins values
	HorizontalPower []float64 // power of both components of h together
	Correlation     []float64 // autocorrelation of v by lag in rows, LeastLag to MaxLag; 0 below
	Variance        float64   // of v
	HorizontalVar   float64   // of h, both components together
	Features        Vector

	single singles                          // v in single precision
	energy [signal.WindowLength + 1]float64 // sum of the squares of the rows of v before each
}

// An Extractor holds the work space for Extract. One serves any number of
// windows in turn, and one goroutine at a time.
type Extractor struct {
	work
	taper       [signal.WindowLength]float64 // Hann over the first taperedRows rows
	taperedRows int
	gain        float64 // sum of squares of taper
}

// work is what holds something of a window.
type work struct {
	motion Motion

	// What the rows add up to.
	rows      [signal.WindowLength]signal.Row
	squares   [signal.WindowLength]float64 // of the length of each
	all       [signal.WindowLength / part]stretch
	stretches []stretch // those of all that belong together, newest first
	second    stretch   // the newest second
	newer     stretch   // the newer of stretches
	whole     stretch   // stretches together
	mean, up  triple

	// The rows, turned.
	vertical           [signal.WindowLength]float64
	magnitude, squared singles // m about its usual value, and the square of that

	// Spectra.
	tapered            [3][signal.WindowLength]float64 // v, even and odd rows of h, as pairs for the transform
	even, odd, between points
	power              [2][Bins]float64
	lags               [MaxLag + 1]float64
}

// NewExtractor allocates an Extractor of about 16 KiB.
func NewExtractor() *Extractor { return &Extractor{} }

// Clear overwrites every trace of the last window.
func (e *Extractor) Clear() { e.work = work{} } // in place: a copy would be 16 KiB of stack for each session

// Extract describes the newest rows of the window that belong together. It
// returns nil when it holds fewer than MinLength. 0 allocations.
func (e *Extractor) Extract(w *signal.Window) *Motion { return e.ExtractAfter(w, &History{}) }

// ExtractAfter is Extract for a window with a past: the history takes in the
// newest second and gives the features of what was before. 0 allocations.
func (e *Extractor) ExtractAfter(w *signal.Window, h *History) *Motion {
	if w.Len() < MinLength {
		return nil
	}
	n := w.Rows(&e.rows)
	first := e.trim(n)
	m := &e.motion
	m.Length = n - first
	m.Vertical = e.vertical[:m.Length]
	m.VerticalPower, m.HorizontalPower = e.power[0][:], e.power[1][:]
	m.Correlation = e.lags[:]
	e.hann(m.Length)
	e.split(e.rows[first:n])
	e.levels()
	e.magnitudes(e.squares[first:n])
	e.course()
	e.spectra()
	e.correlate()
	h.add(&e.second)
	h.describe(m.Features[31+2*bands:])
	return m
}
