package gait_test

import (
	"flag"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/tempogate/tempogate/bench/dataset"
	"github.com/tempogate/tempogate/bench/dataset/datasettest"
	"github.com/tempogate/tempogate/bench/gait"
	"github.com/tempogate/tempogate/classifier"
)

// With -docs DIR the comparison also writes its table into simulator.md and
// its pictures beside it.
var docs = flag.String("docs", "", "folder of simulator.md, to write the comparison with real recordings into")

// The tolerances. A simulated group agrees with the real one in a trait when
// its median lies within what nine in ten of the real recordings show.
const (
	fewestReal    = 3    // recordings that make a range at all
	agreeAll      = 0.95 // of all pairs of group and trait
	agreeOne      = 0.8  // of the traits of any one group
	insideAll     = 0.75 // of the simulated recordings, all traits together, within the range; 0.9 would be real
	cadenceLow    = 0.7  // of the real intensity, in any band of cadence
	cadenceHigh   = 1.4
	simulatedSize = 32 // simulated recordings in a group
)

// RaceDetector is whether the test was built with -race.
var raceDetector bool

// WisdmCodes are the activities of WISDM that are compared: walking, jogging,
// sitting and standing. Stairs are not simulated, nor hands at work.
var wisdmCodes = []string{"A", "B", "D", "E"}

// MeasureReal measures the real recordings of every cohort.
func measureReal(t *testing.T, collection *dataset.Collection) [][]measured {
	t.Helper()
	out := make([][]measured, len(cohorts))
	for _, e := range collection.Entries {
		if !strings.Contains(e.Signals, "acc") || !slices.ContainsFunc(cohorts, func(c cohort) bool { return c.wants(e, e.Activity) }) {
			continue
		}
		recordings, err := collection.Read(e)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range recordings {
			if len(r.Labels) != 1 || len(r.Samples) < windowLength/4 {
				continue
			}
			label := r.Labels[0]
			if e.Activity == dataset.Inside && !slices.Contains(wisdmCodes, label.Detail) {
				continue
			}
			rate := medianRate(r.Samples)
			for i := range cohorts {
				c := &cohorts[i]
				if rate < slowestSourceHz || !c.wants(e, label.Activity.String()) {
					continue
				}
				lowHz, highHz := c.steps()
				if m := measure(r.Samples, lowHz, highHz); m.windows > 0 {
					out[i] = append(out[i], m)
				}
			}
		}
	}
	return out
}

// Wants is whether an entry with an activity belongs to the cohort; an entry
// that labels itself may.
func (c *cohort) wants(e dataset.Entry, activity string) bool {
	if activity != dataset.Inside && activity != c.activity.String() {
		return false
	}
	return (c.placed == nil || slices.Contains(c.placed, e.Placement)) && (c.how == nil || slices.Contains(c.how, e.Vehicle))
}

func measureSimulated(t *testing.T, c *cohort, size int) []measured {
	t.Helper()
	lowHz, highHz := c.steps()
	out := make([]measured, size)
	for seed := range out {
		cfg, plan := c.simulate(uint64(seed))
		out[seed] = measure(record(t, cfg, plan).Samples, lowHz, highHz)
	}
	return out
}

// A verdict is one trait of one cohort, real and simulated.
type verdict struct {
	compared        bool
	low, half, high float64 // of the real recordings: the range of nine in ten, and the median
	simulated       float64 // median
	inside          float64 // part of the simulated recordings within the range
}

func (v *verdict) agrees() bool { return v.simulated >= v.low && v.simulated <= v.high }

func judge(actual, simulated []measured, trait int) verdict {
	r, s := column(actual, trait), column(simulated, trait)
	if len(r) < fewestReal || len(s) == 0 {
		return verdict{}
	}
	v := verdict{compared: true, low: quantile(r, 0.05), half: quantile(r, 0.5), high: quantile(r, 0.95), simulated: quantile(s, 0.5)}
	for _, x := range s {
		if x >= v.low && x <= v.high {
			v.inside += 1 / float64(len(s))
		}
	}
	return v
}

func column(all []measured, trait int) []float64 {
	var values []float64
	for _, m := range all {
		if !math.IsNaN(m.traits[trait]) {
			values = append(values, m.traits[trait])
		}
	}
	return values
}

