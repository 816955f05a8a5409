package cadence

import (
	"cmp"
	"context"
	"maps"
	"math"
	"slices"

	"github.com/tempogate/tempogate/bench/evaluation"
	"github.com/tempogate/tempogate/classifier"
)

// mostDisagreements bounds the list in the report.
const mostDisagreements = 25

// gather makes the report.
func (r *run) gather(ctx context.Context, folds []evaluation.Fold, simulated []simulation) (*Report, error) {
	report := &Report{
		Format: ReportFormat, Kind: "tempo", Protocol: r.Protocol, Seed: r.Seed,
		Broken: []evaluation.Broken{}, tallies: map[string]*Tally{},
	}
	for i := range folds {
		report.Folds = append(report.Folds, folds[i].Name)
	}
	var counted, runs, walks []*outcome
	for i := range r.results {
		if err := r.results[i].err; err != nil {
			report.Broken = append(report.Broken, evaluation.Broken{Path: r.collection.Entries[i].Path, Error: err.Error()})
		}
		for j := range r.results[i].recordings {
			o := &r.results[i].recordings[j]
			switch {
			case o.source == countedSteps:
				counted = append(counted, o)
			case o.source == referenceSteps && o.activity == classifier.Run:
				runs = append(runs, o)
			case o.source == referenceSteps:
				walks = append(walks, o)
			}
		}
	}
	report.counted(counted)
	report.Runs = report.reference("runs", runs)
	report.Walks = report.reference("walks", walks)
	report.recordedOtherwise(slices.Concat(counted, runs))
	report.idle(r.results)
	report.sweeps(r.scenarios, simulated)
	report.plausible(r.table)
	if r.Fit {
		report.Fit = r.fit.report(ctx, func(place int) string {
			e := &r.collection.Entries[place]
			if e.Dataset == "" || has(e, "footcontacts") { // few people, each with many recordings
				return e.Dataset + "/" + e.Subject
			}
			return e.Dataset
		}, r.Progress)
	}
	report.choose(counted, runs)
	return report, ctx.Err()
}

// both sums up outcomes.
func both(outcomes []*outcome) (b Both, stream, known Tally) {
	for _, o := range outcomes {
		stream.Merge(&o.stream)
		known.Merge(&o.known)
	}
	b = Both{newMeasures(&stream, len(outcomes)), newMeasures(&known, len(outcomes))}
	for i, o := range outcomes {
		for _, side := range []struct {
			all *Measures
			one *Tally
		}{{&b.Stream, &o.stream}, {&b.Known, &o.known}} {
			one := newMeasures(side.one, 1)
			if i == 0 {
				side.all.worstCount, side.all.worstCarried = math.NaN(), math.NaN()
			}
			side.all.worstCount = worse(side.all.worstCount, one.worstCount)
			side.all.worstCarried = worse(side.all.worstCarried, one.worstCarried)
		}
	}
	return b, stream, known
}

// groups splits outcomes by a name and sums each group up, by name.
func groups(outcomes []*outcome, nameOf func(*outcome) string) []GroupReport {
	members := map[string][]*outcome{}
	for _, o := range outcomes {
		members[nameOf(o)] = append(members[nameOf(o)], o)
	}
	list := []GroupReport{}
	for _, name := range slices.Sorted(maps.Keys(members)) {
		b, _, _ := both(members[name])
		list = append(list, GroupReport{name, b})
	}
	return list
}

func (report *Report) counted(outcomes []*outcome) {
	c := &report.Counted
	var stream, known, raw Tally
	c.All, stream, known = both(outcomes)
	c.Placements = groups(outcomes, func(o *outcome) string { return orUnknown(o.entry.Placement) })
	c.Subjects = groups(outcomes, func(o *outcome) string { return o.entry.Dataset + "/" + orUnknown(o.entry.Subject) })
	c.Bins = newBins(&stream)
	report.tallies["counted"], report.tallies["counted, activity known"] = &stream, &known
	var sum, worst, n float64
	c.Recordings = []CountedTrial{}
	for _, o := range outcomes {
		raw.Merge(&o.raw)
		reference := o.referenceCount()
		c.Recordings = append(c.Recordings, CountedTrial{
			Recording: o.name, Subject: o.entry.Subject, Placement: o.entry.Placement,
			Contacts: o.contacts, Steps: len(o.truth.Times), Reference: Number(reference),
			Both: Both{newMeasures(&o.stream, 1), newMeasures(&o.known, 1)},
		})
		if off := reference/float64(len(o.truth.Times)-1) - 1; !math.IsNaN(off) {
			sum += math.Abs(off)
			worst = worse(worst, off)
			n++
		}
	}
	c.Raw = newMeasures(&raw, len(outcomes))
	c.ReferenceError, c.ReferenceWorst = Number(sum/n), Number(worst)
}

// referenceCount is how many steps the reference counts from the first to the
// last contact, with those of moments without a rhythm at its mean rate.
func (o *outcome) referenceCount() float64 {
	if o.reference == nil || len(o.truth.Times) < 2 {
		return math.NaN()
	}
	const step = 20_000_000
	var steps, seconds float64
	from, to := o.truth.Times[0], o.truth.Times[len(o.truth.Times)-1]
	for t := from; t < to; t += step {
		if spm := o.reference.SPM(t); !math.IsNaN(spm) {
			steps += spm / 60 * step * 1e-9
			seconds += step * 1e-9
		}
	}
	return steps / seconds * float64(to-from) * 1e-9
}

func orUnknown(name string) string {
	if name == "" {
		return "unknown"
	}
	return name
}

