package wire

import (
	"errors"
	"fmt"
	"math"
	"testing"

	"github.com/tempogate/tempogate/classifier"
)

func TestDisplacement(t *testing.T) {
	for _, c := range []struct {
		name                   string
		lat1, lon1, lat2, lon2 float64
		east, north            float64
	}{
		{"nowhere", 52, 4.9, 52, 4.9, 0, 0},
		{"a degree north", 0, 0, 1, 0, 0, 111195.08},
		{"a degree east on the equator", 0, 0, 0, 1, 111195.08, 0},
		{"a degree east at 60 degrees is half", 60, 10, 60, 11, 55597.54, 0},
		{"south and west", 0.5, 0.5, 0, 0, -55597.01, -55597.54},
		{"over the date line, eastwards", -17, 179.9995, -17, -179.9995, 106.336, 0},
		{"over the date line, westwards", -17, -179.9995, -17, 179.9995, -106.336, 0},
	} {
		east, north := displacement(c.lat1, c.lon1, c.lat2, c.lon2)
		if math.Abs(east-c.east) > 0.01 || math.Abs(north-c.north) > 0.01 {
			t.Errorf("%s: %.3f m east, %.3f m north, want %.3f and %.3f", c.name, east, north, c.east, c.north)
		}
	}
}

// The flat earth against the great circle, at the distances and latitudes where
// people run.
func TestDisplacementAgreesWithGreatCircle(t *testing.T) {
	for _, latitude := range []float64{-45, 0, 30, 52, 65, 70} {
		for _, metres := range []float64{1, 10, 100, 1000, 10000} {
			for direction := 0.0; direction < 360; direction += 15 {
				d := direction * degree
				lat2, lon2 := moved(latitude, 13, metres*math.Sin(d), metres*math.Cos(d))
				east, north := displacement(latitude, 13, lat2, lon2)
				if off := math.Hypot(east-metres*math.Sin(d), north-metres*math.Cos(d)); off > 1e-6 {
					t.Fatalf("moved and displacement disagree by %g m", off)
				}
				// Haversine (Sinnott 1984).
				sinLat, sinLon := math.Sin((lat2-latitude)*degree/2), math.Sin((lon2-13)*degree/2)
				h := sinLat*sinLat + math.Cos(latitude*degree)*math.Cos(lat2*degree)*sinLon*sinLon
				circle := 2 * earthRadiusM * math.Asin(math.Sqrt(h))
				if off := math.Abs(math.Hypot(east, north) - circle); off > 0.01+metres*2e-6 {
					t.Errorf("%g m from %g°: %.4f m off the great circle", metres, latitude, off)
				}
			}
		}
	}
}

func TestTrack(t *testing.T) {
	const second = int64(1e9)
	var track lastPosition
	for _, c := range []struct {
		name     string
		at       int64
		latitude float64
		taken    bool
		north    float64 // NaN for none
	}{
		{"first", 100 * second, 52, true, math.NaN()},
		{"next", 101 * second, 52.00001, true, 1.11},
		{"the same again", 101 * second, 52.5, false, math.NaN()},
		{"late", 99 * second, 52.5, false, math.NaN()},
		{"after a gap", 161 * second, 52.00003, true, 2.22},
		{"clock set back by an hour", 161*second - 3600*second, 52.00004, true, math.NaN()},
		{"and on from there", 162*second - 3600*second, 52.00005, true, 1.11},
	} {
		fix := classifier.Fix{SensorTime: c.at}
		taken := track.step(&fix, c.latitude, 4.9)
		same := math.IsNaN(c.north) && math.IsNaN(fix.NorthM) || math.Abs(fix.NorthM-c.north) < 0.01
		if taken != c.taken || !same {
			t.Errorf("%s: taken %v, %.2f m north, want %v, %.2f", c.name, taken, fix.NorthM, c.taken, c.north)
		}
	}
}

// Positions made of fixes lead back to the same fixes.
func TestPositionsMadeOfFixes(t *testing.T) {
	var fixes []classifier.Fix
	for i := range 60 {
		phase := float64(i) / 5
		fixes = append(fixes, classifier.Fix{SensorTime: int64(i) * 1e9, SpeedMPS: 3, EastM: 3 * math.Sin(phase), NorthM: 3 * math.Cos(phase), AccuracyM: 5})
	}
	fixes[0].EastM, fixes[0].NorthM = math.NaN(), math.NaN()
	fixes[30].EastM, fixes[30].NorthM = math.NaN(), math.NaN()
	e := NewEncoder(EncoderConfig{SessionID: "a \"quoted\" name"})
	var d Decoder
	var b Batch
	var s Scratch
	for half := range 2 { // the track goes on from frame to frame
		text, err := e.AppendJSON(nil, nil, e.AppendPositions(nil, fixes[half*30:half*30+30]))
		if err != nil {
			t.Fatal(err)
		}
		decodeAll(t, &d, &b, &s, false, text)
	}
	fixes[30].EastM, fixes[30].NorthM = 0, 0 // stood still, as far as positions tell
	for i, want := range fixes {
		got := b.Fixes[i]
		if got.SensorTime != want.SensorTime || got.SpeedMPS != want.SpeedMPS || got.AccuracyM != want.AccuracyM ||
			math.IsNaN(got.EastM) != math.IsNaN(want.EastM) || math.Hypot(got.EastM-want.EastM, got.NorthM-want.NorthM) > 1e-6 {
			t.Fatalf("fix %d came back as %+v, want %+v", i, got, want)
		}
	}
}

// A position is forgotten when acceleration goes on without fixes for longer than
// ten seconds: nothing of where somebody is outlives what it serves.
func TestPositionIsForgotten(t *testing.T) {
	const at = int64(1_700_000_000e9)
	location := func(t int64) []byte {
		return fmt.Appendf(nil, `{"payload":[{"name":"location","time":%d,"values":{"latitude":52.1,"longitude":4.9}}]}`, t)
	}
	motion := func(t int64) []byte {
		return fmt.Appendf(nil, `{"payload":[{"name":"totalacceleration","time":%d,"values":{"x":0,"y":0,"z":9.8}}]}`, t)
	}
	for _, test := range []struct {
		name   string
		pause  int64 // nanoseconds of motion without a fix
		binary bool
		known  bool
	}{
		{"ten seconds", 10e9, false, true},
		{"longer", 10e9 + 1, false, false},
		{"longer, packed", 11e9, true, false},
		{"motion from before the fix", -1e9, false, true},
	} {
		var d Decoder
		var batch Batch
		var scratch Scratch
		all := Allowed{Acceleration: true, Location: true}
		frame := motion(at + test.pause)
		if test.binary {
			var err error
			if frame, err = NewEncoder(EncoderConfig{}).AppendPacked(nil, []classifier.Sample{{SensorTime: at + test.pause, Z: 9.8}}, nil); err != nil {
				t.Fatal(err)
			}
		}
		if err := errors.Join(d.Decode(&batch, &scratch, false, location(at), all), d.Decode(&batch, &scratch, test.binary, frame, all)); err != nil {
			t.Fatal(err)
		}
		if d.last.known != test.known || !test.known && d.last != (lastPosition{}) {
			t.Errorf("%s: the decoder holds %+v", test.name, d.last)
		}
	}
}
