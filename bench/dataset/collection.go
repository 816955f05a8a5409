package dataset

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/tempogate/tempogate/classifier"
)

// IndexName is the file that makes a directory a collection.
const IndexName = "index.csv"

// Activities of an Entry beside the five names of classifier.Activity.
const (
	Inside = "inside" // the recording labels itself: wisdm, geolife, fit
	Other  = "other"  // known to be none of the five
)

// An Entry is a row of index.csv: a recording, or a file of several.
type Entry struct {
	Path      string // file or directory below the collection, with slashes
	Dataset   string // recordings of one data set share people, phones and place
	Subject   string // who, within the data set; "" when nobody knows
	Activity  string // still, walk, run, cycle, transit, Inside, Other, or "" when nobody said
	Vehicle   string // bus, car, ... or how the activity was done: slow, fast
	Placement string // where the phone was: pocket, hand, ...
	Format    string // one of Formats, or "" to tell it from the content
	Signals   string // acc, gps, footcontacts, cadence, with + between; for the reader of the index
	Steps     int    // steps counted by a person or by foot contacts, 0 when nobody counted
}

// A Collection is a directory of labelled recordings with an index. It may be
// used by several goroutines at once as long as nobody changes it.
type Collection struct {
	Dir     string
	Entries []Entry // in the order of the index
	Options Options // limits for Read; Format and Fixes are ignored
}

// indexColumns are the titles of an index, of which path and dataset are
// needed.
var indexColumns = []string{"path", "dataset", "subject", "activity", "vehicle", "placement", "format", "signals", "steps"}

// OpenCollection reads the index of a collection. A row that cannot be used is
// a *LineError. The recordings themselves are opened by Read only.
func OpenCollection(dir string) (*Collection, error) {
	path := filepath.Join(dir, IndexName)
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("dataset: %w", err)
	}
	defer f.Close()
	entries, err := readIndex(path, f)
	if err != nil {
		return nil, err
	}
	return &Collection{Dir: dir, Entries: entries}, nil
}

// indexLimit bounds an index, in bytes.
const indexLimit = 64 << 20

// readIndex reads an index. The path serves for errors only.
func readIndex(path string, r io.Reader) ([]Entry, error) {
	rows := csv.NewReader(&boundedReader{r: r, left: indexLimit, limit: indexLimit})
	rows.ReuseRecord = true
	titles, err := rows.Read()
	if err == io.EOF {
		return nil, &LineError{path, 0, ErrEmpty}
	}
	if err != nil {
		return nil, rowError(path, err)
	}
	column := map[string]int{}
	for i, title := range titles {
		title = strings.ToLower(strings.TrimSpace(strings.TrimPrefix(title, string(byteOrderMark))))
		if !slices.Contains(indexColumns, title) {
			return nil, &LineError{path, 1, fmt.Errorf("no column is called %q (known: %s)", title, strings.Join(indexColumns, " "))}
		}
		if _, twice := column[title]; twice {
			return nil, &LineError{path, 1, fmt.Errorf("two columns are called %q", title)}
		}
		column[title] = i
	}
	for _, needed := range indexColumns[:2] {
		if _, ok := column[needed]; !ok {
			return nil, &LineError{path, 1, fmt.Errorf("no column is called %q", needed)}
		}
	}
	var entries []Entry
	seen := map[string]int{}
	for {
		row, err := rows.Read()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, rowError(path, err)
		}
		line, _ := rows.FieldPos(0)
		e, err := newEntry(func(title string) string {
			if i, ok := column[title]; ok {
				return strings.TrimSpace(row[i])
			}
			return ""
		})
		if err != nil {
			return nil, &LineError{path, line, err}
		}
		if before, twice := seen[e.Path]; twice {
			return nil, &LineError{path, line, fmt.Errorf("the path is on line %d already", before)}
		}
		seen[e.Path] = line
		entries = append(entries, e)
	}
	if len(entries) == 0 {
		return nil, &LineError{path, 0, errors.New("the index lists no recordings")}
	}
	return entries, nil
}

// rowError turns an error of encoding/csv into a LineError.
func rowError(path string, err error) error {
	var wrong *csv.ParseError
	if errors.As(err, &wrong) {
		return &LineError{path, wrong.Line, wrong.Err}
	}
	return &LineError{path, 0, fmt.Errorf("cannot be read: %w", err)}
}

// newEntry checks a row.
func newEntry(cell func(title string) string) (Entry, error) {
	e := Entry{
		Path: cell("path"), Dataset: cell("dataset"), Subject: cell("subject"),
		Activity: cell("activity"), Vehicle: cell("vehicle"), Placement: cell("placement"),
		Format: cell("format"), Signals: cell("signals"),
	}
	if e.Path == "" || !filepath.IsLocal(filepath.FromSlash(e.Path)) {
		return Entry{}, errors.New("the path is not one below the collection")
	}
	if e.Dataset == "" {
		return Entry{}, errors.New("the data set has no name: it is needed to keep its recordings on one side of a split")
	}
	switch e.Activity {
	case "", Inside, Other:
	default:
		if a, err := classifier.ParseActivity(e.Activity); err != nil || a == classifier.Unknown {
			return Entry{}, fmt.Errorf("no activity is called %q (known: still walk run cycle transit inside other)", e.Activity)
		}
	}
	if e.Format != "" && !slices.Contains(formats[:], e.Format) {
		return Entry{}, fmt.Errorf("%w %q (known: %s)", ErrUnknownFormat, e.Format, strings.Join(formats[:], " "))
	}
	if steps := cell("steps"); steps != "" {
		n, err := strconv.Atoi(steps)
		if err != nil || n < 0 {
			return Entry{}, errors.New("the number of steps is not a whole number")
		}
		e.Steps = n
	}
	return e, nil
}

// Read reads the recordings of an entry. The names begin with e.Path. Where
// the index names the activity each recording gets one label over all of it,
// with e.Vehicle as the detail; with Inside, or nothing, the recording keeps
// the labels of its own.
func (c *Collection) Read(e Entry) ([]Recording, error) {
	if !filepath.IsLocal(filepath.FromSlash(e.Path)) {
		return nil, fmt.Errorf("dataset: %q is no path below the collection", e.Path)
	}
	o := c.Options
	o.Format, o.Fixes = e.Format, ""
	recordings, err := read(filepath.Join(c.Dir, filepath.FromSlash(e.Path)), e.Path, o)
	if err != nil {
		return nil, err
	}
	if e.Activity == "" || e.Activity == Inside {
		return recordings, nil
	}
	activity, detail := classifier.Unknown, Other
	if e.Activity != Other {
		if activity, err = classifier.ParseActivity(e.Activity); err != nil {
			return nil, fmt.Errorf("dataset: %w", err)
		}
		detail = e.Vehicle
	}
	for i := range recordings {
		recordings[i].labelAll(activity, detail)
	}
	return recordings, nil
}
