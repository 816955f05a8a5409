package load

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sort"
	"strconv"

	"github.com/tempogate/tempogate/bench/dataset"
	"github.com/tempogate/tempogate/bench/gait"
	"github.com/tempogate/tempogate/classifier"
	"github.com/tempogate/tempogate/ingest/wire"
)

const (
	orientations = 8   // of each motion
	mostSeconds  = 120 // of each motion
	leastSeconds = 20
	second       = int64(1e9)
	warmUp       = 12 // seconds of a session, or after a change, whose answers are not held against the truth
)

// A Motion is what sessions send: a recording of one activity without a gap, cut
// into frames of a second.
type Motion struct {
	Name     string // what it is, and where it is from
	Activity classifier.Activity
	Weight   float64 // how many of the sessions take it, beside the others'

	began   int64     // sensor time of the first frame, whole seconds
	cadence []float64 // known steps a minute in each second; NaN where nobody knows
	last    []int64   // time of the last reading of each second, milliseconds after began
	turned  [orientations]*turned
}

// Seconds returns the length of a motion, which is its number of frames.
func (m *Motion) Seconds() int { return len(m.cadence) }

// turned is a motion as a phone in one orientation records it.
type turned struct {
	frames []frames
}

// frames are one second in both forms.
type frames struct {
	packed []byte
	base   int // where in packed the 8 bytes of the time are
	text   []byte
	times  []int32 // where in text the times are
}

// NewMotion cuts a motion out of readings: at most two minutes, from the first
// gapless stretch of 20 s or more. cadence returns the known steps a minute at a
// sensor time, NaN where nobody knows; it may be nil.
func NewMotion(name string, activity classifier.Activity, samples []classifier.Sample, fixes []classifier.Fix, cadence func(int64) float64, seed uint64) (*Motion, error) {
	samples = gapless(samples)
	if samples == nil {
		return nil, fmt.Errorf("load: %s: no %d s without a gap", name, leastSeconds)
	}
	from := samples[0].SensorTime
	seconds := min(mostSeconds, int((samples[len(samples)-1].SensorTime-from)/second))
	// Times begin at a whole second, so that a turn later they are other whole
	// seconds and the same fractions.
	began := int64(1_700_000_000) * second
	m := &Motion{Name: name, Activity: activity, Weight: 1, began: began}
	for s := range seconds {
		c := math.NaN()
		if cadence != nil {
			c = cadence(from + int64(s)*second + second/2)
		}
		m.cadence = append(m.cadence, c)
		end := from + int64(s+1)*second
		next := sort.Search(len(samples), func(i int) bool { return samples[i].SensorTime >= end })
		m.last = append(m.last, int64(math.Round(float64(samples[next-1].SensorTime-from)/1e6)))
	}
	rng := rand.New(rand.NewPCG(seed, 1))
	for i := range m.turned {
		var err error
		if m.turned[i], err = m.turn(rng, from, samples, fixes); err != nil {
			return nil, fmt.Errorf("load: %s: %w", name, err)
		}
	}
	return m, nil
}

// gapless returns the first stretch of readings that is long enough and has no
// pause of more than half a second.
func gapless(samples []classifier.Sample) []classifier.Sample {
	from := 0
	for i := range samples {
		if i > 0 && samples[i].SensorTime-samples[i-1].SensorTime > second/2 {
			from = i
		}
		if samples[i].SensorTime-samples[from].SensorTime > mostSeconds*second {
			return samples[from : i+1]
		}
		last := i == len(samples)-1 || samples[i+1].SensorTime-samples[i].SensorTime > second/2
		if last && samples[i].SensorTime-samples[from].SensorTime > leastSeconds*second {
			return samples[from : i+1]
		}
	}
	return nil
}

// turn encodes the motion in a random orientation.
func (m *Motion) turn(rng *rand.Rand, from int64, samples []classifier.Sample, fixes []classifier.Fix) (*turned, error) {
	r := randomRotation(rng)
	packer := wire.NewEncoder(wire.EncoderConfig{})
	writer := wire.NewEncoder(wire.EncoderConfig{})
	t := &turned{}
	for s := range m.Seconds() {
		start := from + int64(s)*second
		var frameSamples []classifier.Sample
		for len(samples) > 0 && samples[0].SensorTime < start+second {
			a := samples[0]
			samples = samples[1:]
			a.X, a.Y, a.Z = r.apply(a.X, a.Y, a.Z)
			a.SensorTime += m.began - from
			frameSamples = append(frameSamples, a)
		}
		var frameFixes []classifier.Fix
		for len(fixes) > 0 && fixes[0].SensorTime < start+second {
			f := fixes[0]
			fixes = fixes[1:]
			if f.SensorTime >= start && len(frameFixes) < wire.MaxFixes {
				f.SensorTime += m.began - from
				frameFixes = append(frameFixes, f)
			}
		}
		var one frames
		var err error
		if one.packed, err = packer.AppendPacked(nil, frameSamples, frameFixes); err != nil {
			return nil, err
		}
		if one.text, err = writer.AppendJSON(nil, frameSamples, writer.AppendPositions(nil, frameFixes)); err != nil {
			return nil, err
		}
		if err := one.locate(frameSamples, frameFixes); err != nil {
			return nil, err
		}
		t.frames = append(t.frames, one)
	}
	return t, nil
}

