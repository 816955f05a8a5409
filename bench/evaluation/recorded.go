package evaluation

import (
	"math"
	"math/rand/v2"
	"slices"

	"github.com/tempogate/tempogate/classifier"
	"github.com/tempogate/tempogate/classifier/signal"
)

// Hz returns how many readings a second a recording has, by the middle one of
// its intervals; 0 for fewer than two readings.
func Hz(samples []classifier.Sample) float64 {
	if len(samples) < 2 {
		return 0
	}
	steps := make([]int64, len(samples)-1)
	for i := range steps {
		steps[i] = samples[i+1].SensorTime - samples[i].SensorTime
	}
	slices.Sort(steps)
	return 1e9 / float64(max(steps[len(steps)/2], 1))
}

// ReadOff reads a recording off at an even rate, by straight lines between its
// readings and without a filter: many phones have none either, so what they
// shake faster than they are read comes out as slow motion. Gaps stay gaps.
func ReadOff(samples []classifier.Sample, hz float64) []classifier.Sample {
	var out []classifier.Sample
	evenly(samples, hz, func(t int64, i int) {
		out = append(out, between(&samples[i], &samples[i+1], t))
	})
	return out
}

// between is the reading at time t on the straight line from a to b.
func between(a, b *classifier.Sample, t int64) classifier.Sample {
	p := float64(t-a.SensorTime) / float64(b.SensorTime-a.SensorTime)
	return classifier.Sample{
		SensorTime: t,
		X:          a.X + p*(b.X-a.X), Y: a.Y + p*(b.Y-a.Y), Z: a.Z + p*(b.Z-a.Z),
	}
}

const (
	// band is the share of half the lower rate that Resampled keeps.
	band = 0.9

	// lobes is how many zeros of the kernel lie on either side.
	lobes = 8

	// leastWeight is the least sum of weights, as a share of the sum of their
	// sizes. Evenly spaced readings have 0.6 and more, at the edges too.
	leastWeight = 0.3
)

// Resampled gives a recording another, even rate, and takes away what either
// rate cannot carry: every new reading is the mean of those around it, weighed
// by sinc(2ft) under a Hann window, with f at 0.9 of half the lower rate. The
// readings may lie unevenly; each counts for the time that it stands for. Where
// they lie so unevenly that the weights nearly cancel out, at edges and beside
// pauses, a straight line takes the place of the mean. Gaps stay gaps.
func Resampled(samples []classifier.Sample, hz float64) []classifier.Sample {
	f := band / 2 * min(hz, Hz(samples))
	reach := int64(lobes / (2 * f) * 1e9)
	first := 0
	var out []classifier.Sample
	evenly(samples, hz, func(t int64, i int) {
		for samples[first].SensorTime < t-reach {
			first++
		}
		var x, y, z, total, size float64
		for j := first; j < len(samples) && samples[j].SensorTime <= t+reach; j++ {
			s := &samples[j]
			stands := samples[min(j+1, len(samples)-1)].SensorTime - samples[max(j-1, 0)].SensorTime
			off := float64(s.SensorTime-t) * 1e-9
			weight := sinc(2*f*off) * (1 + math.Cos(math.Pi*off*1e9/float64(reach))) * float64(min(stands, signal.MaxGapNS))
			x, y, z = x+weight*s.X, y+weight*s.Y, z+weight*s.Z
			total, size = total+weight, size+math.Abs(weight)
		}
		if total < leastWeight*size {
			out = append(out, between(&samples[i], &samples[i+1], t))
			return
		}
		out = append(out, classifier.Sample{SensorTime: t, X: x / total, Y: y / total, Z: z / total})
	})
	return out
}

func sinc(x float64) float64 {
	if x == 0 {
		return 1
	}
	return math.Sin(math.Pi*x) / (math.Pi * x)
}

// evenly visits times at an even rate that lie between two readings without a
// gap, with the place of the one before.
func evenly(samples []classifier.Sample, hz float64, visit func(t int64, i int)) {
	i := 0
	for n := 0; len(samples) > 1; n++ {
		t := samples[0].SensorTime + int64(math.Round(float64(n)*1e9/hz))
		if t > samples[len(samples)-1].SensorTime {
			return
		}
		for i+2 < len(samples) && samples[i+1].SensorTime <= t {
			i++
		}
		if span := samples[i+1].SensorTime - samples[i].SensorTime; span > 0 && span <= signal.MaxGapNS {
			visit(t, i)
		}
	}
}

// Turned turns the phone for the whole recording, every direction being as
// likely: the rotation of a unit quaternion with normal components (Muller
// 1959).
func Turned(samples []classifier.Sample, random *rand.Rand) []classifier.Sample {
	var q [4]float64
	var square float64
	for i := range q {
		q[i] = random.NormFloat64()
		square += q[i] * q[i]
	}
	for i := range q {
		q[i] /= math.Sqrt(square)
	}
	w, i, j, k := q[0], q[1], q[2], q[3]
	out := make([]classifier.Sample, len(samples))
	for n := range samples {
		a := &samples[n]
		out[n] = classifier.Sample{
			SensorTime: a.SensorTime,
			X:          (1-2*(j*j+k*k))*a.X + 2*(i*j-w*k)*a.Y + 2*(i*k+w*j)*a.Z,
			Y:          2*(i*j+w*k)*a.X + (1-2*(i*i+k*k))*a.Y + 2*(j*k-w*i)*a.Z,
			Z:          2*(i*k-w*j)*a.X + 2*(j*k+w*i)*a.Y + (1-2*(i*i+j*j))*a.Z,
		}
	}
	return out
}
