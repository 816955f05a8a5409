package dataset

import (
	"strings"
	"testing"

	"github.com/tempogate/tempogate/classifier"
)

// Two readings and the times of them, as every table of accelerations below
// spells them.
var twoSamples = []classifier.Sample{
	{SensorTime: 10 * ms, X: -1.5, Y: 9.25, Z: 0.125},
	{SensorTime: 20 * ms, X: 2, Y: -8, Z: 0.5},
}

func TestAccelerationTablesAreReadInEverySpelling(t *testing.T) {
	for _, test := range []struct{ name, format, content string }{
		{"generic csv", "csv", "t,ax,ay,az\n0.010,-1.5,9.25,0.125\n0.020,2,-8,0.5\n"},
		{"columns in another order, one unknown", "csv", "az,note,ay,ax,t\n0.125,hello,9.25,-1.5,0.01\n0.5,,-8,2,0.02\n"},
		{"titles in capitals with spaces, blank lines, no last line end", "csv", "\nT, AX ,AY,AZ\n\n0.010,-1.5,9.25,0.125\n\n0.020, 2 ,-8,0.5"},
		{"a separator at the end of each row", "csv", "t,ax,ay,az\n0.010,-1.5,9.25,0.125,\n0.020,2,-8,0.5,\n"},
		{"phyphox: quoted titles, scientific", "phyphox", "\"Time (s)\",\"X (m/s^2)\",\"Y (m/s^2)\",\"Z (m/s^2)\"\n1.000000000E-2,-1.500000000E0,9.250000000E0,1.250000000E-1\n2.000000000E-2,2.000000000E0,-8.000000000E0,5.000000000E-1\n"},
		{"phyphox: long titles, absolute value", "phyphox", "\"Time (s)\",\"Acceleration x (m/s^2)\",\"Acceleration y (m/s^2)\",\"Acceleration z (m/s^2)\",\"Absolute acceleration (m/s^2)\"\n1E-2,-1.5,9.25,0.125,9.37\n2E-2,2,-8,0.5,8.26\n"},
		{"phyphox: a real square sign", "phyphox", "\"Time (s)\",\"Acceleration x (m/s²)\",\"Acceleration y (m/s²)\",\"Acceleration z (m/s²)\"\n0.01,-1.5,9.25,0.125\n0.02,2,-8,0.5\n"},
		// Excel saves as Windows-1252, where the square sign is the one byte b2.
		{"phyphox: square sign of Windows-1252", "phyphox", "Time (s),X (m/s\xb2),Y (m/s\xb2),Z (m/s\xb2)\n0.01,-1.5,9.25,0.125\n0.02,2,-8,0.5\n"},
		{"phyphox: byte order mark, semicolons, decimal commas, CRLF", "phyphox", "\ufeffTime (s);X (m/s^2);Y (m/s^2);Z (m/s^2)\r\n0,01;-1,5;9,25;0,125\r\n2,0E-2;2;-8;0,5\r\n"},
		{"phyphox: semicolons with decimal points", "phyphox", "\"Time (s)\";\"X (m/s^2)\";\"Y (m/s^2)\";\"Z (m/s^2)\"\n0.01;-1.5;9.25;0.125\n0.02;2;-8;0.5\n"},
		{"phyphox: tabs", "phyphox", "\"Time (s)\"\t\"X (m/s^2)\"\t\"Y (m/s^2)\"\t\"Z (m/s^2)\"\n0.01\t-1.5\t9.25\t0.125\n0.02\t2\t-8\t0.5\n"},
		{"phyphox: quoted decimal commas", "phyphox", "Time (s);X (m/s^2);Y (m/s^2);Z (m/s^2)\n\"0,01\";\"-1,5\";\"9,25\";\"0,125\"\n\"0,02\";\"2\";\"-8\";\"0,5\"\n"},
		{"phyphox: dates behind the axes", "phyphox", "Time (s),X (m/s^2),Y (m/s^2),Z (m/s^2),Datetime\r\n0.01,-1.5,9.25,0.125,2031-02-03 04:05:06.010000\r\n0.02,2,-8,0.5,2031-02-03 04:05:06.020000\r\n"},
		// The last buffer of an experiment may be longer than those of the axes.
		{"phyphox: rows without any axis are padding", "phyphox", "Time (s),X (m/s^2),Y (m/s^2),Z (m/s^2)\n0.01,-1.5,9.25,0.125\n0.015,,,\n0.02,2,-8,0.5\n,,,\n"},
		{"sensor logger: seconds only", "sensorlogger", "seconds_elapsed,z,y,x\n0.01,0.125,9.25,-1.5\n0.02,0.5,-8,2\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r, err := readText(test.content, Options{})
			if err != nil {
				t.Fatal(err)
			}
			if r.Format != test.format {
				t.Errorf("the format was taken for %s", r.Format)
			}
			if !samplesEqual(r.Samples, twoSamples) {
				t.Errorf("got %v", r.Samples)
			}
			if len(r.Fixes) != 0 || len(r.Labels) != 0 {
				t.Errorf("fixes and labels from nowhere: %v %v", r.Fixes, r.Labels)
			}
			again, err := readText(test.content, Options{Format: test.format})
			if err != nil || !samplesEqual(again.Samples, twoSamples) {
				t.Errorf("with the format given: %v, %v", again.Samples, err)
			}
		})
	}
}

