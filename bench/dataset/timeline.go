package dataset

import (
	"fmt"
	"math"
	"slices"

	"github.com/tempogate/tempogate/classifier"
)

const (
	second = int64(1e9)

	// lateness is how far a reading may come after a newer one and still be
	// sorted in. Phones deliver sensors in batches, but none holds one back
	// longer than this; more means two recordings in one file, or a clock
	// that was set.
	lateness = second

	// timeLimit keeps the difference of any two times within an int64. It is
	// 146 years.
	timeLimit = int64(1) << 62

	// accelerationLimit is 100 g. Phones end at 16 g, and a file in thousandths
	// of g or in raw counts passes it at once.
	accelerationLimit = 1000
)

// A timeline collects readings in the order of a file and puts them into the
// order of time.
type timeline[T any] struct {
	items      []T
	timeOf     func(*T) int64
	limit      int
	newest     int64
	unsorted   bool
	reordered  int
	duplicates int
}

func (l *timeline[T]) add(t int64, item T) error {
	if t > timeLimit || t < -timeLimit {
		return errTime
	}
	if len(l.items) > 0 {
		if t == l.newest {
			l.duplicates++
			return nil
		}
		if t < l.newest {
			if l.newest-t > lateness {
				return errBackwards
			}
			l.reordered++
			l.unsorted = true
		}
	}
	if len(l.items) >= l.limit {
		return fmt.Errorf("%w: more than %d readings", ErrTooLarge, l.limit)
	}
	if len(l.items) == 0 || t > l.newest {
		l.newest = t
	}
	l.items = append(l.items, item)
	return nil
}

// finish returns the readings strictly ascending in time. Of several with the
// same time the first of the file stays.
func (l *timeline[T]) finish() []T {
	if l.unsorted {
		slices.SortStableFunc(l.items, func(a, b T) int {
			ta, tb := l.timeOf(&a), l.timeOf(&b)
			switch {
			case ta < tb:
				return -1
			case ta > tb:
				return 1
			}
			return 0
		})
		before := len(l.items)
		l.items = slices.CompactFunc(l.items, func(a, b T) bool { return l.timeOf(&a) == l.timeOf(&b) })
		l.duplicates += before - len(l.items)
	}
	return l.items
}

// samples is a timeline of accelerations.
type samples struct{ timeline[classifier.Sample] }

func newSamples(limit int) *samples {
	return &samples{timeline[classifier.Sample]{limit: limit, timeOf: func(s *classifier.Sample) int64 { return s.SensorTime }}}
}

// add takes one reading in m/s².
func (s *samples) add(t int64, x, y, z float64) error {
	for _, v := range [...]float64{x, y, z} {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return errNotFinite
		}
		if math.Abs(v) > accelerationLimit {
			return errUnits
		}
	}
	return s.timeline.add(t, classifier.Sample{SensorTime: t, X: x, Y: y, Z: z})
}

// moveTo gives the readings to a recording.
func (s *samples) moveTo(r *Recording) {
	r.Samples = s.finish()
	r.Reordered += s.reordered
	r.Duplicates += s.duplicates
}

// A place is a fix that still has its coordinates. It lives only while a file
// is being read.
type place struct {
	time                int64
	latitude, longitude float64 // degrees, both NaN without a position
	speed, accuracy     float64 // m/s, m, NaN when unknown
}

// places is a timeline of fixes.
type places struct {
	timeline[place]
	skipped int
}

func newPlaces(limit int) *places {
	return &places{timeline: timeline[place]{limit: limit, timeOf: func(p *place) int64 { return p.time }}}
}

// add takes one fix. A negative speed or accuracy is how iOS says that it does
// not know; a fix that knows neither position nor speed is skipped.
func (ps *places) add(p place) error {
	if math.Abs(p.latitude) > 90 || math.Abs(p.longitude) > 180 {
		return errPosition
	}
	p.speed, p.accuracy = known(p.speed), known(p.accuracy)
	if math.IsNaN(p.latitude) && math.IsNaN(p.speed) {
		ps.skipped++
		return nil
	}
	return ps.timeline.add(p.time, p)
}

// known returns a speed or an accuracy, or NaN for a value that means unknown.
func known(v float64) float64 {
	if v < 0 || math.IsInf(v, 0) {
		return math.NaN()
	}
	return v
}

// moveTo gives the fixes to a recording, as metres moved, and wipes the
// coordinates.
func (ps *places) moveTo(r *Recording) {
	items := ps.finish()
	r.Reordered += ps.reordered
	r.Duplicates += ps.duplicates
	r.Skipped += ps.skipped
	if len(items) == 0 {
		return
	}
	r.Fixes = make([]classifier.Fix, len(items))
	for i := range items {
		p := &items[i]
		east, north := math.NaN(), math.NaN()
		if i > 0 {
			east, north = metresMoved(&items[i-1], p)
		}
		r.Fixes[i] = classifier.Fix{SensorTime: p.time, SpeedMPS: p.speed, EastM: east, NorthM: north, AccuracyM: p.accuracy}
	}
	clear(items)
}

// earthRadius is the mean radius of the Earth in metres (IUGG). A sphere of it
// is wrong by at most 0.6 % anywhere, less than any phone's speed.
const earthRadius = 6371008.8

// metresMoved is the way from one fix to the next on the equirectangular
// projection around their middle latitude, whose error over the few hundred
// metres between fixes is far below that of the fixes. NaN when one of the two
// has no position.
func metresMoved(from, to *place) (east, north float64) {
	const radians = math.Pi / 180
	// Across the date line, 359° east is 1° west.
	turn := math.Remainder(to.longitude-from.longitude, 360)
	middle := (from.latitude + to.latitude) / 2
	east = earthRadius * turn * radians * math.Cos(middle*radians)
	north = earthRadius * (to.latitude - from.latitude) * radians
	return east, north
}

// nanoseconds turns seconds into nanoseconds and fails for what no clock says.
func nanoseconds(seconds float64) (int64, error) {
	ns := math.Round(seconds * 1e9)
	if math.IsNaN(ns) || math.Abs(ns) > float64(timeLimit) {
		return 0, errTime
	}
	return int64(ns), nil
}
