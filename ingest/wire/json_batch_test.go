package wire

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/tempogate/tempogate/classifier"
)

const (
	total    = `{"name":"totalacceleration","time":1000,"values":{"x":1,"y":2,"z":3}}`
	here     = `{"name":"location","time":1000000000,"values":{"latitude":52,"longitude":4.9,"speed":2.9,"horizontalAccuracy":4.1}}`
	further  = `{"name":"location","time":2000000000,"values":{"latitude":52.00001,"longitude":4.9}}`
	gyro     = `{"name":"gyroscope","time":"whatever","values":[1,{"deep":null}]}`
	linear   = `{"name":"accelerometer","time":2000,"values":{"x":0.5,"y":0,"z":0}}`
	gravity1 = `{"name":"gravity","time":1500,"values":{"x":0,"y":0,"z":9}}`
	gravity2 = `{"name":"Gravity","time":2400,"values":{"x":0,"y":9,"z":0}}`
)

func payloadOf(readings ...string) string {
	return `{"messageId":7,"sessionId":"a","deviceId":"b","payload":[` + strings.Join(readings, ",") + `]}`
}

func TestBatches(t *testing.T) {
	one := []classifier.Sample{{SensorTime: 1000, X: 1, Y: 2, Z: 3}}
	nan := math.NaN()
	hereFix := classifier.Fix{SensorTime: 1000000000, SpeedMPS: 2.9, EastM: nan, NorthM: nan, AccuracyM: 4.1}
	for _, c := range []struct {
		name string
		text string
		want Batch
	}{
		{"the usual", payloadOf(total), Batch{Samples: one}},
		{"empty payload", payloadOf(), Batch{}},
		{"no payload", `{"messageId":7}`, Batch{}},
		{"payload null", `{"payload":null}`, Batch{}},
		{"nothing at all", `{}`, Batch{}},
		{"white space everywhere", " {\t\"payload\" :\r\n[ { \"name\" : \"totalacceleration\" , \"time\" : 1000 , \"values\" : { \"x\" : 1 , \"y\" : 2 , \"z\" : 3 } } ] } ", Batch{Samples: one}},
		{"any case", payloadOf(strings.Replace(total, "totalacceleration", "TotalAcceleration", 1)), Batch{Samples: one}},
		{"escaped names", payloadOf(`{"n\u0061me":"total\u0061cceleration","t\u0069me":1000,"values":{"\u0078":1,"y":2,"z":3}}`), Batch{Samples: one}},
		{"values first", payloadOf(`{"values":{"z":3,"y":2,"x":1},"time":1000,"name":"totalacceleration"}`), Batch{Samples: one}},
		{"other keys", payloadOf(`{"accuracy":3,"name":"totalacceleration","time":1000,"values":{"x":1,"w":[],"y":2,"xx":"\"","z":3},"sensor":{}}`), Batch{Samples: one}},
		{"other keys twice", payloadOf(`{"a":1,"a":2,"name":"totalacceleration","time":1000,"values":{"a":1,"a":1,"x":1,"y":2,"z":3}}`), Batch{Samples: one}},
		{"a key that only starts as one of ours", payloadOf(`{"name":"totalacceleration","time":1000,"values":{"\":x":7,"x":1,"y":2,"z":3}}`), Batch{Samples: one}},
		{"names in other scripts", payloadOf(`{"naïve😀":"\ud83d\ude00","name":"totalacceleration","time":1000,"values":{"x":1,"y":2,"z":3}}`), Batch{Samples: one}},
		{"order kept, time not sorted", payloadOf(total, strings.Replace(total, "1000", "500", 1)),
			Batch{Samples: []classifier.Sample{{SensorTime: 1000, X: 1, Y: 2, Z: 3}, {SensorTime: 500, X: 1, Y: 2, Z: 3}}}},
		{"exponents and small numbers", payloadOf(`{"name":"totalacceleration","time":1000,"values":{"x":1e0,"y":0.2E1,"z":30e-1}}`), Batch{Samples: one}},

		// Other sensors may look as they like, as long as they are JSON.
		{"other sensors", payloadOf(gyro, total, gyro), Batch{Samples: one, Ignored: 2}},
		{"a sensor without values", payloadOf(`{"name":"activity"}`), Batch{Ignored: 1}},

		// Gravity.
		{"gravity-free", payloadOf(linear), Batch{Samples: []classifier.Sample{{SensorTime: 2000, X: 0.5}}, GravityFree: true}},
		{"gravity added, the nearest in time", payloadOf(gravity2, linear, gravity1),
			Batch{Samples: []classifier.Sample{{SensorTime: 2000, X: 0.5, Y: 9}}}},
		{"gravity of before the first and after the last", payloadOf(linear, strings.Replace(linear, "2000", "1", 1), gravity1),
			Batch{Samples: []classifier.Sample{{SensorTime: 2000, X: 0.5, Z: 9}, {SensorTime: 1, X: 0.5, Z: 9}}}},
		{"totalacceleration makes the others redundant", payloadOf(linear, gravity1, total, gravity2), Batch{Samples: one, Ignored: 3}},
		{"gravity alone is nothing", payloadOf(gravity1), Batch{Ignored: 1}},

		// Location.
		{"first fix has no displacement", payloadOf(here), Batch{Fixes: []classifier.Fix{hereFix}}},
		{"unknown speed and accuracy", payloadOf(`{"name":"location","time":1000000000,"values":{"latitude":52,"longitude":4.9,"speed":-1,"horizontalAccuracy":null}}`),
			Batch{Fixes: []classifier.Fix{{SensorTime: 1000000000, SpeedMPS: nan, EastM: nan, NorthM: nan, AccuracyM: nan}}}},
		{"displacement since the fix before", payloadOf(here, further),
			Batch{Fixes: []classifier.Fix{hereFix, {SensorTime: 2000000000, SpeedMPS: nan, EastM: 0, NorthM: 1.111951, AccuracyM: nan}}}},
		{"late and repeated fixes are dropped", payloadOf(further, here, further),
			Batch{Fixes: []classifier.Fix{{SensorTime: 2000000000, SpeedMPS: nan, EastM: nan, NorthM: nan, AccuracyM: nan}}, Ignored: 2}},

		// Control.
		{"withdraw", `{"type":"withdraw"}`, Batch{Control: ControlWithdraw}},
		{"end", ` { "type" : "end", "why" : "tired" } `, Batch{Control: ControlEnd}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var d Decoder
			var got Batch
			var s Scratch
			decodeAll(t, &d, &got, &s, false, []byte(c.text))
			if !sameBatch(&got, &c.want) {
				t.Errorf("got  %+v\nwant %+v", got, c.want)
			}
		})
	}
}

