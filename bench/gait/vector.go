package gait

import (
	"math"
	"math/rand/v2"
)

// A vector points in the simulated world: forward, left and up. (A struct and
// not an array, because the compiler keeps structs in registers.)
type vector struct{ forward, left, up float64 }

// Even returns the same in all three directions.
func even(value float64) vector { return vector{value, value, value} }

func (v vector) plus(o vector) vector {
	return vector{v.forward + o.forward, v.left + o.left, v.up + o.up}
}

func (v vector) times(k float64) vector { return vector{k * v.forward, k * v.left, k * v.up} }

// By multiplies part by part.
func (v vector) by(o vector) vector {
	return vector{v.forward * o.forward, v.left * o.left, v.up * o.up}
}

// Gravity is standard gravity, m/s².
const gravity = 9.80665

// A Quaternion is a rotation, W + Xi + Yj + Zk, of any length from 1e-6 to
// 1e6: it is brought to length 1. The zero value stands for an orientation drawn from
// the seed.
type Quaternion struct{ W, X, Y, Z float64 }

// Identity is the phone lying along the world's axes: X forward, Y left, Z up.
var Identity = Quaternion{W: 1}

func (q Quaternion) length() float64 {
	return math.Sqrt(q.W*q.W + q.X*q.X + q.Y*q.Y + q.Z*q.Z)
}

// RandomQuaternion draws from all orientations evenly: four normal numbers
// point evenly over the sphere of unit quaternions.
func randomQuaternion(random *rand.Rand) Quaternion {
	for {
		q := Quaternion{random.NormFloat64(), random.NormFloat64(), random.NormFloat64(), random.NormFloat64()}
		if q.length() > 1e-3 {
			return q
		}
	}
}

// A rotation is a quaternion written out as a matrix, row by row.
type rotation [9]float64

func (q Quaternion) rotation() rotation {
	n := q.length()
	w, x, y, z := q.W/n, q.X/n, q.Y/n, q.Z/n
	return rotation{
		1 - 2*(y*y+z*z), 2 * (x*y - w*z), 2 * (x*z + w*y),
		2 * (x*y + w*z), 1 - 2*(x*x+z*z), 2 * (y*z - w*x),
		2 * (x*z - w*y), 2 * (y*z + w*x), 1 - 2*(x*x+y*y),
	}
}

// Apply returns what a vector of the world is along the phone's X, Y and Z.
func (r *rotation) apply(v vector) (x, y, z float64) {
	x = r[0]*v.forward + r[1]*v.left + r[2]*v.up
	y = r[3]*v.forward + r[4]*v.left + r[5]*v.up
	z = r[6]*v.forward + r[7]*v.left + r[8]*v.up
	return x, y, z
}

// SinCos is sine and cosine by series: limbs and phones swing less than 2 rad,
// where the error stays under 1e-4.
func sinCos(angle float64) (sin, cos float64) {
	a := angle * angle
	sin = angle * (1 - a/6*(1-a/20*(1-a/42*(1-a/72))))
	cos = 1 - a/2*(1-a/12*(1-a/30*(1-a/56*(1-a/90))))
	return sin, cos
}
