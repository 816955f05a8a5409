package dataset

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/tempogate/tempogate/classifier"
)

// geolifeModes says what the modes of GeoLife mean here. Others (airplane,
// boat, motorcycle) are kept as Unknown.
var geolifeModes = map[string]classifier.Activity{
	"walk":   classifier.Walk,
	"run":    classifier.Run,
	"bike":   classifier.Cycle,
	"bus":    classifier.Transit,
	"car":    classifier.Transit,
	"taxi":   classifier.Transit,
	"train":  classifier.Transit,
	"subway": classifier.Transit,
	"tram":   classifier.Transit,
}

// plotHeader is how many lines of a .plt file come before the fixes.
const plotHeader = 6

// readPlot reads a .plt trajectory: six lines of header, then
// "latitude,longitude,0,altitude,days,date,time" in GMT.
//
// A point with an impossible latitude is skipped, not an error: the published
// data contain some (a latitude of 400 and more), and a longitude is taken
// modulo 360, because shifting it to hide a place carries it past 180.
func readPlot(l *lines, o Options, r *Recording) error {
	ps := newPlaces(o.MaxSamples)
	var cells [][]byte
	for {
		line, err := l.next()
		if err == io.EOF {
			ps.moveTo(r)
			return nil
		}
		if err != nil {
			return err
		}
		if l.number <= plotHeader {
			if l.number == 1 && !bytes.HasPrefix(line, []byte("Geolife trajectory")) {
				return l.wrongf("not a .plt file: the first line is not %q", "Geolife trajectory")
			}
			continue
		}
		if cells = split(cells, line, ','); len(cells) != 7 {
			return l.wrongf("%d cells, not latitude,longitude,0,altitude,days,date,time", len(cells))
		}
		latitude, ok := number(cells[0])
		if !ok {
			return l.wrongf("column 1 is not a number")
		}
		longitude, ok := number(cells[1])
		if !ok || math.IsNaN(longitude) || math.IsInf(longitude, 0) {
			return l.wrongf("column 2 is not a number")
		}
		at, ok := gmt("2006-01-02 15:04:05", string(cells[5])+" "+string(cells[6]))
		if !ok {
			return l.wrongf("columns 6 and 7 are not a date and a time")
		}
		if !(math.Abs(latitude) <= 90) {
			ps.skipped++
			continue
		}
		if err := ps.add(place{
			time:     at,
			latitude: latitude, longitude: math.Remainder(longitude, 360),
			speed: math.NaN(), accuracy: math.NaN(),
		}); err != nil {
			return l.wrong(err)
		}
	}
}

// gmt reads a time in GMT, as nanoseconds since 1970.
func gmt(layout, text string) (int64, bool) {
	at, err := time.Parse(layout, text)
	if err != nil || at.Year() < 1900 || at.Year() > 2100 { // well within what nanoseconds can count
		return 0, false
	}
	return at.UnixNano(), true
}

// labelTitle begins every labels.txt.
const labelTitle = "Start Time\tEnd Time\tTransportation Mode"

// readModes reads labels.txt: a title, then "from TAB to TAB mode" in GMT.
func readModes(l *lines) ([]Label, error) {
	var labels []Label
	for {
		line, err := l.next()
		if err == io.EOF {
			return disjoint(labels), nil
		}
		if err != nil {
			return nil, err
		}
		if l.number == 1 && strings.HasPrefix(string(line), labelTitle) {
			continue
		}
		cells := bytes.Split(line, []byte{'\t'})
		if len(cells) != 3 {
			return nil, l.wrongf("%d cells, not from, to and mode with tabs between", len(cells))
		}
		var ends [2]int64
		for i := range ends {
			var ok bool
			if ends[i], ok = gmt("2006/01/02 15:04:05", string(bytes.TrimSpace(cells[i]))); !ok {
				return nil, l.wrongf("column %d is not a date and a time", i+1)
			}
		}
		if ends[1] < ends[0] {
			return nil, l.wrongf("the label ends before it begins")
		}
		if len(labels) >= labelLimit {
			return nil, l.wrong(fmt.Errorf("%w: more than %d labels", ErrTooLarge, labelLimit))
		}
		mode := string(bytes.TrimSpace(cells[2]))
		labels = append(labels, Label{ends[0], ends[1], geolifeModes[mode], mode})
	}
}

// labelLimit bounds a labels.txt; the longest real one has 509.
const labelLimit = 100_000

// disjoint cuts labels so that none overlap. Where two that overlap agree they
// become one; where they do not, nobody knows, and that time has no label.
func disjoint(labels []Label) []Label {
	type edge struct {
		at    int64
		label int
		opens bool
	}
	var edges []edge
	for i, l := range labels {
		if l.FromTime < l.ToTime {
			edges = append(edges, edge{l.FromTime, i, true}, edge{l.ToTime, i, false})
		}
	}
	slices.SortFunc(edges, func(a, b edge) int {
		switch {
		case a.at < b.at:
			return -1
		case a.at > b.at:
			return 1
		}
		return a.label - b.label
	})
	var out []Label
	open := map[string]int{} // how many labels of each detail are open
	activities := map[string]classifier.Activity{}
	for i, e := range edges {
		detail := labels[e.label].Detail
		activities[detail] = labels[e.label].Activity
		if e.opens {
			open[detail]++
		} else if open[detail]--; open[detail] == 0 {
			delete(open, detail)
		}
		if i+1 == len(edges) || edges[i+1].at == e.at || len(open) != 1 {
			continue
		}
		for only := range open {
			next := Label{e.at, edges[i+1].at, activities[only], only}
			if n := len(out); n > 0 && out[n-1].ToTime == next.FromTime && out[n-1].Detail == only {
				out[n-1].ToTime = next.ToTime
			} else {
				out = append(out, next)
			}
		}
	}
	return out
}

// within returns the parts of labels between two times.
func within(labels []Label, from, to int64) []Label {
	var out []Label
	for _, l := range labels {
		l.FromTime, l.ToTime = max(l.FromTime, from), min(l.ToTime, to)
		if l.FromTime < l.ToTime {
			out = append(out, l)
		}
	}
	return out
}
