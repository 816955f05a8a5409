package evaluation

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/tempogate/tempogate/bench/dataset"
	"github.com/tempogate/tempogate/bench/training"
	"github.com/tempogate/tempogate/classifier"
	"github.com/tempogate/tempogate/classifier/model"
)

// TestNoFoldLearnsFromWhatItTests looks over the shoulder of the training: the
// examples that a fold is given are of no group that it tests, and neither is
// anything that their history knows of.
func TestNoFoldLearnsFromWhatItTests(t *testing.T) {
	collection := small(t).open()
	for _, protocol := range []Protocol{LeaveOneSubjectOut, LeaveOneDatasetOut, LeaveOnePlacementOut} {
		groupOf := groups[protocol]
		var mu sync.Mutex
		var learned []string // the groups that each training saw
		report := evaluate(t, collection, ActivityConfig{
			Protocol: protocol,
			Fit: func(_ context.Context, examples []training.Example, _ training.Options, _ func(int, int)) (*model.Model, error) {
				seen := map[string]bool{}
				for _, e := range examples {
					entry := &collection.Entries[e.Recording]
					if e.Group != entry.Dataset || e.Subject != subject(entry) {
						t.Errorf("an example of %s is counted to %s", e.Subject, entry.Path)
					}
					seen[groupOf(entry)] = true
					if e.Past >= 0 {
						seen[groupOf(&collection.Entries[e.Past])] = true
					}
				}
				mu.Lock()
				defer mu.Unlock()
				learned = append(learned, strings.Join(slices.Sorted(maps.Keys(seen)), " "))
				return model.Default(), nil
			},
		})
		all := map[string]bool{}
		for i := range collection.Entries {
			all[groupOf(&collection.Entries[i])] = true
		}
		var want []string // all groups but one, each in turn
		for _, left := range slices.Sorted(maps.Keys(all)) {
			rest := maps.Clone(all)
			delete(rest, left)
			want = append(want, strings.Join(slices.Sorted(maps.Keys(rest)), " "))
		}
		slices.Sort(learned)
		slices.Sort(want)
		if !slices.Equal(learned, want) {
			t.Errorf("%s: folds learned from %q, want %q", protocol, learned, want)
		}
		// And each recording was answered by the model of its own fold.
		for _, r := range report.Conditions[0].RecordingList {
			place := slices.IndexFunc(collection.Entries, func(e dataset.Entry) bool { return e.Path == r.Recording })
			if group := groupOf(&collection.Entries[place]); r.Fold != group {
				t.Errorf("%s: %s of %s was tested in fold %s", protocol, r.Recording, group, r.Fold)
			}
		}
		if n := len(report.Conditions[0].RecordingList); n != len(collection.Entries) {
			t.Errorf("%s: %d of %d recordings were tested", protocol, n, len(collection.Entries))
		}
	}
}

// TestSameAgain runs twice, with one and with four processors.
func TestSameAgain(t *testing.T) {
	collection := small(t).open()
	var before []byte
	for _, processors := range []int{1, 4} {
		previous := runtime.GOMAXPROCS(processors)
		windows := filepath.Join(t.TempDir(), "windows.csv")
		report := evaluate(t, collection, ActivityConfig{Training: quick(), Windows: windows, Seed: 3})
		runtime.GOMAXPROCS(previous)
		report.Cost = Cost{} // is measured
		text, err := report.JSON()
		if err != nil {
			t.Fatal(err)
		}
		rows, err := os.ReadFile(windows)
		if err != nil {
			t.Fatal(err)
		}
		text = append(append(text, report.Markdown(nil)...), rows...)
		if before != nil && !bytes.Equal(before, text) {
			t.Error("four processors came to another result than one")
		}
		before = text
	}
}

