package dataset

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/tempogate/tempogate/classifier"
)

const plotTitle = "Geolife trajectory\r\nWGS 84\r\nAltitude is in Feet\r\nReserved 3\r\n0,2,255,My Track,0,0,2,8421376\r\n0\r\n"

func clock(text string) int64 {
	at, err := time.Parse(time.DateTime, text)
	if err != nil {
		panic(err)
	}
	return at.UnixNano()
}

func TestPlotBecomesMetresMoved(t *testing.T) {
	r, err := readText(plotTitle+
		"60,10,0,50,40000.5,2031-02-03,04:05:06\r\n"+
		"60,10.0001,0,50,40000.5,2031-02-03,04:05:08\r\n"+
		"60,10.0002,0,50,40000.5,2031-02-03,04:05:08\r\n"+ // the same second again
		"400.17,10.0001,0,50,40000.5,2031-02-03,04:05:09\r\n"+ // a defect of the published data
		"60.0001,370.0001,0,50,40000.5,2031-02-03,04:05:11\r\n", // a longitude that was shifted past 180
		Options{})
	if err != nil {
		t.Fatal(err)
	}
	want := []classifier.Fix{
		{SensorTime: clock("2031-02-03 04:05:06"), SpeedMPS: nan, EastM: nan, NorthM: nan, AccuracyM: nan},
		{SensorTime: clock("2031-02-03 04:05:08"), SpeedMPS: nan, EastM: 5.56, NorthM: 0, AccuracyM: nan},
		{SensorTime: clock("2031-02-03 04:05:11"), SpeedMPS: nan, EastM: 0, NorthM: 11.12, AccuracyM: nan},
	}
	if !fixesEqual(r.Fixes, want) || r.Format != "geolife" {
		t.Errorf("got  %v as %s\nwant %v", r.Fixes, r.Format, want)
	}
	if r.Duplicates != 1 || r.Skipped != 1 {
		t.Errorf("%d duplicates and %d skipped, not 1 and 1", r.Duplicates, r.Skipped)
	}
}

func TestGeolifeLabelsFallIntoTheirTrajectories(t *testing.T) {
	point := func(at string) string { return "60,10,0,50,40000.5,2031-02-03," + at + "\r\n" }
	dir := folder(t, map[string]string{
		"labels.txt": "Start Time\tEnd Time\tTransportation Mode\r\n" +
			"2031/02/03 07:30:00\t2031/02/03 08:10:00\twalk\r\n" + // begins before the trajectory
			"2031/02/03 08:10:00\t2031/02/03 08:20:00\tbus\r\n" +
			"2031/02/03 08:20:00\t2031/02/03 08:25:00\tmotorcycle\r\n" + // none of the five
			"2031/02/03 08:50:00\t2031/02/03 10:10:00\tbike\r\n" + // two trajectories
			"\r\n",
		"Trajectory/20310203080000.plt":    plotTitle + point("08:00:00") + point("08:30:00") + point("09:00:00"),
		"Trajectory/20310203100000.plt.gz": gzipped(t, plotTitle+point("10:00:00")+point("10:05:00")),
		"Trajectory/20310203120000.plt":    plotTitle + point("12:00:00"), // labelled by nobody
	})
	recordings, err := Read(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	at := func(text string) int64 { return clock("2031-02-03 " + text) }
	want := [][]Label{
		{
			{at("08:00:00"), at("08:10:00"), classifier.Walk, "walk"},
			{at("08:10:00"), at("08:20:00"), classifier.Transit, "bus"},
			{at("08:20:00"), at("08:25:00"), classifier.Unknown, "motorcycle"},
			{at("08:50:00"), at("09:00:00") + 1, classifier.Cycle, "bike"},
		},
		{{at("10:00:00"), at("10:05:00") + 1, classifier.Cycle, "bike"}},
		nil,
	}
	if len(recordings) != len(want) {
		t.Fatalf("%d recordings, not %d", len(recordings), len(want))
	}
	for i, r := range recordings {
		if !reflect.DeepEqual(r.Labels, want[i]) {
			t.Errorf("trajectory %d\ngot  %v\nwant %v", i, r.Labels, want[i])
		}
	}
	if name := recordings[1].Name; !strings.HasSuffix(name, "/Trajectory/20310203100000.plt.gz") {
		t.Errorf("the second is named %s", name)
	}
}

func TestLabelsThatOverlap(t *testing.T) {
	walk := func(from, to int64) Label { return Label{from, to, classifier.Walk, "walk"} }
	bus := func(from, to int64) Label { return Label{from, to, classifier.Transit, "bus"} }
	for _, test := range []struct {
		name     string
		in, want []Label
	}{
		{"apart", []Label{walk(0, 10), bus(20, 30)}, []Label{walk(0, 10), bus(20, 30)}},
		{"not in order", []Label{bus(20, 30), walk(0, 10)}, []Label{walk(0, 10), bus(20, 30)}},
		{"one after the other", []Label{walk(0, 10), bus(10, 20)}, []Label{walk(0, 10), bus(10, 20)}},
		{"twice the same", []Label{walk(0, 10), walk(0, 10)}, []Label{walk(0, 10)}},
		{"in agreement", []Label{walk(0, 10), walk(5, 20)}, []Label{walk(0, 20)}},
		{"in agreement, one after the other", []Label{walk(0, 10), walk(10, 20)}, []Label{walk(0, 20)}},
		{"in conflict: nobody knows", []Label{walk(0, 10), bus(8, 20)}, []Label{walk(0, 8), bus(10, 20)}},
		{"one inside the other", []Label{walk(0, 100), bus(40, 60)}, []Label{walk(0, 40), walk(60, 100)}},
		{"in conflict all over", []Label{walk(0, 10), bus(0, 10)}, nil},
		{"of no length", []Label{walk(10, 10)}, nil},
		{"none", nil, nil},
	} {
		if got := disjoint(test.in); !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s: got %v, not %v", test.name, got, test.want)
		}
	}
}

