package dataset

import (
	"archive/zip"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// A directory is what one program exported in one go: files with names that
// the program chose.
type directory struct {
	path    string
	files   map[string][]string  // real names by plain name: lower case, without .zst and .gz
	folders map[string]string    // real name by lower case name
	members map[string]*zip.File // by real name; nil unless it is an archive
	close   func()
}

func newDirectory(path string) *directory {
	return &directory{path: path, files: map[string][]string{}, folders: map[string]string{}, close: func() {}}
}

// add enters a name.
func (d *directory) add(name string, folder bool) {
	if strings.HasPrefix(name, ".") {
		return // what file managers leave behind
	}
	plain := strings.ToLower(name)
	if folder {
		d.folders[plain] = name
		return
	}
	plain = strings.TrimSuffix(strings.TrimSuffix(plain, ".zst"), ".gz")
	d.files[plain] = append(d.files[plain], name)
}

func openDirectory(path string) (*directory, error) {
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil, fmt.Errorf("dataset: %w", err)
	}
	d := newDirectory(path)
	for _, e := range entries {
		d.add(e.Name(), e.IsDir())
	}
	return d, nil
}

// source opens a file by its real name.
func (d *directory) source(name string, maxBytes int64) (*source, error) {
	if d.members != nil {
		return d.openMember(name, maxBytes)
	}
	return openSource(filepath.Join(d.path, name), maxBytes)
}

// find returns the real name of the first of these plain names that is there.
func (d *directory) find(plain ...string) (name string, ok bool, err error) {
	for _, p := range plain {
		switch names := d.files[p]; len(names) {
		case 0:
		case 1:
			return names[0], true, nil
		default:
			return "", false, fmt.Errorf("dataset: %s holds %s twice: %s", d.path, p, strings.Join(names, " and "))
		}
	}
	return "", false, nil
}

// The names that programs give to the files of a recording, compression apart.
// "Raw Data" is what phyphox calls the table of an experiment of its own.
var (
	accelerationNames = []string{"acceleration.csv", "totalacceleration.csv", "accelerometer.csv", "raw data.csv"}
	fixNames          = []string{"fixes.csv", "location.csv"}
)

// detect tells the format of a directory from its names where they are
// telling, and from the content of its first table otherwise.
func (d *directory) detect(o Options) (string, error) {
	if d.isGeolife() {
		return "geolife", nil
	}
	if len(d.files["stepcounter.csv"]) > 0 {
		return "oxford", nil
	}
	name, ok, err := d.find(append(slices.Clone(accelerationNames), fixNames...)...)
	if err != nil {
		return "", err
	}
	if !ok {
		return "", fmt.Errorf("dataset: %s: %w: no %s, no %s and no Trajectory folder in it", d.path, ErrUnknownFormat,
			strings.Join(accelerationNames, ", "), strings.Join(fixNames, ", "))
	}
	s, err := d.source(name, o.MaxBytes)
	if err != nil {
		return "", err
	}
	defer s.close()
	return detect(s)
}

// readDirectory reads a folder, or an archive as the folder that it holds.
func readDirectory(path, name string, o Options, open func(string) (*directory, error)) ([]Recording, error) {
	d, err := open(path)
	if err != nil {
		return nil, err
	}
	defer d.close()
	format := o.Format
	if format == "" {
		if format, err = d.detect(o); err != nil {
			return nil, err
		}
	}
	if format == "geolife" && d.members != nil {
		return nil, fmt.Errorf("dataset: %s: unpack archives of geolife: they hold a folder for each person", path)
	}
	if format == "geolife" {
		return d.readGeolife(name, o)
	}
	r := Recording{Name: name, Format: format}
	switch format {
	case "csv", "phyphox":
		err = d.readTables(dialects[format], o, &r)
	case "sensorlogger":
		err = d.readSensorLogger(o, &r)
	case "oxford":
		err = d.readOxford(o, &r)
	default:
		err = fmt.Errorf("dataset: %s: a recording in the format %s is a file, not a directory", path, format)
	}
	if err != nil {
		return nil, err
	}
	return []Recording{r}, nil
}

