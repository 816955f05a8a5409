package evaluation

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"

	"github.com/tempogate/tempogate/bench/dataset"
	"github.com/tempogate/tempogate/classifier"
	"github.com/tempogate/tempogate/classifier/model"
)

// place is a tested entry: its fold, and what came of it.
type place struct {
	fold   *Fold
	entry  *dataset.Entry
	result *entryResult
}

// gather makes the report of what the folds found.
func (r *activityRun) gather(results []foldResult) *ActivityReport {
	report := &ActivityReport{
		Format: ReportFormat, Kind: "activity",
		Protocol: r.Protocol, Seed: r.Seed, Rounds: r.Rounds,
		LeftOut: LeftOut{Empty: []string{}, Broken: []Broken{}},
	}
	tested := make([]place, len(r.collection.Entries)) // in the order of the index
	for i := range results {
		f, result := &r.folds[i], &results[i]
		fold := FoldReport{
			Name: f.Name, Groups: append([]string{}, f.Groups...), Entries: len(f.Test),
			Examples: result.learned.examples, Subjects: result.learned.subjects,
			Missing: names(result.learned.missing), Model: result.sha256,
		}
		report.Folds = append(report.Folds, fold)
		for j, n := range f.Test {
			tested[n] = place{f, &r.collection.Entries[n], &result.tests[j]}
		}
	}
	r.summarise(report, tested)
	var changes [conditions][]Change
	for i := range results {
		for c := range changes {
			changes[c] = append(changes[c], results[i].changes[c]...)
		}
	}
	for c := range conditions {
		if condition := r.condition(c, tested); condition != nil {
			condition.Changes = changeReport(changes[c])
			report.Conditions = append(report.Conditions, *condition)
		}
	}
	report.drawings = r.choose(tested)
	return report
}

// summarise fills in what was tested and what was not.
func (r *activityRun) summarise(report *ActivityReport, tested []place) {
	digest := sha256.New()
	subjects, datasets := map[string]bool{}, map[string]bool{}
	left, data := &report.LeftOut, &report.Data
	for i, p := range tested {
		entry := &r.collection.Entries[i]
		if p.result == nil {
			if has(entry, "acc") {
				left.UnknownPlacement++
			} else {
				left.WithoutAcceleration++
			}
			continue
		}
		left.WithoutAcceleration += p.result.noMotion
		left.NothingLabelled += p.result.nothing
		if err := p.result.err; err != nil {
			if isEmpty(err) {
				left.Empty = append(left.Empty, entry.Path)
			} else {
				left.Broken = append(left.Broken, Broken{entry.Path, err.Error()})
			}
			continue
		}
		data.Entries++
		fmt.Fprintf(digest, "%+v\n%x\n", *entry, p.result.fingerprint)
		// Every recording is in one of these and no other.
		for _, c := range []Condition{AccelerationOnly, CoarseAcceleration, FixesOnly} {
			for j := range p.result.outcomes[c] {
				subjects[subject(entry)], datasets[entry.Dataset] = true, true
				data.Recordings++
				data.Seconds += p.result.outcomes[c][j].tally.Confusion.Total()
			}
		}
	}
	data.Fingerprint = hex.EncodeToString(digest.Sum(nil))
	data.Subjects, data.Datasets = len(subjects), len(datasets)
	data.FirstWindow = FirstWindowNS * 1e-9
}

