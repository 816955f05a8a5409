package dataset

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

var formats = [...]string{"csv", "wisdm", "sisfall", "sthar", "phyphox", "sensorlogger", "oxford", "geolife", "fit"}

// Formats returns the names of the formats that Read knows, without "auto".
// The slice is the caller's own.
func Formats() []string { return append([]string(nil), formats[:]...) }

// The limits that hold where Options says nothing.
const (
	DefaultMaxSamples = 20_000_000 // 55 hours at 100 Hz, 640 MB of memory
	DefaultMaxBytes   = 4 << 30    // of one file after decompression
)

// Options says how to read. The zero value detects the format and uses the
// default limits.
type Options struct {
	Format     string // one of Formats; "" and "auto" tell it from the content
	Fixes      string // file with the fixes (csv, phyphox or sensorlogger) that belong to the accelerations, on the same clock
	MaxSamples int    // most readings of a kind (accelerations, fixes, steps) in one Read; 0 means DefaultMaxSamples
	MaxBytes   int64  // most bytes of one file after decompression; 0 means DefaultMaxBytes
}

// Read reads a recording, or the several that a file or directory holds. The
// path names a file (.zst and .gz as they are) or a directory that one program
// exported. A directory of several recordings is a Collection, see
// OpenCollection.
//
// It fails for a format that it does not know (ErrUnknownFormat), a recording
// without readings (ErrEmpty), one beyond the limits (ErrTooLarge), and for
// the first line that cannot be used (*LineError). Nothing is returned beside
// an error.
func Read(path string, o Options) ([]Recording, error) {
	return read(path, filepath.ToSlash(filepath.Clean(path)), o)
}

// read is Read, with the name that the recordings get.
func read(path, name string, o Options) ([]Recording, error) {
	if err := o.complete(); err != nil {
		return nil, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("dataset: %w", err)
	}
	var archive bool
	if !info.IsDir() {
		if archive, err = isArchive(path); err != nil {
			return nil, err
		}
	}
	var recordings []Recording
	switch {
	case info.IsDir():
		recordings, err = readDirectory(path, name, o, openDirectory)
	case archive:
		recordings, err = readDirectory(path, name, o, openArchive)
	default:
		recordings, err = readFile(path, name, o)
	}
	if err != nil {
		return nil, err
	}
	if o.Fixes != "" {
		if len(recordings) != 1 {
			return nil, fmt.Errorf("dataset: %s holds %d recordings: to which do the fixes belong?", path, len(recordings))
		}
		if len(recordings[0].Fixes) > 0 {
			return nil, fmt.Errorf("dataset: %s has fixes of its own", path)
		}
		if err := readFixFile(o.Fixes, o, &recordings[0]); err != nil {
			return nil, err
		}
	}
	if len(recordings) == 0 {
		return nil, &LineError{path, 0, ErrEmpty}
	}
	for i := range recordings {
		if _, _, ok := recordings[i].Span(); !ok {
			return nil, &LineError{path, 0, ErrEmpty}
		}
	}
	return recordings, nil
}

// complete puts the defaults in.
func (o *Options) complete() error {
	if o.Format == "auto" {
		o.Format = ""
	}
	known := o.Format == ""
	for _, f := range formats {
		known = known || f == o.Format
	}
	if !known {
		return fmt.Errorf("dataset: %w %q (known: auto %s)", ErrUnknownFormat, o.Format, strings.Join(formats[:], " "))
	}
	if o.MaxSamples < 0 || o.MaxBytes < 0 {
		return errors.New("dataset: a limit is negative")
	}
	if o.MaxSamples == 0 {
		o.MaxSamples = DefaultMaxSamples
	}
	if o.MaxBytes == 0 {
		o.MaxBytes = DefaultMaxBytes
	}
	return nil
}

// readFile reads one file.
func readFile(path, name string, o Options) ([]Recording, error) {
	s, err := openSource(path, o.MaxBytes)
	if err != nil {
		return nil, err
	}
	defer s.close()
	return readSource(s, name, o)
}

// readSource reads one file that is open.
func readSource(s *source, name string, o Options) ([]Recording, error) {
	format := o.Format
	if format == "" {
		var err error
		if format, err = detect(s); err != nil {
			return nil, err
		}
	}
	recordings, err := readAs(format, s, name, o)
	if err != nil {
		return nil, err
	}
	for i := range recordings {
		recordings[i].Format = format
	}
	return recordings, nil
}

// readAs reads one file of a known format.
func readAs(format string, s *source, name string, o Options) ([]Recording, error) {
	l := &lines{source: s}
	switch format {
	case "wisdm":
		return readWISDM(l, o, name)
	case "fit":
		return readFIT(s, o, name)
	}
	r := Recording{Name: name}
	var err error
	switch format {
	case "csv":
		err = readTable(l, genericCSV, o, &r)
	case "phyphox":
		err = readTable(l, phyphox, o, &r)
	case "sensorlogger":
		err = readSensorLoggerFile(l, o, &r)
	case "sisfall":
		err = sisfall.read(l, o, &r)
	case "sthar":
		err = sthar.read(l, o, &r)
	case "oxford":
		err = readOxford(l, o, &r)
	case "geolife":
		err = readPlot(l, o, &r)
	}
	if err != nil {
		return nil, err
	}
	return []Recording{r}, nil
}

// dialects are the formats that can hold fixes in a table.
var dialects = map[string]dialect{"csv": genericCSV, "phyphox": phyphox, "sensorlogger": sensorLogger}

// readFixFile adds the fixes of a table of its own to a recording.
func readFixFile(path string, o Options, r *Recording) error {
	s, err := openSource(path, o.MaxBytes)
	if err != nil {
		return err
	}
	defer s.close()
	format, err := detect(s)
	if err != nil {
		return err
	}
	d, ok := dialects[format]
	if !ok {
		return &LineError{path, 0, fmt.Errorf("fixes come as csv, phyphox or sensorlogger, and this is %s", format)}
	}
	t, err := openTable(&lines{source: s}, d)
	if err != nil {
		return err
	}
	if !t.hasFixes() {
		return t.wrongf("no columns of latitude and longitude")
	}
	return readFixTable(t, o, r)
}
