package feature

import (
	"math"

	"github.com/tempogate/tempogate/classifier/approx"
	"github.com/tempogate/tempogate/classifier/signal"
)

const (
	part       = signal.WindowLength / 4 // rows that are compared as one: 1.28 s
	levelBreak = 1.6                     // ln of a ratio of variances: a factor of 5
	turnBreak  = 0.5                     // chord on the unit sphere: about 30 degrees

	// gravityFreeBelow is the mean magnitude, m/s², under which a source is
	// taken to deliver acceleration without gravity. Nobody walks at half a g.
	gravityFreeBelow = 4.0

	standardGravity = 9.80665 // m/s², ISO 80000-3
)

// A stretch is what some rows add up to, in all directions together.
type stretch struct {
	rows    float64
	sum     triple  // of the acceleration
	squares float64 // of its length
	steps   float64 // of the squared differences of neighbours
	entry   float64 // the squared difference from the row before
}

// stretchOf adds up the rows from one to before another, and notes the square
// of each one's length.
func (e *Extractor) stretchOf(from, to int) stretch {
	var sum triple
	var squares, products float64
	rows, lengths := e.rows[from:to], e.squares[from:to]
	lengths = lengths[:len(rows)]
	first := axes(&rows[0])
	before := first
	for i := range rows {
		a := axes(&rows[i])
		square := a.dot(a)
		lengths[i] = square
		sum = sum.plus(a)
		squares += square
		products += a.dot(before)
		before = a
	}
	entry := first.minus(axes(&e.rows[max(from-1, 0)]))
	return stretch{
		rows: float64(len(rows)), sum: sum, squares: squares,
		// (a-b)² = a² - 2ab + b² of neighbours; the first is its own.
		steps: 2*(squares-products) + lengths[0] - lengths[len(lengths)-1],
		entry: entry.dot(entry),
	}
}

// after is the stretch that both are together, of which older is the older.
func (s *stretch) after(older *stretch) stretch {
	return stretch{
		s.rows + older.rows, s.sum.plus(older.sum), s.squares + older.squares,
		s.steps + s.entry + older.steps, older.entry,
	}
}

// moments returns the mean acceleration and the variance about it.
func (s *stretch) moments() (mean triple, variance float64) {
	per := 1 / s.rows
	mean = s.sum.times(per)
	return mean, max(s.squares*per-mean.dot(mean), 0)
}

// about returns the mean square about a value that need not be the mean.
func (s *stretch) about(a triple) float64 {
	mean, variance := s.moments()
	off := mean.minus(a)
	return variance + off.dot(off)
}

// trim passes over the oldest rows when they belong to something else than the
// newest two stretches do: another intensity, or another pose of the phone. A
// window that spans a change resembles neither side of it, and looks most like
// what it is least. It returns the first row that is left.
func (e *Extractor) trim(n int) (first int) {
	// The newest stretch in two, of which the newer is the newest second.
	e.second = e.stretchOf(n-signal.RateHz, n)
	rest := e.stretchOf(n-part, n-signal.RateHz)
	e.all[0] = e.second.after(&rest)
	count := 1
	for end := n - part; end > 0; count++ {
		// What is less than half a part long goes with the rest.
		start := end - part
		if start < part/2 {
			start = 0
		}
		e.all[count] = e.stretchOf(start, end)
		end = start
	}
	e.whole = e.all[0].after(&e.all[1])
	now, variance := e.whole.moments()
	nowLevel := level(variance)
	furthest := turnBreak * turnBreak * max(now.dot(now), gravityFreeBelow*gravityFreeBelow)
	e.stretches = e.all[:2]
	for i := 2; i < count; i++ {
		then, variance := e.all[i].moments()
		off := then.minus(now)
		if math.Abs(level(variance)-nowLevel) > levelBreak || off.dot(off) > furthest {
			break
		}
		e.whole = e.whole.after(&e.all[i])
		e.stretches = e.all[:i+1]
	}
	e.newer = e.all[0]
	if len(e.stretches) > 2 {
		e.newer = e.newer.after(&e.all[1])
	}
	return n - int(e.whole.rows)
}