func TestPaddingIsCounted(t *testing.T) {
	r, err := readText("Time (s),X (m/s^2),Y (m/s^2),Z (m/s^2)\n0.01,1,2,3\n0.015,,,\n,,,\n", Options{})
	if err != nil || r.Skipped != 2 {
		t.Errorf("%d skipped, error %v; want 2", r.Skipped, err)
	}
}

// A degree of latitude is 6371008.8 m · π/180 = 111195.08 m, so that 0.0001°
// are 11.12 m. At 60° north a degree of longitude is half as long.
func TestFixTablesBecomeMetresMoved(t *testing.T) {
	want := []classifier.Fix{
		{SensorTime: 0, SpeedMPS: 2.5, EastM: nan, NorthM: nan, AccuracyM: 5},
		{SensorTime: 1000 * ms, SpeedMPS: nan, EastM: 5.56, NorthM: 0, AccuracyM: nan}, // empty speed and accuracy
		{SensorTime: 2000 * ms, SpeedMPS: nan, EastM: 0, NorthM: 11.12, AccuracyM: nan},
		{SensorTime: 3000 * ms, SpeedMPS: 0, EastM: -5.56, NorthM: -11.12, AccuracyM: 4},
	}
	for _, test := range []struct{ name, content string }{
		{"generic csv", "t,lat,lon,speed,accuracy\n0,60,10,2.5,5\n1,60,10.0001,,\n2,60.0001,10.0001,NaN,nan\n3,60,10,0,4\n"},
		// iOS writes -1 for what it does not know.
		{"phyphox", "\"Time (s)\",\"Latitude (°)\",\"Longitude (°)\",\"Height (m)\",\"Velocity (m/s)\",\"Direction (°)\",\"Horizontal Accuracy (m)\",\"Vertical Accuracy (°)\"\n" +
			"0,6.0E1,1.0E1,3,2.5E0,90,5,3\n1,60,10.0001,3,-1,-1,-1,3\n2,60.0001,10.0001,3,NaN,NaN,NaN,3\n3,60,10,3,0,,4,\n"},
		{"phyphox with decimal commas", "\ufeffTime (s);Latitude (°);Longitude (°);Velocity (m/s);Horizontal Accuracy (m)\r\n0;60;10;2,5;5\r\n1;60;10,0001;;\r\n2;60,0001;10,0001;-1;-1\r\n3;60;10;0;4\r\n"},
		{"sensor logger", "time,seconds_elapsed,bearingAccuracy,speedAccuracy,verticalAccuracy,horizontalAccuracy,speed,bearing,altitude,longitude,latitude\n" +
			"0,0,0,0,0,5,2.5,0,0,10,60\n1000000000,1,0,0,0,-1,-1,0,0,10.0001,60\n2000000000,2,0,0,0,-1,-1,0,0,10.0001,60.0001\n3000000000,3,0,0,0,4,0,0,0,10,60\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r, err := readText(test.content, Options{})
			if err != nil {
				t.Fatal(err)
			}
			if !fixesEqual(r.Fixes, want) {
				t.Errorf("got  %v\nwant %v", r.Fixes, want)
			}
		})
	}
}

func TestFixWithoutPositionKeepsItsSpeed(t *testing.T) {
	// The second fix has a speed only, and the third therefore no way to
	// measure from. The fourth knows nothing at all.
	r, err := readText("t,lat,lon,speed,accuracy\n0,60,10,1,5\n1,,,2,\n2,60,10,3,5\n3,NaN,NaN,-1,\n4,60.0001,10,4,5\n", Options{})
	if err != nil {
		t.Fatal(err)
	}
	want := []classifier.Fix{
		{SensorTime: 0, SpeedMPS: 1, EastM: nan, NorthM: nan, AccuracyM: 5},
		{SensorTime: 1000 * ms, SpeedMPS: 2, EastM: nan, NorthM: nan, AccuracyM: nan},
		{SensorTime: 2000 * ms, SpeedMPS: 3, EastM: nan, NorthM: nan, AccuracyM: 5},
		{SensorTime: 4000 * ms, SpeedMPS: 4, EastM: 0, NorthM: 11.12, AccuracyM: 5},
	}
	if !fixesEqual(r.Fixes, want) || r.Skipped != 1 {
		t.Errorf("got %v with %d skipped", r.Fixes, r.Skipped)
	}
}

func TestTheDateLineIsCrossedTheShortWay(t *testing.T) {
	r, err := readText("t,lat,lon,speed,accuracy\n0,0,179.9999,,\n1,0,-179.9999,,\n", Options{})
	if err != nil || len(r.Fixes) != 2 || !near(r.Fixes[1].EastM, 22.24, 0.01) {
		t.Errorf("got %v, %v; want 22.24 m to the east", r.Fixes, err)
	}
}