func TestConditions(t *testing.T) {
	c := small(t)
	c.write("gps/fixes.csv", []byte("t,lat,lon,speed\n"+fixesAt(12, 40)))
	c.entry("gps", "far", "eve", "transit", "", "gps")
	c.simulate("slow", "far", "eve", "", phone{activity: transit, seconds: 40, rate: 4})
	collection := c.open()

	report := evaluate(t, collection, ActivityConfig{Protocol: Fixed})
	var got []string
	for _, c := range report.Conditions {
		got = append(got, c.Name.String())
	}
	want := []string{"acceleration", "coarse_acceleration", "with_fixes", "fixes_withheld", "fixes_only"}
	if !slices.Equal(got, want) {
		t.Fatalf("conditions %v, want %v", got, want)
	}
	for i, recordings := range []int{12, 1, 6, 6, 1} {
		if n := report.Conditions[i].Recordings; n != recordings {
			t.Errorf("%s: %d recordings, want %d", want[i], n, recordings)
		}
	}
	// 40 s at 40 Hz: answers at 1 to 39 s, of which the first five are not counted.
	if s := report.Conditions[0].Seconds; s < 12*34 || s > 12*35 {
		t.Errorf("%v seconds counted", s)
	}
	if a, b := report.Conditions[2].Seconds, report.Conditions[3].Seconds; a != b {
		t.Errorf("%v s with fixes, %v s of the same without", a, b)
	}
	// The model has one thing to say about 12 m/s.
	if r := report.Conditions[4].BySeconds.Activities[transit.Index()].Recall.Value; r < 0.9 {
		t.Errorf("a ride at 12 m/s by fixes alone: %v right", r)
	}

	// Protocols that train pass over what has no acceleration.
	report = evaluate(t, collection, ActivityConfig{Fit: builtIn})
	if n := report.LeftOut.WithoutAcceleration; n != 1 || len(report.Conditions) != 4 {
		t.Errorf("%d entries without acceleration, %d conditions", n, len(report.Conditions))
	}
}

// fixesAt returns rows of fixes at a speed.
func fixesAt(speed, seconds int) string {
	var text strings.Builder
	for i := range seconds {
		text.WriteString(strings.Join([]string{number(float64(i)), "60", "10", number(float64(speed))}, ",") + "\n")
	}
	return text.String()
}

func TestBrokenAndEmptyRecordings(t *testing.T) {
	c := small(t)
	c.write("broken/acceleration.csv", []byte("t,ax,ay,az\n0,0,0,9.8\n0.1,0,what,9.8\n"))
	c.entry("broken", "left", "fay", "walk", "pocket", "acc")
	c.write("empty/acceleration.csv", []byte("t,ax,ay,az\n"))
	c.entry("empty", "left", "fay", "walk", "pocket", "acc")
	c.simulate("short", "left", "fay", "pocket", phone{activity: walk, seconds: 4})
	collection := c.open()

	for _, protocol := range []Protocol{Fixed, LeaveOneDatasetOut} {
		_, err := RunActivity(context.Background(), collection, ActivityConfig{Protocol: protocol, Fit: builtIn, Rounds: 1})
		var line *dataset.LineError
		if !errors.As(err, &line) || line.Line != 3 {
			t.Errorf("%s: %v, want the line that is wrong", protocol, err)
		}
		report := evaluate(t, collection, ActivityConfig{Protocol: protocol, Fit: builtIn, SkipBroken: true})
		left := &report.LeftOut
		if len(left.Broken) != 1 || left.Broken[0].Path != "broken" || !strings.Contains(left.Broken[0].Error, "acceleration.csv:3") {
			t.Errorf("%s: broken %+v", protocol, left.Broken)
		}
		if !slices.Equal(left.Empty, []string{"empty"}) || left.NothingLabelled != 1 {
			t.Errorf("%s: empty %v, without a second that counts %d, want empty and 1", protocol, left.Empty, left.NothingLabelled)
		}
		if report.Data.Entries != 13 || report.Data.Recordings != 12 {
			t.Errorf("%s: %d entries, %d recordings", protocol, report.Data.Entries, report.Data.Recordings)
		}
		if text := string(report.Markdown(nil)); !strings.Contains(text, "acceleration.csv:3") || !strings.Contains(text, "1 empty entry") {
			t.Errorf("%s: the report for people does not say what was left out", protocol)
		}
	}
}

