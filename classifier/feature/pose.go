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

// A stretch is what some rows add up to.
type stretch struct {
	rows    float64
	sum     triple  // of the acceleration
	squares float64 // of all axes together
}

// stretch adds up the rows from one to before another.
func (e *Extractor) stretch(from, to int) stretch {
	x, y, z := e.axes[0][from:to], e.axes[1][from:to], e.axes[2][from:to]
	y, z = y[:len(x)], z[:len(x)]
	var sum triple
	var squares float64
	for i, a := range x {
		b, c := y[i], z[i]
		sum = triple{sum.x + a, sum.y + b, sum.z + c}
		squares += a*a + b*b + c*c
	}
	return stretch{float64(len(x)), sum, squares}
}

// with is both stretches together.
func (s *stretch) with(t *stretch) stretch {
	return stretch{s.rows + t.rows, s.sum.plus(1, t.sum), s.squares + t.squares}
}

// mean is the mean acceleration, variance that about it in all directions
// together.
func (s *stretch) moments() (mean triple, variance float64) {
	per := 1 / s.rows
	mean = s.sum.times(per)
	return mean, max(s.squares*per-mean.dot(mean), 0)
}

// trim takes from n rows those that belong to something else than the newest
// two stretches do: another intensity, or another pose of the phone. A window
// that spans a change resembles neither side of it, and looks most like what
// it is least. It returns how many rows are left.
func (e *Extractor) trim(n int) int {
	count := 0
	for end := n; end > 0; count++ {
		// What is less than half a part long goes with the rest.
		start := end - part
		if start < part/2 {
			start = 0
		}
		e.all[count] = e.stretch(start, end)
		end = start
	}
	kept := e.all[0].with(&e.all[1])
	now, variance := kept.moments()
	nowLevel := level(variance)
	furthest := turnBreak * turnBreak * max(now.dot(now), gravityFreeBelow*gravityFreeBelow)
	e.stretches = e.all[:2]
	for i := 2; i < count; i++ {
		then, variance := e.all[i].moments()
		off := then.plus(-1, now)
		if math.Abs(level(variance)-nowLevel) > levelBreak || off.dot(off) > furthest {
			break
		}
		kept = kept.with(&e.all[i])
		e.stretches = e.all[:i+1]
	}
	if old := n - int(kept.rows); old > 0 {
		for i := range e.axes {
			copy(e.axes[i][:], e.axes[i][old:n])
			clear(e.axes[i][n-old : n])
		}
	}
	e.mean, _ = kept.moments()
	return int(kept.rows)
}

// split fills Vertical, North, East and Magnitude.
func (e *Extractor) split(n int) {
	m := &e.motion
	x, y, z := e.axes[0][:n], e.axes[1][:n], e.axes[2][:n]
	m.GravityMPS2 = math.Sqrt(e.mean.dot(e.mean))
	assumed := 0.0 // gravity to add to the magnitude
	if m.GravityMPS2 >= gravityFreeBelow {
		e.up = e.mean.times(1 / m.GravityMPS2)
	} else {
		m.GravityMPS2 = 0
		e.up = principal(x, y, z, e.mean)
		assumed = standardGravity
	}
	up := e.up
	north, east := across(up)
	restUp, restNorth, restEast := e.mean.dot(up), e.mean.dot(north), e.mean.dot(east)
	y, z = y[:len(x)], z[:len(x)]
	verticals, norths, easts, magnitudes := m.Vertical[:len(x)], m.North[:len(x)], m.East[:len(x)], m.Magnitude[:len(x)]
	for i := range x {
		a := triple{x[i], y[i], z[i]}
		v, n, e := a.dot(up), a.dot(north), a.dot(east)
		verticals[i], norths[i], easts[i] = v-restUp, n-restNorth, e-restEast
		v += assumed
		// A root to seven digits is the faster one.
		magnitudes[i] = float64(float32(math.Sqrt(float64(float32(v*v + n*n + e*e)))))
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
	off := to.plus(-1, from)
	along = off.dot(e.up)
	along *= along
	return along, max(off.dot(off)-along, 0)
}

// newest returns the variances of the newest second: of the motion in all
// directions, and of its first differences.
func (e *Extractor) newest(n int) (motion, jerk float64) {
	const rows = signal.RateHz
	for i := range e.axes {
		v := e.axes[i][n-rows : n]
		var sum, squares float64
		before := v[0]
		for _, x := range v {
			step := x - before
			sum += x
			squares += x * x
			jerk += step * step
			before = x
		}
		motion += squares - sum*sum/rows
	}
	return max(motion, 0) / rows, jerk / (rows - 1)
}

// A triple is a value for each axis.
type triple struct{ x, y, z float64 }

func (a triple) dot(b triple) float64   { return a.x*b.x + a.y*b.y + a.z*b.z }
func (a triple) times(s float64) triple { return triple{s * a.x, s * a.y, s * a.z} }
func (a triple) plus(s float64, b triple) triple {
	return triple{a.x + s*b.x, a.y + s*b.y, a.z + s*b.z}
}
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
	north = north.plus(-north.dot(up), up)
	north = north.times(1 / math.Sqrt(north.dot(north)))
	return north, up.cross(north)
}

// principal returns the unit vector along which the readings vary most, by
// power iteration on their covariance.
func principal(x, y, z []float64, mean triple) (up triple) {
	var c [3]triple
	for i := range x {
		a := triple{x[i], y[i], z[i]}.plus(-1, mean)
		c[0], c[1], c[2] = c[0].plus(a.x, a), c[1].plus(a.y, a), c[2].plus(a.z, a)
	}
	// The column of the largest variance is never orthogonal to the answer.
	p := c[0]
	largest := c[0].x
	if c[1].y > largest {
		p, largest = c[1], c[1].y
	}
	if c[2].z > largest {
		p = c[2]
	}
	for range 13 {
		length := math.Sqrt(p.dot(p))
		if length == 0 {
			return triple{0, 0, 1}
		}
		up = p.times(1 / length)
		p = triple{c[0].dot(up), c[1].dot(up), c[2].dot(up)}
	}
	return up
}
