package evaluation

import (
	"hash/fnv"
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/stat"

	"github.com/tempogate/tempogate/bench/dataset"
	"github.com/tempogate/tempogate/classifier"
	"github.com/tempogate/tempogate/classifier/model"
	"github.com/tempogate/tempogate/classifier/signal"
)

const (
	// SpliceSeconds is how much of a recording stands before and after a
	// splice. A change that is not noticed within it counts as not noticed.
	SpliceSeconds = 30

	// staySeconds is how long a new decision has to last to count.
	staySeconds = 3

	// mostSplices bounds the splices of one data set from one activity to
	// another.
	mostSplices = 10

	// fewestFixes in an excerpt for it to count as one with fixes.
	fewestFixes = 10
)

// An excerpt is the middle SpliceSeconds of a stretch of one activity.
type excerpt struct {
	dataset, subject string
	recording        string
	activity         classifier.Activity
	samples          []classifier.Sample
	fixes            []classifier.Fix
}

// excerpts cuts one excerpt out of each label that is long enough, from the
// middle, where nobody is fetching or putting away the phone. The readings are
// copies.
func excerpts(r *dataset.Recording, e *dataset.Entry) []excerpt {
	var cut []excerpt
	for _, label := range r.Labels {
		if label.Activity == classifier.Unknown || len(r.Samples) == 0 {
			continue
		}
		from := max(label.FromTime, r.Samples[0].SensorTime)
		to := min(label.ToTime, r.Samples[len(r.Samples)-1].SensorTime+1)
		const length = SpliceSeconds * classifier.HopNS
		if to-from < length {
			continue
		}
		from += (to - from - length) / 2
		to = from + length
		x := excerpt{dataset: e.Dataset, subject: subject(e), recording: r.Name, activity: label.Activity}
		for _, s := range r.Samples {
			if s.SensorTime >= from && s.SensorTime < to {
				x.samples = append(x.samples, s)
			}
		}
		for _, f := range r.Fixes {
			if f.SensorTime >= from && f.SensorTime < to {
				x.fixes = append(x.fixes, f)
			}
		}
		if whole(x.samples, from, to) {
			cut = append(cut, x)
		}
	}
	return cut
}

// whole tells whether readings fill a stretch without a gap that would begin
// the window anew.
func whole(samples []classifier.Sample, from, to int64) bool {
	last := from
	for i := range samples {
		if samples[i].SensorTime-last > signal.MaxGapNS {
			return false
		}
		last = samples[i].SensorTime
	}
	return len(samples) > 1 && to-last <= signal.MaxGapNS
}

// interval is the mean time between readings, in nanoseconds.
func (x *excerpt) interval() float64 {
	n := len(x.samples)
	return float64(x.samples[n-1].SensorTime-x.samples[0].SensorTime) / float64(n-1)
}

// A splice is two excerpts of different activities on one time line.
type splice struct {
	before, after *excerpt
}

// splices chooses what to put together within each data set: up to
// mostSplices of each pair of activities, two recordings of one person where
// there are, at rates within a quarter of each other. The choice depends on
// nothing but the names of the recordings and the seed.
func splices(all []excerpt, seed uint64) []splice {
	type key struct {
		dataset       string
		before, after classifier.Activity
	}
	candidates := map[key][]splice{}
	var order []key
	for i := range all {
		for j := range all {
			a, b := &all[i], &all[j]
			if a.dataset != b.dataset || a.activity == b.activity || math.Abs(math.Log(a.interval()/b.interval())) > math.Log(1.25) {
				continue
			}
			k := key{a.dataset, a.activity, b.activity}
			if candidates[k] == nil {
				order = append(order, k)
			}
			candidates[k] = append(candidates[k], splice{a, b})
		}
	}
	var chosen []splice
	for _, k := range order {
		list := candidates[k]
		random := rand.New(rand.NewPCG(seed^spliceSeed, hashOf(k.dataset, k.before.String(), k.after.String())))
		random.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
		slices.SortStableFunc(list, func(a, b splice) int { return a.strangers() - b.strangers() })
		chosen = append(chosen, list[:min(len(list), mostSplices)]...)
	}
	return chosen
}

