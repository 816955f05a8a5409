package training

import (
	"math/rand/v2"

	"github.com/tempogate/tempogate/bench/dataset"
	"github.com/tempogate/tempogate/classifier"
)

// pasts are the stretches of other activities that a stretch of a recording
// can come after.
type pasts struct {
	byClass [classifier.Classes][]stretch
}

type stretch struct {
	dataset string
	entry   int // its place in the collection
	samples []classifier.Sample
}

// pastLength is the longest past, in nanoseconds: what the history can hold.
const pastLength = 90_000_000_000

func newPasts(entries []dataset.Entry, recordings [][]dataset.Recording) *pasts {
	p := &pasts{}
	for i := range entries {
		for j := range recordings[i] {
			r := &recordings[i][j]
			for _, label := range r.Labels {
				class := label.Activity.Index()
				if class < 0 {
					continue
				}
				// The newest 90 s of the label stand for it.
				from, to := 0, 0
				for to < len(r.Samples) && r.Samples[to].SensorTime < label.ToTime {
					to++
				}
				for from = to; from > 0 && r.Samples[from-1].SensorTime >= max(label.FromTime, label.ToTime-pastLength); from-- {
				}
				if to-from > 20 {
					p.byClass[class] = append(p.byClass[class], stretch{entries[i].Dataset, i, r.Samples[from:to]})
				}
			}
		}
	}
	return p
}

// draw returns a past for what begins at a time: the same data set's where it
// has another activity, as the variant's phone would have recorded it; and the
// entry that it is from, -1 for no past.
func (p *pasts) draw(v variant, entry dataset.Entry, r *dataset.Recording, began int64, random *rand.Rand) ([]classifier.Sample, int) {
	// One in four has none: recordings begin with what they are of.
	if random.IntN(4) == 0 {
		return nil, -1
	}
	own := classifier.Unknown
	for _, label := range r.Labels {
		if label.FromTime <= began && began < label.ToTime {
			own = label.Activity
		}
	}
	var candidates, alike []stretch
	for class := range p.byClass {
		if class == own.Index() {
			continue
		}
		// The same chance for each class, however many recordings it has.
		if n := len(p.byClass[class]); n > 0 {
			for range 8 {
				s := p.byClass[class][random.IntN(n)]
				candidates = append(candidates, s)
				if s.dataset == entry.Dataset {
					alike = append(alike, s)
				}
			}
		}
	}
	if len(alike) > 0 {
		candidates = alike
	}
	if len(candidates) == 0 {
		return nil, -1
	}
	chosen := candidates[random.IntN(len(candidates))]
	samples := v.apply(chosen.samples, random)
	if len(samples) == 0 {
		return nil, -1
	}
	// Its last reading comes a moment before what begins.
	shift := began - 50_000_000 - samples[len(samples)-1].SensorTime
	length := int64((10 + 80*random.Float64()) * 1e9)
	for i := range samples {
		samples[i].SensorTime += shift
	}
	for len(samples) > 0 && samples[0].SensorTime < began-length {
		samples = samples[1:]
	}
	return samples, chosen.entry
}
