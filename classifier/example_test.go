package classifier_test

import (
	"fmt"
	"math"

	"github.com/tempogate/tempogate/classifier"
)

// A phone sends what it measured, a second at a time; every second of sensor
// time gives an estimate.
func ExampleStream() {
	stream := classifier.NewStream(classifier.Config{})
	workspace := classifier.NewWorkspace()
	var estimates []classifier.Estimate
	for second := range 20 {
		samples := make([]classifier.Sample, 100)
		for i := range samples {
			t := float64(second) + float64(i)/100
			step := 2 * math.Pi * t * 112 / 60
			samples[i] = classifier.Sample{
				SensorTime: int64(t * 1e9),
				X:          0.8 * math.Sin(step/2),
				Y:          9.81 + 2.8*math.Sin(step) + 1.2*math.Sin(2*step+1) + 0.5*math.Sin(3*step),
				Z:          1.5*math.Cos(step) + 0.4*math.Sin(2*step),
			}
		}
		var err error
		if estimates, err = stream.Push(estimates[:0], workspace, samples, nil); err != nil {
			panic(err)
		}
	}
	stream.Clear()
	last := estimates[len(estimates)-1]
	fmt.Printf("%v at %.0f steps a minute, tempo %d\n", last.Activity, last.CadenceSPM, last.BPM)
	// Output: walk at 112 steps a minute, tempo 112
}