func TestBrokenGeolifeNamesFileAndLine(t *testing.T) {
	const point = "60,10,0,50,40000.5,2031-02-03,04:05:06\r\n"
	const modes = "Start Time\tEnd Time\tTransportation Mode\r\n"
	for _, test := range []struct{ name, file, content, want string }{
		{"a point cut short", "Trajectory/a.plt", plotTitle + point + "60,10,0\r\n", ":8: 3 cells, not latitude,longitude,0,altitude,days,date,time"},
		{"a latitude that is no number", "Trajectory/a.plt", plotTitle + "north,10,0,50,40000.5,2031-02-03,04:05:06\r\n", ":7: column 1 is not a number"},
		{"a longitude that is no number", "Trajectory/a.plt", plotTitle + "60,NaN,0,50,40000.5,2031-02-03,04:05:06\r\n", ":7: column 2 is not a number"},
		{"a day that does not exist", "Trajectory/a.plt", plotTitle + "60,10,0,50,40000.5,2031-02-30,04:05:06\r\n", ":7: columns 6 and 7 are not a date and a time"},
		{"a year beyond nanoseconds", "Trajectory/a.plt", plotTitle + "60,10,0,50,40000.5,9999-02-03,04:05:06\r\n", ":7: columns 6 and 7 are not a date and a time"},
		{"time runs backwards", "Trajectory/a.plt", plotTitle + point + "60,10,0,50,40000.5,2031-02-03,04:05:04\r\n", ":8: time runs backwards by more than a second"},
		{"no trajectory", "Trajectory/a.plt", "t,lat,lon\n", `:1: not a .plt file: the first line is not "Geolife trajectory"`},
		{"a trajectory without points", "Trajectory/a.plt", plotTitle, ": the recording is empty"},
		{"a label without a mode", "labels.txt", modes + "2031/02/03 04:05:06\t2031/02/03 04:05:07\r\n", ":2: 2 cells, not from, to and mode with tabs between"},
		{"a label with dashes", "labels.txt", modes + "2031-02-03 04:05:06\t2031/02/03 04:05:07\twalk\r\n", ":2: column 1 is not a date and a time"},
		{"a label that ends before it begins", "labels.txt", modes + "2031/02/03 04:05:06\t2031/02/03 04:05:05\twalk\r\n", ":2: the label ends before it begins"},
	} {
		t.Run(test.name, func(t *testing.T) {
			files := map[string]string{"Trajectory/a.plt": plotTitle + point}
			files[test.file] = test.content
			dir := folder(t, files)
			_, err := Read(dir, Options{})
			if want := filepath.Join(dir, test.file) + test.want; err == nil || err.Error() != want {
				t.Errorf("got  %v\nwant %s", err, want)
			}
		})
	}
}

func TestAGeolifeFolderWithoutTrajectoriesIsEmpty(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "Trajectory"), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := Read(dir, Options{}); !errors.Is(err, ErrEmpty) {
		t.Errorf("got %v", err)
	}
}
