package signal

import "math"

const (
	// RateHz is the rate of the even grid.
	RateHz = 25

	// CellNS is the length of one cell of the fine grid in nanoseconds. The
	// fine grid runs at twice RateHz.
	CellNS = 1_000_000_000 / (2 * RateHz)

	// MaxGapNS is the longest pause between two readings that is bridged, in
	// nanoseconds. After a longer one the grid begins anew.
	MaxGapNS = 1_500_000_000

	// Time between neighbours, in cells, up to which a straight line is exact
	// enough, and from which on a curve would invent motion.
	linearBelow = 12_000_000.0 / CellNS
	cubicBelow  = 150_000_000.0 / CellNS
)

// halfBand holds the taps at distances 1, 3, 5 and 7 from the centre; the
// centre's own tap is 1/2 and every even distance is zero. A tap is
//
//	sin(πn/2)/(πn) · I0(4·sqrt(1-(n/8)²))/I0(4)
//
// and the four are scaled to sum to 1/4, for a gain of 1 at rest.
// TestHalfBandTaps computes them anew.
var halfBand = [4]float64{
	0.31130041144609605, -0.08300416656497213, 0.030523243693619733, -0.008819488574743637,
}

// A Row is one point of the even grid: acceleration along the phone's axes in
// m/s².
type Row [3]float32

// A point is one reading, or a point on the curve through them.
type point struct {
	t       float64 // cells after the resampler's origin
	x, y, z float64 // m/s²
}

// A mean is that of one cell.
type mean struct{ x, y, z float64 }

// A tangent is a slope, in m/s² a cell.
type tangent struct{ x, y, z float64 }

// A Resampler puts readings onto the even grid. The zero value is empty; Start
// opens it.
//
// It wants readings in order of time, at most MaxGapNS apart; what to do with
// others is its caller's decision.
type Resampler struct {
	origin   int64 // sensor time of cell 0, nanoseconds
	lastTime int64 // newest reading, nanoseconds
	meanGap  float64
	held     int      // readings in last
	newest   uint     // readings taken: the newest is last[newest%4]
	last     [4]point // the piece at work runs from the second oldest to the next
	curved   bool     // whether it is a curve, with tangents from and to at its ends
	from, to tangent
	at       point // how far the curve is measured
	cell     int64 // the cell being filled
	end      float64
	area     mean        // integral of the curve over the part of the cell already seen
	line     [cells]mean // the newest cells, that of number c at place c%cells
}

// cells is how many are kept for the half-band filter, which needs 15.
const cells = 16

// Start forgets everything and counts cells from origin, a sensor time in
// nanoseconds.
func (r *Resampler) Start(origin int64) { *r = Resampler{origin: origin} }

// Restart begins the grid anew after a gap. It keeps the origin, so that rows
// stay where they would have been, and the source's rate.
func (r *Resampler) Restart() { *r = Resampler{origin: r.origin, meanGap: r.meanGap} }

// Clear forgets everything.
func (r *Resampler) Clear() { *r = Resampler{} }

// Index returns the number of the newest row that Next has given, counted
// from the origin at RateHz.
func (r *Resampler) Index() int64 { return r.cell / 2 }

// SourceHz returns the smoothed rate of the source, 0 before two readings.
func (r *Resampler) SourceHz() float64 {
	if r.meanGap <= 0 {
		return 0
	}
	return 1 / r.meanGap
}

// Add takes one reading: sensor time in nanoseconds, newer than the one
// before, and acceleration in m/s². When it returns true, Next may have rows:
// call it until it returns false. 0 allocations.
func (r *Resampler) Add(time int64, x, y, z float64) bool {
	p := point{float64(time-r.origin) * (1. / CellNS), x, y, z}
	if r.held == 0 {
		r.open(p)
		r.lastTime = time
		return false
	}
	// About the last 20 intervals; a burst of a batch cannot move it far.
	gap := float64(time-r.lastTime) * 1e-9
	if r.meanGap == 0 {
		r.meanGap = gap
	}
	r.meanGap += 0.05 * (gap - r.meanGap)
	r.lastTime = time
	r.newest++
	r.last[r.newest%4] = p
	if r.held < len(r.last) {
		r.held++
		if r.held < len(r.last) {
			return false
		}
	}
	b, c := &r.last[(r.newest+2)%4], &r.last[(r.newest+3)%4]
	length := c.t - b.t
	r.curved = length > linearBelow && length < cubicBelow
	if r.curved {
		r.tangents()
		return true
	}
	if c.t < r.end {
		r.straightTo(*c)
		return false
	}
	return true
}