// open calls read with the lines of the first of some names, and does nothing
// when there is none.
func (d *directory) open(o Options, names []string, read func(*lines) error) (ok bool, err error) {
	name, ok, err := d.find(names...)
	if !ok || err != nil {
		return false, err
	}
	s, err := d.source(name, o.MaxBytes)
	if err != nil {
		return false, err
	}
	defer s.close()
	return true, read(&lines{source: s})
}

// readTables reads a table of accelerations and a table of fixes, either of
// which may be absent.
func (d *directory) readTables(dl dialect, o Options, r *Recording) error {
	_, err := d.open(o, accelerationNames, func(l *lines) error {
		t, err := openTable(l, dl)
		if err != nil {
			return err
		}
		if !t.hasAcceleration() {
			return l.wrongf("no columns of three axes")
		}
		s, skipped, err := t.readSamples(o.MaxSamples)
		if err != nil {
			return err
		}
		s.moveTo(r)
		r.Skipped += skipped
		return nil
	})
	if err != nil {
		return err
	}
	return d.readFixes(dl, o, r)
}

func (d *directory) readFixes(dl dialect, o Options, r *Recording) error {
	_, err := d.open(o, fixNames, func(l *lines) error {
		t, err := openTable(l, dl)
		if err != nil {
			return err
		}
		if !t.hasFixes() {
			return l.wrongf("no columns of latitude and longitude")
		}
		return readFixTable(t, o, r)
	})
	return err
}

// readOxford reads a walk and its foot contacts.
func (d *directory) readOxford(o Options, r *Recording) error {
	ok, err := d.open(o, []string{"accelerometer.csv"}, func(l *lines) error { return readOxford(l, o, r) })
	if err != nil {
		return err
	}
	if !ok {
		return fmt.Errorf("dataset: %s: no accelerometer.csv in it", d.path)
	}
	_, err = d.open(o, []string{"stepcounter.csv"}, func(l *lines) error { return readFootContacts(l, o, r) })
	return err
}

func (d *directory) isGeolife() bool {
	if _, ok := d.folders["trajectory"]; ok {
		return true
	}
	return len(d.plots()) > 0
}

// plots returns the names of the trajectories that lie in the directory itself.
func (d *directory) plots() []string {
	var names []string
	for plain, real := range d.files {
		if strings.HasSuffix(plain, ".plt") {
			names = append(names, real...)
		}
	}
	slices.Sort(names)
	return names
}

// readGeolife reads the folder of one person: a recording a trajectory, each
// with the part of labels.txt that falls into it.
func (d *directory) readGeolife(name string, o Options) ([]Recording, error) {
	var labels []Label
	_, err := d.open(o, []string{"labels.txt"}, func(l *lines) (err error) {
		labels, err = readModes(l)
		return err
	})
	if err != nil {
		return nil, err
	}
	below := ""
	if folder, ok := d.folders["trajectory"]; ok {
		below = folder
		if d, err = openDirectory(filepath.Join(d.path, folder)); err != nil {
			return nil, err
		}
	}
	var recordings []Recording
	for _, plot := range d.plots() {
		path := filepath.Join(d.path, plot)
		read, err := readFile(path, filepath.ToSlash(filepath.Join(name, below, plot)), Options{
			Format: "geolife", MaxSamples: o.MaxSamples, MaxBytes: o.MaxBytes,
		})
		if err != nil {
			return nil, err
		}
		r := &read[0]
		from, to, ok := r.Span()
		if !ok {
			return nil, &LineError{path, 0, ErrEmpty}
		}
		r.Labels = within(labels, from, to+1)
		o.MaxSamples -= len(r.Fixes)
		recordings = append(recordings, *r)
	}
	return recordings, nil
}
