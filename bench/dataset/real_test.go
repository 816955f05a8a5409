package dataset_test

import (
	"errors"
	"math"
	"path"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/tempogate/tempogate/bench/dataset"
	"github.com/tempogate/tempogate/bench/dataset/datasettest"
	"github.com/tempogate/tempogate/classifier"
)

// rates are the sample rates in Hz that the data sets are described with. A
// set that is not here is somebody's own, and may have any.
var rates = map[string][2]float64{
	"wisdm":   {19, 51},
	"sisfall": {200, 200},
	"sthar":   {26, 26},
	"mlqs28":  {97, 102},
	"mlqsg":   {97, 102},
	"mlqsa":   {24, 26},
	"mlqsp":   {19, 21},
	"mlqst":   {97, 102},
	"mlqsb":   {9.5, 10.5},
	"mlqsl":   {97, 102},
	"mlqs81":  {1.9, 2.1},
	"road":    {97, 102},
	"ubahn":   {97, 102},
	"driver":  {49, 52},
	"qrowd":   {15, 15},
	"oxford":  {99, 407},
}

// nothingInside are entries that hold nothing that is read here, whatever the
// index says: the recording of a swim, without position, speed or strides.
var nothingInside = map[string]bool{"fit/garmin-fr935-cr.fit": true}

