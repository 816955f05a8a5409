package training

import (
	"math"
	"math/rand/v2"
	"slices"

	"github.com/tempogate/tempogate/classifier"
)

// Somebody takes the phone out, looks at it, puts it away: every 10 to 30 s,
// within 0.6 to 2.5 s, by 30 to 170 degrees about any axis, and not gently.
const (
	handledEveryS, handledEverySpreadS = 10, 20
	handledS, handledSpreadS           = 0.6, 1.9
	handledAngle, handledAngleSpread   = math.Pi / 6, 7 * math.Pi / 9
	handledMPS2                        = 1.5 // largest amplitude of each of three swings
)

// rotation is a 3×3 matrix.
type rotation [3][3]float64

var unturned = rotation{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}

// about returns the rotation by an angle about a unit axis (Rodrigues).
func about(axis [3]float64, angle float64) rotation {
	s, c := math.Sincos(angle)
	x, y, z := axis[0], axis[1], axis[2]
	d := 1 - c
	return rotation{
		{c + d*x*x, d*x*y - s*z, d*x*z + s*y},
		{d*x*y + s*z, c + d*y*y, d*y*z - s*x},
		{d*x*z - s*y, d*y*z + s*x, c + d*z*z},
	}
}

func (r *rotation) times(o *rotation) (p rotation) {
	for i := range p {
		for j := range p[i] {
			for k := range o {
				p[i][j] += r[i][k] * o[k][j]
			}
		}
	}
	return p
}

func (r *rotation) apply(s *classifier.Sample) {
	x, y, z := s.X, s.Y, s.Z
	s.X = r[0][0]*x + r[0][1]*y + r[0][2]*z
	s.Y = r[1][0]*x + r[1][1]*y + r[1][2]*z
	s.Z = r[2][0]*x + r[2][1]*y + r[2][2]*z
}

// handle returns the samples of a phone that is handled now and then and keeps
// the pose it was given. What the bearer does meanwhile stays what it was.
func handle(samples []classifier.Sample, random *rand.Rand) []classifier.Sample {
	handled := slices.Clone(samples)
	pose := unturned
	next := handled[0].SensorTime
	wait := func() int64 { return int64((handledEveryS + handledEverySpreadS*random.Float64()) * 1e9) }
	next += int64(random.Float64() * handledEveryS * 1e9)
	for i := 0; i < len(handled); {
		if handled[i].SensorTime < next {
			pose.apply(&handled[i])
			i++
			continue
		}
		i, pose = turn(handled, i, pose, random)
		next += wait()
	}
	return handled
}

// turn handles the phone from the i-th sample on and returns where that ends
// and the new pose.
func turn(samples []classifier.Sample, i int, pose rotation, random *rand.Rand) (int, rotation) {
	var axis [3]float64
	var length float64
	for length < 1e-6 {
		length = 0
		for j := range axis {
			axis[j] = random.NormFloat64()
			length += axis[j] * axis[j]
		}
	}
	for j := range axis {
		axis[j] /= math.Sqrt(length)
	}
	angle := handledAngle + handledAngleSpread*random.Float64()
	span := handledS + handledSpreadS*random.Float64()
	var swings [3]struct{ amplitude, hz, phase float64 }
	for j := range swings {
		swings[j].amplitude = handledMPS2 * random.Float64()
		swings[j].hz = 0.5 + 2.5*random.Float64()
		swings[j].phase = 2 * math.Pi * random.Float64()
	}
	began := samples[i].SensorTime
	for ; i < len(samples); i++ {
		part := float64(samples[i].SensorTime-began) * 1e-9 / span
		if part >= 1 {
			break
		}
		now := about(axis, angle*part*part*(3-2*part))
		now = now.times(&pose)
		now.apply(&samples[i])
		force := math.Sin(math.Pi*part) * math.Sin(math.Pi*part)
		for j, s := range swings {
			push := force * s.amplitude * math.Sin(2*math.Pi*s.hz*part*span+s.phase)
			*[]*float64{&samples[i].X, &samples[i].Y, &samples[i].Z}[j] += push
		}
	}
	whole := about(axis, angle)
	return i, whole.times(&pose)
}
