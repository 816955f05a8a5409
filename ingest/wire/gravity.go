package wire

import (
	"cmp"
	"slices"

	"github.com/tempogate/tempogate/classifier"
)

// combine deals with the readings that had to wait for the end of the frame:
// only there is it known whether totalacceleration came too, and whether
// gravity did.
//
//   - totalacceleration came: it alone counts, the others say the same again.
//   - accelerometer and gravity came: each accelerometer reading becomes a
//     sample by adding the gravity nearest in time. Gravity turns slowly and
//     both sensors tick together, so the nearest reading is a good one.
//   - accelerometer came alone: it goes through as it is, and the batch says
//     that gravity is missing.
func (r *batchReader) combine(i int) (int, fault) {
	linear, gravity := r.scratch.linear, r.scratch.gravity
	if r.total > 0 || len(linear) == 0 {
		r.dst.Ignored += len(linear) + len(gravity)
		return i, faultNone
	}
	if len(gravity) == 0 {
		r.dst.GravityFree = true
		r.dst.Samples = grow(r.dst.Samples, len(linear))
		r.dst.Samples = append(r.dst.Samples, linear...)
		return i, faultNone
	}
	slices.SortStableFunc(gravity, func(a, b classifier.Sample) int { return cmp.Compare(a.SensorTime, b.SensorTime) })
	r.dst.Samples = grow(r.dst.Samples, len(linear))
	for _, s := range linear {
		g := nearest(gravity, s.SensorTime)
		s.X, s.Y, s.Z = s.X+g.X, s.Y+g.Y, s.Z+g.Z
		r.dst.Samples = append(r.dst.Samples, s)
	}
	return i, faultNone
}

// nearest returns the sample nearest to t, of two equally near the earlier, of
// simultaneous ones the first. sorted is in the order of time and not empty.
func nearest(sorted []classifier.Sample, t int64) *classifier.Sample {
	k := search(sorted, t)
	// Unsigned: two times may lie 2^63 apart.
	if k == 0 || k < len(sorted) && uint64(sorted[k].SensorTime-t) < uint64(t-sorted[k-1].SensorTime) {
		return &sorted[k]
	}
	return &sorted[search(sorted[:k], sorted[k-1].SensorTime)]
}

// search returns the place of the first sample that is not before t.
func search(sorted []classifier.Sample, t int64) int {
	k, _ := slices.BinarySearchFunc(sorted, t, func(s classifier.Sample, t int64) int { return cmp.Compare(s.SensorTime, t) })
	return k
}
