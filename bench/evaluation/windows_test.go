package evaluation

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/tempogate/tempogate/classifier/feature"
)

// The same table comes out whatever packs it, and its figures are those of the
// report.
func TestWindowsAgreeWithTheReport(t *testing.T) {
	collection := small(t).open()
	dir := t.TempDir()
	var tables []string
	var report *ActivityReport
	for _, name := range []string{"w.csv", "w.csv.gz", "w.csv.zst"} {
		path := filepath.Join(dir, name)
		report = evaluate(t, collection, ActivityConfig{Fit: builtIn, Windows: path})
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		var r io.Reader = f
		switch filepath.Ext(name) {
		case ".gz":
			r, err = gzip.NewReader(f)
		case ".zst":
			r, err = zstd.NewReader(f)
		}
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		f.Close()
		tables = append(tables, string(text))
	}
	if tables[1] != tables[0] || tables[2] != tables[0] {
		t.Error("packing changed the table")
	}
	rows, err := csv.NewReader(bytes.NewReader([]byte(tables[0]))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(rows[0], WindowColumns()) || len(rows[0]) != 13+5+5+1+feature.Count {
		t.Fatalf("titles %q", rows[0])
	}
	cell := func(row []string, title string) string { return row[slices.Index(rows[0], title)] }
	counted := map[string]float64{}
	var right float64
	for _, row := range rows[1:] {
		if cell(row, "fold") != cell(row, "dataset") {
			t.Fatalf("a window of %s was answered by fold %s", cell(row, "dataset"), cell(row, "fold"))
		}
		if cell(row, "counted") == "1" {
			counted[cell(row, "fixes_used")]++
			if cell(row, "fixes_used") == "0" && cell(row, "decision") == cell(row, "truth") {
				right++
			}
		}
		var sum float64
		for _, title := range []string{"p_still", "p_walk", "p_run", "p_cycle", "p_transit"} {
			p, err := strconv.ParseFloat(cell(row, title), 64)
			if err != nil {
				t.Fatal(err)
			}
			sum += p
		}
		if sum < 0.999 || sum > 1.001 {
			t.Fatalf("probabilities with a sum of %v", sum)
		}
	}
	for i, used := range []string{"0", "1"} {
		if c := &report.Conditions[i]; counted[used] != c.Seconds {
			t.Errorf("%s: %v windows counted, %v s in the report", c.Name, counted[used], c.Seconds)
		}
	}
	if got, want := fmt.Sprintf("%.4f", right/counted["0"]), fmt.Sprintf("%.4f", report.Conditions[0].BySeconds.Right.Value); got != want {
		t.Errorf("%s of the windows are right, %s in the report", got, want)
	}
}

func TestPartsInOrderOfTheirNumbers(t *testing.T) {
	path := filepath.Join(t.TempDir(), "w.csv")
	l, err := newWindowLog(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []struct {
		number int
		text   string
	}{{2, "two\n"}, {1, ""}, {0, "zero\n"}, {3, "three\n"}} {
		if _, err := os.Stat(path); err == nil {
			t.Error("the file is there before it is whole")
		}
		if err := l.add(part.number, []byte(part.text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.finish(); err != nil {
		t.Fatal(err)
	}
	l.abandon() // of a file that is finished does nothing
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, rest, _ := bytes.Cut(text, []byte("\n")); string(rest) != "zero\ntwo\nthree\n" {
		t.Errorf("%q", rest)
	}
}

func TestCostIsMeasured(t *testing.T) {
	c := measureCost(nil) // the built-in model
	if c.HopNS <= 0 || c.FFT256NS <= 0 || !near(c.HopOverFFT256, c.HopNS/c.FFT256NS) {
		t.Errorf("%+v", c)
	}
}
