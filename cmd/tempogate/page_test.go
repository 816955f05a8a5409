package main

import (
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/tempogate/tempogate/bench/gait"
	"github.com/tempogate/tempogate/classifier"
)

// simulatedRun is a run at 162 steps a minute that begins at once.
func simulatedRun(t *testing.T) *gait.Recording {
	t.Helper()
	r, err := gait.Record(gait.Config{Seed: 1, RateHz: 60, FixRateHz: 1}, gait.DemoRun())
	if err != nil {
		t.Fatal(err)
	}
	const still = 5e9
	first := r.Samples[0].SensorTime + still
	for len(r.Samples) > 0 && r.Samples[0].SensorTime < first {
		r.Samples = r.Samples[1:]
	}
	for len(r.Fixes) > 0 && r.Fixes[0].SensorTime < first {
		r.Fixes = r.Fixes[1:]
	}
	return r
}

var _ = classifier.Run

func TestPageAllow(t *testing.T) {
	b := openTab(t)
	s := startSite(t, "--anonymous")
	r := simulatedRun(t)
	b.permit(s, "geolocation", "granted")
	b.run(chromedp.Navigate(s.url))
	b.until("the notice", "document.querySelectorAll('#notice p').length > 3")
	b.screenshot("ask")
	b.play(r.Samples, r.Fixes)
	b.tap("#choose-location")
	b.tap("#allow")
	b.reads("#where-text", "Sent to")
	t.Log(b.tempo(155, 170))
	b.reads("#activity", "Running")
	b.screenshot("server")
	b.tap("#withdraw")
	b.reads("#held", "holds 0 readings")
	b.screenshot("withdrawn")
}
