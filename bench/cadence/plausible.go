package cadence

import (
	"math"
	"slices"
	"sort"

	"github.com/tempogate/tempogate/bench/dataset"
)

const (
	speedBinMPS = 0.5
	leastInBin  = 60 // seconds of a watch, for a bin to be believed

	// peopleShare widens the band to either side: a watch knows its owner, and
	// people of one speed differ by about 6 % (one standard deviation).
	peopleShare = 0.12

	// speedOverNS is how much time around a moment its speed is taken over.
	speedOverNS = 5_000_000_000
)

// A SpeedBand is the cadences that are plausible at a speed, from watches.
type SpeedBand struct {
	FromMPS, ToMPS        float64
	Seconds               int
	LowSPM, HighSPM       float64 // the middle 95 %, widened
	MedianSPM             float64
	Checked, Inside, Said int // seconds of recordings with fixes at this speed, those with a tempo, those with one in the band
}

// A speedTable is the bands, ascending and without gaps in the bins.
type speedTable []SpeedBand

// newSpeedTable learns from the cadence and the speed that watches state.
func newSpeedTable(watches []dataset.Recording) speedTable {
	bins := map[int][]float64{}
	for i := range watches {
		r := &watches[i]
		for _, c := range r.Cadence {
			label, known := r.LabelAt(c.SensorTime)
			if walk, run := belief(label.Activity); !known || walk+run == 0 || c.SPM == 0 {
				continue
			}
			if speed := speedAt(r, c.SensorTime); !math.IsNaN(speed) {
				bins[int(speed/speedBinMPS)] = append(bins[int(speed/speedBinMPS)], c.SPM)
			}
		}
	}
	var table speedTable
	for bin, spm := range bins {
		if len(spm) < leastInBin {
			continue
		}
		slices.Sort(spm)
		at := func(share float64) float64 { return spm[int(share*float64(len(spm)-1))] }
		table = append(table, SpeedBand{
			FromMPS: float64(bin) * speedBinMPS, ToMPS: float64(bin+1) * speedBinMPS, Seconds: len(spm),
			LowSPM: at(0.025) * (1 - peopleShare), HighSPM: at(0.975) * (1 + peopleShare), MedianSPM: at(0.5),
		})
	}
	sort.Slice(table, func(i, j int) bool { return table[i].FromMPS < table[j].FromMPS })
	return table
}

// speedAt returns the median of the speeds stated around a time, NaN without
// any.
func speedAt(r *dataset.Recording, t int64) float64 {
	from := sort.Search(len(r.Fixes), func(i int) bool { return r.Fixes[i].SensorTime >= t-speedOverNS/2 })
	var speeds []float64
	for _, f := range r.Fixes[from:] {
		if f.SensorTime > t+speedOverNS/2 {
			break
		}
		if !math.IsNaN(f.SpeedMPS) {
			speeds = append(speeds, f.SpeedMPS)
		}
	}
	if len(speeds) == 0 {
		return math.NaN()
	}
	slices.Sort(speeds)
	return speeds[len(speeds)/2]
}

// check counts the tempos of a recording with fixes that lie in the bands.
func (table speedTable) check(r *dataset.Recording, seconds []Second) {
	for i := range seconds {
		s := &seconds[i]
		label, known := r.LabelAt(s.SensorTime)
		if walk, run := belief(label.Activity); !known || walk+run == 0 {
			continue
		}
		// The tempo is of the last four seconds or so.
		speed := speedAt(r, s.SensorTime-speedOverNS/2)
		for j := range table {
			b := &table[j]
			if !(speed >= b.FromMPS && speed < b.ToMPS) {
				continue
			}
			b.Checked++
			if !s.silent() {
				b.Said++
				if s.SPM >= b.LowSPM && s.SPM <= b.HighSPM {
					b.Inside++
				}
			}
		}
	}
}