// locate finds the times in an encoded frame.
func (f *frames) locate(samples []classifier.Sample, fixes []classifier.Fix) error {
	base := samples[0].SensorTime
	f.base = 1 + len(binary.AppendUvarint(nil, uint64(len(samples)))) + len(binary.AppendUvarint(nil, uint64(len(fixes))))
	if int64(binary.LittleEndian.Uint64(f.packed[f.base:])) != base {
		return errors.New("the time of a packed frame is not where it should be")
	}
	const key = `"time":`
	for i := 0; ; {
		at := indexFrom(f.text, key, i)
		if at < 0 {
			break
		}
		i = at + len(key)
		f.times = append(f.times, int32(i))
	}
	if len(f.times) != len(samples)+len(fixes) {
		return errors.New("the times of a JSON frame cannot be found")
	}
	return nil
}

func indexFrom(text []byte, key string, from int) int {
	for i := from; i+len(key) <= len(text); i++ {
		if string(text[i:i+len(key)]) == key {
			return i
		}
	}
	return -1
}

// secondsDigits are the digits of a time in nanoseconds that are whole seconds,
// from 2001 to 2286.
const secondsDigits = 10

// appendPacked appends frame number n of a session that started at a frame of
// the motion, packed.
func (m *Motion) appendPacked(dst []byte, t *turned, n int) []byte {
	f := &t.frames[n%m.Seconds()]
	at := len(dst) + f.base
	dst = append(dst, f.packed...)
	if turn := m.shift(n); turn > 0 {
		base := int64(binary.LittleEndian.Uint64(dst[at:])) + turn*second
		binary.LittleEndian.PutUint64(dst[at:], uint64(base))
	}
	return dst
}

// appendJSON is appendPacked for JSON.
func (m *Motion) appendJSON(dst []byte, t *turned, n int) []byte {
	f := &t.frames[n%m.Seconds()]
	start := len(dst)
	dst = append(dst, f.text...)
	turn := m.shift(n)
	if turn == 0 {
		return dst
	}
	var digits [secondsDigits]byte
	for _, at := range f.times {
		field := dst[start+int(at):][:secondsDigits]
		was, err := strconv.ParseInt(string(field), 10, 64)
		if err != nil {
			panic("load: a time that is no number") // locate has seen it
		}
		copy(field, strconv.AppendInt(digits[:0], was+turn, 10))
	}
	return dst
}

// shift returns by how many seconds frame n is later than the first time round.
func (m *Motion) shift(n int) int64 { return int64(n - n%m.Seconds()) }

// frameOf returns the number of the frame that holds a sensor time in seconds,
// as an estimate states it: rounded to a millisecond.
func (m *Motion) frameOf(t float64) int {
	at := int64(math.Round((t - float64(m.began/second)) * 1000))
	n := int(max(at, 0) / 1000)
	for n > 0 && at <= m.lastMS(n-1) {
		n--
	}
	for at > m.lastMS(n) {
		n++
	}
	return n
}

// lastMS returns the time of the last reading of a frame, in milliseconds after
// the motion began.
func (m *Motion) lastMS(n int) int64 {
	return m.last[n%m.Seconds()] + m.shift(n)*1000
}

// A rotation turns vectors.
type rotation [3][3]float64

func (r *rotation) apply(x, y, z float64) (float64, float64, float64) {
	return r[0][0]*x + r[0][1]*y + r[0][2]*z, r[1][0]*x + r[1][1]*y + r[1][2]*z, r[2][0]*x + r[2][1]*y + r[2][2]*z
}

// randomRotation draws from all orientations alike (a unit quaternion of four
// normal numbers).
func randomRotation(rng *rand.Rand) rotation {
	a, b, c, d := rng.NormFloat64(), rng.NormFloat64(), rng.NormFloat64(), rng.NormFloat64()
	n := math.Sqrt(a*a + b*b + c*c + d*d)
	a, b, c, d = a/n, b/n, c/n, d/n
	return rotation{
		{a*a + b*b - c*c - d*d, 2 * (b*c - a*d), 2 * (b*d + a*c)},
		{2 * (b*c + a*d), a*a - b*b + c*c - d*d, 2 * (c*d - a*b)},
		{2 * (b*d - a*c), 2 * (c*d + a*b), a*a - b*b - c*c + d*d},
	}
}

