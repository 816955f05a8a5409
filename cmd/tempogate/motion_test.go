package main

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/tempogate/tempogate/bench/dataset"
	"github.com/tempogate/tempogate/bench/dataset/datasettest"
	"github.com/tempogate/tempogate/bench/gait"
	"github.com/tempogate/tempogate/classifier"
)

// A motion is what a phone feels, from its first step on, and what the page
// has to say about it.
type motion struct {
	samples  []classifier.Sample
	fixes    []classifier.Fix
	activity string // as the page writes it
	from, to int    // steps a minute
}

// simulatedRun is a run at 162 steps a minute.
func simulatedRun(t *testing.T) motion {
	t.Helper()
	r, err := gait.Record(gait.Config{Seed: 1, RateHz: 60, FixRateHz: 1}, gait.DemoRun())
	if err != nil {
		t.Fatal(err)
	}
	m := motion{r.Samples, r.Fixes, "Running", 156, 168}
	first := r.Truth.Start()
	for r.Truth.Steps(r.Truth.Start(), first) == 0 {
		first += int64(10 * time.Millisecond)
	}
	m.skip(first - r.Samples[0].SensorTime)
	return m
}

// skip drops the beginning, in nanoseconds.
func (m *motion) skip(ns int64) {
	first := m.samples[0].SensorTime + ns
	for m.samples[0].SensorTime < first {
		m.samples = m.samples[1:]
	}
	for len(m.fixes) > 0 && m.fixes[0].SensorTime < first {
		m.fixes = m.fixes[1:]
	}
}

// recorded is a stretch of a real recording in which the classifier, given all
// of it at its full rate, is sure and steady.
func recorded(t *testing.T, path, activity string) motion {
	t.Helper()
	collection := datasettest.Open(t)
	i := slices.IndexFunc(collection.Entries, func(e dataset.Entry) bool { return e.Path == path })
	if i < 0 {
		t.Fatalf("the collection has no %s", path)
	}
	recordings, err := collection.Read(collection.Entries[i])
	if err != nil {
		t.Fatal(err)
	}
	m := motion{recordings[0].Samples, recordings[0].Fixes, activity, 0, 0}
	estimates, err := classifier.NewStream(classifier.Config{}).Push(nil, classifier.NewWorkspace(), slices.Clone(m.samples), slices.Clone(m.fixes))
	if err != nil {
		t.Fatal(err)
	}
	const length = 25 // seconds
	for at := 10; at+length < len(estimates); at++ {
		least, most := math.Inf(1), math.Inf(-1)
		for _, e := range estimates[at : at+length] {
			if e.Activity.String() != map[string]string{"Running": "run", "Walking": "walk"}[activity] || e.BPM == 0 {
				least = math.NaN()
			}
			least, most = math.Min(least, float64(e.BPM)), math.Max(most, float64(e.BPM))
		}
		if most-least <= 6 { // and not NaN
			m.skip(estimates[at].SensorTime - m.samples[0].SensorTime)
			m.from, m.to = int(least)-5, int(most)+5
			return m
		}
	}
	t.Fatalf("%s has no steady stretch", path)
	return m
}

// open opens the page.
func (b *tab) open(s *site) {
	b.t.Helper()
	b.permit(s, "geolocation", "granted")
	b.run(chromedp.Navigate(s.url))
}

// allow says yes, to location too.
func (b *tab) allow() {
	b.t.Helper()
	b.tap("#choose-location")
	b.tap("#allow")
	b.reads("#where-text", "Sent to")
}

// decline says no, and starts.
func (b *tab) decline() {
	b.t.Helper()
	b.tap("#decline")
	b.reads("#where-text", "Nothing will be sent")
	b.tap("#start")
	b.reads("#where-text", "Nothing is sent")
}

// shows waits for what a motion has to come out as.
func (b *tab) shows(m motion) {
	b.t.Helper()
	b.tempo(m.from, m.to)
	b.reads("#activity", m.activity)
}

// atRest is a phone that lies as it did at one reading.
func atRest(s classifier.Sample, n int) []classifier.Sample {
	samples := make([]classifier.Sample, n)
	for i := range samples {
		samples[i] = s
		samples[i].SensorTime = s.SensorTime + int64(i)*16_666_667
	}
	return samples
}
