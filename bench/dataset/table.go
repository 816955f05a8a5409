package dataset

import (
	"bytes"
	"io"
	"math"
	"strings"
)

// A quantity is what a column of a table measures.
type quantity uint8

const (
	seconds quantity = iota
	nanosecondsSince1970
	axisX
	axisY
	axisZ
	latitude
	longitude
	speed
	accuracy
	quantities
)

// A dialect is what one program calls its columns, in the spelling that
// plainTitle makes. All other columns are ignored.
type dialect struct {
	format  string
	columns map[string]quantity

	// padded: a row without any of the three axes is no reading but padding.
	// phyphox writes such rows where two buffers end at different lengths.
	padded bool
}

var genericCSV = dialect{format: "csv", columns: map[string]quantity{
	"t": seconds, "ax": axisX, "ay": axisY, "az": axisZ,
	"lat": latitude, "lon": longitude, "speed": speed, "accuracy": accuracy,
}}

var phyphox = dialect{format: "phyphox", padded: true, columns: map[string]quantity{
	"time (s)": seconds,
	"x (m/s2)": axisX, "y (m/s2)": axisY, "z (m/s2)": axisZ,
	"acceleration x (m/s2)": axisX, "acceleration y (m/s2)": axisY, "acceleration z (m/s2)": axisZ,
	"latitude": latitude, "longitude": longitude,
	"velocity (m/s)": speed, "speed (m/s)": speed, "horizontal accuracy (m)": accuracy,
}}

var sensorLogger = dialect{format: "sensorlogger", columns: map[string]quantity{
	"time": nanosecondsSince1970, "seconds_elapsed": seconds, "x": axisX, "y": axisY, "z": axisZ,
	"latitude": latitude, "longitude": longitude, "speed": speed, "horizontalaccuracy": accuracy,
}}

// plainTitle makes one spelling of the many of a column title: lower case,
// powers without signs, angles without a unit (the degree sign comes in as
// many encodings as there are programs).
func plainTitle(cell []byte) string {
	// b2 is the square sign of Windows-1252. It must go before anything takes
	// the title for UTF-8.
	s := strings.NewReplacer("²", "2", "\xb2", "2", "^", "").Replace(string(cell))
	s = strings.ToLower(strings.Join(strings.Fields(s), " "))
	for _, angle := range []string{"latitude", "longitude"} {
		if strings.HasPrefix(s, angle+" (") {
			return angle
		}
	}
	return s
}

// gravityFree tells whether a title announces acceleration without gravity.
func gravityFree(title string) bool { return strings.HasPrefix(title, "linear acceleration") }

// titles cuts a header line and returns its separator: whichever of semicolon,
// tab and comma comes, in that order, because a title may hold a comma and
// never one of the others.
func titles(line []byte) ([]string, byte) {
	separator := byte(',')
	for _, b := range []byte{';', '\t'} {
		if bytes.IndexByte(line, b) >= 0 {
			separator = b
			break
		}
	}
	var plain []string
	for _, cell := range split(nil, line, separator) {
		plain = append(plain, plainTitle(cell))
	}
	return plain, separator
}

// A table is a text file with a line of titles and a reading a line.
type table struct {
	*lines
	dialect
	separator byte
	width     int             // cells a line
	column    [quantities]int // -1 where the table lacks it
	cells     [][]byte
}

// openTable reads the titles.
func openTable(l *lines, d dialect) (*table, error) {
	t := &table{lines: l, dialect: d}
	line, err := l.next()
	if err == io.EOF {
		return nil, &LineError{l.path, 0, ErrEmpty}
	}
	if err != nil {
		return nil, err
	}
	plain, separator := titles(line)
	t.separator, t.width = separator, len(plain)
	for q := range t.column {
		t.column[q] = -1
	}
	for i, title := range plain {
		if gravityFree(title) {
			return nil, l.wrongf("the acceleration excludes gravity: record the accelerometer with gravity")
		}
		if q, ok := d.columns[title]; ok {
			if t.column[q] >= 0 {
				return nil, l.wrongf("columns %d and %d have the same meaning", t.column[q]+1, i+1)
			}
			t.column[q] = i
		}
	}
	if t.column[seconds] < 0 && t.column[nanosecondsSince1970] < 0 {
		return nil, l.wrongf("%s without a column of times, but with %s", t.format, quote(line))
	}
	if !t.hasAcceleration() && !t.hasFixes() {
		return nil, l.wrongf("%s with neither three axes nor latitude and longitude, but with %s", t.format, quote(line))
	}
	return t, nil
}

