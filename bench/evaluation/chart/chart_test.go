package chart

import (
	"bytes"
	"encoding/xml"
	"errors"
	"image/png"
	"io"
	"math"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/plot/vg"
)

// pictures are one of each kind, with what is hard in each.
func pictures() map[string]*Picture {
	return map[string]*Picture{
		"confusion": Confusion(Matrix{
			Title:  "Acceleration <only>", // has to be escaped
			Truths: []string{"still", "walk"}, Answers: []string{"still", "walk", "unknown"},
			Shares:  [][]float64{{0.9, 0.1, 0}, {0, 0, 0}}, // nobody walked
			Seconds: [][]float64{{12345, 1371, 0}, {0, 0, 0}},
		}),
		"reliability": Reliability("By seconds", []Bin{
			{From: 0.2, To: 0.3, Weight: 0.1, Confidence: 0.27, Right: 0.2},
			{From: 0.9, To: 1, Weight: 0.9, Confidence: 0.98, Right: 0.97},
		}, 0.012),
		"no seconds":  Reliability("Nothing", nil, math.NaN()),
		"delays":      Delays("Delays", []float64{0.4, 3.2, 3.9, 12, math.Inf(1)}, 30, 3.9, math.NaN()),
		"no delays":   Delays("Nothing", nil, 30, math.NaN(), math.NaN()),
		"timeline":    Timeline(ride(500)),
		"no timeline": Timeline(Track{Title: "Nothing", Names: []string{"still", "unknown"}}),
	}
}

// ride is a track of so many seconds with a gap after a third of them: walking
// to the tram, and then nobody said.
func ride(seconds int) Track {
	t := Track{Title: "ride", Names: []string{"still", "walk", "run", "cycle", "transit", "unknown"}}
	at := 0.0
	for i := range seconds {
		at++
		if i == seconds/3 {
			at += 20
		}
		truth, answer := 1, 1
		p := []float64{0.1, 0.8, 0, 0, 0.1}
		if i >= seconds/3 {
			truth, answer = Unlabelled, 4
			p = []float64{0.2, 0.1, 0, 0, 0.7}
		}
		if i < 3 {
			p, answer = []float64{0, 0, 0, 0, 0}, 5 // nothing known yet
		}
		t.Seconds = append(t.Seconds, at)
		t.Probabilities = append(t.Probabilities, p)
		t.Truths, t.Answers = append(t.Truths, truth), append(t.Answers, answer)
	}
	return t
}

func TestPicturesSayWhatTheyShow(t *testing.T) {
	words := map[string][]string{
		"confusion":   {"Acceleration <only>", "true activity", "answer", "unknown", "90.0", "12\u2009345 s"},
		"reliability": {"By seconds", "largest probability", "share of seconds", "perfect calibration", "expected calibration error 0.012"},
		"delays":      {"median 3.9 s", "90th percentile over 30 s", "changes", "never", "30"},
		"timeline":    {"ride", "truth", "answer", "probability", "minutes from the beginning of the recording", "transit", "unknown"},
		"no timeline": {"Nothing", "seconds from the beginning of the recording"},
	}
	for name, p := range pictures() {
		text, err := p.SVG()
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		found := texts(t, name, text)
		for _, want := range words[name] {
			if !slices.Contains(found, want) {
				t.Errorf("%s does not say %q but %q", name, want, found)
			}
		}
		for _, word := range found {
			if word == "NaN" || strings.Contains(word, "Inf") {
				t.Errorf("%s says %q", name, word)
			}
		}
		if bytes.Contains(text, []byte("NaN")) {
			t.Errorf("%s draws at NaN", name)
		}
		if again, _ := p.SVG(); !bytes.Equal(again, text) {
			t.Errorf("%s: drawn twice, and not the same", name)
		}
		// A cell of a matrix that nobody did has no number.
		if name == "confusion" && count(found, "0.0") != 1 {
			t.Errorf("the row without seconds has numbers: %q", found)
		}
	}
}

func count(list []string, word string) (n int) {
	for _, w := range list {
		if w == word {
			n++
		}
	}
	return n
}