func TestEveryRealRecordingIsReadAndMakesSense(t *testing.T) {
	if testing.Short() {
		t.Skip("reads half a gigabyte")
	}
	c := datasettest.Open(t)
	entries := c.Entries
	if raceDetector {
		// One of each format and data set is enough to see a race.
		entries = slices.CompactFunc(slices.Clone(entries), func(a, b dataset.Entry) bool { return a.Dataset == b.Dataset })
	}
	// One collection for all: that it may be used by several goroutines is
	// part of what is tested.
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	var mu sync.Mutex
	total := 0
	for _, e := range entries {
		g.Go(func() error {
			recordings, err := c.Read(e)
			if err != nil {
				if !nothingInside[e.Path] || !errors.Is(err, dataset.ErrEmpty) {
					t.Error(err)
				}
				return nil
			}
			for i := range recordings {
				checkOrder(t, &recordings[i])
				checkSense(t, e, &recordings[i])
			}
			mu.Lock()
			total += len(recordings)
			mu.Unlock()
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d recordings in %d entries", total, len(entries))
}

// checkOrder checks what Recording promises of any recording.
func checkOrder(t *testing.T, r *dataset.Recording) {
	t.Helper()
	for i := 1; i < len(r.Samples); i++ {
		if r.Samples[i].SensorTime <= r.Samples[i-1].SensorTime {
			t.Errorf("%s: sample %d is not after the one before", r.Name, i)
			return
		}
	}
	for i := 1; i < len(r.Fixes); i++ {
		if r.Fixes[i].SensorTime <= r.Fixes[i-1].SensorTime {
			t.Errorf("%s: fix %d is not after the one before", r.Name, i)
			return
		}
	}
	for i := 1; i < len(r.Labels); i++ {
		if r.Labels[i].FromTime < r.Labels[i-1].ToTime {
			t.Errorf("%s: label %d overlaps the one before", r.Name, i)
			return
		}
	}
	if len(r.Fixes) > 0 && !math.IsNaN(r.Fixes[0].EastM) {
		t.Errorf("%s: the first fix has moved", r.Name)
	}
}

// checkSense compares a recording with what its index and its data set say.
func checkSense(t *testing.T, e dataset.Entry, r *dataset.Recording) {
	t.Helper()
	if r.Name != e.Path && !strings.HasPrefix(r.Name, e.Path+"#") && !strings.HasPrefix(r.Name, e.Path+"/") {
		t.Errorf("%s of %s has another name", r.Name, e.Path)
	}
	if e.Format != "" && r.Format != e.Format {
		t.Errorf("%s was read as %s", r.Name, r.Format)
	}
	signals := strings.Split(e.Signals, "+")
	if has := len(r.Samples) > 0; has != slices.Contains(signals, "acc") {
		t.Errorf("%s has samples: %v, signals: %s", r.Name, has, e.Signals)
	}
	if has := len(r.Fixes) > 0; has != slices.Contains(signals, "gps") {
		t.Errorf("%s has fixes: %v, signals: %s", r.Name, has, e.Signals)
	}
	if len(r.Steps) != e.Steps {
		t.Errorf("%s has %d steps, not %d", r.Name, len(r.Steps), e.Steps)
	}
	if e.Activity != dataset.Inside && e.Activity != "" {
		if len(r.Labels) != 1 {
			t.Errorf("%s has %d labels, not 1", r.Name, len(r.Labels))
		}
	}
	if len(r.Samples) > 0 {
		checkSamples(t, e, r)
	}
	for _, c := range r.Cadence {
		if c.SPM < 0 || c.SPM > 260 {
			t.Errorf("%s: nobody makes %.0f steps a minute", r.Name, c.SPM)
			break
		}
	}
}

func checkSamples(t *testing.T, e dataset.Entry, r *dataset.Recording) {
	t.Helper()
	first, last := r.Samples[0].SensorTime, r.Samples[len(r.Samples)-1].SensorTime
	duration := float64(last-first) / 1e9
	if duration < 9 || duration > 3600 {
		t.Errorf("%s lasts %.1f s", r.Name, duration)
	}
	rate := float64(len(r.Samples)-1) / duration
	if limits, ok := rates[e.Dataset]; ok && (rate < limits[0]-0.01 || rate > limits[1]+0.01) {
		t.Errorf("%s has %.2f Hz, not %v", r.Name, rate, limits)
	}

	// In units of g: what a resting phone measures is 1, and so is the middle
	// of what a moving one does, unless each step is a blow. The limits leave
	// 15 % for a sensor that is not calibrated; those for walking and running
	// are what the gait itself does on top.
	low, high := 0.85, 1.15
	switch r.Labels[0].Activity {
	case classifier.Walk:
		high = 1.35
	case classifier.Run:
		low, high = 0.75, 2.4
	case classifier.Unknown: // sport, kicking, catching, dribbling
		high = 1.7
	case classifier.Still:
		// In four files of wisdm (1637 to 1640) the sensor moves with the
		// hands, which clap and fold.
		if e.Dataset == "wisdm" {
			high = 1.2
		}
	}
	if m := medianLength(r.Samples) / 9.80665; m < low || m > high {
		t.Errorf("%s (%v %s): the median acceleration is %.2f g", r.Name, r.Labels[0].Activity, r.Labels[0].Detail, m)
	}
}

func medianLength(samples []classifier.Sample) float64 {
	lengths := make([]float64, len(samples))
	for i, s := range samples {
		lengths[i] = math.Sqrt(s.X*s.X + s.Y*s.Y + s.Z*s.Z)
	}
	slices.Sort(lengths)
	return lengths[len(lengths)/2]
}

// The index and the content agree about the format, for every recording: so
// `--format auto` does what a reader of the index would.
func TestRealFormatsAreDetectedFromContentAlone(t *testing.T) {
	c := datasettest.Open(t)
	seen := map[string]bool{}
	for _, e := range c.Entries {
		// One entry of each data set and format.
		key := e.Dataset + " " + e.Format
		if seen[key] || nothingInside[e.Path] {
			continue
		}
		seen[key] = true
		recordings, err := dataset.Read(path.Join(c.Dir, e.Path), dataset.Options{})
		if err != nil {
			t.Error(err)
			continue
		}
		if recordings[0].Format != e.Format {
			t.Errorf("%s was taken for %s, not %s", e.Path, recordings[0].Format, e.Format)
		}
	}
}

// GPS that is worth something says the same thing twice: by its speed, and by
// how far it moved.
func TestRealSpeedsAgreeWithRealDistances(t *testing.T) {
	c := datasettest.Open(t)
	compared := 0
	for _, e := range c.Entries {
		// Fast enough that the jitter of the position does not count.
		if e.Dataset != "mlqs81" || e.Vehicle != "tram" && e.Vehicle != "bus" && e.Vehicle != "car" {
			continue
		}
		recordings, err := c.Read(e)
		if err != nil {
			t.Fatal(err)
		}
		var moved, stated float64
		fixes := recordings[0].Fixes
		for i := 1; i < len(fixes); i++ {
			seconds := float64(fixes[i].SensorTime-fixes[i-1].SensorTime) / 1e9
			if seconds > 2 || fixes[i].AccuracyM > 15 || math.IsNaN(fixes[i].SpeedMPS) {
				continue
			}
			moved += math.Hypot(fixes[i].EastM, fixes[i].NorthM)
			stated += fixes[i].SpeedMPS * seconds
		}
		if compared++; moved < 0.95*stated || moved > 1.07*stated {
			t.Errorf("%s: moved %.0f m, which is %.0f m by its speed", e.Path, moved, stated)
		}
	}
	if compared == 0 {
		t.Skip("the collection has no such recordings")
	}
}