func TestRunsThatCannotBe(t *testing.T) {
	collection := small(t).open()
	walks := newCollector(t)
	walks.simulate("a", "left", "anna", "", phone{activity: walk, seconds: 20})
	walks.simulate("b", "right", "ben", "", phone{activity: walk, seconds: 20})
	for _, test := range []struct {
		name       string
		collection *dataset.Collection
		config     ActivityConfig
		want       string
	}{
		{"one activity", walks.open(), ActivityConfig{}, "hold 1 of the five activities"},
		{"a model where one is trained", collection, ActivityConfig{Model: model.Default()}, `a model goes with "fixed"`},
		{"a timeline of nothing", collection, ActivityConfig{Timelines: []string{"left/anna"}}, `called "left/anna"`},
		{"windows nowhere", collection, ActivityConfig{Protocol: Fixed, Windows: "/nowhere/windows.csv"}, "no such file"},
		{"negative folds", collection, ActivityConfig{Merge: -1}, "negative"},
	} {
		_, err := RunActivity(context.Background(), test.collection, test.config)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want an error with %q", test.name, err, test.want)
		}
	}

	// One activity is enough for a model that is there already.
	report := evaluate(t, walks.open(), ActivityConfig{Protocol: Fixed})
	if f := report.Conditions[0].BySeconds.Activities[run.Index()].Recall.Value; f.defined() {
		t.Errorf("recall of running is %v and nobody ran", f)
	}

	ctx, cancel := context.WithCancel(context.Background())
	windows := filepath.Join(t.TempDir(), "windows.csv")
	_, err := RunActivity(ctx, collection, ActivityConfig{
		Windows: windows,
		Fit: func(ctx context.Context, _ []training.Example, _ training.Options, _ func(int, int)) (*model.Model, error) {
			cancel()
			return nil, ctx.Err()
		},
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled in mid-run: %v", err)
	}
	if left, _ := os.ReadDir(filepath.Dir(windows)); len(left) != 0 {
		t.Errorf("%d files are left of a run that was cancelled", len(left))
	}

	failed := errors.New("the fit failed")
	_, err = RunActivity(context.Background(), collection, ActivityConfig{
		Fit: func(context.Context, []training.Example, training.Options, func(int, int)) (*model.Model, error) {
			return nil, failed
		},
	})
	if !errors.Is(err, failed) || !strings.Contains(err.Error(), "leaving out ") {
		t.Errorf("%v, want the fit's error and its fold", err)
	}
}

// Progress ends at the full number, in every protocol and however early a fit
// is done.
func TestProgressArrives(t *testing.T) {
	collection := small(t).open()
	for _, c := range []ActivityConfig{
		{Protocol: Fixed},
		{Fit: builtIn},
		{Training: quick()},
	} {
		var mu sync.Mutex
		done, of := 0, 0
		c.Progress = func(stage string, now, all int) {
			mu.Lock()
			defer mu.Unlock()
			if stage == "folds" {
				done, of = max(done, now), all
			}
		}
		evaluate(t, collection, c)
		if done != of || of == 0 {
			t.Errorf("%s: %d of %d steps", c.Protocol, done, of)
		}
	}
}

func TestTimelinesOnRequest(t *testing.T) {
	collection := small(t).open()
	drawn := func(c ActivityConfig) []string {
		c.Protocol = Fixed
		var list []string
		for _, d := range evaluate(t, collection, c).drawings {
			list = append(list, d.condition.String()+" "+d.outcome.name)
		}
		return list
	}
	got := drawn(ActivityConfig{Timelines: []string{"left/anna-walk", "right/dan-still"}})
	want := []string{"acceleration left/anna-walk", "acceleration right/dan-still", "with_fixes left/anna-walk"}
	if !slices.Equal(got, want) {
		t.Errorf("drawn: %q, want %q", got, want)
	}
	// 40 s are too short to be the worst of anything.
	if got := drawn(ActivityConfig{}); len(got) != 0 {
		t.Errorf("drawn without being asked for: %q", got)
	}

	long := newCollector(t)
	long.simulate("a", "left", "anna", "", phone{activity: walk, seconds: 70})
	long.simulate("b", "left", "anna", "", phone{activity: walk, seconds: 70, seed: 1})
	collection = long.open()
	if got := drawn(ActivityConfig{}); len(got) != 1 {
		t.Errorf("drawn of two walks: %q, want the worse one", got)
	}
}