// texts returns what is written in an SVG, which has to be well formed.
func texts(t *testing.T, name string, svg []byte) []string {
	var list []string
	inside := false
	decoder := xml.NewDecoder(bytes.NewReader(svg))
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return list
		}
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			inside = token.Name.Local == "text"
			if !inside {
				break
			}
			for _, a := range token.Attr {
				if a.Name.Local == "style" && !strings.Contains(a.Value, "Arial,Helvetica,sans-serif") {
					t.Errorf("%s: type that depends on one font: %s", name, a.Value)
				}
			}
		case xml.EndElement:
			inside = false
		case xml.CharData:
			if inside {
				list = append(list, string(token))
			}
		}
	}
}

func TestPNGIsForPrint(t *testing.T) {
	p := pictures()["confusion"]
	data, err := p.PNG()
	if err != nil {
		t.Fatal(err)
	}
	image, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	want := int(math.Ceil(float64(p.width / vg.Inch * printDPI)))
	if got := image.Bounds().Dx(); got < want-1 || got > want+1 {
		t.Errorf("%d dots wide, want %d", got, want)
	}
	// The paper is white and something is on it.
	seen := map[[3]uint32]bool{}
	for x := range image.Bounds().Dx() {
		r, g, b, _ := image.At(x, image.Bounds().Dy()/2).RGBA()
		seen[[3]uint32{r >> 8, g >> 8, b >> 8}] = true
	}
	if !seen[[3]uint32{255, 255, 255}] || len(seen) < 3 {
		t.Errorf("%d colours across the middle", len(seen))
	}
}

func TestColumnsOfATimeline(t *testing.T) {
	track := ride(30)
	columns := condense(&track)
	if len(columns) != 30 {
		t.Fatalf("%d columns of 30 answers", len(columns))
	}
	gaps := 0
	for i := 1; i < len(columns); i++ {
		if columns[i].from != columns[i-1].to {
			gaps++
			if columns[i].from-columns[i-1].to != 20 {
				t.Errorf("a gap of %v s", columns[i].from-columns[i-1].to)
			}
		}
	}
	if gaps != 1 {
		t.Errorf("%d gaps, want 1", gaps)
	}

	// Four hours: as many seconds a column as it takes, none across the gap.
	track = ride(4 * 3600)
	columns = condense(&track)
	if len(columns) > mostColumns+1 {
		t.Errorf("%d columns", len(columns))
	}
	for _, c := range columns {
		if c.from < 4800 && c.to > 4801 {
			t.Errorf("a column from %v to %v spans the gap", c.from, c.to)
		}
	}
	last := columns[len(columns)-1]
	if last.truth != Unlabelled || last.answer != 4 || math.Abs(last.probabilities[4]-0.7) > 1e-9 {
		t.Errorf("last column %+v", last)
	}
	if first := columns[0]; first.answer != 1 || first.truth != 1 {
		t.Errorf("a column is what most of it is: %+v", first)
	}
}

func TestLongTitlesAreWrapped(t *testing.T) {
	s := style(titleSize, 0, 0)
	const title = "Acceleration only, fewer than 8 readings a second, by data set: % of each true activity"
	lines := wrap(s, title, oneColumn)
	if len(lines) != 2 || strings.Join(lines, " ") != title {
		t.Errorf("%q", lines)
	}
	for _, line := range lines {
		if s.Width(line) > oneColumn {
			t.Errorf("%q is wider than a column", line)
		}
	}
	if got := wrap(s, "", oneColumn); len(got) != 0 {
		t.Errorf("%q", got)
	}
}

func TestThousands(t *testing.T) {
	for _, test := range []struct {
		value float64
		want  string
	}{{0, "0"}, {999, "999"}, {1000, "1\u2009000"}, {1234567.4, "1\u2009234\u2009567"}} {
		if got := thousands(test.value); got != test.want {
			t.Errorf("%v: %q, want %q", test.value, got, test.want)
		}
	}
}

func TestWholeTicks(t *testing.T) {
	for _, test := range []struct {
		largest float64
		want    []float64
	}{
		{0.5, []float64{0}},
		{4.5, []float64{0, 1, 2, 3, 4}},
		{7, []float64{0, 2, 4, 6}},
		{112, []float64{0, 20, 40, 60, 80, 100}},
	} {
		var got []float64
		for _, tick := range (whole{}).Ticks(0, test.largest) {
			got = append(got, tick.Value)
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("up to %v: %v, want %v", test.largest, got, test.want)
		}
	}
}