func TestBrokenTablesNameFileAndLine(t *testing.T) {
	const csv = "t,ax,ay,az\n"
	const fixes = "t,lat,lon,speed,accuracy\n"
	const plot = "Time (s),X (m/s^2),Y (m/s^2),Z (m/s^2)\n"
	for _, test := range []struct{ name, content, want string }{
		{"a word for a number", csv + "0,1,2,3\n0.1,1,two,3\n", "file:3: column 3 is not a number"},
		{"an empty axis", csv + "0,1,,3\n", "file:2: column 3 is empty"},
		{"one axis of phyphox is empty", plot + "0,1,,3\n", "file:2: column 3 is empty"},
		{"NaN", csv + "0,1,NaN,3\n", "file:2: acceleration is not a finite number"},
		{"NaN of phyphox", plot + "0,NaN,NaN,NaN\n", "file:2: acceleration is not a finite number"},
		{"infinity", csv + "0,1,2,-Inf\n", "file:2: acceleration is not a finite number"},
		{"a number too large for a float", csv + "0,1,2,1e999\n", "file:2: acceleration is not a finite number"},
		{"raw counts", csv + "0,0,0,9.8\n0.1,1,16384,3\n", "file:3: acceleration beyond 1000 m/s²: are the units right?"},
		{"a cell too few", csv + "0,1,2,3\n\n0.1,1,2\n", "file:4: 3 cells under 4 titles"},
		{"a cell too many", csv + "0,1,2,3,4\n", "file:2: 5 cells under 4 titles"},
		{"no time", csv + ",1,2,3\n", "file:2: time is missing or out of range"},
		{"a time that is not finite", csv + "Inf,1,2,3\n", "file:2: time is missing or out of range"},
		{"nanoseconds where seconds belong", csv + "1698501144401773000,1,2,3\n", "file:2: time is missing or out of range"},
		{"time runs back by more than a second", csv + "5,1,2,3\n6,1,2,3\n4.9,1,2,3\n", "file:4: time runs backwards by more than a second"},
		{"a latitude beyond the pole", fixes + "0,60,10,,\n1,90.5,10,,\n", "file:3: latitude or longitude is out of range"},
		{"a longitude beyond the date line", fixes + "0,60,-180.5,,\n", "file:2: latitude or longitude is out of range"},
		{"an infinite latitude", fixes + "0,Inf,0,,\n", "file:2: latitude or longitude is out of range"},
		{"half a position", fixes + "0,60,,,\n", "file:2: only one of latitude and longitude"},
		{"a word for a speed", fixes + "0,60,10,fast,\n", "file:2: column 4 is not a number"},
		{"two columns of the same meaning", "t,ax,ay,az,ax\n", "file:1: columns 2 and 5 have the same meaning"},
		{"an axis missing", "t,ax,ay\n0,1,2\n", `file:1: csv with neither three axes nor latitude and longitude, but with "t,ax,ay"`},
		{"phyphox without gravity", "Time (s),Linear Acceleration x (m/s^2),Linear Acceleration y (m/s^2),Linear Acceleration z (m/s^2)\n0,1,2,3\n", "file:1: the acceleration excludes gravity: record the accelerometer with gravity"},
		{"phyphox of another sensor", "Time (s),Magnetic field x (µT)\n0,1\n", `file:1: phyphox with neither three axes nor latitude and longitude, but with "Time (s),Magnetic field x (µT)"`},
		{"a fraction of a nanosecond", "time,seconds_elapsed,z,y,x\n1698501144401773000.5,0,1,2,9\n", "file:2: column 1 is not a whole number of nanoseconds"},
		{"a line without end", csv + "0,1,2," + strings.Repeat("9", lineLimit) + "\n", "file:2: the line is longer than 64 KiB"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := readText(test.content, Options{})
			if err == nil || err.Error() != test.want {
				t.Errorf("got  %v\nwant %s", err, test.want)
			}
		})
	}
}

func TestReadingALineAllocatesNothing(t *testing.T) {
	const rows = 1000
	var text strings.Builder
	text.WriteString("t,ax,ay,az\n")
	for range 2 * rows {
		text.WriteString("12.345678,-0.123456789,9.87654321,1.5E-3\n")
	}
	s, err := newSource("file", strings.NewReader(text.String()), DefaultMaxBytes)
	if err != nil {
		t.Fatal(err)
	}
	table, err := openTable(&lines{source: s}, genericCSV)
	if err != nil {
		t.Fatal(err)
	}
	allocations := testing.AllocsPerRun(rows, func() {
		if err := table.row(); err != nil {
			t.Fatal(err)
		}
		for _, q := range []quantity{seconds, axisX, axisY, axisZ} {
			if _, err := table.value(q); err != nil {
				t.Fatal(err)
			}
		}
	})
	if allocations != 0 {
		t.Errorf("%v allocations a line", allocations)
	}
}
