package dataset

import (
	"errors"
	"math"
	"reflect"
	"testing"

	"github.com/tempogate/tempogate/classifier"
)

func TestSisFallIsReadAsGAt200Hertz(t *testing.T) {
	// 256 counts of the first accelerometer are 1 g. Gyroscope and second
	// accelerometer, six more columns, are not used.
	r, err := readText("  64,-256,   0, -18,-504,-352,  76,-697,-279;\r\n 128,   0, 512,   1,   2,   3,   4,   5,   6;\r\n", Options{})
	if err != nil {
		t.Fatal(err)
	}
	want := []classifier.Sample{
		{SensorTime: 0, X: standardGravity / 4, Y: -standardGravity},
		{SensorTime: 5 * ms, X: standardGravity / 2, Z: 2 * standardGravity},
	}
	if r.Format != "sisfall" || !samplesEqual(r.Samples, want) {
		t.Errorf("got %v as %s", r.Samples, r.Format)
	}
}

func TestSTHARIsReadAsThousandthsOfGAt26Hertz(t *testing.T) {
	r, err := readText("  500,     0, -1000\n    0,  2000,     0\r\n    0,  1000,     0\n", Options{})
	if err != nil {
		t.Fatal(err)
	}
	// 1/26 s is no whole number of nanoseconds; each time is cut, and none of
	// the remainders gathers.
	want := []classifier.Sample{
		{SensorTime: 0, X: standardGravity / 2, Z: -standardGravity},
		{SensorTime: 38_461_538, Y: 2 * standardGravity},
		{SensorTime: 76_923_076, Y: standardGravity},
	}
	if r.Format != "sthar" || !samplesEqual(r.Samples, want) {
		t.Errorf("got %v as %s", r.Samples, r.Format)
	}
}