// sameBatch compares, NaN with NaN too, and displacements within a
// micrometre.
func sameBatch(a, b *Batch) bool {
	if a.Control != b.Control || a.GravityFree != b.GravityFree || a.Ignored != b.Ignored ||
		a.RefusedAcceleration != b.RefusedAcceleration || a.RefusedLocation != b.RefusedLocation ||
		len(a.Samples) != len(b.Samples) || len(a.Fixes) != len(b.Fixes) {
		return false
	}
	for i := range a.Samples {
		if a.Samples[i] != b.Samples[i] {
			return false
		}
	}
	near := func(x, y float64) bool {
		return math.IsNaN(x) && math.IsNaN(y) || math.Abs(x-y) <= 1e-6*(1+math.Abs(x))
	}
	for i, x := range a.Fixes {
		y := b.Fixes[i]
		if x.SensorTime != y.SensorTime || !near(x.SpeedMPS, y.SpeedMPS) || !near(x.EastM, y.EastM) ||
			!near(x.NorthM, y.NorthM) || !near(x.AccuracyM, y.AccuracyM) {
			return false
		}
	}
	return true
}

// What may not be read is checked to be JSON and otherwise not looked at: the
// values of these readings are none.
func TestRefusedCategoriesAreNotParsed(t *testing.T) {
	nonsense := payloadOf(
		`{"name":"totalacceleration","time":"not a time","values":"not values"}`,
		`{"name":"accelerometer","values":{"x":1e999}}`,
		`{"values":{"x":true},"name":"gravity"}`,
		`{"name":"location","time":1.5,"values":{"latitude":1000}}`,
	)
	var d Decoder
	var b Batch
	var s Scratch
	if err := d.Decode(&b, &s, false, []byte(nonsense), Allowed{}); err != nil {
		t.Fatal(err)
	}
	if b.RefusedAcceleration != 3 || b.RefusedLocation != 1 || len(b.Samples)+len(b.Fixes)+b.Ignored != 0 {
		t.Errorf("got %+v", b)
	}
	b.Clear()
	if err := d.Decode(&b, &s, false, []byte(payloadOf(total, here)), Allowed{Acceleration: true}); err != nil {
		t.Fatal(err)
	}
	if len(b.Samples) != 1 || len(b.Fixes) != 0 || b.RefusedLocation != 1 {
		t.Errorf("got %+v", b)
	}
}