// open begins with a first reading, as if the phone had always lain so.
func (r *Resampler) open(p point) {
	r.last[0], r.last[1] = p, p
	r.held, r.newest = 2, 1
	start := math.Floor(p.t)
	r.at = p
	r.cell, r.end = int64(start), start+1
	seen := p.t - start
	r.area = mean{seen * p.x, seen * p.y, seen * p.z}
	for i := range r.line {
		r.line[i] = mean{p.x, p.y, p.z}
	}
}

// tangents prepares a curved piece.
func (r *Resampler) tangents() {
	oldest := r.newest + 1
	a, b, c, d := &r.last[oldest%4], &r.last[(oldest+1)%4], &r.last[(oldest+2)%4], &r.last[(oldest+3)%4]
	r.from, r.to = chord(b, c), chord(b, c)
	if b.t-a.t < cubicBelow {
		r.from = chord(a, c)
	}
	if d.t-c.t < cubicBelow {
		r.to = chord(b, d)
	}
}

// chord is the slope of the straight line from one point to another.
func chord(a, b *point) tangent {
	per := 1 / (b.t - a.t)
	return tangent{(b.x - a.x) * per, (b.y - a.y) * per, (b.z - a.z) * per}
}

// Next writes the next row of the even grid that the readings so far complete,
// and returns false when they complete none. 0 allocations.
func (r *Resampler) Next(row *Row) bool {
	if r.held < len(r.last) {
		return false
	}
	b, c := &r.last[(r.newest+2)%4], &r.last[(r.newest+3)%4]
	for r.at.t < c.t {
		switch {
		case r.curved:
			r.curveTo(b, c, min(r.end, c.t))
		case c.t < r.end:
			r.straightTo(*c)
		default:
			part := (r.end - r.at.t) / (c.t - r.at.t)
			r.straightTo(point{
				r.end, r.at.x + part*(c.x-r.at.x), r.at.y + part*(c.y-r.at.y), r.at.z + part*(c.z-r.at.z),
			})
		}
		if r.at.t < r.end {
			return false
		}
		// A cell is 1 long: its integral is its mean.
		r.line[uint(r.cell)%cells] = r.area
		r.area = mean{}
		r.cell++
		r.end++
		if r.cell%2 == 0 {
			r.filter(row)
			return true
		}
	}
	return false
}

// straightTo adds the integral of a straight line from r.at to p.
func (r *Resampler) straightTo(p point) {
	half := 0.5 * (p.t - r.at.t)
	r.area.x += half * (r.at.x + p.x)
	r.area.y += half * (r.at.y + p.y)
	r.area.z += half * (r.at.z + p.z)
	r.at = p
}

// curveTo adds the integral of the curve from b to c between r.at and a time.
// The midpoint rule is as good as exact over at most 20 ms.
func (r *Resampler) curveTo(b, c *point, end float64) {
	width, length := end-r.at.t, c.t-b.t
	u := (r.at.t + 0.5*width - b.t) / length
	// Hermite's basis on [0, 1].
	h01 := u * u * (3 - 2*u)
	h10 := u * (1 - u) * (1 - u) * length
	h11 := u * u * (u - 1) * length
	r.area.x += width * (b.x + h01*(c.x-b.x) + h10*r.from.x + h11*r.to.x)
	r.area.y += width * (b.y + h01*(c.y-b.y) + h10*r.from.y + h11*r.to.y)
	r.area.z += width * (b.z + h01*(c.z-b.z) + h10*r.from.z + h11*r.to.z)
	r.at = point{end, c.x, c.y, c.z} // which is where it ends
}

// filter applies the half-band filter to the newest 15 cells.
func (r *Resampler) filter(row *Row) {
	middle := uint(r.cell) - 8
	c := &r.line[middle%cells]
	x, y, z := 0.5*c.x, 0.5*c.y, 0.5*c.z
	for k, tap := range halfBand {
		d := uint(2*k + 1)
		a, b := &r.line[(middle-d)%cells], &r.line[(middle+d)%cells]
		x += tap * (a.x + b.x)
		y += tap * (a.y + b.y)
		z += tap * (a.z + b.z)
	}
	*row = Row{float32(x), float32(y), float32(z)}
}
