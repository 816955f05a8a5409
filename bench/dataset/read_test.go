package dataset

import (
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tempogate/tempogate/classifier"
)

func TestUnknownFormatSaysWhatTheFileBeginsWith(t *testing.T) {
	const known = "file: unknown format (known: csv wisdm sisfall sthar phyphox sensorlogger oxford geolife fit): it begins with "
	for _, test := range []struct{ name, content, want string }{
		{"other titles", "timestamp,acc_x,acc_y,acc_z\n1,2,3,4\n", `"timestamp,acc_x,acc_y,acc_z"`},
		{"titles of a kilometre", strings.Repeat("title,", 100) + "\n", `"` + strings.Repeat("title,", 100)[:80] + `"...`},
		{"prose", "Dear reader,\n", `"Dear reader,"`},
		{"letters that cannot be seen", strings.Repeat("f\x11\u070f\u00a0", 30) + "\n", `"` + strings.Repeat("f\ufffd\ufffd ", 20) + `"...`},
		// A reading is nobody's business, not even in an error.
		{"four columns of numbers", "0.01,-1.5,9.25,0.125\n", "a line of numbers"},
		{"coordinates with a name", "home 52.1 4.9\n", "a line of numbers"},
		{"coordinates in prose", "We met at lat=52.1.\n", "a line of numbers"},
		{"single digits", "1;2;3;4\n", "a line of numbers"},
		{"a picture", "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "bytes that are not UTF-8 text"},
		{"UTF-16", "\xff\xfet\x00,\x00a\x00x\x00", "bytes that are not UTF-8 text"},
	} {
		_, err := readText(test.content, Options{})
		if want := known + test.want; err == nil || err.Error() != want || !errors.Is(err, ErrUnknownFormat) {
			t.Errorf("%s:\ngot  %v\nwant %s", test.name, err, want)
		}
	}
	_, err := Read(t.TempDir(), Options{Format: "mp3"})
	if want := `dataset: unknown format "mp3" (known: auto csv wisdm sisfall sthar phyphox sensorlogger oxford geolife fit)`; err == nil || err.Error() != want || !errors.Is(err, ErrUnknownFormat) {
		t.Errorf("got %v", err)
	}
}

func TestEmptyRecordings(t *testing.T) {
	dir := folder(t, map[string]string{
		"nothing":            "",
		"blank":              "\n\n  \n",
		"csv":                "t,ax,ay,az\n",
		"phyphox":            "Time (s),X (m/s^2),Y (m/s^2),Z (m/s^2)\n,,,\n",
		"fixes":              "t,lat,lon,speed,accuracy\n0,,,-1,\n",
		"zst":                zstandard(t, ""),
		"gz":                 gzipped(t, ""),
		"fit":                fitFile(t, nil, fitRecord(0).SetHeartRate(60)),
		"both/Location.csv":  "Time (s),Latitude (°),Longitude (°)\n",
		"both/Raw Data.csv":  "Time (s),X (m/s^2),Y (m/s^2),Z (m/s^2)\n",
		"one/fixes.csv":      "t,lat,lon,speed,accuracy\n",
		"void/gravity.csv":   "",
		"void/.DS_Store":     "",
		"sl/Location.csv":    "time,seconds_elapsed,latitude,longitude\n",
		"sl/Annotation.csv":  "time,seconds_elapsed,text\n1,2,3\n",
		"half/fixes.csv.zst": zstandard(t, ""),
	})
	for _, name := range []string{"nothing", "blank", "csv", "phyphox", "fixes", "zst", "gz", "fit", "both", "one", "sl", "half"} {
		if recordings, err := Read(filepath.Join(dir, name), Options{}); !errors.Is(err, ErrEmpty) || recordings != nil || !strings.Contains(err.Error(), filepath.Join(dir, name)) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	for _, format := range Formats() {
		if format == "fit" {
			continue // no file of no bytes is a FIT file: it is damaged
		}
		if _, err := Read(filepath.Join(dir, "nothing"), Options{Format: format}); !errors.Is(err, ErrEmpty) {
			t.Errorf("as %s: got %v", format, err)
		}
	}
	if _, err := Read(filepath.Join(dir, "void"), Options{}); !errors.Is(err, ErrUnknownFormat) {
		t.Errorf("a folder without a recording: got %v", err)
	}
}

func TestFolders(t *testing.T) {
	const (
		csv      = "t,ax,ay,az\n0.010,-1.5,9.25,0.125\n0.020,2,-8,0.5\n"
		fixes    = "t,lat,lon,speed,accuracy\n0,60,10,2,5\n1,60,10.0001,2,5\n"
		plot     = "Time (s);X (m/s^2);Y (m/s^2);Z (m/s^2)\n0,01;-1,5;9,25;0,125\n0,02;2;-8;0,5\n"
		location = "Time (s);Latitude (°);Longitude (°);Velocity (m/s);Horizontal Accuracy (m)\n0;60;10;2;5\n1;60;10,0001;2;5\n"
	)
	twoFixes := []classifier.Fix{
		{SensorTime: 0, SpeedMPS: 2, EastM: nan, NorthM: nan, AccuracyM: 5},
		{SensorTime: 1e9, SpeedMPS: 2, EastM: 5.56, NorthM: 0, AccuracyM: 5},
	}
	for _, test := range []struct {
		name, format       string
		acceleration, fixs bool
		files              map[string]string
	}{
		{"csv with fixes", "csv", true, true, map[string]string{"acceleration.csv": csv, "fixes.csv": fixes, "readme.txt": "hello"}},
		{"csv without fixes", "csv", true, false, map[string]string{"acceleration.csv.zst": zstandard(t, csv)}},
		{"csv with fixes only", "csv", false, true, map[string]string{"fixes.csv.gz": gzipped(t, fixes)}},
		{"phyphox", "phyphox", true, true, map[string]string{"Accelerometer.csv": plot, "Location.csv": location, "meta/device.csv": "a,b\n"}},
		{"phyphox without location", "phyphox", true, false, map[string]string{"Raw Data.csv": plot}},
		{"phyphox with location only", "phyphox", false, true, map[string]string{"Location.csv.zst": zstandard(t, location)}},
		// The content decides, not the name.
		{"phyphox under the names of csv", "phyphox", true, true, map[string]string{"acceleration.csv": plot, "fixes.csv": location}},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := folder(t, test.files)
			recordings, err := Read(dir, Options{})
			if err != nil {
				t.Fatal(err)
			}
			r := recordings[0]
			if len(recordings) != 1 || r.Format != test.format || r.Name != filepath.ToSlash(dir) {
				t.Errorf("got %d, the first %s as %s", len(recordings), r.Name, r.Format)
			}
			if test.acceleration != samplesEqual(r.Samples, twoSamples) {
				t.Errorf("got samples %v", r.Samples)
			}
			if test.fixs != fixesEqual(r.Fixes, twoFixes) {
				t.Errorf("got fixes %v", r.Fixes)
			}
		})
	}
}