func TestNamesOfRecordingsInsideAnEntry(t *testing.T) {
	for _, test := range []struct {
		wanted, name string
		concerns     bool
	}{
		{"wisdm/1600.txt", "wisdm/1600.txt#A", true},
		{"wisdm/1600.txt#A", "wisdm/1600.txt#A", true},
		{"geolife/010", "geolife/010/Trajectory/1.plt", true},
		{"walk-1", "walk-11", false},
		{"wisdm/1600.txt#A", "wisdm/1600.txt", false},
	} {
		if got := concerns(test.wanted, test.name); got != test.concerns {
			t.Errorf("%q concerns %q: %v", test.wanted, test.name, got)
		}
	}
}

func TestDetailsByHand(t *testing.T) {
	kind := func(a Answer, detail string) Answer {
		a.Detail = detail
		return a
	}
	o := newOutcome(&dataset.Recording{Samples: make([]classifier.Sample, 1)}, answers(
		said(walk, run), said(walk, run), said(walk, run), said(walk, run), said(walk, run), // the first window
		kind(said(transit, transit), "bus"), kind(said(transit, walk), "bus"), kind(said(transit, still), "tram"), said(transit, still),
		kind(said(walk, walk), "up"), kind(Answer{Labelled: true}, "jumping"),
	), false)
	if o.truth != transit || o.detail != "bus" {
		t.Errorf("mostly %v, %q", o.truth, o.detail)
	}
	got := detailReports("a", o.details)
	var lines []string
	for _, d := range got {
		lines = append(lines, fmt.Sprint(d.Dataset, " ", d.Activity, " ", d.Detail, " ", d.Seconds, " ", d.Right, " ", d.Shares))
	}
	want := []string{
		"a walk up 1 1 [0 1 0 0 0 0]",
		"a transit bus 2 0.5 [0 0.5 0 0 0.5 0]",
		"a transit tram 1 0 [1 0 0 0 0 0]",
	}
	if !slices.Equal(lines, want) {
		t.Errorf("%q, want %q", lines, want)
	}
}

func TestFingerprintIsOfTheData(t *testing.T) {
	of := func(change func(*collector)) string {
		c := newCollector(t)
		c.simulate("a", "left", "anna", "", phone{activity: walk, seconds: 20})
		change(c)
		return evaluate(t, c.open(), ActivityConfig{Protocol: Fixed}).Data.Fingerprint
	}
	same := of(func(*collector) {})
	if again := of(func(*collector) {}); again != same {
		t.Error("the same recordings in another directory have another fingerprint")
	}
	for name, change := range map[string]func(*collector){
		"another reading": func(c *collector) {
			c.simulate("a", "left", "anna", "", phone{activity: walk, seconds: 20, seed: 9})
			c.row.Truncate(bytes.LastIndexByte(bytes.TrimSuffix(c.row.Bytes(), []byte("\n")), '\n') + 1)
		},
		"another label":   func(c *collector) { replace(c, "walk", "run") },
		"another person":  func(c *collector) { replace(c, "anna", "ben") },
		"one more walk":   func(c *collector) { c.simulate("b", "left", "anna", "", phone{activity: walk, seconds: 20}) },
		"fixes beside it": func(c *collector) { c.write("a/fixes.csv", []byte("t,lat,lon,speed\n"+fixesAt(1, 20))) },
	} {
		if of(change) == same {
			t.Errorf("%s, and the fingerprint is the same", name)
		}
	}
}

func replace(c *collector, old, new string) {
	text := bytes.ReplaceAll(c.row.Bytes(), []byte(old), []byte(new))
	c.row.Reset()
	c.row.Write(text)
}
