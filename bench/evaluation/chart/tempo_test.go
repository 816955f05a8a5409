package chart

import (
	"bytes"
	"math"
	"slices"
	"testing"
)

// followed is a track of a minute: silent, then right, then far off once.
func followed() TempoTrack {
	t := TempoTrack{Title: "a run", TruthName: "counted"}
	for i := range 60 {
		truth, said, bpm := 160.0, 160.5, 160
		switch {
		case i < 5:
			truth, said, bpm = math.NaN(), math.NaN(), 0
		case i < 8:
			said, bpm = math.NaN(), 0
		case i == 40:
			said = 320
		}
		t.Seconds, t.Truths, t.Said = append(t.Seconds, float64(i)), append(t.Truths, truth), append(t.Said, said)
		t.Confidence, t.BPM = append(t.Confidence, 0.9), append(t.BPM, bpm)
	}
	return t
}

func TestTempoPicturesSayWhatTheyShow(t *testing.T) {
	nan := math.NaN()
	tests := map[string]struct {
		picture *Picture
		words   []string
	}{
		"tempo":    {Tempo(followed()), []string{"a run", "counted", "said", "tempo for music", "steps a minute", "160"}},
		"no tempo": {Tempo(TempoTrack{Title: "nothing"}), []string{"nothing"}},
		"calibration": {Calibration("Walks", "within 3", []Bin{{From: 0.9, To: 1, Weight: 1, Confidence: 0.98, Right: 0.97}}, 0.01),
			[]string{"Walks", "within 3", "confidence", "expected calibration error 0.010"}},
		"errors":    {Errors("Runs", "steps a minute", []int{1, 0, 50, 3}, -2, 1, 1), []string{"Runs", "within 1", "off by more", "steps a minute"}},
		"no errors": {Errors("Runs", "steps a minute", []int{0, 0}, -1, 1, 1), []string{"Runs"}},
		"sweep": {Sweep("Simulated", "rate", "error", []string{"10", "20", "50"}, 1.5, Series{"one", []float64{0.2, nan, 2}}, Series{"two", []float64{0.1, 0.2, 0.3}}),
			[]string{"Simulated", "rate", "error", "50", "one", "two", "aim 1.5", "0.5"}},
		"sweep of nothing": {Sweep("Simulated", "rate", "error", []string{"10", "20"}, nan, Series{"one", []float64{nan, nan}}), []string{"one"}},
	}
	for name, test := range tests {
		svg, err := test.picture.SVG()
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		found := texts(t, name, svg)
		for _, want := range test.words {
			if !slices.Contains(found, want) {
				t.Errorf("%s does not say %q but %q", name, want, found)
			}
		}
		if bytes.Contains(svg, []byte("NaN")) || bytes.Contains(svg, []byte("Inf")) {
			t.Errorf("%s draws at NaN or infinity", name)
		}
	}
}

// A tempo that is far off does not squeeze the others together.
func TestTempoIsDrawnAtTheEdge(t *testing.T) {
	track := followed()
	if low, high := track.bounds(); low < 140 || high > 180 {
		t.Errorf("from %v to %v", low, high)
	}
}
