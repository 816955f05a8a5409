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

	// longest is MaxGapNS in cells, and what rounding may add to it.
	longest = MaxGapNS/CellNS + 1e-6
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

// A Sample is one reading of a phone's accelerometer.
//
// The axes are the phone's own and the classifier never asks how the phone
// lies: every feature is measured along and across gravity. iOS and Android
// disagree about the sign of gravity; nothing here depends on it.
type Sample struct {
	SensorTime int64   // nanoseconds on the phone's own clock
	X, Y, Z    float64 // m/s², gravity included, along the phone's axes
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
	origin   int64    // sensor time of cell 0, nanoseconds
	meanGap  float64  // between readings, in cells
	newest   uint     // number of the newest reading, from 1; 0 before it
	last     [4]point // the newest readings, that of number i at place i%4
	piece    uint     // the curve is being measured from the reading before this one up to it
	from, to tangent  // at its ends, where it is curved
	at       point    // how far the curve is measured
	cell     int64    // the cell being filled
	end      float64  // of that cell
	area     mean     // integral of the curve over the part of the cell already seen
	line     [2 * cells]mean
}

// cells is the length of the half-band filter and one more. A cell is kept in
// the line twice, so that the newest are always side by side.
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
	return 1e9 / (CellNS * r.meanGap)
}

// Read takes samples up to the one that completes a row, and writes the row.
// It returns how many it took, and false when they complete none: call it with
// the rest until then. It takes none that is not newer than the one before, or
// newer by more than MaxGapNS, and returns 0 and false when such a one is the
// first of those left. 0 allocations.
func (r *Resampler) Read(samples []Sample, row *Row) (taken int, complete bool) {
	if r.newest == 0 {
		if len(samples) == 0 {
			return 0, false
		}
		r.open(r.point(&samples[0]))
		taken = 1
	}
	for {
		if r.piece <= r.newest && r.measure(row) {
			return taken, true
		}
		if taken == len(samples) {
			return taken, false
		}
		more, complete := r.take(samples[taken:], row)
		taken += more
		if complete || more == 0 {
			return taken, complete
		}
	}
}

func (r *Resampler) point(s *Sample) point {
	return point{float64(s.SensorTime-r.origin) * (1. / CellNS), s.X, s.Y, s.Z}
}

// open begins with a first reading, as if the phone had always lain so.
func (r *Resampler) open(p point) {
	r.last[0], r.last[1] = p, p
	r.newest, r.piece = 1, 2
	r.at = p
	start := math.Floor(p.t)
	r.cell, r.end = int64(start), start+1
	seen := p.t - start
	r.area = mean{seen * p.x, seen * p.y, seen * p.z}
	for i := range r.line {
		r.line[i] = mean{p.x, p.y, p.z}
	}
}

// take takes samples, and measures the curve up to each while it is straight,
// until that completes a row. The piece to the last one that it took is left
// to measure when it is curved or has others before it.
func (r *Resampler) take(samples []Sample, row *Row) (taken int, complete bool) {
	at, area, end, gap, newest := r.at, r.area, r.end, r.meanGap, r.newest
	for taken < len(samples) && !complete {
		p := r.point(&samples[taken])
		length := p.t - r.last[newest%4].t
		short := length <= linearBelow
		if length <= 0 || !short && length > longest {
			break
		}
		taken++
		if gap == 0 {
			gap = length
		}
		// About the last 20 intervals; a burst of a batch cannot move it far.
		gap += 0.05 * (length - gap)
		waiting := r.piece <= newest
		newest++
		r.last[newest%4] = p
		if waiting || !short {
			break
		}
		if p.t >= end {
			// The cell ends within the piece, which is shorter than a cell.
			e := between(at, p, end)
			area = area.plus(at, e)
			complete = r.close(area)
			area, at = mean{}, e
			end++
		}
		area = area.plus(at, p)
		at = p
		r.piece++
	}
	r.at, r.area, r.end, r.meanGap, r.newest = at, area, end, gap, newest
	if complete {
		r.filter(row)
	}
	return taken, complete
}

// between is the point at time t of the straight line from a to b.
func between(a, b point, t float64) point {
	part := (t - a.t) / (b.t - a.t)
	return point{t, a.x + part*(b.x-a.x), a.y + part*(b.y-a.y), a.z + part*(b.z-a.z)}
}

// plus adds the integral of the straight line from a to b.
func (m mean) plus(a, b point) mean {
	half := 0.5 * (b.t - a.t)
	return mean{m.x + half*(a.x+b.x), m.y + half*(a.y+b.y), m.z + half*(a.z+b.z)}
}

// measure goes on along the curve as far as it is known, or to where it
// completes a row, which it writes.
func (r *Resampler) measure(row *Row) bool {
	for ; r.piece <= r.newest; r.piece++ {
		b, c := &r.last[(r.piece-1)%4], &r.last[r.piece%4]
		length := c.t - b.t
		curved := length > linearBelow && length < cubicBelow
		if curved {
			if r.piece == r.newest {
				return false // its tangent at the end is not known yet
			}
			if r.at.t == b.t {
				r.tangents()
			}
		}
		for r.at.t < c.t {
			end := min(r.end, c.t)
			if curved {
				r.curveTo(b, c, end)
			} else {
				p := between(r.at, *c, end)
				r.area = r.area.plus(r.at, p)
				r.at = p
			}
			if end == r.end {
				complete := r.close(r.area)
				r.area = mean{}
				r.end++
				if complete {
					r.filter(row)
					return true
				}
			}
		}
	}
	return false
}

// close puts the mean of the cell being filled into the line: a cell is 1
// long, so that its integral is its mean. Every other cell completes a row.
func (r *Resampler) close(m mean) bool {
	place := uint(r.cell) % cells
	r.line[place], r.line[place+cells] = m, m
	r.cell++
	return r.cell%2 == 0
}

// tangents prepares a curved piece.
func (r *Resampler) tangents() {
	a, b, c, d := &r.last[(r.piece-2)%4], &r.last[(r.piece-1)%4], &r.last[r.piece%4], &r.last[(r.piece+1)%4]
	r.from = chord(b, c)
	r.to = r.from
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
	const middle = 7
	newest := (*[cells]mean)(r.line[uint(r.cell)%cells:])[1:]
	c := &newest[middle]
	x, y, z := 0.5*c.x, 0.5*c.y, 0.5*c.z
	for k := range halfBand {
		tap, a, b := halfBand[k], &newest[middle-1-2*k], &newest[middle+1+2*k]
		x += tap * (a.x + b.x)
		y += tap * (a.y + b.y)
		z += tap * (a.z + b.z)
	}
	*row = Row{float32(x), float32(y), float32(z)}
}
