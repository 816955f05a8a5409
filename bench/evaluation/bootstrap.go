package evaluation

import (
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/stat"
)

// A person is the tally of one subject.
type person struct {
	dataset string
	subject string // data set and subject
	tally   Tally
}

// seeds for what chance decides, one a purpose.
const (
	resampleSeed = 0x626f_6f74
	spliceSeed   = 0x6a6f_696e
)

// pooled adds up what people did, by seconds and by data set.
func pooled(people []*person) (bySeconds, byDataset Tally) {
	place := map[string]int{}
	var datasets []Tally
	for _, p := range people {
		i, ok := place[p.dataset]
		if !ok {
			i = len(datasets)
			place[p.dataset] = i
			datasets = append(datasets, Tally{})
		}
		datasets[i].Merge(&p.tally)
	}
	for i := range datasets {
		bySeconds.Merge(&datasets[i])
	}
	return bySeconds, Balance(datasets)
}

// An interval is a 95 % confidence interval; NaN where there is none.
type interval struct{ low, high float64 }

// bootstrap returns percentile intervals of every figure (Efron and Tibshirani
// 1993, chapter 13): as many people as there are are drawn with replacement,
// again and again, and the middle 95 % of what comes out is the interval.
// People are drawn and not seconds, because the seconds of one person are far
// from independent. The same people, rounds and seed give the same intervals.
// One person alone gives none.
func bootstrap(people []*person, rounds int, seed uint64) (bySeconds, byDataset [figures]interval) {
	var values [2][figures][]float64
	if len(people) > 1 {
		drawn := make([]*person, len(people))
		for round := range rounds {
			random := rand.New(rand.NewPCG(seed^resampleSeed, uint64(round)))
			for i := range drawn {
				drawn[i] = people[random.IntN(len(people))]
			}
			a, b := pooled(drawn)
			for i, t := range []*Tally{&a, &b} {
				for k, v := range t.figures() {
					values[i][k] = append(values[i][k], v)
				}
			}
		}
	}
	for k := range figures {
		bySeconds[k], byDataset[k] = middle(values[0][k]), middle(values[1][k])
	}
	return bySeconds, byDataset
}

// middle returns the 2.5th and the 97.5th percentile. Rounds in which a figure
// was not defined, because nobody drawn had ever done it, are left out.
func middle(values []float64) interval {
	values = slices.DeleteFunc(values, math.IsNaN)
	if len(values) == 0 {
		return interval{math.NaN(), math.NaN()}
	}
	slices.Sort(values)
	return interval{
		stat.Quantile(0.025, stat.LinInterp, values, nil),
		stat.Quantile(0.975, stat.LinInterp, values, nil),
	}
}
