package dataset

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tempogate/tempogate/classifier"
)

// readText reads a file of the given content, named "file", and returns its
// only recording.
func readText(content string, o Options) (Recording, error) {
	recordings, err := readBytes(content, o)
	if err != nil {
		return Recording{}, err
	}
	return recordings[0], nil
}

func readBytes(content string, o Options) ([]Recording, error) {
	if err := o.complete(); err != nil {
		return nil, err
	}
	s, err := newSource("file", strings.NewReader(content), o.MaxBytes)
	if err != nil {
		return nil, err
	}
	defer s.close()
	return readSource(s, "file", o)
}

// folder writes files into a new directory and returns its path.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// samplesEqual compares times exactly and values to a billionth.
func samplesEqual(a, b []classifier.Sample) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i].SensorTime != b[i].SensorTime || !near(a[i].X, b[i].X, 1e-9) || !near(a[i].Y, b[i].Y, 1e-9) || !near(a[i].Z, b[i].Z, 1e-9) {
			return false
		}
	}
	return true
}

// fixesEqual compares times exactly, metres to a centimetre, the rest to a
// billionth. NaN equals NaN.
func fixesEqual(a, b []classifier.Fix) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i].SensorTime != b[i].SensorTime || !near(a[i].EastM, b[i].EastM, 0.01) || !near(a[i].NorthM, b[i].NorthM, 0.01) ||
			!near(a[i].SpeedMPS, b[i].SpeedMPS, 1e-9) || !near(a[i].AccuracyM, b[i].AccuracyM, 1e-9) {
			return false
		}
	}
	return true
}

func near(a, b, within float64) bool {
	if math.IsNaN(a) || math.IsNaN(b) {
		return math.IsNaN(a) && math.IsNaN(b)
	}
	return math.Abs(a-b) <= within
}

const ms = int64(1e6)

var nan = math.NaN()
