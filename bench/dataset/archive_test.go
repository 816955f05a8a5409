package dataset

import (
	"archive/zip"
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// zipped writes a zip file with these members and returns its path.
func zipped(t testing.TB, members ...[2]string) string {
	t.Helper()
	var packed bytes.Buffer
	w := zip.NewWriter(&packed)
	for _, m := range members {
		f, err := w.Create(m[0])
		if err != nil {
			t.Fatal(err)
		}
		f.Write([]byte(m[1]))
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "export.zip")
	if err := os.WriteFile(path, packed.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

const (
	phyphoxTable = "\"Time (s)\",\"Acceleration x (m/s^2)\",\"Acceleration y (m/s^2)\",\"Acceleration z (m/s^2)\",\"Absolute acceleration (m/s^2)\"\n0.0,0.1,9.7,0.4,9.7\n0.01,0.2,9.8,0.3,9.8\n"
	loggerTable  = sensorTitle + "1000000000,1,10,2,1\n2000000000,2,9,3,2\n"
)

// An export as the app hands it over reads as the folder that it unpacks to.
func TestArchiveIsAFolder(t *testing.T) {
	for _, c := range []struct {
		name    string
		members [][2]string
		format  string
		samples int
	}{
		{"phyphox", [][2]string{{"Accelerometer.csv", phyphoxTable}, {"meta/device.csv", "a,b\n"}, {"meta/time.csv", "c\n"}}, "phyphox", 2},
		{"Sensor Logger on Android", [][2]string{{"TotalAcceleration.csv", loggerTable}, {"Metadata.csv", "version\n1\n"}}, "sensorlogger", 2},
		{"Sensor Logger on iOS", [][2]string{
			{"Accelerometer.csv", sensorTitle + "1000000000,1,1,0,0\n2000000000,2,1,0,0\n"},
			{"Gravity.csv", sensorTitle + "1000000000,1,9,0,0\n2000000000,2,9,0,0\n"},
		}, "sensorlogger", 2},
		{"all in one folder", [][2]string{{"2026-11-01_07-30-00/", ""}, {"2026-11-01_07-30-00/TotalAcceleration.csv", loggerTable}}, "sensorlogger", 2},
		{"packed on a Mac", [][2]string{{"run/TotalAcceleration.csv", loggerTable}, {"__MACOSX/run/._TotalAcceleration.csv", "junk"}}, "sensorlogger", 2},
		{"a member packed by itself", [][2]string{{"acceleration.csv.gz", gzipped(t, "t,ax,ay,az\n0,0,0,9.8\n1,0,0,9.7\n")}}, "csv", 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			recordings, err := Read(zipped(t, c.members...), Options{})
			if err != nil {
				t.Fatal(err)
			}
			files := map[string]string{}
			for _, m := range c.members {
				if name := filepath.Base(m[0]); m[1] != "" && !strings.HasPrefix(name, "._") && !strings.HasPrefix(m[0], "meta/") {
					files[name] = m[1]
				}
			}
			unpacked, err := Read(folder(t, files), Options{})
			if err != nil {
				t.Fatal(err)
			}
			r := recordings[0]
			if r.Format != c.format || len(r.Samples) != c.samples || !reflect.DeepEqual(r.Samples, unpacked[0].Samples) {
				t.Errorf("%s with %d samples; unpacked %v", r.Format, len(r.Samples), unpacked[0].Samples)
			}
		})
	}
}

// What is wrong with an archive is said with its name, and with the member's
// where it is a line.
func TestArchiveFaults(t *testing.T) {
	good := zipped(t, [2]string{"TotalAcceleration.csv", loggerTable})
	whole, err := os.ReadFile(good)
	if err != nil {
		t.Fatal(err)
	}
	cut := filepath.Join(t.TempDir(), "cut.zip")
	if err := os.WriteFile(cut, whole[:len(whole)/2], 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, path, part string }{
		{"cut short", cut, "cut.zip: damaged zip file"},
		{"nothing to read in it", zipped(t, [2]string{"readme.txt", "hello"}), "no acceleration.csv"},
		{"a bad line", zipped(t, [2]string{"TotalAcceleration.csv", loggerTable + "3000000000,3,x,1,1\n"}), "export.zip/TotalAcceleration.csv:4"},
		{"twice", zipped(t, [2]string{"TotalAcceleration.csv", loggerTable}, [2]string{"totalacceleration.csv", loggerTable}), "twice"},
		{"geolife", zipped(t, [2]string{"Trajectory/1.plt", "x"}, [2]string{"labels.txt", "y"}), "unpack archives of geolife"},
	} {
		if _, err := Read(c.path, Options{}); err == nil || !strings.Contains(err.Error(), c.part) {
			t.Errorf("%s: %v, want %q", c.name, err, c.part)
		}
	}
	bomb := zipped(t, [2]string{"TotalAcceleration.csv", sensorTitle + strings.Repeat("\n", 1<<20)})
	if _, err := Read(bomb, Options{MaxBytes: 1 << 16}); err == nil {
		t.Error("an archive that unpacks beyond the limit is read")
	}
}

// FuzzArchive reads anything as an archive: an error at most.
func FuzzArchive(f *testing.F) {
	for _, table := range []string{loggerTable, phyphoxTable} {
		content, err := os.ReadFile(zipped(f, [2]string{"Accelerometer.csv", table}))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(content)
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		recordings, err := readDirectory("fuzz.zip", "fuzz", Options{MaxBytes: 1 << 20, MaxSamples: 1000}, func(path string) (*directory, error) {
			archive, err := zip.NewReader(bytes.NewReader(content), int64(len(content)))
			if err != nil {
				return nil, err
			}
			return archiveDirectory(path, archive.File), nil
		})
		if err != nil && recordings != nil {
			t.Fatal("recordings beside an error")
		}
		for i := range recordings {
			fuzzCheck(t, &recordings[i])
		}
	})
}
