package cadence

import (
	"cmp"
	"maps"
	"slices"

	"github.com/tempogate/tempogate/bench/dataset"
	"github.com/tempogate/tempogate/classifier"
)

type idleKey struct{ activity, detail string }

type idleCount struct{ seconds, said int }

// idleCounts are without location and, where there is one, with it.
type idleCounts struct {
	idleCount
	located idleCount
}

func (c *idleCount) count(s *Second) {
	c.seconds++
	if !s.silent() {
		c.said++
	}
}

// countIdle counts the seconds in which nobody should step, by the labels that
// are believed; those of other labels apart. located is whether the seconds
// were said with location.
func (o *outcome) countIdle(one *dataset.Recording, labels []dataset.Label, seconds []Second, located bool) {
	all := dataset.Recording{Labels: labels}
	for i := range seconds {
		s := &seconds[i]
		label, known := all.LabelAt(s.SensorTime)
		if walk, run := belief(label.Activity); !known || walk+run > 0 {
			continue
		}
		if _, believed := one.LabelAt(s.SensorTime); !believed {
			if !located {
				o.distrusted.count(s)
			}
			continue
		}
		activity := label.Activity.String()
		if label.Activity == classifier.Unknown {
			activity = "other"
		}
		key := idleKey{activity, label.Detail}
		count := o.idle[key]
		if located {
			count.located.count(s)
		} else {
			count.count(s)
		}
		o.idle[key] = count
	}
}

// idle reports the seconds without steps: all of an activity, then by data set
// and detail.
func (report *Report) idle(results []result) {
	type key struct{ dataset, activity, detail string }
	all := map[key]*IdleReport{}
	for i := range results {
		for j := range results[i].recordings {
			o := &results[i].recordings[j]
			for k, count := range o.idle {
				for _, place := range []key{{"", k.activity, ""}, {o.entry.Dataset, k.activity, k.detail}} {
					if all[place] == nil {
						all[place] = &IdleReport{Dataset: place.dataset, Activity: place.activity, Detail: place.detail}
					}
					one := all[place]
					one.Seconds += count.seconds
					one.Said += count.said
					one.Located += count.located.seconds
					one.LocatedSaid += count.located.said
					if count.said > one.WorstS || count.said == one.WorstS && count.said > 0 && o.name < one.Worst {
						one.Worst, one.WorstS = o.name, count.said
					}
				}
			}
		}
	}
	type reason struct{ dataset, why string }
	doubted := map[reason]*DistrustReport{}
	for i := range results {
		for j := range results[i].recordings {
			o := &results[i].recordings[j]
			if o.distrusted.seconds == 0 {
				continue
			}
			k := reason{o.entry.Dataset, o.why}
			if doubted[k] == nil {
				doubted[k] = &DistrustReport{Dataset: k.dataset, Why: k.why}
			}
			doubted[k].Recordings++
			doubted[k].Seconds += o.distrusted.seconds
			doubted[k].Said += o.distrusted.said
		}
	}
	report.Distrusted = []DistrustReport{}
	for _, k := range slices.SortedFunc(maps.Keys(doubted), func(a, b reason) int {
		return cmp.Or(cmp.Compare(a.dataset, b.dataset), cmp.Compare(a.why, b.why))
	}) {
		report.Distrusted = append(report.Distrusted, *doubted[k])
	}
	order := slices.SortedFunc(maps.Keys(all), func(a, b key) int {
		return cmp.Or(cmp.Compare(a.dataset, b.dataset), cmp.Compare(a.activity, b.activity), cmp.Compare(a.detail, b.detail))
	})
	report.Idle = []IdleReport{}
	for _, k := range order {
		one := all[k]
		one.Share = Number(float64(one.Said) / float64(one.Seconds))
		report.Idle = append(report.Idle, *one)
	}
}