// condition makes the report of one condition, nil when no recording meets it.
func (r *activityRun) condition(c Condition, tested []place) *ConditionReport {
	report := &ConditionReport{Name: c, Title: conditionTitles[c], Details: []DetailReport{}}
	people := map[string]*person{}
	recordings := map[string]int{} // by data set
	details := map[string]map[detail][classifier.Classes + 1]float64{}
	for _, p := range tested {
		if p.result == nil {
			continue
		}
		for i := range p.result.outcomes[c] {
			o := &p.result.outcomes[c][i]
			who := subject(p.entry)
			if people[who] == nil {
				people[who] = &person{dataset: p.entry.Dataset, subject: who}
			}
			people[who].tally.Merge(&o.tally)
			if o.tally.Confusion.Total() > 0 {
				recordings[p.entry.Dataset]++
				if details[p.entry.Dataset] == nil {
					details[p.entry.Dataset] = map[detail][classifier.Classes + 1]float64{}
				}
				addDetails(details[p.entry.Dataset], o.details)
				report.RecordingList = append(report.RecordingList, recordingReport(p, o))
			}
		}
	}
	everybody := slices.SortedFunc(maps.Values(people), func(a, b *person) int { return cmp.Compare(a.subject, b.subject) })
	bySeconds, byDataset := pooled(everybody)
	report.Other = otherReport(&bySeconds)
	// Who did nothing that counts says nothing about how sure the figures are.
	everybody = slices.DeleteFunc(everybody, func(p *person) bool { return p.tally.Confusion.Total() == 0 })
	if len(everybody) == 0 {
		return nil
	}
	report.Recordings, report.Subjects = len(report.RecordingList), len(everybody)
	report.Seconds = bySeconds.Confusion.Total()
	a, b := bootstrap(everybody, r.Rounds, r.Seed)
	report.BySeconds, report.ByDataset = newMeasures(&bySeconds, a), newMeasures(&byDataset, b)

	members := map[string][]*person{}
	for _, p := range everybody {
		members[p.dataset] = append(members[p.dataset], p)
	}
	for _, name := range slices.Sorted(maps.Keys(members)) {
		report.Datasets = append(report.Datasets, datasetReport(name, members[name], recordings[name]))
		report.Details = append(report.Details, detailReports(name, details[name])...)
	}
	return report
}

var conditionTitles = [...]string{
	"Acceleration only",
	fmt.Sprintf("Acceleration only, fewer than %d readings a second", int(model.CoarseBelowHz)),
	"With fixes",
	"The same recordings, fixes withheld",
	"Fixes only",
}

func newMeasures(t *Tally, intervals [figures]interval) Measures {
	values := t.figures()
	figure := func(k int) Figure {
		return Figure{Number(values[k]), Number(intervals[k].low), Number(intervals[k].high)}
	}
	m := Measures{
		MacroF1: figure(macroF1), WalkRunOtherF1: figure(walkRunOtherF1), Right: figure(right),
		Unknown: figure(unknown), ECE: figure(ece),
		TransitOnFoot: figure(transitOnFoot), OnFootTransit: figure(onFootTransit),
		IdleTempo: figure(idleTempo), FalseChanges: figure(falseChanges),
		Reliability: []ReliabilityBin{},
	}
	for k, a := range everything {
		m.Activities = append(m.Activities, ActivityMeasures{
			Activity: a.String(), Seconds: Number(t.Confusion.Seconds(a)),
			Precision: figure(precision + k), Recall: figure(recall + k), F1: figure(f1 + k),
		})
	}
	m.Confusion = ConfusionReport{Truths: names(everything), Answers: answerNames()}
	shares := t.Confusion.Shares()
	for k := range t.Confusion {
		m.Confusion.Seconds = append(m.Confusion.Seconds, numbers(t.Confusion[k][:]))
		m.Confusion.Shares = append(m.Confusion.Shares, numbers(shares[k][:]))
	}
	var all float64
	curve := t.Curve()
	for _, b := range curve {
		all += b.Seconds
	}
	for i, b := range curve {
		if b.Seconds > 0 {
			m.Reliability = append(m.Reliability, ReliabilityBin{
				From: Number(float64(i) / Bins), To: Number(float64(i+1) / Bins), Weight: Number(b.Seconds / all),
				Confidence: Number(b.Confidence / b.Seconds), Right: Number(b.Right / b.Seconds),
			})
		}
	}
	return m
}

func numbers(values []float64) []Number {
	list := make([]Number, len(values))
	for i, v := range values {
		list[i] = Number(v)
	}
	return list
}

func otherReport(t *Tally) OtherReport {
	report := OtherReport{Answers: answerNames(), Shares: []Number{}}
	all := sum(t.Other[:])
	report.Seconds = Number(all)
	for _, n := range t.Other {
		report.Shares = append(report.Shares, Number(n/all))
	}
	return report
}

func datasetReport(name string, people []*person, recordings int) DatasetReport {
	var t Tally
	for _, p := range people {
		t.Merge(&p.tally)
	}
	v := t.figures()
	report := DatasetReport{
		Dataset: name, Subjects: len(people), Recordings: recordings, Seconds: t.Confusion.Total(),
		Right: Number(v[right]), MacroF1: Number(v[macroF1]), ECE: Number(v[ece]),
		TransitOnFoot: Number(v[transitOnFoot]), OnFootTransit: Number(v[onFootTransit]), FalseChanges: Number(v[falseChanges]),
	}
	for k, a := range everything {
		report.Recall = append(report.Recall, Recall{a.String(), t.Confusion.Seconds(a), Number(v[recall+k])})
	}
	return report
}

