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

const filterLength = 15

// A Row is one point of the even grid: acceleration along the phone's axes in
// m/s².
type Row [3]float32

// point is one reading, its time in cells after the resampler's origin.
type point struct {
	t float64
	v [3]float64
}

// A Resampler puts readings onto the even grid. The zero value is empty; Start
// opens it.
//
// It wants readings in order of time, at most MaxGapNS apart; what to do with
// others is its caller's decision.
type Resampler struct {
	origin   int64      // sensor time of cell 0, nanoseconds
	lastTime int64      // newest reading, nanoseconds
	held     int        // readings in last
	last     [4]point   // the newest readings, oldest first; the piece at work runs from last[1] to last[2]
	chord    [3]float64 // slope of the piece at work
	curved   bool       // whether it is a curve, with slopes from and to at its ends
	from, to [3]float64
	cell     int64      // the cell being filled
	at       float64    // how far the piece at work is measured, in cells
	area     [3]float64 // integral of a(t) over the part of the cell already seen
	seen     float64    // length of that part, in cells
	line     [filterLength]Row
	head     int // the oldest row in line
	meanGap  float64
}

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
// before, and acceleration in m/s². Call Next afterwards until it returns
// false.
func (r *Resampler) Add(time int64, x, y, z float64) {
	p := point{float64(time-r.origin) / CellNS, [3]float64{x, y, z}}
	if r.held == 0 {
		r.open(p)
		r.lastTime = time
		return
	}
	// About the last 20 intervals; a burst of a batch cannot move it far.
	gap := float64(time-r.lastTime) * 1e-9
	if r.meanGap == 0 {
		r.meanGap = gap
	}
	r.meanGap += 0.05 * (gap - r.meanGap)
	r.lastTime = time

	if r.held < len(r.last) {
		r.last[r.held] = p
		r.held++
	} else {
		r.last[0], r.last[1], r.last[2] = r.last[1], r.last[2], r.last[3]
		r.last[3] = p
	}
	if r.held == len(r.last) {
		r.slopes()
	}
}

// open begins with a first reading, as if the phone had always lain so.
func (r *Resampler) open(p point) {
	r.last[0], r.last[1] = p, p
	r.held = 2
	r.at = p.t
	r.cell = int64(math.Floor(p.t))
	row := Row{float32(p.v[0]), float32(p.v[1]), float32(p.v[2])}
	for i := range r.line {
		r.line[i] = row
	}
}

// slopes prepares the piece at work: its chord, and where it is curved the
// tangents at both ends.
func (r *Resampler) slopes() {
	a, b, c, d := &r.last[0], &r.last[1], &r.last[2], &r.last[3]
	length := c.t - b.t
	perLength := 1 / length
	for i := range r.chord {
		r.chord[i] = (c.v[i] - b.v[i]) * perLength
	}
	r.curved = length > linearBelow && length < cubicBelow
	if !r.curved {
		return
	}
	r.from, r.to = r.chord, r.chord
	if b.t-a.t < cubicBelow {
		perLength := 1 / (c.t - a.t)
		for i := range r.from {
			r.from[i] = (c.v[i] - a.v[i]) * perLength
		}
	}
	if d.t-c.t < cubicBelow {
		perLength := 1 / (d.t - b.t)
		for i := range r.to {
			r.to[i] = (d.v[i] - b.v[i]) * perLength
		}
	}
}

// Next writes the next row of the even grid that the readings so far complete,
// and returns false when they complete none. 0 allocations.
func (r *Resampler) Next(row *Row) bool {
	if r.held < len(r.last) {
		return false
	}
	b, c := &r.last[1], &r.last[2]
	for r.at < c.t {
		end := min(float64(r.cell+1), c.t)
		r.measure(b, c, end)
		if end < float64(r.cell+1) {
			break
		}
		r.close()
		if r.cell%2 == 0 {
			r.filter(row)
			return true
		}
	}
	return false
}

// measure adds the integral of a(t) from r.at to end. The midpoint rule is
// exact for a straight piece and, over at most 20 ms, as good as exact for a
// curved one.
func (r *Resampler) measure(b, c *point, end float64) {
	width := end - r.at
	from := r.at + width/2 - b.t
	r.seen += width
	r.at = end
	if !r.curved {
		for i := range r.area {
			r.area[i] += width * (b.v[i] + from*r.chord[i])
		}
		return
	}
	length := c.t - b.t
	u := from / length
	// Hermite's basis on [0, 1].
	h01 := u * u * (3 - 2*u)
	h10 := u * (1 - u) * (1 - u) * length
	h11 := u * u * (u - 1) * length
	for i := range r.area {
		r.area[i] += width * (b.v[i] + h01*(c.v[i]-b.v[i]) + h10*r.from[i] + h11*r.to[i])
	}
}

// close ends the cell being filled and moves its mean into the filter's line.
func (r *Resampler) close() {
	r.line[r.head] = Row{
		float32(r.area[0] / r.seen), float32(r.area[1] / r.seen), float32(r.area[2] / r.seen),
	}
	r.head = (r.head + 1) % filterLength
	r.area, r.seen = [3]float64{}, 0
	r.cell++
}

// filter applies the half-band filter to the line.
func (r *Resampler) filter(row *Row) {
	const middle = filterLength / 2
	c := &r.line[(r.head+middle)%filterLength]
	sum := [3]float64{0.5 * float64(c[0]), 0.5 * float64(c[1]), 0.5 * float64(c[2])}
	for k, tap := range halfBand {
		d := 2*k + 1
		a := &r.line[(r.head+middle-d)%filterLength]
		b := &r.line[(r.head+middle+d)%filterLength]
		for i := range sum {
			sum[i] += tap * float64(a[i]+b[i])
		}
	}
	*row = Row{float32(sum[0]), float32(sum[1]), float32(sum[2])}
}
