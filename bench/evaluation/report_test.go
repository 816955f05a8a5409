package evaluation

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

var rewrite = flag.Bool("rewrite", false, "rewrite testdata instead of comparing with it")

func TestNumbersInReports(t *testing.T) {
	for _, test := range []struct {
		value float64
		want  string
	}{
		{0, "0"},
		{1, "1"},
		{0.1234567, "0.123457"},
		{-12345678, "-12345700"}, // six digits
		{1e-9, "1e-9"},
		{math.NaN(), "null"},
		{math.Inf(1), "null"},
	} {
		text, err := json.Marshal(Number(test.value))
		if err != nil || string(text) != test.want {
			t.Errorf("%v: %s, %v, want %s", test.value, text, err, test.want)
		}
		var back Number
		if err := json.Unmarshal(text, &back); err != nil || back.defined() != (test.want != "null") {
			t.Errorf("%s came back as %v, %v", text, back, err)
		}
	}
	var n Number
	if err := json.Unmarshal([]byte(`"much"`), &n); err == nil {
		t.Error("a word was read as a number")
	}
}

// full is a report with something in every field, written to a directory.
func full(t *testing.T) (*ActivityReport, string) {
	report := fullReport(t)
	dir := filepath.Join(t.TempDir(), "out")
	if err := report.Write(dir, false); err != nil {
		t.Fatal(err)
	}
	return report, dir
}

var (
	makeFull sync.Once
	madeFull *ActivityReport
)

func fullReport(t *testing.T) *ActivityReport {
	makeFull.Do(func() { madeFull = newFullReport(t) })
	if madeFull == nil {
		t.Fatal("the report could not be made: see the first test that wanted it")
	}
	return madeFull
}

func newFullReport(t *testing.T) *ActivityReport {
	c := small(t)
	c.write("broken/acceleration.csv", []byte("t,ax,ay,az\n0,0,0,9.8\n0.1,0,what,9.8\n"))
	c.entry("broken", "left", "fay", "walk", "pocket", "acc")
	c.write("empty/acceleration.csv", []byte("t,ax,ay,az\n"))
	c.entry("empty", "left", "fay", "walk", "pocket", "acc")
	c.simulate("other", "left", "fay", "pocket", phone{activity: walk, seconds: 20})
	replace(c, "other,left,fay,walk", "other,left,fay,other")
	c.simulate("hill", "left", "fay", "pocket", phone{activity: walk, seconds: 20})
	replace(c, "hill,left,fay,walk,", "hill,left,fay,walk,up")
	c.simulate("long", "left", "fay", "pocket", phone{activity: run, seconds: 80, fixes: true}) // in no other data set
	report := evaluate(t, c.open(), ActivityConfig{Fit: builtIn, SkipBroken: true})
	report.Command = "tempogate eval activity --collection 'my walks'"
	return report
}

// TestFieldsOfTheReport holds report.json to the names that other programs
// have come to rely on. With -rewrite it writes them down anew.
func TestFieldsOfTheReport(t *testing.T) {
	_, dir := full(t)
	text, err := os.ReadFile(filepath.Join(dir, ReportJSON))
	if err != nil {
		t.Fatal(err)
	}
	var content any
	if err := json.Unmarshal(text, &content); err != nil {
		t.Fatal(err)
	}
	paths := map[string]bool{}
	collectPaths("", content, paths)
	var list []string
	for path := range paths {
		list = append(list, path)
	}
	slices.Sort(list)
	got := strings.Join(list, "\n") + "\n"
	const golden = "testdata/report-fields.txt"
	if *rewrite {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("report.json has other fields than %s: a change of a name needs another ReportFormat. Now:\n%s", golden, got)
	}
}

func collectPaths(path string, value any, paths map[string]bool) {
	switch v := value.(type) {
	case map[string]any:
		for name, inner := range v {
			collectPaths(path+"."+name, inner, paths)
		}
	case []any:
		for _, inner := range v {
			collectPaths(path+"[]", inner, paths)
		}
	default:
		paths[path] = true
	}
}