func addDetails(to, from map[detail][classifier.Classes + 1]float64) {
	for d, row := range from {
		all := to[d]
		for j := range all {
			all[j] += row[j]
		}
		to[d] = all
	}
}

// detailReports returns a report for each named detail, by activity and name.
func detailReports(dataset string, details map[detail][classifier.Classes + 1]float64) []DetailReport {
	var list []DetailReport
	order := slices.SortedFunc(maps.Keys(details), func(a, b detail) int {
		return cmp.Or(cmp.Compare(a.truth, b.truth), cmp.Compare(a.name, b.name))
	})
	for _, d := range order {
		if d.name == "" {
			continue
		}
		row := details[d]
		all := sum(row[:])
		report := DetailReport{
			Dataset: dataset, Activity: d.truth.String(), Detail: d.name, Seconds: all,
			Right: Number(row[column(d.truth)] / all), Answers: answerNames(),
		}
		for _, n := range row {
			report.Shares = append(report.Shares, Number(n/all))
		}
		list = append(list, report)
	}
	return list
}

func recordingReport(p place, o *outcome) RecordingReport {
	report := RecordingReport{
		Recording: o.name, Dataset: p.entry.Dataset, Subject: p.entry.Subject, Fold: p.fold.Name,
		Truth: o.truth.String(), Detail: o.detail,
		Seconds: o.tally.Confusion.Total(), Right: Number(o.tally.Confusion.Right()),
	}
	// Wrong is any answer that was not the truth of its second.
	most := 0.0
	for j := range o.tally.Confusion[0] {
		var seconds float64
		for k := range o.tally.Confusion {
			if k != j {
				seconds += o.tally.Confusion[k][j]
			}
		}
		if seconds > most {
			most = seconds
			report.Wrong, report.WrongPart = answerNames()[j], Number(seconds/report.Seconds)
		}
	}
	return report
}

// changeReport sums up the splices of one condition.
func changeReport(changes []Change) ChangeReport {
	report := ChangeReport{Pairs: []PairReport{}, Datasets: []DelayReport{}}
	all := delayReport("", changes)
	report.Counted, report.NotWithin, report.MedianS, report.P90S = all.Counted, all.NotWithin, all.MedianS, all.P90S
	report.Already = len(changes) - all.Counted
	_, _, report.delays = delays(changes)
	for _, before := range everything {
		for _, after := range everything {
			pair := only(changes, func(c *Change) bool { return c.Before == before && c.After == after })
			if d := delayReport("", pair); d.Counted > 0 {
				report.Pairs = append(report.Pairs, PairReport{before.String(), after.String(), d})
			}
		}
	}
	datasets := map[string]bool{}
	for _, c := range changes {
		datasets[c.Dataset] = true
	}
	for _, name := range slices.Sorted(maps.Keys(datasets)) {
		if d := delayReport(name, only(changes, func(c *Change) bool { return c.Dataset == name })); d.Counted > 0 {
			report.Datasets = append(report.Datasets, d)
		}
	}
	return report
}

func only(changes []Change, keep func(*Change) bool) []Change {
	var kept []Change
	for i := range changes {
		if keep(&changes[i]) {
			kept = append(kept, changes[i])
		}
	}
	return kept
}

func delayReport(dataset string, changes []Change) DelayReport {
	counted, missed, sorted := delays(changes)
	return DelayReport{dataset, counted, missed, Number(percentile(0.5, sorted)), Number(percentile(0.9, sorted))}
}

// A drawing is a recording whose probabilities are drawn over time.
type drawing struct {
	condition Condition
	truth     classifier.Activity
	outcome   *outcome
}

// choose returns the recordings to draw: those that were asked for, else the
// worst of each activity under each condition.
func (r *activityRun) choose(tested []place) []drawing {
	var chosen []drawing
	for c := range conditions {
		var worst [classifier.Classes]*outcome
		for _, p := range tested {
			if p.result == nil {
				continue
			}
			for i := range p.result.outcomes[c] {
				o := &p.result.outcomes[c][i]
				switch {
				case o.answers == nil:
				case len(r.Timelines) > 0:
					chosen = append(chosen, drawing{c, o.truth, o})
				case o.truth != classifier.Unknown:
					if w := &worst[o.truth.Index()]; *w == nil || worse(o, *w) {
						*w = o
					}
				}
			}
		}
		for k, o := range worst {
			if o != nil {
				chosen = append(chosen, drawing{c, classifier.ActivityAt(k), o})
			}
		}
	}
	return chosen
}
