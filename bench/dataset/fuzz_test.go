package dataset

import (
	"errors"
	"math"
	"strings"
	"testing"
)

// fuzzRead reads anything as one format, and checks what holds for any input:
// no panic, bounded results, and an error that names the file.
func fuzzRead(f *testing.F, format string, seeds ...string) {
	const limit = 1000
	for _, seed := range seeds {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, content string) {
		for _, asked := range []string{format, ""} {
			recordings, err := readBytes(content, Options{Format: asked, MaxSamples: limit, MaxBytes: 1 << 20})
			if err != nil {
				var line *LineError
				if !errors.As(err, &line) || line.Path != "file" || len(err.Error()) > 500 {
					t.Fatalf("not an error of a line: %v", err)
				}
				if recordings != nil {
					t.Fatal("recordings beside an error")
				}
				continue
			}
			total := 0
			for i := range recordings {
				total += fuzzCheck(t, &recordings[i])
			}
			if total > 2*limit { // one of each kind
				t.Fatalf("%d readings beyond the limit of %d", total, limit)
			}
		}
	})
}

// fuzzCheck checks a recording and returns how many readings it has.
func fuzzCheck(t *testing.T, r *Recording) int {
	for i, s := range r.Samples {
		for _, v := range []float64{s.X, s.Y, s.Z} {
			if math.IsNaN(v) || math.Abs(v) > accelerationLimit {
				t.Fatalf("an acceleration of %v", v)
			}
		}
		if i > 0 && s.SensorTime <= r.Samples[i-1].SensorTime {
			t.Fatal("samples out of order")
		}
	}
	for i, fix := range r.Fixes {
		if fix.SpeedMPS < 0 || fix.AccuracyM < 0 || math.IsInf(fix.SpeedMPS, 0) || math.IsInf(fix.EastM, 0) || math.IsInf(fix.NorthM, 0) {
			t.Fatalf("an impossible fix: %v", fix)
		}
		// Half round the Earth is 20 016 km.
		if math.Hypot(fix.EastM, fix.NorthM) > 30e6 {
			t.Fatal("further than around the Earth")
		}
		if i > 0 && fix.SensorTime <= r.Fixes[i-1].SensorTime {
			t.Fatal("fixes out of order")
		}
	}
	for i, l := range r.Labels {
		if l.FromTime >= l.ToTime || i > 0 && l.FromTime < r.Labels[i-1].ToTime {
			t.Fatalf("labels %v", r.Labels)
		}
	}
	return len(r.Samples) + len(r.Fixes) + len(r.Cadence)
}

func FuzzCSV(f *testing.F) {
	fuzzRead(f, "csv", "t,ax,ay,az\n0,1,2,3\n0.1,1,2,3\n0.05,1,2,3\n", "t,lat,lon,speed,accuracy\n0,60,10,1,5\n1,,,-1,\n", "T,\"ax\",ay , az\n1e300,1,2,3", "t,ax,ay,az\n-9e9,0x1p3,1_0,3\n")
}

func FuzzPhyphox(f *testing.F) {
	fuzzRead(f, "phyphox", "\ufeffTime (s);X (m/s^2);Y (m/s^2);Z (m/s^2)\r\n0,01;-1,5;9,25;1,2E-1\r\n;;;\r\n",
		"\"Time (s)\",\"Latitude (°)\",\"Longitude (°)\",\"Velocity (m/s)\"\n0,60,10,NaN\n1,-90,180,\n", "Time (s)\tAcceleration x (m/s²)\tAcceleration y (m/s²)\tAcceleration z (m/s²)\n0\t1\t2\t3\n")
}

func FuzzSensorLogger(f *testing.F) {
	fuzzRead(f, "sensorlogger", "time,seconds_elapsed,z,y,x\n1698501144401773001,0.5,9.5,0.5,1.0\n1698501144401773002,0.5,9.5,0.5,1.0\n",
		"time,seconds_elapsed,horizontalAccuracy,speed,longitude,latitude\n1,1,5,-1,10,60\n", "seconds_elapsed,z,y,x\n1,9,0,0\n")
}