// SimulatedMotions are two minutes each of standing, walking, running, cycling
// and riding a bus, as the gait simulator makes them: 100 readings and a fix a
// second.
func SimulatedMotions(seed uint64) ([]*Motion, error) {
	var motions []*Motion
	for i, segment := range []gait.Segment{
		{Activity: classifier.Still},
		{Activity: classifier.Walk, CadenceSPM: gait.Steady(114)},
		{Activity: classifier.Run, CadenceSPM: gait.Steady(166), SpeedMPS: gait.Steady(2.9)},
		{Activity: classifier.Cycle, PedalRPM: gait.Steady(70), SpeedMPS: gait.Steady(5), StopEvery: -1},
		{Activity: classifier.Transit, Vehicle: gait.Bus, SpeedMPS: gait.Steady(11), StopEvery: -1},
	} {
		segment.Duration = mostSeconds*1e9 + 1e9
		r, err := gait.Record(gait.Config{Seed: seed + uint64(i), JitterS: 0.001, FixRateHz: 1}, gait.Plan{segment})
		if err != nil {
			return nil, fmt.Errorf("load: %w", err)
		}
		truth := r.Truth
		m, err := NewMotion("simulated "+segment.Activity.String(), segment.Activity, r.Samples, r.Fixes,
			func(t int64) float64 { return truth.At(t).CadenceSPM }, seed)
		if err != nil {
			return nil, err
		}
		motions = append(motions, m)
	}
	return motions, nil
}

// RecordedMotions takes up to each recordings of each activity out of a
// collection, of as many data sets as there are. Steps are known where the
// collection has them.
func RecordedMotions(c *dataset.Collection, each int, seed uint64) ([]*Motion, error) {
	var motions []*Motion
	rng := rand.New(rand.NewPCG(seed, 2))
	for i := range classifier.Classes {
		activity := classifier.ActivityAt(i)
		var entries []dataset.Entry
		for _, e := range c.Entries {
			if e.Activity == activity.String() {
				entries = append(entries, e)
			}
		}
		rng.Shuffle(len(entries), func(a, b int) { entries[a], entries[b] = entries[b], entries[a] })
		seen := map[string]int{}
		found := 0
		for turn := 0; found < each && turn < 3; turn++ { // first one of each data set, then a second
			for _, e := range entries {
				if found == each {
					break
				}
				if seen[e.Dataset] != turn {
					continue
				}
				m, err := recorded(c, e, activity, seed)
				if err != nil {
					return nil, err
				}
				if m == nil {
					continue // too short, too slow, or without acceleration
				}
				seen[e.Dataset]++
				motions = append(motions, m)
				found++
			}
		}
	}
	if len(motions) == 0 {
		return nil, errors.New("load: the collection has no recording of a known activity that is long enough")
	}
	return motions, nil
}

// leastHz is the rate below which a recording is not one that a client of ours
// would send.
const leastHz = 40

func recorded(c *dataset.Collection, e dataset.Entry, activity classifier.Activity, seed uint64) (*Motion, error) {
	recordings, err := c.Read(e)
	if err != nil {
		return nil, err
	}
	for i := range recordings {
		r := &recordings[i]
		n := len(r.Samples)
		if n < 2 || float64(n-1)*1e9/float64(r.Samples[n-1].SensorTime-r.Samples[0].SensorTime) < leastHz {
			continue
		}
		var cadence func(int64) float64
		if len(r.Steps) > 0 {
			cadence = func(t int64) float64 { return stepRate(r.Steps, t) }
		}
		if m, err := NewMotion(e.Path, activity, r.Samples, r.Fixes, cadence, seed); err == nil {
			return m, nil
		}
	}
	return nil, nil
}

// stepRate returns the steps a minute within 2.5 s of a time, NaN where there
// are not enough to tell.
func stepRate(steps []dataset.Step, at int64) float64 {
	near := func(t int64) int {
		i, _ := slices.BinarySearchFunc(steps, t, func(s dataset.Step, t int64) int { return int(min(max(s.SensorTime-t, -1), 1)) })
		return i
	}
	from, to := near(at-5*second/2), near(at+5*second/2)-1
	if to-from < 5 {
		return math.NaN()
	}
	return 60e9 * float64(to-from) / float64(steps[to].SensorTime-steps[from].SensorTime)
}

// Mix gives motions weights such that their activities are met in the given
// shares, by name. Activities that are not named are left out.
func Mix(motions []*Motion, shares map[string]float64) ([]*Motion, error) {
	count := map[string]float64{}
	for _, m := range motions {
		count[m.Activity.String()]++
	}
	for name, share := range shares {
		if count[name] == 0 && share > 0 {
			return nil, fmt.Errorf("load: there is no motion of the activity %s", name)
		}
	}
	var kept []*Motion
	for _, m := range motions {
		name := m.Activity.String()
		if share := shares[name]; share > 0 {
			m.Weight = share / count[name]
			kept = append(kept, m)
		}
	}
	if len(kept) == 0 {
		return nil, errors.New("load: the mix holds nothing")
	}
	return kept, nil
}
