package cadence

import (
	"hash/fnv"
	"math"
	"math/rand/v2"
	"sort"

	"github.com/tempogate/tempogate/bench/evaluation"
	"github.com/tempogate/tempogate/classifier"
	"github.com/tempogate/tempogate/classifier/model"
	"github.com/tempogate/tempogate/classifier/signal"
)

// An otherwise is another way in which a phone could have recorded the same
// motion.
type otherwise struct {
	name    string
	leastHz float64 // readings a second that the recording has to have
	apply   func(samples []classifier.Sample, random *rand.Rand) []classifier.Sample
}

// likeRate is by how much a recording may be slower than a rate and still be
// read off at it.
const likeRate = 0.97

// gravityOverNS is the time over which the mean acceleration is taken for
// gravity, to take it away.
const gravityOverNS = 4_000_000_000

var otherwises = []otherwise{
	{"15 readings a second", 20, at(15)}, // below what is promised
	{"20 readings a second", 20, at(20)},
	{"50 readings a second", 50, at(50)},
	{"100 readings a second", 100, at(100)},
	{"200 readings a second", 200, at(200)},
	{"turned at random", 0, evaluation.Turned},
	{"axes with the other sign", 0, func(samples []classifier.Sample, _ *rand.Rand) []classifier.Sample {
		return mapped(samples, func(a *classifier.Sample) (x, y, z float64) { return -a.X, -a.Y, -a.Z })
	}},
	{"without gravity", 0, func(samples []classifier.Sample, _ *rand.Rand) []classifier.Sample { return weightless(samples) }},
}

// at reads a recording off at an even rate, by straight lines between its
// readings, without a filter: phones have none either. Gaps stay gaps.
func at(hz float64) func([]classifier.Sample, *rand.Rand) []classifier.Sample {
	return func(samples []classifier.Sample, _ *rand.Rand) []classifier.Sample {
		if len(samples) < 2 {
			return samples
		}
		start, end := samples[0].SensorTime, samples[len(samples)-1].SensorTime
		var out []classifier.Sample
		i := 0
		for n := int64(0); ; n++ {
			t := start + int64(math.Round(float64(n)*1e9/hz))
			if t > end {
				return out
			}
			for i+2 < len(samples) && samples[i+1].SensorTime <= t {
				i++
			}
			a, b := &samples[i], &samples[i+1]
			span := b.SensorTime - a.SensorTime
			if span <= 0 || span > signal.MaxGapNS {
				if t-a.SensorTime < int64(1e9/hz) { // the last before a gap
					out = append(out, classifier.Sample{SensorTime: t, X: a.X, Y: a.Y, Z: a.Z})
				}
				continue
			}
			p := float64(t-a.SensorTime) / float64(span)
			out = append(out, classifier.Sample{
				SensorTime: t,
				X:          a.X + p*(b.X-a.X), Y: a.Y + p*(b.Y-a.Y), Z: a.Z + p*(b.Z-a.Z),
			})
		}
	}
}

// mapped returns readings with other values.
func mapped(samples []classifier.Sample, to func(a *classifier.Sample) (x, y, z float64)) []classifier.Sample {
	out := make([]classifier.Sample, len(samples))
	for i := range samples {
		out[i].SensorTime = samples[i].SensorTime
		out[i].X, out[i].Y, out[i].Z = to(&samples[i])
	}
	return out
}

// weightless takes the mean acceleration around each moment away, as a phone
// does that delivers acceleration without gravity.
func weightless(samples []classifier.Sample) []classifier.Sample {
	var sum [3]float64
	from, to := 0, 0
	n := 0
	return mapped(samples, func(a *classifier.Sample) (x, y, z float64) {
		for ; to < len(samples) && samples[to].SensorTime <= a.SensorTime+gravityOverNS/2; to++ {
			sum[0] += samples[to].X
			sum[1] += samples[to].Y
			sum[2] += samples[to].Z
			n++
		}
		for ; samples[from].SensorTime < a.SensorTime-gravityOverNS/2; from++ {
			sum[0] -= samples[from].X
			sum[1] -= samples[from].Y
			sum[2] -= samples[from].Z
			n--
		}
		return a.X - sum[0]/float64(n), a.Y - sum[1]/float64(n), a.Z - sum[2]/float64(n)
	})
}

// An agreement is how alike two accounts of the same motion are.
type agreement struct {
	recordings      int
	either, both    int // seconds with a tempo in either, in both
	within1, within int // of those in both, how many lie within 1 and within RightSPM of each other
	distance        float64
	truth           Tally // of the other account
	original        Tally // of the recording as it is
}

func (a *agreement) merge(b *agreement) {
	a.recordings += b.recordings
	a.either += b.either
	a.both += b.both
	a.within1 += b.within1
	a.within += b.within
	a.distance += b.distance
	a.truth.Merge(&b.truth)
	a.original.Merge(&b.original)
}

// agree compares what was said about a recording with what was said about it
// recorded otherwise. Seconds are paired by the nearest whole second from the
// beginning.
func agree(original, other []Second, began int64) agreement {
	second := func(t int64) int64 { return (t - began + 500_000_000) / 1_000_000_000 }
	a := agreement{recordings: 1}
	for i := range original {
		s := &original[i]
		at := second(s.SensorTime)
		j := sort.Search(len(other), func(j int) bool { return second(other[j].SensorTime) >= at })
		if j == len(other) || second(other[j].SensorTime) != at {
			continue
		}
		o := &other[j]
		if !s.silent() || !o.silent() {
			a.either++
		}
		if s.silent() || o.silent() {
			continue
		}
		off := math.Abs(s.SPM - o.SPM)
		a.both++
		a.distance += off
		if off <= 1 {
			a.within1++
		}
		if off <= RightSPM {
			a.within++
		}
	}
	return a
}

// recordOtherwise follows a recording with a truth in every other way that is
// possible for it.
func recordOtherwise(m *model.Model, samples []classifier.Sample, hz float64, o *outcome) error {
	o.otherwise = make([]agreement, len(otherwises))
	name := fnv.New64a()
	name.Write([]byte(o.name))
	for i := range otherwises {
		w := &otherwises[i]
		if hz < likeRate*w.leastHz {
			continue
		}
		stream, err := stream(m, w.apply(samples, rand.New(rand.NewPCG(name.Sum64(), uint64(i)))), nil, nil)
		if err != nil {
			return err
		}
		a := agree(o.trace.Stream, stream, o.began)
		a.truth, a.original = Compare(stream, &o.truth, true), o.stream
		o.otherwise[i] = a
	}
	return nil
}

func (report *Report) recordedOtherwise(outcomes []*outcome) {
	report.Otherwise = []OtherwiseReport{}
	for i := range otherwises {
		var all agreement
		for _, o := range outcomes {
			if o.otherwise != nil {
				all.merge(&o.otherwise[i])
			}
		}
		if all.recordings == 0 {
			continue
		}
		both := float64(all.both)
		report.Otherwise = append(report.Otherwise, OtherwiseReport{
			How: otherwises[i].name, Recordings: all.recordings, Seconds: all.either,
			OneSilent:  Number(1 - both/float64(all.either)),
			Difference: Number(all.distance / both),
			Within1:    Number(float64(all.within1) / both), Within3: Number(float64(all.within) / both),
			Measures: newMeasures(&all.truth, all.recordings), AsRecorded: newMeasures(&all.original, all.recordings),
		})
	}
}