func FuzzWISDM(f *testing.F) {
	fuzzRead(f, "wisdm", "1700,A,900000000000,1.5,9.0,0.5;\n1700,D,1,0,9.75,1;\n1701,D,2,0,9.75,1;\n", "1,B,-9223372036854775808,1,2,3;\n")
}

func FuzzSisFall(f *testing.F) {
	fuzzRead(f, "sisfall", "  64,-256,   0, -18,-504,-352,  76,-697,-279;\r\n", "1,2,3,4,5,6,7,8,9\n")
}

func FuzzSTHAR(f *testing.F) {
	fuzzRead(f, "sthar", "  500,     0, -1000\n    0,  2000,     0\r\n", "1e3,NaN,0\n")
}

func FuzzOxford(f *testing.F) {
	fuzzRead(f, "oxford", "5000000000,3,1.0,9.5,0.5\r\n5010000000,3,2.0,9.0,0.25\r\n")
}

func FuzzFootContacts(f *testing.F) {
	f.Add("5000000000,1,1\n5100000000,1,0\n5200000000,1,1\n")
	f.Add("1,0,0\n1,0,1\n")
	f.Fuzz(func(t *testing.T, content string) {
		s, err := newSource("file", strings.NewReader(content), 1<<20)
		if err != nil {
			return
		}
		defer s.close()
		var r Recording
		if readFootContacts(&lines{source: s}, Options{MaxSamples: 100}, &r); len(r.Steps) > 100 {
			t.Fatalf("%d steps", len(r.Steps))
		}
		for i := range r.Steps {
			if i > 0 && r.Steps[i].SensorTime < r.Steps[i-1].SensorTime {
				t.Fatal("steps out of order")
			}
		}
	})
}

func FuzzPlot(f *testing.F) {
	fuzzRead(f, "geolife", plotTitle+"60,10,0,50,40000.5,2031-02-03,04:05:06\r\n60,370.0001,0,50,40000.5,2031-02-03,04:05:08\r\n400,10,0,0,0,2031-02-03,04:05:09\r\n")
}

func FuzzModes(f *testing.F) {
	f.Add("Start Time\tEnd Time\tTransportation Mode\r\n2031/02/03 07:30:00\t2031/02/03 08:10:00\twalk\r\n2031/02/03 08:00:00\t2031/02/03 08:10:00\tbus\r\n")
	f.Fuzz(func(t *testing.T, content string) {
		s, err := newSource("file", strings.NewReader(content), 1<<20)
		if err != nil {
			return
		}
		defer s.close()
		labels, err := readModes(&lines{source: s})
		if err != nil {
			return
		}
		fuzzCheck(t, &Recording{Labels: labels})
	})
}

func FuzzFIT(f *testing.F) {
	fuzzRead(f, "fit", fitFile(f, nil, fitRecord(0).SetPositionLatDegrees(60).SetPositionLongDegrees(10).SetCadence(80)))
}

func FuzzCompressed(f *testing.F) {
	fuzzRead(f, "csv", zstandard(f, "t,ax,ay,az\n0,1,2,3\n"), gzipped(f, "t,ax,ay,az\n0,1,2,3\n"),
		gzipped(f, strings.Repeat("f\x11\u070f", 40)))
}

func FuzzIndex(f *testing.F) {
	f.Add(indexTitle + "a/walk-1,mine,p1,walk,,pocket,csv,acc+gps,120\n\"b, too\",yours,,inside,,,,,\n")
	f.Add("\ufeffdataset, path\nmine,walk.csv\n")
	f.Fuzz(func(t *testing.T, content string) {
		entries, err := readIndex("file", strings.NewReader(content))
		if err != nil {
			var line *LineError
			if !errors.As(err, &line) || entries != nil {
				t.Fatalf("not an error of a line: %v", err)
			}
			return
		}
		for _, e := range entries {
			if e.Dataset == "" || e.Path == "" || e.Path[0] == '/' || e.Steps < 0 {
				t.Fatalf("an impossible entry: %v", e)
			}
		}
	})
}
