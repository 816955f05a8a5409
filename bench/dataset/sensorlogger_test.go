package dataset

import (
	"strings"
	"testing"

	"github.com/tempogate/tempogate/classifier"
)

const sensorTitle = "time,seconds_elapsed,z,y,x\n"

func TestSensorLoggerTimesStayWholeNanoseconds(t *testing.T) {
	// Above 2^53 a float knows every 256th nanosecond only: as floats these
	// two would be the same time, and one a duplicate.
	r, err := readText(sensorTitle+
		"1698501144401773001,0.5,9.5,0.5,1.0\n"+
		"1698501144401773002,0.51,9.0,0.25,2.0\n", Options{})
	if err != nil {
		t.Fatal(err)
	}
	want := []classifier.Sample{
		{SensorTime: 1698501144401773001, X: 1, Y: 0.5, Z: 9.5},
		{SensorTime: 1698501144401773002, X: 2, Y: 0.25, Z: 9},
	}
	if !samplesEqual(r.Samples, want) || r.Format != "sensorlogger" {
		t.Errorf("got %v as %s", r.Samples, r.Format)
	}
}

func TestSensorLoggerFolder(t *testing.T) {
	const location = "time,seconds_elapsed,horizontalAccuracy,speed,longitude,latitude\n1000000000,1,5,1.5,10,60\n2000000000,2,5,1.5,10.0001,60\n"
	fixes := []classifier.Fix{
		{SensorTime: 1e9, SpeedMPS: 1.5, EastM: nan, NorthM: nan, AccuracyM: 5},
		{SensorTime: 2e9, SpeedMPS: 1.5, EastM: 5.56, NorthM: 0, AccuracyM: 5},
	}
	total := []classifier.Sample{{SensorTime: 1e9, X: 1, Y: 2, Z: 10}, {SensorTime: 2e9, X: 2, Y: 3, Z: 9}}
	for _, test := range []struct {
		name  string
		files map[string]string
	}{
		{"total acceleration", map[string]string{
			"TotalAcceleration.csv": sensorTitle + "1000000000,1,10,2,1\n2000000000,2,9,3,2\n",
			"Location.csv":          location,
			"Gyroscope.csv":         sensorTitle + "1000000000,1,77,77,77\n",
		}},
		{"total acceleration is taken before the parts", map[string]string{
			"TotalAcceleration.csv": sensorTitle + "1000000000,1,10,2,1\n2000000000,2,9,3,2\n",
			"Accelerometer.csv":     sensorTitle + "1000000000,1,77,77,77\n",
			"Location.csv":          location,
		}},
		{"acceleration and gravity at other times", map[string]string{
			"Accelerometer.csv": sensorTitle + "1000000000,1,1,2,1\n2000000000,2,0,2.5,2\n",
			// The first acceleration is before all gravity, and the second
			// half way between 0 and 1 along y.
			"Gravity.csv":  sensorTitle + "1200000000,1.2,9,0,0\n1800000000,1.8,9,0,0\n2200000000,2.2,9,1,0\n",
			"Location.csv": location,
		}},
		{"gravity ends early", map[string]string{
			"Accelerometer.csv.zst": zstandard(t, sensorTitle+"1000000000,1,1,2,1\n2000000000,2,0,3,2\n"),
			"Gravity.csv.gz":        gzipped(t, sensorTitle+"1000000000,1,9,0,0\n1500000000,1.5,9,0,0\n"),
			"Location.csv":          location,
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := folder(t, test.files)
			recordings, err := Read(dir, Options{})
			if err != nil {
				t.Fatal(err)
			}
			r := recordings[0]
			if !samplesEqual(r.Samples, total) {
				t.Errorf("got samples %v", r.Samples)
			}
			if !fixesEqual(r.Fixes, fixes) {
				t.Errorf("got fixes %v", r.Fixes)
			}
			if r.Format != "sensorlogger" {
				t.Errorf("taken for %s", r.Format)
			}
		})
	}
}

func TestSensorLoggerWithoutGravityIsRefused(t *testing.T) {
	const free = sensorTitle + "1000000000,1,0.5,0.5,0.5\n2000000000,2,1,1,1\n"
	dir := folder(t, map[string]string{"Accelerometer.csv": free})
	_, err := Read(dir, Options{})
	if want := "dataset: " + dir + ": Accelerometer.csv excludes gravity and there is no Gravity.csv: export TotalAcceleration"; err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	// Alone, a table does not say which sensor it is of, but its values do.
	if _, err := readText(free, Options{}); err == nil || !strings.Contains(err.Error(), "excludes gravity") {
		t.Errorf("got %v", err)
	}
	dir = folder(t, map[string]string{
		"Accelerometer.csv": free,
		"Gravity.csv":       sensorTitle + "3500000000,3.5,9,0,0\n",
	})
	_, err = Read(dir, Options{})
	if want := "dataset: " + dir + ": 2 of 2 accelerations have no reading of Gravity.csv within a second"; err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}