func TestReportForPeople(t *testing.T) {
	report, dir := full(t)
	text, err := os.ReadFile(filepath.Join(dir, ReportMarkdown))
	if err != nil {
		t.Fatal(err)
	}
	page := string(text)
	begins := "# How well activities are recognised\n\n```\n" + report.Command + "\n```\n\nData `" + report.Data.Fingerprint + "`: "
	if !strings.HasPrefix(page, begins) {
		t.Errorf("begins with\n%.300s\nwant\n%s", page, begins)
	}
	for _, want := range []string{
		"was trained without its data set",
		"Not tested: 1 empty entry.",
		"acceleration.csv:3",
		"| walk |",
		"none of the five",
		"times as much",
		"run to walk",
		"| left, walk, up | 14 |", // 20 s but for the first window and the beginning of the last second
		"![confusion-acceleration-by-seconds](confusion-acceleration-by-seconds.svg)",
		"![timeline-acceleration-run-long](timeline-acceleration-run-long.svg)",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the report does not say %q", want)
		}
	}
	if strings.Contains(page, "NaN") || strings.Contains(page, "Inf") || strings.Contains(page, "%!") {
		t.Error("the report shows what is not defined, or how it was to be written")
	}
	// Every table is as wide throughout as its heading.
	width := 0
	for _, line := range strings.Split(page, "\n") {
		cells := strings.Count(line, "|")
		if !strings.HasPrefix(line, "|") {
			width = 0
			continue
		}
		if width == 0 {
			width = cells
		}
		if cells != width {
			t.Errorf("a row of %d cells in a table of %d: %s", cells-1, width-1, line)
		}
	}
	// Every picture that it shows is there and well formed.
	pictures := 0
	for _, part := range strings.Split(page, "](")[1:] {
		name, _, _ := strings.Cut(part, ")")
		pictures++
		if err := wellFormed(filepath.Join(dir, name)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if pictures < 3*4 {
		t.Errorf("%d pictures", pictures)
	}
	if !strings.Contains(report.Summary(), "Acceleration only, by seconds: macro-F1 ") {
		t.Errorf("summary: %s", report.Summary())
	}
}

func wellFormed(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	decoder := xml.NewDecoder(f)
	elements := 0
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			if elements < 10 {
				return fmt.Errorf("%d elements", elements)
			}
			return nil
		}
		if err != nil {
			return err
		}
		if _, ok := token.(xml.StartElement); ok {
			elements++
		}
	}
}

func TestWrittenTwiceReplacesItself(t *testing.T) {
	report, dir := full(t)
	before, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := report.Write(dir, false); err != nil {
		t.Fatal(err)
	}
	after, err := os.ReadDir(dir)
	if err != nil || len(after) != len(before) {
		t.Errorf("%d files, then %d, %v", len(before), len(after), err)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := report.Write(file, false); err == nil {
		t.Error("a report was written into a file")
	}
}

func TestPNGOnRequest(t *testing.T) {
	one := *fullReport(t)
	one.Conditions, one.drawings = nil, one.drawings[:1] // the others take long to draw
	dir := t.TempDir()
	if err := one.Write(dir, true); err != nil {
		t.Fatal(err)
	}
	for _, pattern := range []string{"*.svg", "*.png"} {
		if found, err := filepath.Glob(filepath.Join(dir, pattern)); err != nil || len(found) != 1 {
			t.Errorf("%s: %v, %v", pattern, found, err)
		}
	}
}

func TestWorstAnswerOfARecording(t *testing.T) {
	c := small(t)
	collection := c.open()
	var tally Tally
	tally.Add(answers(said(walk, walk), said(walk, run), said(walk, run), said(walk, nothing), said(still, walk)), 0)
	entry := &collection.Entries[0]
	o := outcome{name: entry.Path, truth: walk, tally: tally}
	r := recordingReport(place{&Fold{Name: "f"}, entry, nil}, &o)
	if r.Wrong != "run" || r.WrongPart != 0.4 || r.Right != 0.2 || r.Seconds != 5 || r.Fold != "f" {
		t.Errorf("%+v", r)
	}
	o.tally = Tally{}
	o.tally.Add(answers(said(walk, walk)), 0)
	if r := recordingReport(place{&Fold{}, entry, nil}, &o); r.Wrong != "" || r.WrongPart != 0 {
		t.Errorf("all right, and %+v", r)
	}
}

func TestFileNames(t *testing.T) {
	for _, test := range []struct{ in, want string }{
		{"wisdm/data_1606.txt.zst#R", "x-wisdm-data-1606.txt.zst-R"},
		{"../über", "x-..-ber"},
		{"by data set", "x-by-data-set"},
	} {
		if got := fileName("x", test.in); got != test.want {
			t.Errorf("%q: %q, want %q", test.in, got, test.want)
		}
	}
}
