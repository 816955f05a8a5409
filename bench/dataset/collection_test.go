package dataset

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/tempogate/tempogate/classifier"
)

const indexTitle = "path,dataset,subject,activity,vehicle,placement,format,signals,steps\n"

func TestIndexRows(t *testing.T) {
	dir := folder(t, map[string]string{
		IndexName: indexTitle +
			"a/walk-1,mine,p1,walk,,pocket,csv,acc+gps,120\r\n" +
			"a/ride,mine,p1,transit,bus,bag,phyphox,acc,\n" +
			"\n" +
			"\"b, too\",yours,,inside,,,,,\n" +
			"c,yours,p2,other,,,csv,acc,0\n",
	})
	c, err := OpenCollection(dir)
	if err != nil {
		t.Fatal(err)
	}
	want := []Entry{
		{Path: "a/walk-1", Dataset: "mine", Subject: "p1", Activity: "walk", Placement: "pocket", Format: "csv", Signals: "acc+gps", Steps: 120},
		{Path: "a/ride", Dataset: "mine", Subject: "p1", Activity: "transit", Vehicle: "bus", Placement: "bag", Format: "phyphox", Signals: "acc"},
		{Path: "b, too", Dataset: "yours", Activity: Inside},
		{Path: "c", Dataset: "yours", Subject: "p2", Activity: Other, Format: "csv", Signals: "acc"},
	}
	if !reflect.DeepEqual(c.Entries, want) {
		t.Errorf("got  %v\nwant %v", c.Entries, want)
	}
}

func TestIndexWithTheColumnsThatAreNeededOnly(t *testing.T) {
	entries, err := readIndex("index.csv", strings.NewReader("\ufeffdataset, path\nmine,walk.csv\n"))
	if want := []Entry{{Path: "walk.csv", Dataset: "mine"}}; err != nil || !reflect.DeepEqual(entries, want) {
		t.Errorf("got %v, %v", entries, err)
	}
}

func TestABrokenIndexNamesFileAndLine(t *testing.T) {
	for _, test := range []struct{ name, content, want string }{
		{"nothing", "", ": the recording is empty"},
		{"titles only", indexTitle, ": the index lists no recordings"},
		{"an unknown title", "path,dataset,who\n", `:1: no column is called "who" (known: path dataset subject activity vehicle placement format signals steps)`},
		{"a title twice", "path,dataset,path\n", `:1: two columns are called "path"`},
		{"no path", "dataset\nmine\n", `:1: no column is called "path"`},
		{"no data set", "path\na\n", `:1: no column is called "dataset"`},
		{"a cell too few", indexTitle + "a,mine,p1,walk,,,csv,acc,\nb,mine\n", ":3: wrong number of fields"},
		{"a quote that is never closed", indexTitle + "\"a,mine,p1,walk,,,csv,acc,\n", `:2: extraneous or missing " in quoted-field`},
		{"an empty path", indexTitle + ",mine,p1,walk,,,csv,acc,\n", ":2: the path is not one below the collection"},
		{"a path from the root", indexTitle + "/etc/passwd,mine,p1,walk,,,csv,acc,\n", ":2: the path is not one below the collection"},
		{"a path that climbs", indexTitle + "a/../../b,mine,p1,walk,,,csv,acc,\n", ":2: the path is not one below the collection"},
		{"a path twice", indexTitle + "a,mine,p1,walk,,,csv,acc,\nb,mine,p1,walk,,,csv,acc,\na,mine,p1,run,,,csv,acc,\n", ":4: the path is on line 2 already"},
		{"an empty data set", indexTitle + "a,,p1,walk,,,csv,acc,\n", ":2: the data set has no name: it is needed to keep its recordings on one side of a split"},
		{"an unknown activity", indexTitle + "a,mine,p1,jump,,,csv,acc,\n", `:2: no activity is called "jump" (known: still walk run cycle transit inside other)`},
		{"unknown is no activity to label with", indexTitle + "a,mine,p1,unknown,,,csv,acc,\n", `:2: no activity is called "unknown" (known: still walk run cycle transit inside other)`},
		{"an unknown format", indexTitle + "a,mine,p1,walk,,,mp3,acc,\n", `:2: unknown format "mp3" (known: csv wisdm sisfall sthar phyphox sensorlogger oxford geolife fit)`},
		{"half a step", indexTitle + "a,mine,p1,walk,,,csv,acc,1.5\n", ":2: the number of steps is not a whole number"},
		{"fewer steps than none", indexTitle + "a,mine,p1,walk,,,csv,acc,-1\n", ":2: the number of steps is not a whole number"},
	} {
		_, err := readIndex("index.csv", strings.NewReader(test.content))
		var line *LineError
		if want := "index.csv" + test.want; err == nil || err.Error() != want || !errors.As(err, &line) {
			t.Errorf("%s:\ngot  %v\nwant %s", test.name, err, want)
		}
	}
	if _, err := OpenCollection(t.TempDir()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

func TestTheIndexLabelsWhatItNames(t *testing.T) {
	const content = "t,ax,ay,az\n0,1,2,3\n5,1,2,3\n"
	dir := folder(t, map[string]string{
		IndexName:      indexTitle + "first,mine,p1,walk,,,,,\n",
		"walk.csv":     content,
		"people.wisdm": "1700,A,1000,1,2,3;\n1700,M,2000,1,2,3;\n",
	})
	c, err := OpenCollection(dir)
	if err != nil {
		t.Fatal(err)
	}
	all := func(a classifier.Activity, detail string) [][]Label {
		return [][]Label{{{FromTime: 0, ToTime: 5e9 + 1, Activity: a, Detail: detail}}}
	}
	for _, test := range []struct {
		entry Entry
		want  [][]Label
	}{
		{Entry{Path: "walk.csv", Activity: "walk"}, all(classifier.Walk, "")},
		{Entry{Path: "walk.csv", Activity: "transit", Vehicle: "bus"}, all(classifier.Transit, "bus")},
		{Entry{Path: "walk.csv", Activity: Other}, all(classifier.Unknown, "other")},
		{Entry{Path: "walk.csv"}, [][]Label{nil}},
		{Entry{Path: "people.wisdm", Activity: Inside}, [][]Label{{{1000, 1001, classifier.Walk, "A"}}, {{2000, 2001, classifier.Unknown, "M"}}}},
		{Entry{Path: "people.wisdm", Activity: "walk"}, [][]Label{{{1000, 1001, classifier.Walk, ""}}, {{2000, 2001, classifier.Walk, ""}}}},
	} {
		recordings, err := c.Read(test.entry)
		if err != nil {
			t.Fatal(err)
		}
		var got [][]Label
		for _, r := range recordings {
			got = append(got, r.Labels)
			if !strings.HasPrefix(r.Name, test.entry.Path) {
				t.Errorf("%v is named %s", test.entry, r.Name)
			}
		}
		if !reflect.DeepEqual(got, test.want) {
			t.Errorf("%v\ngot  %v\nwant %v", test.entry, got, test.want)
		}
	}
	for _, e := range []Entry{{Path: "../walk.csv"}, {Path: "absent.csv"}, {Path: "walk.csv", Activity: "jump"}} {
		if recordings, err := c.Read(e); err == nil || recordings != nil {
			t.Errorf("%v was read", e)
		}
	}
	c.Options.MaxSamples = 1
	if _, err := c.Read(Entry{Path: "walk.csv"}); !errors.Is(err, ErrTooLarge) {
		t.Errorf("the limit of the collection: got %v", err)
	}
	if _, err := c.Read(c.Entries[0]); !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), filepath.Join(dir, "first")) {
		t.Errorf("got %v", err)
	}
}
