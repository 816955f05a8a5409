package dataset

import (
	"bytes"
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/muktihari/fit/encoder"
	"github.com/muktihari/fit/profile/filedef"
	"github.com/muktihari/fit/profile/mesgdef"
	"github.com/muktihari/fit/profile/typedef"

	"github.com/tempogate/tempogate/classifier"
)

var fitStart = time.Date(2031, 2, 3, 4, 5, 6, 0, time.UTC)

// fitRecord is a second of an invented activity.
func fitRecord(second int) *mesgdef.Record {
	return mesgdef.NewRecord(nil).SetTimestamp(fitStart.Add(time.Duration(second) * time.Second))
}

// fitSession is a sport from one second to another.
func fitSession(sport typedef.Sport, from, to int) *mesgdef.Session {
	return mesgdef.NewSession(nil).SetSport(sport).
		SetStartTime(fitStart.Add(time.Duration(from) * time.Second)).
		SetTimestamp(fitStart.Add(time.Duration(to) * time.Second)).
		SetTotalElapsedTimeScaled(float64(to - from))
}

func fitFile(t testing.TB, sessions []*mesgdef.Session, records ...*mesgdef.Record) string {
	t.Helper()
	activity := filedef.NewActivity()
	activity.FileId = *mesgdef.NewFileId(nil).SetType(typedef.FileActivity).SetTimeCreated(fitStart)
	activity.Sessions = sessions
	activity.Records = records
	activity.Activity = mesgdef.NewActivity(nil).SetTimestamp(fitStart)
	var b bytes.Buffer
	fit := activity.ToFIT(nil)
	if err := encoder.New(&b).Encode(&fit); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestFITHasFixesAndStepsAMinute(t *testing.T) {
	content := fitFile(t, []*mesgdef.Session{fitSession(typedef.SportRunning, 0, 10)},
		// Cadence is strides a minute, with the half of one in a field of its own.
		fitRecord(0).SetPositionLatDegrees(60).SetPositionLongDegrees(10).SetEnhancedSpeedScaled(2.5).SetCadence(82).SetFractionalCadenceScaled(0.5).SetGpsAccuracy(4),
		fitRecord(1).SetPositionLatDegrees(60).SetPositionLongDegrees(10.0001).SetSpeedScaled(3).SetCadence(80),
		fitRecord(2).SetCadence(0), // standing, out of sight of any satellite
		fitRecord(3).SetHeartRate(150),
	)
	r, err := readText(content, Options{})
	if err != nil {
		t.Fatal(err)
	}
	at := func(second int) int64 { return fitStart.UnixNano() + int64(second)*1e9 }
	fixes := []classifier.Fix{
		{SensorTime: at(0), SpeedMPS: 2.5, EastM: nan, NorthM: nan, AccuracyM: 4},
		{SensorTime: at(1), SpeedMPS: 3, EastM: 5.56, NorthM: 0, AccuracyM: nan},
	}
	if !fixesEqual(r.Fixes, fixes) {
		t.Errorf("got fixes %v", r.Fixes)
	}
	if want := []CadenceReading{{at(0), 165}, {at(1), 160}, {at(2), 0}}; !reflect.DeepEqual(r.Cadence, want) {
		t.Errorf("got cadence %v, not %v", r.Cadence, want)
	}
	if want := []Label{{at(0), at(2) + 1, classifier.Run, "running"}}; !reflect.DeepEqual(r.Labels, want) {
		t.Errorf("got labels %v, not %v", r.Labels, want)
	}
	if r.Format != "fit" || r.Name != "file" || r.Skipped != 2 {
		t.Errorf("got %s as %s with %d skipped", r.Name, r.Format, r.Skipped)
	}
}

func TestCadenceOfOtherSportsIsNoSteps(t *testing.T) {
	// Swimming counts strokes and cycling counts turns. Nobody said what came
	// after.
	content := fitFile(t, []*mesgdef.Session{
		fitSession(typedef.SportSwimming, 0, 10),
		fitSession(typedef.SportCycling, 10, 20),
		fitSession(typedef.SportWalking, 20, 30),
	}, fitRecord(5).SetCadence(30), fitRecord(15).SetCadence(90).SetEnhancedSpeedScaled(8), fitRecord(25).SetCadence(55), fitRecord(40).SetCadence(55))
	r, err := readText(content, Options{})
	if err != nil {
		t.Fatal(err)
	}
	at := func(second int) int64 { return fitStart.UnixNano() + int64(second)*1e9 }
	if want := []CadenceReading{{at(25), 110}}; !reflect.DeepEqual(r.Cadence, want) {
		t.Errorf("got cadence %v, not %v", r.Cadence, want)
	}
	want := []Label{{at(15), at(20), classifier.Cycle, "cycling"}, {at(20), at(25) + 1, classifier.Walk, "walking"}}
	if !reflect.DeepEqual(r.Labels, want) {
		t.Errorf("got labels %v, not %v", r.Labels, want)
	}
}

func TestChainedFITFilesAreRecordingsOfTheirOwn(t *testing.T) {
	run := []*mesgdef.Session{fitSession(typedef.SportRunning, 0, 10)}
	content := fitFile(t, run, fitRecord(0).SetSpeedScaled(1)) +
		fitFile(t, nil) + // holds no records
		fitFile(t, run, fitRecord(5).SetSpeedScaled(2))
	recordings, err := readBytes(content, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if len(recordings) != 2 || recordings[0].Name != "file" || recordings[1].Name != "file#3" || recordings[1].Fixes[0].SpeedMPS != 2 {
		t.Errorf("got %v", recordings)
	}
}

func TestADamagedFITFileIsAnErrorAsAWhole(t *testing.T) {
	content := fitFile(t, nil, fitRecord(0).SetSpeedScaled(1), fitRecord(1).SetSpeedScaled(1), fitRecord(2).SetSpeedScaled(1))
	changed := []byte(content)
	changed[len(changed)-10] ^= 0xff
	for _, test := range []struct{ name, content, want string }{
		{"cut short", content[:len(content)-20], "file: the FIT file is cut short"},
		{"cut in the header", content[:13], "file: the FIT file is cut short"},
		{"changed on the way", string(changed), "file: damaged FIT file: "},
		{"something behind it", content + "more bytes", "file: damaged FIT file: "},
	} {
		recordings, err := readBytes(test.content, Options{})
		var line *LineError
		if err == nil || len(err.Error()) < len(test.want) || err.Error()[:len(test.want)] != test.want || !errors.As(err, &line) || recordings != nil {
			t.Errorf("%s: got %v, not %s", test.name, err, test.want)
		}
	}
}

func TestALimitOnFITHolds(t *testing.T) {
	content := fitFile(t, nil, fitRecord(0).SetSpeedScaled(1), fitRecord(1).SetSpeedScaled(1), fitRecord(2).SetSpeedScaled(1))
	if _, err := readBytes(content, Options{MaxSamples: 2}); !errors.Is(err, ErrTooLarge) {
		t.Errorf("got %v", err)
	}
	if _, err := readBytes(content, Options{MaxBytes: int64(len(content)) - 1}); !errors.Is(err, ErrTooLarge) {
		t.Errorf("got %v", err)
	}
}