// reference reports recordings beside their references.
func (report *Report) reference(name string, outcomes []*outcome) ReferenceReport {
	ref := ReferenceReport{Recordings: []ReferenceTrial{}, Disagreements: []Disagreement{}}
	var stream, known Tally
	ref.All, stream, known = both(outcomes)
	ref.Datasets = groups(outcomes, func(o *outcome) string {
		if o.activity == classifier.Walk && o.detail != "" {
			return o.entry.Dataset + ", " + o.detail
		}
		return o.entry.Dataset
	})
	ref.Bins = newBins(&stream)
	report.tallies[name], report.tallies[name+", activity known"] = &stream, &known
	for _, o := range outcomes {
		t := &o.stream
		ref.Recordings = append(ref.Recordings, ReferenceTrial{
			Recording: o.name, Dataset: o.entry.Dataset, Subject: o.entry.Subject,
			SPM:  Number(o.meanTruth()),
			Both: Both{newMeasures(t, 1), newMeasures(&o.known, 1)},
		})
		ref.Disagreements = append(ref.Disagreements, o.disagreements()...)
	}
	slices.SortStableFunc(ref.Disagreements, func(a, b Disagreement) int { return cmp.Compare(b.Seconds, a.Seconds) })
	if len(ref.Disagreements) > mostDisagreements {
		ref.Disagreements = ref.Disagreements[:mostDisagreements]
	}
	return ref
}

// meanTruth is the mean of the true cadence over the seconds that have one.
func (o *outcome) meanTruth() float64 {
	var sum, n float64
	for i := range o.trace.Stream {
		if spm, _ := o.truth.Cadence(o.trace.Stream[i].SensorTime); !math.IsNaN(spm) {
			sum += spm
			n++
		}
	}
	return sum / n
}

// disagreements lists the stretches in which the stream was off.
func (o *outcome) disagreements() []Disagreement {
	var list []Disagreement
	var open *Disagreement
	var said, truth, contrast float64
	end := func() {
		if open != nil {
			n := float64(open.Seconds)
			open.Said, open.Reference, open.Contrast = Number(said/n), Number(truth/n), Number(contrast/n)
			list = append(list, *open)
			open = nil
		}
	}
	for i := range o.trace.Stream {
		s := &o.trace.Stream[i]
		spm, clean := o.truth.Cadence(s.SensorTime)
		if !clean || s.silent() || math.Abs(s.SPM-spm) <= RightSPM {
			end()
			continue
		}
		if open == nil {
			open = &Disagreement{Recording: o.name, FromS: Number(float64(s.SensorTime-o.began) * 1e-9)}
			said, truth, contrast = 0, 0, 0
		}
		open.Seconds++
		said += s.SPM
		truth += spm
		contrast += o.reference.contrastAt(s.SensorTime)
	}
	end()
	return list
}

// sweeps sums up the simulations of each value.
func (report *Report) sweeps(list []scenario, simulated []simulation) {
	report.Simulated = []SweepReport{}
	for i := 0; i < len(list); {
		sweep := SweepReport{Quantity: list[i].sweep}
		for i < len(list) && list[i].sweep == sweep.Quantity {
			point := SweptTrial{Value: list[i].value}
			var stream, known Tally
			var streamFollow, knownFollow []float64
			recordings, seconds, idle := 0, 0, 0
			for ; i < len(list) && list[i].sweep == sweep.Quantity && list[i].value == point.Value; i++ {
				s := &simulated[i]
				stream.Merge(&s.stream)
				known.Merge(&s.known)
				if list[i].change > 0 {
					streamFollow, knownFollow = append(streamFollow, s.streamFollow), append(knownFollow, s.knownFollow)
				}
				recordings++
				seconds += s.seconds
				idle += s.idle
			}
			point.Both = Both{newMeasures(&stream, recordings), newMeasures(&known, recordings)}
			median, worst := medianAndWorst(streamFollow)
			point.StreamFollowS, point.StreamWorstS = Number(median), Number(worst)
			median, worst = medianAndWorst(knownFollow)
			point.KnownFollowS, point.KnownWorstS = Number(median), Number(worst)
			point.Idle = Number(float64(idle) / float64(seconds))
			sweep.Points = append(sweep.Points, point)
		}
		report.Simulated = append(report.Simulated, sweep)
	}
}

func (report *Report) plausible(table speedTable) {
	report.Plausible = []PlausibleReport{}
	for _, b := range table {
		report.Plausible = append(report.Plausible, PlausibleReport{
			FromMPS: Number(b.FromMPS), ToMPS: Number(b.ToMPS), Watched: b.Seconds,
			Low: Number(b.LowSPM), Median: Number(b.MedianSPM), High: Number(b.HighSPM),
			Seconds: b.Checked, Said: b.Said, Inside: Number(float64(b.Inside) / float64(b.Said)),
		})
	}
}

// A drawing is a recording whose tempo is drawn.
type drawing struct {
	name    string // of the file
	heading string // "" for one that is only linked
	outcome *outcome
}

// shown is how many recordings of a kind the report shows; the others are
// drawn and linked.
const shown = 4

// choose draws all recordings with a truth and shows those with the largest
// errors.
func (report *Report) choose(counted, runs []*outcome) {
	for _, kind := range []struct {
		heading  string
		outcomes []*outcome
	}{{"counted", counted}, {"runs", runs}} {
		order := slices.Clone(kind.outcomes)
		mean := func(o *outcome) float64 {
			if o.stream.Said() == 0 {
				return math.Inf(1)
			}
			return o.stream.Absolute / float64(o.stream.Said())
		}
		slices.SortStableFunc(order, func(a, b *outcome) int { return cmp.Compare(mean(b), mean(a)) })
		for i, o := range order {
			d := drawing{name: o.name, outcome: o}
			if i < shown {
				d.heading = kind.heading
			}
			report.drawings = append(report.drawings, d)
		}
	}
}
