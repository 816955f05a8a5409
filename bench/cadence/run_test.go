package cadence

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tempogate/tempogate/bench/dataset"
	"github.com/tempogate/tempogate/bench/gait"
	"github.com/tempogate/tempogate/classifier"
)

// invented writes a small collection of simulated people: a walk with foot
// contacts, a run, a ride.
func invented(t *testing.T) *dataset.Collection {
	t.Helper()
	dir := t.TempDir()
	write := func(name, content string) {
		t.Helper()
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	record := func(plan gait.Plan, placement gait.Placement) *gait.Recording {
		t.Helper()
		r, err := gait.Record(gait.Config{Seed: 5, RateHz: 50, Placement: placement}, plan)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	generic := func(r *gait.Recording) string {
		var b strings.Builder
		b.WriteString("t,ax,ay,az\n")
		for _, s := range r.Samples {
			fmt.Fprintf(&b, "%.4f,%.4f,%.4f,%.4f\n", float64(s.SensorTime-r.Truth.Start())*1e-9, s.X, s.Y, s.Z)
		}
		return b.String()
	}
	// Recordings are labelled as a whole, so that whoever believes the label takes
	// what comes before the first step for steps too.
	stand := gait.Segment{Activity: classifier.Still, Duration: time.Second}
	walk := record(gait.Plan{stand, {Activity: classifier.Walk, Duration: 50 * time.Second, CadenceSPM: gait.Steady(112)}}, gait.Pocket)
	var readings, contacts strings.Builder
	for _, s := range walk.Samples {
		fmt.Fprintf(&readings, "%d,3,%.4f,%.4f,%.4f\n", s.SensorTime, s.X, s.Y, s.Z)
	}
	// Switches that are read ten times a second, and a foot that is down for
	// six tenths of its stride.
	for at := walk.Truth.Start(); at < walk.Truth.End(); at += 100_000_000 {
		var down [2]int
		for _, c := range walk.Truth.Contacts {
			if c.SensorTime <= at && at < c.SensorTime+600_000_000 {
				down[c.Side] = 1
			}
		}
		fmt.Fprintf(&contacts, "%d,%d,%d\n", at, down[0], down[1])
	}
	write("walk/accelerometer.csv", readings.String())
	write("walk/stepcounter.csv", contacts.String())
	write("run.csv", generic(record(gait.Plan{stand, {Activity: classifier.Run, Duration: 50 * time.Second, CadenceSPM: gait.Steady(165)}}, gait.Armband)))
	write("ride.csv", generic(record(gait.Plan{{Activity: classifier.Transit, Vehicle: gait.Bus, Duration: 60 * time.Second}}, gait.Bag)))
	write("index.csv", strings.Join([]string{
		"path,dataset,subject,activity,vehicle,placement,format,signals,steps",
		fmt.Sprintf("walk,shoes,ann,walk,,pocket,oxford,acc+footcontacts,%d", len(walk.Truth.Contacts)),
		"run.csv,hills,ben,run,,armband,csv,acc,",
		"ride.csv,hills,ben,transit,bus,bag,csv,acc,",
	}, "\n")+"\n")
	c, err := dataset.OpenCollection(dir)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// few is one scenario of each kind.
func few() []scenario {
	var list []scenario
	seen := map[string]bool{}
	for _, s := range scenarios(1) {
		if !seen[s.sweep] {
			seen[s.sweep] = true
			list = append(list, s)
		}
	}
	return list
}

func TestRun(t *testing.T) {
	collection := invented(t)
	report, err := Run(context.Background(), collection, Config{Seed: 1, Fit: true, scenarios: few()})
	if err != nil {
		t.Fatal(err)
	}
	check := func(name string, m *Measures, recordings int, mae float64) {
		t.Helper()
		if m.Recordings != recordings || m.Seconds < 30*recordings {
			t.Errorf("%s: %d recordings, %d seconds", name, m.Recordings, m.Seconds)
		}
		if !(float64(m.MAE) < mae) || m.OffBy9 != 0 || m.Half != 0 || m.Double != 0 {
			t.Errorf("%s: mean absolute error %v, off by 9 %v, half %v, double %v", name, m.MAE, m.OffBy9, m.Half, m.Double)
		}
		if e := float64(m.CarriedError); !(e > -0.03 && e < 0.03) {
			t.Errorf("%s: steps off by %.1f %%", name, 100*e)
		}
	}
	check("counted", &report.Counted.All.Known, 1, 2)
	check("runs", &report.Runs.All.Known, 1, 1)
	if e := float64(report.Counted.ReferenceError); !(e < 0.02) {
		t.Errorf("the reference miscounts the walk by %.1f %%", 100*e)
	}
	for _, i := range report.Idle {
		if i.Activity == "transit" && (i.Said != 0 || i.Seconds < 50) {
			t.Errorf("a tempo in %d of %d seconds of the ride", i.Said, i.Seconds)
		}
	}
	if len(report.Simulated) != len(few()) {
		t.Errorf("%d sweeps", len(report.Simulated))
	}
	for _, s := range report.Simulated {
		p := &s.Points[0]
		if s.Quantity == sweepChange && !(p.KnownFollowS > 0 && p.KnownFollowS <= 6) {
			t.Errorf("a change was followed after %v s", p.KnownFollowS)
		}
	}
	if len(report.Fit.Walk) == 0 || len(report.Fit.Run) == 0 || len(report.Fit.Confidence) == 0 {
		t.Errorf("nothing was fitted: %+v", report.Fit)
	}

	dir := t.TempDir()
	report.Command = "a command"
	if err := report.Write(dir, false); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		ReportMarkdown: "## Walks with counted steps", ReportJSON: `"off_by_more_than_9"`,
		"recordings/walk.svg": "<svg", "errors-runs.svg": "<svg", "calibration-counted.svg": "<svg",
	} {
		text, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
		if err != nil {
			t.Error(err)
		} else if !bytes.Contains(text, []byte(want)) {
			t.Errorf("%s lacks %q", name, want)
		}
		if bytes.Contains(text, []byte("NaN")) {
			t.Errorf("%s says NaN", name)
		}
	}
}

// Recordings are followed side by side; the report does not show it.
func TestSameAgain(t *testing.T) {
	collection := invented(t)
	var first []byte
	for range 2 {
		report, err := Run(context.Background(), collection, Config{Seed: 1, Fit: true, scenarios: few()[:2]})
		if err != nil {
			t.Fatal(err)
		}
		text, err := report.JSON()
		if err != nil {
			t.Fatal(err)
		}
		text = append(text, report.Markdown(nil)...)
		if first == nil {
			first = text
		} else if !bytes.Equal(first, text) {
			t.Error("another report of the same")
		}
	}
}

func TestRunEndsWhenToldTo(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Run(ctx, invented(t), Config{scenarios: few()}); err == nil {
		t.Error("no error")
	}
}