// split turns the rows into v and h. It fills Vertical and what the transforms
// take.
func (e *Extractor) split(rows []signal.Row) {
	m := &e.motion
	e.mean, _ = e.whole.moments()
	m.GravityMPS2 = math.Sqrt(e.mean.dot(e.mean))
	if m.GravityMPS2 >= gravityFreeBelow {
		e.up = e.mean.times(1 / m.GravityMPS2)
	} else {
		m.GravityMPS2 = 0
		x, y, z := float32(e.mean.x), float32(e.mean.y), float32(e.mean.z)
		for i, row := range rows {
			rows[i] = signal.Row{row[0] - x, row[1] - y, row[2] - z}
		}
		e.up = principal(rows)
	}
	// Across gravity the mean is 0, and along it |g|, or 0 without gravity.
	up, rest := e.up, m.GravityMPS2
	north, east := across(up)
	rows = rows[:min(len(rows), signal.WindowLength)]
	for i := range rows {
		a, taper := axes(&rows[i]), e.taper[i]
		v := a.dot(up) - rest
		e.vertical[i], m.single[i] = v, float32(v)
		e.tapered[0][i] = taper * v
		h := &e.tapered[1+i%2]
		h[i&^1], h[i|1] = taper*a.dot(north), taper*a.dot(east)
	}
}

// course fills the features that compare the stretches.
func (e *Extractor) course() {
	f := &e.motion.Features
	per := 1 / float64(len(e.stretches))
	var low, high, sum, largest, slowV, slowH float64
	var newest, before triple
	for i := range e.stretches {
		mean, variance := e.stretches[i].moments()
		l := level(variance)
		if i == 0 {
			low, high, newest, before = l, l, mean, mean
			f[25] = l
		}
		if l < low {
			low = l
		}
		if l > high {
			high = l
		}
		sum += l
		v, h := e.swing(e.mean, mean)
		slowV += v
		slowH += h
		if _, turn := e.swing(before, mean); turn > largest {
			largest = turn
		}
		before = mean
	}
	_, whole := e.swing(before, newest)
	f[23] = high - low
	f[24] = low
	f[25] -= sum * per
	perG := 1 / e.motion.gravity()
	f[26] = approx.Log(math.Sqrt(largest)*perG + leastTurn)
	f[27] = approx.Log(math.Sqrt(whole)*perG + leastTurn)
	f[28] = level(slowV * per)
	f[29] = level(slowH * per)
}

// leastTurn is added to a turn, in radians, before its logarithm is taken.
const leastTurn = 0.01

// swing returns how far two accelerations lie apart along and across gravity,
// squared. Across, in units of gravity, it is about the angle between them.
func (e *Extractor) swing(from, to triple) (along, across float64) {
	off := to.minus(from)
	along = off.dot(e.up)
	along *= along
	return along, max(off.dot(off)-along, 0)
}

// A triple is a value for each axis.
type triple struct{ x, y, z float64 }

// axes returns a row as a triple.
func axes(row *signal.Row) triple {
	return triple{float64(row[0]), float64(row[1]), float64(row[2])}
}

func (a triple) plus(b triple) triple   { return triple{a.x + b.x, a.y + b.y, a.z + b.z} }
func (a triple) minus(b triple) triple  { return triple{a.x - b.x, a.y - b.y, a.z - b.z} }
func (a triple) times(s float64) triple { return triple{s * a.x, s * a.y, s * a.z} }
func (a triple) dot(b triple) float64   { return a.x*b.x + a.y*b.y + a.z*b.z }
func (a triple) cross(b triple) triple {
	return triple{a.y*b.z - a.z*b.y, a.z*b.x - a.x*b.z, a.x*b.y - a.y*b.x}
}

// across returns two unit vectors that make a right-handed basis with up.
func across(up triple) (north, east triple) {
	// Start from the axis that up leans on least.
	x, y, z := math.Abs(up.x), math.Abs(up.y), math.Abs(up.z)
	switch {
	case x <= y && x <= z:
		north.x = 1
	case y <= z:
		north.y = 1
	default:
		north.z = 1
	}
	north = north.minus(up.times(north.dot(up)))
	north = north.times(1 / math.Sqrt(north.dot(north)))
	return north, up.cross(north)
}

// principal returns the unit vector along which rows of mean 0 vary most, by
// power iteration on their covariance.
func principal(rows []signal.Row) (up triple) {
	var x, y, z triple // its columns
	for i := range rows {
		a := axes(&rows[i])
		x, y, z = x.plus(a.times(a.x)), y.plus(a.times(a.y)), z.plus(a.times(a.z))
	}
	// The column of the largest variance is never orthogonal to the answer.
	p := x
	if y.y > x.x {
		p = y
	}
	if z.z > max(x.x, y.y) {
		p = z
	}
	for range 13 {
		length := math.Sqrt(p.dot(p))
		if length == 0 {
			return triple{0, 0, 1}
		}
		up = p.times(1 / length)
		p = triple{x.dot(up), y.dot(up), z.dot(up)}
	}
	return up
}