// strangers is 0 for two recordings of one person, else 1.
func (s *splice) strangers() int {
	if s.before.subject == s.after.subject {
		return 0
	}
	return 1
}

func hashOf(words ...string) uint64 {
	h := fnv.New64a()
	for _, w := range words {
		h.Write([]byte(w))
		h.Write([]byte{0})
	}
	return h.Sum64()
}

// hasFixes tells whether both sides know where they were going.
func (s *splice) hasFixes() bool {
	return len(s.before.fixes) >= fewestFixes && len(s.after.fixes) >= fewestFixes
}

// timeline returns the readings of both excerpts on one clock that begins at
// 0, and when the second begins. The phone lies in each as it lay there, so at
// the splice it usually also turns.
func (s *splice) timeline(withFixes bool) (samples []classifier.Sample, fixes []classifier.Fix, changed int64) {
	start := s.before.samples[0].SensorTime
	for _, a := range s.before.samples {
		a.SensorTime -= start
		samples = append(samples, a)
	}
	changed = samples[len(samples)-1].SensorTime + int64((s.before.interval()+s.after.interval())/2)
	shift := changed - s.after.samples[0].SensorTime
	for _, a := range s.after.samples {
		a.SensorTime += shift
		samples = append(samples, a)
	}
	if !withFixes {
		return samples, nil, changed
	}
	for _, f := range s.before.fixes {
		f.SensorTime -= start
		fixes = append(fixes, f)
	}
	for i, f := range s.after.fixes {
		f.SensorTime += shift
		if i == 0 {
			// The fix before it was somewhere else.
			f.EastM, f.NorthM = math.NaN(), math.NaN()
		}
		fixes = append(fixes, f)
	}
	return samples, fixes, changed
}

// A Change is what became of one splice.
type Change struct {
	Dataset       string
	Before, After classifier.Activity
	Already       bool    // the new activity was the decision before it began: says nothing about delay
	DelaySeconds  float64 // from the splice to the first of three right decisions in a row; +Inf if there was none
}

// listen streams a splice through the classifier.
func (s *splice) listen(m *model.Model, withFixes bool) (Change, error) {
	samples, fixes, changed := s.timeline(withFixes)
	estimates, err := classifier.NewStream(classifier.Config{Model: m}).Push(nil, classifier.NewWorkspace(), samples, fixes)
	if err != nil {
		return Change{}, err
	}
	c := Change{Dataset: s.before.dataset, Before: s.before.activity, After: s.after.activity}
	c.Already, c.DelaySeconds = delay(estimates, changed, s.after.activity)
	return c, nil
}

// delay finds when a new activity is decided and stays.
func delay(estimates []classifier.Estimate, changed int64, activity classifier.Activity) (already bool, seconds float64) {
	row := 0
	for i, e := range estimates {
		if e.SensorTime < changed {
			already = e.Activity == activity
			continue
		}
		if e.Activity != activity {
			row = 0
			continue
		}
		if row++; row == staySeconds {
			return already, float64(estimates[i-staySeconds+1].SensorTime-changed) * 1e-9
		}
	}
	return already, math.Inf(1)
}

// delays returns how many changes tell a delay, how many of them were not
// noticed, and the sorted delays, +Inf for those.
func delays(changes []Change) (counted, missed int, sorted []float64) {
	for _, c := range changes {
		if c.Already {
			continue
		}
		sorted = append(sorted, c.DelaySeconds)
		if math.IsInf(c.DelaySeconds, 1) {
			missed++
		}
	}
	slices.Sort(sorted)
	return len(sorted), missed, sorted
}

// percentile returns the smallest delay that at least so many of all do not
// exceed, NaN when that was not noticed or when there is none.
func percentile(p float64, sorted []float64) float64 {
	if len(sorted) == 0 {
		return math.NaN()
	}
	v := stat.Quantile(p, stat.Empirical, sorted, nil)
	if math.IsInf(v, 1) {
		return math.NaN()
	}
	return v
}