func TestWISDMHasARecordingForEachStretchOfAnActivity(t *testing.T) {
	recordings, err := readBytes(""+
		"1700,A,900000000000,1.5,9.0,0.5;\n"+
		"1700,A,900050000000,2.5,8.0,0.25;\n"+
		"1700,D,100000000000,0.0,9.75,1.0;\n"+ // earlier than the walk: the file is in the order of the codes
		"\n"+
		"1700,P,200000000000,3.0,4.0,5.0;\n"+
		"1700,A,950000000000,1.0,2.0,3.0;\n"+ // a second walk
		"1701,A,960000000000,1.0,2.0,4.0;\n", // somebody else's
		Options{})
	if err != nil {
		t.Fatal(err)
	}
	type short struct {
		Name    string
		Samples []classifier.Sample
		Labels  []Label
	}
	var got []short
	for _, r := range recordings {
		if r.Format != "wisdm" {
			t.Errorf("%s was taken for %s", r.Name, r.Format)
		}
		got = append(got, short{r.Name, r.Samples, r.Labels})
	}
	want := []short{
		{"file#A", []classifier.Sample{{SensorTime: 900e9, X: 1.5, Y: 9, Z: 0.5}, {SensorTime: 900.05e9, X: 2.5, Y: 8, Z: 0.25}},
			[]Label{{900e9, 900.05e9 + 1, classifier.Walk, "A"}}},
		{"file#D", []classifier.Sample{{SensorTime: 100e9, Y: 9.75, Z: 1}}, []Label{{100e9, 100e9 + 1, classifier.Still, "D"}}},
		{"file#P", []classifier.Sample{{SensorTime: 200e9, X: 3, Y: 4, Z: 5}}, []Label{{200e9, 200e9 + 1, classifier.Unknown, "P"}}},
		{"file#A-2", []classifier.Sample{{SensorTime: 950e9, X: 1, Y: 2, Z: 3}}, []Label{{950e9, 950e9 + 1, classifier.Walk, "A"}}},
		{"file#A-3", []classifier.Sample{{SensorTime: 960e9, X: 1, Y: 2, Z: 4}}, []Label{{960e9, 960e9 + 1, classifier.Walk, "A"}}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

func TestWISDMCodes(t *testing.T) {
	want := map[classifier.Activity]string{
		classifier.Walk:    "AC",
		classifier.Run:     "B",
		classifier.Still:   "DEFGHIJKLQRS", // hands at work while the phone is in the pocket
		classifier.Unknown: "MOP",          // kicking, catching, dribbling
	}
	for activity, codes := range want {
		for _, code := range codes {
			r, err := readText("1,"+string(code)+",1000,0,9.8,0;\n", Options{})
			if err != nil {
				t.Fatal(err)
			}
			if r.Labels[0].Activity != activity || r.Labels[0].Detail != string(code) {
				t.Errorf("%c is labelled %v %s, not %v", code, r.Labels[0].Activity, r.Labels[0].Detail, activity)
			}
		}
	}
}

func TestOxfordFolderHasAWalkAndItsSteps(t *testing.T) {
	dir := folder(t, map[string]string{
		"accelerometer.csv": "5000000000,3,1.0,9.5,0.5\r\n5010000000,3,2.0,9.0,0.25\r\n",
		// Both feet stand when the file begins: no steps. Then right, left and
		// right again come down, the last two at once.
		"stepcounter.csv": "5000000000,1,1\n5100000000,1,0\n5200000000,1,1\n5300000000,0,1\n5400000000,0,0\n5500000000,1,1\n5600000000,1,1\n",
		"metadata.txt":    "accelerometer : an invented one\n",
	})
	recordings, err := Read(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	r := recordings[0]
	if want := []classifier.Sample{{SensorTime: 5e9, X: 1, Y: 9.5, Z: 0.5}, {SensorTime: 5.01e9, X: 2, Y: 9, Z: 0.25}}; !samplesEqual(r.Samples, want) {
		t.Errorf("got %v", r.Samples)
	}
	want := []Step{{5.2e9, RightFoot}, {5.5e9, LeftFoot}, {5.5e9, RightFoot}}
	if !reflect.DeepEqual(r.Steps, want) {
		t.Errorf("got steps %v, not %v", r.Steps, want)
	}
	if r.Format != "oxford" {
		t.Errorf("the format was taken for %s", r.Format)
	}
}

func TestOxfordWalkWithoutFootContacts(t *testing.T) {
	dir := folder(t, map[string]string{"accelerometer.csv": "5000000000,3,1.0,9.5,0.5\n"})
	for _, o := range []Options{{}, {Format: "oxford"}} {
		recordings, err := Read(dir, o)
		if err != nil || len(recordings[0].Samples) != 1 || len(recordings[0].Steps) != 0 {
			t.Errorf("got %v, %v", recordings, err)
		}
	}
}

func TestBrokenRowsNameFileAndLine(t *testing.T) {
	for _, test := range []struct{ name, format, content, want string }{
		{"sisfall: a column less", "", "1,2,3,4,5,6,7,8,9;\n1,2,3,4,5,6,7,8;\n", "file:2: 8 cells, not 9"},
		{"sisfall: cut in a cell", "", "1,2,3,4,5,6,7,8,9;\n1,2,3,4,5,6,7,8,-\n", "file:2: column 9 is not a number"},
		{"sisfall: a word", "", "1,2,3,4,5,6,7,8,9;\n1,x,3,4,5,6,7,8,9;\n", "file:2: column 2 is not a number"},
		{"sthar: a title", "sthar", "x,y,z\n1,2,3\n", "file:1: column 1 is not a number"},
		{"sthar: counts, not thousandths of g", "", "1,2,3\n1,2,200000\n", "file:2: acceleration beyond 1000 m/s²: are the units right?"},
		{"sthar: NaN", "", "1,2,3\n1,NaN,3\n", "file:2: acceleration is not a finite number"},
		{"wisdm: a column less", "", "1700,A,1000,1,2,3;\n1700,A,2000,1,2;\n", "file:2: 5 cells, not subject,code,time,x,y,z;"},
		{"wisdm: two rows in one", "", "1700,A,1000,1,2,3;\n1700,A,2000,1,2,3;1700,A,3000,1,2,3;\n", "file:2: 11 cells, not subject,code,time,x,y,z;"},
		{"wisdm: a code that is no letter", "", "1700,A,1000,1,2,3;\n1700,Walking,2000,1,2,3;\n", "file:2: column 2 is not the one letter of an activity"},
		{"wisdm: N stands for nothing", "", "1700,A,1000,1,2,3;\n1700,N,2000,1,2,3;\n", "file:2: column 2 is no letter of WISDM 2019 (A to S without N)"},
		{"wisdm: a time with a fraction", "", "1700,A,1000.5,1,2,3;\n", "file:1: column 3 is not a whole number of nanoseconds"},
		{"wisdm: a word", "", "1700,A,1000,1,2,x;\n", "file:1: column 6 is not a number"},
		{"wisdm: time runs backwards within a stretch", "", "1700,A,9000000000,1,2,3;\n1700,A,7000000000,1,2,3;\n", "file:2: time runs backwards by more than a second"},
		{"oxford: a column less", "", "5000000000,3,1,9,0\n5010000000,3,1,9\n", "file:2: 4 cells, not time,accuracy,x,y,z"},
		{"oxford: a time with a fraction", "", "5000000000,3,1,9,0\n5010000000.1,3,1,9,0\n", "file:2: column 1 is not a whole number of nanoseconds"},
		{"oxford: infinity", "", "5000000000,3,1,9,Inf\n", "file:1: acceleration is not a finite number"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := readText(test.content, Options{Format: test.format})
			if err == nil || err.Error() != test.want {
				t.Errorf("got  %v\nwant %s", err, test.want)
			}
		})
	}
}

func TestBrokenFootContactsNameFileAndLine(t *testing.T) {
	for _, test := range []struct{ content, want string }{
		{"5000000000,0\n", ":1: 2 cells, not time,left,right"},
		{"5000000000,0,2\n", ":1: column 3 is neither 0 nor 1"},
		{"5000000000,,1\n", ":1: column 2 is neither 0 nor 1"},
		{"soon,0,1\n", ":1: column 1 is not a whole number of nanoseconds"},
		{"9223372036854775807,0,1\n", ":1: time is missing or out of range"},
		{"5000000000,0,1\n4900000000,1,0\n", ":2: time runs backwards"},
	} {
		dir := folder(t, map[string]string{"accelerometer.csv": "5000000000,3,1,9,0\n", "stepcounter.csv": test.content})
		_, err := Read(dir, Options{})
		var line *LineError
		if want := dir + "/stepcounter.csv" + test.want; err == nil || err.Error() != want || !errors.As(err, &line) {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
}

func TestALabelCoversItsSpan(t *testing.T) {
	r := Recording{Labels: []Label{{10, 20, classifier.Walk, ""}, {20, 30, classifier.Run, ""}, {40, 50, classifier.Still, ""}}}
	for at, want := range map[int64]classifier.Activity{
		9: classifier.Unknown, 10: classifier.Walk, 19: classifier.Walk,
		20: classifier.Run, 29: classifier.Run, 30: classifier.Unknown, // the end is not in it
		40: classifier.Still, 50: classifier.Unknown, math.MaxInt64: classifier.Unknown,
	} {
		got, ok := r.LabelAt(at)
		if got.Activity != want || ok != (want != classifier.Unknown) {
			t.Errorf("at %d: %v, %v; want %v", at, got.Activity, ok, want)
		}
	}
}