func (t *table) hasAcceleration() bool {
	return t.column[axisX] >= 0 && t.column[axisY] >= 0 && t.column[axisZ] >= 0
}

func (t *table) hasFixes() bool { return t.column[latitude] >= 0 && t.column[longitude] >= 0 }

// row reads the next line into t.cells, and returns io.EOF after the last.
func (t *table) row() error {
	line, err := t.next()
	if err != nil {
		return err
	}
	t.cells = split(t.cells, line, t.separator)
	// A separator after the last cell is common and harmless.
	if len(t.cells) == t.width+1 && len(t.cells[t.width]) == 0 {
		t.cells = t.cells[:t.width]
	}
	if len(t.cells) != t.width {
		return t.wrongf("%d cells under %d titles", len(t.cells), t.width)
	}
	return nil
}

// missing tells whether a row has nothing under a title.
func (t *table) missing(q quantity) bool {
	return t.column[q] < 0 || len(t.cells[t.column[q]]) == 0
}

// value reads a cell, NaN where there is none.
func (t *table) value(q quantity) (float64, error) {
	if t.missing(q) {
		return math.NaN(), nil
	}
	cell := t.cells[t.column[q]]
	if t.separator != ',' {
		// Programs that separate with something else may write 9,81.
		if i := bytes.IndexByte(cell, ','); i >= 0 {
			cell[i] = '.'
		}
	}
	v, ok := number(cell)
	if !ok {
		return 0, t.wrongf("column %d is not a number", t.column[q]+1)
	}
	return v, nil
}

// time reads the time of a row.
func (t *table) time() (int64, error) {
	if i := t.column[nanosecondsSince1970]; i >= 0 {
		ns, ok := integer(t.cells[i])
		if !ok {
			return 0, t.wrongf("column %d is not a whole number of nanoseconds", i+1)
		}
		return ns, nil
	}
	v, err := t.value(seconds)
	if err != nil {
		return 0, err
	}
	ns, err := nanoseconds(v)
	if err != nil {
		return 0, t.wrong(err)
	}
	return ns, nil
}

// readSamples reads every acceleration of the table.
func (t *table) readSamples(limit int) (*samples, int, error) {
	s, skipped := newSamples(limit), 0
	err := each(t.row, func() error {
		if t.padded && t.missing(axisX) && t.missing(axisY) && t.missing(axisZ) {
			skipped++
			return nil
		}
		at, err := t.time()
		if err != nil {
			return err
		}
		var axes [3]float64
		for i := range axes {
			q := axisX + quantity(i)
			if t.missing(q) {
				return t.wrongf("column %d is empty", t.column[q]+1)
			}
			if axes[i], err = t.value(q); err != nil {
				return err
			}
		}
		if err := s.add(at, axes[0], axes[1], axes[2]); err != nil {
			return t.wrong(err)
		}
		return nil
	})
	return s, skipped, err
}

// readPlaces reads every fix of the table.
func (t *table) readPlaces(limit int) (*places, error) {
	ps := newPlaces(limit)
	err := each(t.row, func() error {
		at, err := t.time()
		if err != nil {
			return err
		}
		p := place{time: at}
		for _, field := range []struct {
			q  quantity
			to *float64
		}{{latitude, &p.latitude}, {longitude, &p.longitude}, {speed, &p.speed}, {accuracy, &p.accuracy}} {
			if *field.to, err = t.value(field.q); err != nil {
				return err
			}
		}
		if math.IsNaN(p.latitude) != math.IsNaN(p.longitude) {
			return t.wrongf("only one of latitude and longitude")
		}
		if err := ps.add(p); err != nil {
			return t.wrong(err)
		}
		return nil
	})
	return ps, err
}

// readTable reads a table that is a whole recording: accelerations where there
// are axes, fixes otherwise.
func readTable(l *lines, d dialect, o Options, r *Recording) error {
	t, err := openTable(l, d)
	if err != nil {
		return err
	}
	if !t.hasAcceleration() {
		return readFixTable(t, o, r)
	}
	s, skipped, err := t.readSamples(o.MaxSamples)
	if err != nil {
		return err
	}
	s.moveTo(r)
	r.Skipped += skipped
	return nil
}

// readFixTable reads the fixes of a table into a recording.
func readFixTable(t *table, o Options, r *Recording) error {
	ps, err := t.readPlaces(o.MaxSamples)
	if err != nil {
		return err
	}
	ps.moveTo(r)
	return nil
}
