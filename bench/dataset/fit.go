package dataset

import (
	"errors"
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/muktihari/fit/decoder"
	"github.com/muktihari/fit/profile/basetype"
	"github.com/muktihari/fit/profile/mesgdef"
	"github.com/muktihari/fit/profile/typedef"
	"github.com/muktihari/fit/profile/untyped/mesgnum"
	"github.com/muktihari/fit/proto"

	"github.com/tempogate/tempogate/classifier"
)

// fitMagic stands at bytes 8 to 11 of every FIT file.
const fitMagic = ".FIT"

// sessionLimit bounds the sports of one file; a triathlon has five with its
// transitions.
const sessionLimit = 1000

// strides says for which sports cadence counts strides, two steps each. For
// the others it counts pedal turns or strokes, and is left out.
var strides = map[typedef.Sport]bool{
	typedef.SportRunning: true,
	typedef.SportWalking: true,
	typedef.SportHiking:  true,
}

// fitActivities says what the sports of FIT mean here; others are Unknown.
var fitActivities = map[typedef.Sport]classifier.Activity{
	typedef.SportRunning: classifier.Run,
	typedef.SportWalking: classifier.Walk,
	typedef.SportHiking:  classifier.Walk,
	typedef.SportCycling: classifier.Cycle,
	typedef.SportEBiking: classifier.Cycle,
}

// readFIT reads the record messages of an activity file. Each of several files
// chained into one that holds records is a recording of its own.
//
// A damaged file is an error as a whole: what a decoder delivers before it
// finds a wrong checksum may be damaged already.
func readFIT(s *source, o Options, name string) ([]Recording, error) {
	var (
		recordings []Recording
		used       int
		activity   *fitActivity
	)
	listen := listener(func(m *proto.Message) { activity.take(m) })
	d := decoder.New(s.r, decoder.WithMesgListener(listen), decoder.WithBroadcastOnly())
	for n := 1; d.Next(); n++ {
		activity = &fitActivity{places: newPlaces(o.MaxSamples - used), limit: o.MaxSamples - used}
		_, err := d.Decode()
		switch {
		case errors.Is(err, ErrTooLarge):
			return nil, &LineError{s.path, 0, err}
		case err != nil && errors.Is(err, io.EOF):
			return nil, &LineError{s.path, 0, fmt.Errorf("the FIT file is cut short")}
		case err != nil:
			return nil, &LineError{s.path, 0, fmt.Errorf("damaged FIT file: %w", err)}
		case activity.err != nil:
			return nil, &LineError{s.path, 0, activity.err}
		}
		r := Recording{Name: name}
		if n > 1 {
			r.Name += fmt.Sprintf("#%d", n)
		}
		activity.moveTo(&r)
		if _, _, ok := r.Span(); ok {
			used += len(r.Fixes) + len(r.Cadence)
			recordings = append(recordings, r)
		}
	}
	return recordings, nil
}

// listener makes a function of a message what the decoder wants.
type listener func(*proto.Message)

func (l listener) OnMesg(m proto.Message) { l(&m) }

// fitActivity gathers the messages of one FIT file.
type fitActivity struct {
	*places
	cadence  []fitCadence
	sessions []*mesgdef.Session
	limit    int
	err      error // the first thing that was wrong; the listener cannot return it
}

type fitCadence struct {
	time   int64
	cycles float64 // a minute, whatever the sport counts
}

func (a *fitActivity) take(m *proto.Message) {
	if a.err != nil {
		return
	}
	switch m.Num {
	case mesgnum.Session:
		a.sessions = append(a.sessions, mesgdef.NewSession(m))
		if len(a.sessions) > sessionLimit {
			a.err = fmt.Errorf("%w: more than %d sessions", ErrTooLarge, sessionLimit)
		}
	case mesgnum.Record:
		a.takeRecord(mesgdef.NewRecord(m))
	}
}

func (a *fitActivity) takeRecord(r *mesgdef.Record) {
	if r.Timestamp.IsZero() {
		a.skipped++
		return
	}
	at := r.Timestamp.UnixNano()
	p := place{time: at, latitude: math.NaN(), longitude: math.NaN(), speed: math.NaN(), accuracy: math.NaN()}
	if r.PositionLat != basetype.Sint32Invalid && r.PositionLong != basetype.Sint32Invalid {
		p.latitude, p.longitude = r.PositionLatDegrees(), r.PositionLongDegrees()
	}
	switch {
	case r.EnhancedSpeed != basetype.Uint32Invalid:
		p.speed = r.EnhancedSpeedScaled()
	case r.Speed != basetype.Uint16Invalid:
		p.speed = r.SpeedScaled()
	}
	if r.GpsAccuracy != basetype.Uint8Invalid {
		p.accuracy = float64(r.GpsAccuracy)
	}
	if a.err = a.places.add(p); a.err != nil {
		return
	}
	if r.Cadence == basetype.Uint8Invalid {
		return
	}
	if len(a.cadence) >= a.limit {
		a.err = ErrTooLarge
		return
	}
	c := fitCadence{time: at, cycles: float64(r.Cadence)}
	if r.FractionalCadence != basetype.Uint8Invalid {
		c.cycles += r.FractionalCadenceScaled()
	}
	a.cadence = append(a.cadence, c)
}

// moveTo gives what was gathered to a recording.
func (a *fitActivity) moveTo(r *Recording) {
	a.places.moveTo(r)
	var labels []Label
	steps := map[string]bool{} // details whose cadence counts strides
	for _, s := range a.sessions {
		if s.StartTime.IsZero() {
			continue
		}
		from := s.StartTime.UnixNano()
		to := from
		// The total is in thousandths of a second, pauses included.
		if s.TotalElapsedTime != basetype.Uint32Invalid {
			to += int64(s.TotalElapsedTime) * 1e6
		}
		detail := s.Sport.String()
		steps[detail] = strides[s.Sport]
		labels = append(labels, Label{from, to + second, fitActivities[s.Sport], detail})
	}
	// Where one sport follows another the label of the later one begins.
	slices.SortFunc(labels, func(x, y Label) int { return int(max(-1, min(1, x.FromTime-y.FromTime))) })
	for i := 1; i < len(labels); i++ {
		labels[i-1].ToTime = min(labels[i-1].ToTime, labels[i].FromTime)
	}
	labelled := Recording{Labels: labels}
	slices.SortStableFunc(a.cadence, func(x, y fitCadence) int { return int(max(-1, min(1, x.time-y.time))) })
	for _, c := range a.cadence {
		n := len(r.Cadence)
		if n > 0 && r.Cadence[n-1].SensorTime == c.time {
			continue
		}
		if l, ok := labelled.LabelAt(c.time); ok && steps[l.Detail] {
			r.Cadence = append(r.Cadence, CadenceReading{SensorTime: c.time, SPM: 2 * c.cycles})
		}
	}
	if from, to, ok := r.Span(); ok {
		r.Labels = within(labels, from, to+1)
	}
}