// When consent for location ends, the position goes with the next frame,
// whatever it holds, and does not come back.
func TestPositionGoesWithItsConsent(t *testing.T) {
	var d Decoder
	var b Batch
	var s Scratch
	decodeAll(t, &d, &b, &s, false, []byte(payloadOf(here)))
	if err := d.Decode(&b, &s, false, []byte(payloadOf(total)), Allowed{Acceleration: true}); err != nil {
		t.Fatal(err)
	}
	if d != (Decoder{}) {
		t.Error("the position is still there")
	}
	b.Clear()
	decodeAll(t, &d, &b, &s, false, []byte(payloadOf(further)))
	if !math.IsNaN(b.Fixes[0].NorthM) {
		t.Error("the displacement reaches back before the withdrawal")
	}
}

func TestMalformedText(t *testing.T) {
	values := func(v string) string {
		return payloadOf(`{"name":"totalacceleration","time":1,"values":` + v + `}`)
	}
	at := func(v string) string {
		return payloadOf(`{"name":"totalacceleration","time":` + v + `,"values":{"x":1,"y":2,"z":3}}`)
	}
	place := func(v string) string {
		return payloadOf(`{"name":"location","time":1,"values":` + v + `}`)
	}
	for _, c := range []struct {
		text string
		say  string // part of the error
	}{
		{"", "ends too early"},
		{"   ", "ends too early"},
		{"null", "must be a JSON object"},
		{"[]", "must be a JSON object"},
		{"hello", "must be a JSON object"},
		{"{", "ends too early"},
		{`{"payload":[`, "ends too early"},
		{`{"payload":{}}`, "payload must be an array"},
		{`{"payload":[1]}`, "must be an object"},
		{`{"payload":[{}]}`, "has no name"},
		{`{"payload":[],}`, "not JSON"},
		{`{"payload":[` + total + `,]}`, "must be an object"},
		{`{"payload":[]} x`, "follows"},
		{`{"payload":[]}{}`, "follows"},
		{`{"payload":[],"payload":[]}`, "twice"},
		{`{payload:[]}`, "not JSON"},
		{`{"a":tru}`, "not JSON"},
		{`{"a":01}`, "not JSON"},
		{`{"a":NaN}`, "not a JSON number"},
		{`{"a":'b'}`, "not a JSON number"},
		{"{\"a\":\"\x00\"}", "control character"},
		{"{\"a\":\"line\nbreak\"}", "control character"},
		{`{"a":"\x"}`, "bad escape"},
		{`{"a":"\u12g4"}`, "bad escape"},
		{"{\"a\":\"\xff\"}", "not UTF-8"},
		{"{\"a\":\"\xed\xa0\x80\"}", "not UTF-8"}, // a surrogate in UTF-8
		{`{"a":` + strings.Repeat("[", 32) + strings.Repeat("]", 32) + `}`, "deeper than 32"},
		{`{"a":` + strings.Repeat(`{"b":`, 100000), "deeper than 32"},

		{payloadOf(`{"time":1,"values":{}}`), "has no name"},
		{payloadOf(`{"name":7}`), "name must be a string"},
		{payloadOf(`{"name":"a","name":"b"}`), "twice"},
		{payloadOf(`{"name":"totalacceleration","values":{"x":1,"y":2,"z":3}}`), "has no time"},
		{payloadOf(`{"name":"totalacceleration","time":1,"time":2,"values":{"x":1,"y":2,"z":3}}`), "twice"},
		{payloadOf(`{"name":"totalacceleration","time":1}`), "has no values"},
		{payloadOf(`{"name":"totalacceleration","time":1,"values":{},"values":{}}`), "x, y and z"},

		{at("1.5"), "integer of nanoseconds"},
		{at("1e3"), "integer of nanoseconds"},
		{at(`"1698501144401773000"`), "integer of nanoseconds"},
		{at("null"), "integer of nanoseconds"},
		{at("4611686018427387905"), "out of range"},
		{payloadOf(`{"values":{"x":1,"y":2,"z":3},"time":1.5,"name":"totalacceleration"}`), "integer of nanoseconds"},

		{values("[]"), "values must be an object"},
		{values("{}"), "x, y and z"},
		{values(`{"x":1,"y":2}`), "x, y and z"},
		{values(`{"x":1,"y":2,"z":null}`), "not a JSON number"},
		{values(`{"x":1,"y":2,"z":"3"}`), "not a JSON number"},
		{values(`{"x":1,"x":1,"y":2,"z":3}`), "twice"},
		{values(`{"x":1e999,"y":2,"z":3}`), "range of a double"},
		{values(`{"x":1000.1,"y":2,"z":3}`), "send m/s2"},
		{values(`{"x":1,"y":-9806.65,"z":3}`), "send m/s2"}, // thousandths of g

		{place(`{"latitude":52}`), "needs latitude and longitude"},
		{place(`{"latitude":90.1,"longitude":0}`), "latitude must be"},
		{place(`{"latitude":0,"longitude":-180.1}`), "longitude must be"},
		{place(`{"latitude":null,"longitude":0}`), "not a JSON number"},
		{place(`{"latitude":0,"longitude":0,"speed":1001}`), "send m/s"},
		{place(`{"latitude":0,"longitude":0,"speed":"fast"}`), "not a JSON number"},
		{place(`{"latitude":0,"longitude":0,"horizontalAccuracy":1e7}`), "send metres"},
		{place(`{"latitude":0,"latitude":0,"longitude":0}`), "twice"},
		{place(`{"latitude":0,"longitude":0,"speed":null,"speed":1}`), "twice"},

		{`{"type":"batch","payload":[]}`, "unknown type"},
		{`{"type":"Withdraw"}`, "unknown type"},
		{`{"type":null}`, "type must be a string"},
		{`{"type":"end","type":"withdraw"}`, "twice"},
		{`{"type":"end","payload":[]}`, "no payload"},
	} {
		var d Decoder
		var b Batch
		var s Scratch
		err := d.Decode(&b, &s, false, []byte(c.text), all)
		var e *Error
		if !errors.As(err, &e) || e.Code != CodeMalformed || !strings.Contains(e.Detail, c.say) {
			t.Errorf("%.80s\n\tgot %v, want malformed: …%s…", c.text, err, c.say)
		}
	}
}

