package demo

import (
	"fmt"
	"io"
	"math"
	"sort"
	"text/tabwriter"

	"github.com/tempogate/tempogate/classifier"
	"github.com/tempogate/tempogate/classifier/signal"
)

// An outcome is what the server said about a scene, beside what was true.
type outcome struct {
	scene    *scene
	seconds  int     // estimates after the first window
	right    int     // of them, with the right activity
	first    float64 // seconds from movement to the first tempo, NaN for none
	silent   int     // of seconds, those without a cadence
	inferred float64 // mean cadence said, steps a minute, NaN for none
	true     float64 // counted over the same time, NaN where nobody counted
	worst    float64 // largest distance of a cadence said from the last eight counted steps
	streamed float64 // seconds of sensor time
	took     float64 // seconds it took to stream
}

// firstWindow is the length of a window in nanoseconds: no answer is expected
// to be right before one is full.
const firstWindow = signal.WindowLength * 1_000_000_000 / signal.RateHz

func judge(s *scene, estimates []classifier.Estimate) outcome {
	o := outcome{scene: s, first: math.NaN(), inferred: math.NaN(), true: math.NaN()}
	began := s.samples[0].SensorTime
	o.streamed = float64(s.samples[len(s.samples)-1].SensorTime-began) * 1e-9
	var sum, said float64
	var from, to int64
	for _, e := range estimates {
		if !math.IsNaN(e.CadenceSPM) {
			if said == 0 {
				o.first = float64(e.SensorTime-s.moving) * 1e-9
				from = e.SensorTime
			}
			to = e.SensorTime
			sum += e.CadenceSPM
			said++
			if c := s.counted(e.SensorTime); !math.IsNaN(c) {
				o.worst = max(o.worst, math.Abs(e.CadenceSPM-c))
			}
		}
		if e.SensorTime-began < firstWindow {
			continue
		}
		o.seconds++
		if e.Activity == s.truth(e.SensorTime) {
			o.right++
		}
		if math.IsNaN(e.CadenceSPM) {
			o.silent++
		}
	}
	if said > 0 {
		o.inferred = sum / said
		o.true = s.rate(from, to)
	}
	return o
}

// counted returns the cadence of the last eight steps before a time, NaN when
// they were not counted or lie far back.
func (s *scene) counted(at int64) float64 {
	i := sort.Search(len(s.steps), func(i int) bool { return s.steps[i] > at })
	if i < 9 || at-s.steps[i-1] > 2*classifier.HopNS {
		return math.NaN()
	}
	return 8 * 60 / (float64(s.steps[i-1]-s.steps[i-9]) * 1e-9)
}

// rate returns the mean cadence of the steps counted between two times.
func (s *scene) rate(from, to int64) float64 {
	i := sort.Search(len(s.steps), func(i int) bool { return s.steps[i] >= from })
	j := sort.Search(len(s.steps), func(i int) bool { return s.steps[i] > to })
	if j-i < 2 {
		return math.NaN()
	}
	return float64(j-1-i) * 60 / (float64(s.steps[j-1]-s.steps[i]) * 1e-9)
}

// table writes the outcomes side by side.
func table(w io.Writer, outcomes []outcome) error {
	t := tabwriter.NewWriter(w, 2, 0, 3, ' ', 0)
	fmt.Fprintln(t, "  \tright activity\tcadence inferred\tcadence counted\tfirst tempo\tseconds with tempo\tstreamed")
	for _, o := range outcomes {
		right := fmt.Sprintf("%.1f %% of %d s", 100*float64(o.right)/float64(max(o.seconds, 1)), o.seconds)
		inferred, counted, first := "none", "not counted", "none"
		if !math.IsNaN(o.inferred) {
			inferred = fmt.Sprintf("%.1f a minute", o.inferred)
			first = fmt.Sprintf("%.1f s after moving", o.first)
		}
		if !math.IsNaN(o.true) {
			counted = fmt.Sprintf("%.1f (worst second off by %.1f)", o.true, o.worst)
		}
		if o.scene.name == "ride" {
			counted = "none"
		}
		with := fmt.Sprintf("%d of %d", o.seconds-o.silent, o.seconds)
		speed := fmt.Sprintf("%.0f s in %.2f s, %.0f times real speed", o.streamed, o.took, o.streamed/o.took)
		fmt.Fprintf(t, "  %s\t%s\t%s\t%s\t%s\t%s\t%s\n", o.scene.name, right, inferred, counted, first, with, speed)
	}
	return t.Flush()
}