// TestAgainstRealRecordings compares simulated walks, runs, rides and stands
// with real ones in intensity and spectrum, to the tolerances above.
//
//	go test ./bench/gait -run TestAgainstRealRecordings -v
//
// prints the table; -args -docs ../../docs writes it, and the pictures, where
// docs/simulator.md shows them.
func TestAgainstRealRecordings(t *testing.T) {
	if testing.Short() || raceDetector {
		t.Skip("hours of recordings, in one goroutine: nothing for the race detector, which makes it ten times slower")
	}
	actual := measureReal(t, datasettest.Open(t))
	simulated := make([][]measured, len(cohorts))
	for i := range cohorts {
		simulated[i] = measureSimulated(t, &cohorts[i], simulatedSize)
	}

	verdicts := make([][traitCount]verdict, len(cohorts))
	var pairs, agreed, inside float64
	for i, c := range cohorts {
		if len(actual[i]) < fewestReal {
			t.Errorf("%s: %d real recordings, too few to compare", c.name, len(actual[i]))
			continue
		}
		own, good := 0.0, 0.0
		for trait := range traitCount {
			v := judge(actual[i], simulated[i], trait)
			verdicts[i][trait] = v
			if !v.compared || trait == traitCadence { // the cadence was chosen to be the real one
				continue
			}
			own++
			inside += v.inside
			if v.agrees() {
				good++
			} else {
				t.Logf("%s: %s is %.3g simulated, %.3g to %.3g real", c.name, traitNames[trait], v.simulated, v.low, v.high)
			}
		}
		if good < agreeOne*own {
			t.Errorf("%s: %g of %g traits agree, want %g of them", c.name, good, own, agreeOne)
		}
		pairs, agreed = pairs+own, agreed+good
	}
	if agreed < agreeAll*pairs {
		t.Errorf("%g of %g traits agree, want %g of them", agreed, pairs, agreeAll)
	}
	if inside < insideAll*pairs {
		t.Errorf("%.2f of the simulated recordings are within the real range, want %g", inside/pairs, insideAll)
	}
	table := comparisonTable(actual, verdicts, agreed, pairs, inside/pairs)
	t.Logf("\n%s", table)
	bands := compareByCadence(t, actual)
	t.Logf("\n%s", bands)
	if *docs != "" {
		writeDocs(t, *docs, actual, simulated, table, bands)
	}
}

// ComparisonTable is the whole comparison in Markdown: simulated median, then
// the real range. What does not agree is bold.
func comparisonTable(actual [][]measured, verdicts [][traitCount]verdict, agreed, pairs, inside float64) string {
	var b strings.Builder
	b.WriteString("| group (recordings) |")
	for _, name := range traitNames {
		fmt.Fprintf(&b, " %s |", name)
	}
	b.WriteString("\n|---|" + strings.Repeat("---|", traitCount) + "\n")
	for i, c := range cohorts {
		fmt.Fprintf(&b, "| %s (%d) |", c.name, len(actual[i]))
		for _, v := range verdicts[i] {
			switch {
			case !v.compared:
				b.WriteString(" |")
			case v.agrees():
				fmt.Fprintf(&b, " %s (%s to %s) |", short(v.simulated), short(v.low), short(v.high))
			default:
				fmt.Fprintf(&b, " **%s** (%s to %s) |", short(v.simulated), short(v.low), short(v.high))
			}
		}
		b.WriteByte('\n')
	}
	fmt.Fprintf(&b, "\n%g of %g medians agree; %.0f %% of all simulated recordings lie within the range (of real ones 90 %% do, by definition).\n",
		agreed, pairs, 100*inside)
	return b.String()
}

// Short writes a number with about two digits that matter, and no exponent.
func short(v float64) string {
	digits := 0
	switch {
	case v < 0.01:
		digits = 4
	case v < 0.1:
		digits = 3
	case v < 1:
		digits = 2
	case v < 10:
		digits = 1
	}
	return strconv.FormatFloat(v, 'f', digits, 64)
}

// CompareByCadence holds how hard people walk against how fast they step.
// Self-chosen speeds and a belt: the 76 slow and fast walks.
func compareByCadence(t *testing.T, actual [][]measured) string {
	t.Helper()
	var people []measured
	for i, c := range cohorts {
		if c.activity == classifier.Walk && slices.Contains(c.placed, "waist") {
			people = append(people, actual[i]...)
		}
	}
	var b strings.Builder
	b.WriteString("| steps a minute | real recordings | vertical SD real, m/s² | simulated |\n|---|---|---|---|\n")
	bands := 0
	for spm := 85.0; spm < 140; spm += 10 {
		var values []float64
		for _, m := range people {
			if math.Abs(m.traits[traitCadence]-spm) <= 5 {
				values = append(values, m.traits[traitVertical])
			}
		}
		if len(values) < 4 {
			continue
		}
		bands++
		walkers := cohort{activity: classifier.Walk, simulate: walkers(gait.Waist, spm-5, spm+5)}
		got, want := quantile(column(measureSimulated(t, &walkers, simulatedSize), traitVertical), 0.5), quantile(values, 0.5)
		if got < cadenceLow*want || got > cadenceHigh*want {
			t.Errorf("at %g steps a minute: %.2f m/s² simulated, %.2f real", spm, got, want)
		}
		fmt.Fprintf(&b, "| %g to %g | %d | %.2f (%.2f to %.2f) | %.2f |\n", spm-5, spm+5, len(values),
			want, quantile(values, 0.05), quantile(values, 0.95), got)
	}
	if bands < 4 {
		t.Errorf("%d bands of cadence hold enough walks, want 4", bands)
	}
	return b.String()
}