func TestTooManyReadings(t *testing.T) {
	many := func(reading string, n int) string {
		return payloadOf(strings.TrimSuffix(strings.Repeat(reading+",", n), ","))
	}
	manyFixes := func(n int) string {
		var readings []string
		for i := range n {
			readings = append(readings, strings.Replace(here, "1000000000", strings.Repeat("1", 9+i/10)+string(rune('0'+i%10)), 1))
		}
		return payloadOf(readings...)
	}
	for _, c := range []struct {
		name string
		text string
		fits bool
	}{
		{"as many samples as may be", many(total, MaxSamples), true},
		{"one more", many(total, MaxSamples+1), false},
		{"one more, written differently", many(strings.Replace(total, ":", " :", 1), MaxSamples+1), false},
		{"one more without gravity", many(linear, MaxSamples+1), false},
		{"one gravity more", many(gravity1, MaxSamples+1), false},
		{"as many fixes as may be", manyFixes(MaxFixes), true},
		{"one fix more", manyFixes(MaxFixes + 1), false},
		{"any number of others", many(`{"name":"light"}`, 3*MaxSamples), true},
	} {
		var d Decoder
		var b Batch
		var s Scratch
		err := d.Decode(&b, &s, false, []byte(c.text), all)
		var e *Error
		if c.fits && err != nil || !c.fits && (!errors.As(err, &e) || e.Code != CodeTooLarge) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}