func TestBrokenFoldersNameTheInnerFile(t *testing.T) {
	const csv, fixes = "t,ax,ay,az\n0,1,2,3\n", "t,lat,lon,speed,accuracy\n0,60,10,,\n"
	for _, test := range []struct {
		name  string
		o     Options
		files map[string]string
		want  string // after the path of the folder
	}{
		{"a broken line", Options{}, map[string]string{"acceleration.csv": csv, "fixes.csv": fixes + "x\n"}, "/fixes.csv:3: 1 cells under 5 titles"},
		{"a broken line, packed", Options{}, map[string]string{"acceleration.csv.zst": zstandard(t, csv+"1,2,3,?\n")}, "/acceleration.csv.zst:3: column 4 is not a number"},
		{"the two tables exchanged", Options{}, map[string]string{"acceleration.csv": fixes, "fixes.csv": csv}, "/acceleration.csv:1: no columns of three axes"},
		{"accelerations for fixes", Options{}, map[string]string{"acceleration.csv": csv, "fixes.csv": csv}, "/fixes.csv:1: no columns of latitude and longitude"},
		{"tables of two programs", Options{}, map[string]string{"acceleration.csv": csv, "Location.csv": "Time (s),Latitude (°),Longitude (°)\n0,60,10\n"},
			`/Location.csv:1: csv without a column of times, but with "Time (s),Latitude (°),Longitude (°)"`},
		{"the wrong format by hand", Options{Format: "phyphox"}, map[string]string{"acceleration.csv": csv}, `/acceleration.csv:1: phyphox without a column of times, but with "t,ax,ay,az"`},
	} {
		dir := folder(t, test.files)
		_, err := Read(dir, test.o)
		if want := dir + test.want; err == nil || err.Error() != want {
			t.Errorf("%s:\ngot  %v\nwant %s", test.name, err, want)
		}
	}
	for _, test := range []struct {
		o     Options
		files map[string]string
		want  string
	}{
		{Options{}, map[string]string{"acceleration.csv": csv, "acceleration.csv.zst": csv}, "dataset: %s holds acceleration.csv twice: acceleration.csv and acceleration.csv.zst"},
		{Options{Format: "wisdm"}, map[string]string{"acceleration.csv": csv}, "dataset: %s: a recording in the format wisdm is a file, not a directory"},
		{Options{Format: "oxford"}, map[string]string{"acceleration.csv": csv}, "dataset: %s: no accelerometer.csv in it"},
		{Options{}, map[string]string{"other.csv": csv}, "dataset: %s: unknown format: no acceleration.csv, totalacceleration.csv, accelerometer.csv, raw data.csv, no fixes.csv, location.csv and no Trajectory folder in it"},
	} {
		dir := folder(t, test.files)
		_, err := Read(dir, test.o)
		if want := strings.Replace(test.want, "%s", dir, 1); err == nil || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
}

func TestFixesFromAFileOfTheirOwn(t *testing.T) {
	dir := folder(t, map[string]string{
		"run.csv":       "t,ax,ay,az\n0.010,-1.5,9.25,0.125\n",
		"fixes.csv":     "t,lat,lon,speed,accuracy\n0,60,10,2,5\n",
		"Location.csv":  "\"Time (s)\";\"Latitude (°)\";\"Longitude (°)\"\n0,5;60;10\n",
		"people.wisdm":  "1700,A,1000,1,2,3;\n1700,B,2000,1,2,3;\n",
		"broken.csv":    "t,lat,lon,speed,accuracy\n0,60\n",
		"both/fixes.gz": "",
	})
	in := func(name string) string { return filepath.Join(dir, name) }
	for name, at := range map[string]int64{"fixes.csv": 0, "Location.csv": 500 * ms} {
		recordings, err := Read(in("run.csv"), Options{Fixes: in(name)})
		if err != nil || len(recordings[0].Fixes) != 1 || recordings[0].Fixes[0].SensorTime != at || len(recordings[0].Samples) != 1 {
			t.Errorf("%s: got %v, %v", name, recordings, err)
		}
	}
	for _, test := range []struct{ path, fixes, want string }{
		{"people.wisdm", "fixes.csv", "dataset: " + in("people.wisdm") + " holds 2 recordings: to which do the fixes belong?"},
		{"fixes.csv", "fixes.csv", "dataset: " + in("fixes.csv") + " has fixes of its own"},
		{"run.csv", "people.wisdm", in("people.wisdm") + ": fixes come as csv, phyphox or sensorlogger, and this is wisdm"},
		{"run.csv", "run.csv", in("run.csv") + ":1: no columns of latitude and longitude"},
		{"run.csv", "broken.csv", in("broken.csv") + ":2: 2 cells under 5 titles"},
		{"run.csv", "absent.csv", "dataset: open " + in("absent.csv") + ": no such file or directory"},
	} {
		if _, err := Read(in(test.path), Options{Fixes: in(test.fixes)}); err == nil || err.Error() != test.want {
			t.Errorf("got  %v\nwant %s", err, test.want)
		}
	}
}

func TestFormatsIsTheCallersOwn(t *testing.T) {
	Formats()[0] = "changed"
	if !slices.Contains(Formats(), "csv") {
		t.Error("the list changed for everybody")
	}
}
