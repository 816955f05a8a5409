package wire_test

import (
	"encoding/json"
	"errors"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/klauspost/compress/s2"

	"github.com/tempogate/tempogate/classifier"
	"github.com/tempogate/tempogate/ingest/wire"
)

// seedVectors hands the published vectors to a fuzz target.
func seedVectors(f *testing.F, add func(v *frameVector)) {
	for _, name := range []string{"packed.json", "batch.json"} {
		text, err := os.ReadFile(vectorFolder + "/" + name)
		if err != nil {
			f.Fatal(err)
		}
		var file vectorFile
		if err := json.Unmarshal(text, &file); err != nil {
			f.Fatal(err)
		}
		for i := range file.Frames {
			add(&file.Frames[i])
		}
	}
}

func unhex(v *frameVector) []byte {
	var out []byte
	for i := 0; i+2 <= len(v.Hex); i += 2 {
		b, err := strconv.ParseUint(v.Hex[i:i+2], 16, 8)
		if err != nil {
			return out
		}
		out = append(out, byte(b))
	}
	return out
}

// FuzzDecodeJSON compares with the standard library: what this decoder takes,
// encoding/json takes as well and reads the same in it.
func FuzzDecodeJSON(f *testing.F) {
	seedVectors(f, func(v *frameVector) { f.Add(v.Text, true, true) })
	f.Add(`{"payload":[{"name":"totalacceleration","time":1698501144401773000,"values":{"x":0.0013871192932128906,"y":-9.806650161743164,"z":1e-7}}]}`, true, true)
	f.Add(`{"n\u0061me":[[{"a":-0.0e+00,"\ud83d\ude00":"\\\""}]],"payload":[{"values":{"z":-1,"\u0079":2,"x":3},"time":-5,"name":"TotalAcceleration"}]}`, true, false)
	f.Add(`{"payload":[{"name":"gravity","time":1,"values":{"x":0,"y":0,"z":9.81}},{"name":"accelerometer","time":2,"values":{"x":1,"y":1,"z":1}}]}`, false, true)
	f.Fuzz(func(t *testing.T, text string, acceleration, location bool) {
		var d wire.Decoder
		var b wire.Batch
		var s wire.Scratch
		before := text
		err := d.Decode(&b, &s, false, []byte(text), wire.Allowed{Acceleration: acceleration, Location: location})
		if text != before {
			t.Fatal("the payload was written to")
		}
		if err != nil {
			var e *wire.Error
			if !errors.As(err, &e) || e.Detail == "" || len(b.Samples)+len(b.Fixes) != 0 {
				t.Fatalf("%v, %d samples, %d fixes", err, len(b.Samples), len(b.Fixes))
			}
			return
		}
		want, err := readWithStandardLibrary(text, acceleration, location)
		if err != nil {
			t.Fatalf("encoding/json does not take it: %v", err)
		}
		if b.Control != want.Control || b.GravityFree != want.GravityFree || b.Ignored != want.Ignored ||
			b.RefusedAcceleration != want.RefusedAcceleration || b.RefusedLocation != want.RefusedLocation {
			t.Fatalf("got %+v, want %+v", b, want)
		}
		same := func(x, y float64) bool { return math.Float64bits(x) == math.Float64bits(y) }
		if !slices.EqualFunc(b.Samples, want.Samples, func(x, y classifier.Sample) bool {
			return x.SensorTime == y.SensorTime && same(x.X, y.X) && same(x.Y, y.Y) && same(x.Z, y.Z)
		}) {
			t.Fatalf("got %+v, want %+v", b.Samples, want.Samples)
		}
		if !slices.EqualFunc(b.Fixes, want.Fixes, func(x, y classifier.Fix) bool {
			return x.SensorTime == y.SensorTime && same(x.SpeedMPS, y.SpeedMPS) && same(x.AccuracyM, y.AccuracyM)
		}) {
			t.Fatalf("got %+v, want %+v", b.Fixes, want.Fixes)
		}
	})
}

// readWithStandardLibrary reads a batch as docs/protocol.md says, with
// encoding/json. Displacements it leaves at 0.
func readWithStandardLibrary(text string, acceleration, location bool) (b wire.Batch, err error) {
	var top map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &top); err != nil {
		return b, err
	}
	if kind, ok := top["type"]; ok {
		var word string
		if err := json.Unmarshal(kind, &word); err != nil {
			return b, err
		}
		b.Control = map[string]wire.Control{"withdraw": wire.ControlWithdraw, "end": wire.ControlEnd}[word]
		return b, nil
	}
	var payload []map[string]json.RawMessage
	if err := json.Unmarshal(cmpOr(top["payload"], "null"), &payload); err != nil {
		return b, err
	}
	var linear, gravity []classifier.Sample
	gravityAt := map[int64]bool{}
	lastFix, anyFix, repeats := int64(0), false, 0
	for _, reading := range payload {
		var name string
		if err := json.Unmarshal(reading["name"], &name); err != nil {
			return b, err
		}
		name = strings.ToLower(name)
		motion := name == "totalacceleration" || name == "accelerometer" || name == "gravity"
		switch {
		case motion && !acceleration:
			b.RefusedAcceleration++
			continue
		case name == "location" && !location:
			b.RefusedLocation++
			continue
		case !motion && name != "location":
			b.Ignored++
			continue
		}
		at, err := strconv.ParseInt(string(reading["time"]), 10, 64)
		if err != nil {
			return b, err
		}
		var values map[string]json.RawMessage
		if err := json.Unmarshal(reading["values"], &values); err != nil {
			return b, err
		}
		number := func(key string) float64 {
			v, e := strconv.ParseFloat(string(values[key]), 64)
			if e != nil {
				err = e
			}
			return v
		}
		known := func(key string) float64 {
			if raw := string(values[key]); raw == "" || raw == "null" || number(key) < 0 {
				return math.NaN()
			}
			return number(key)
		}
		if name == "location" {
			number("latitude")
			number("longitude")
			fix := classifier.Fix{SensorTime: at, SpeedMPS: known("speed"), AccuracyM: known("horizontalAccuracy")}
			since := at - lastFix
			if anyFix && since <= 0 && since > -60e9 {
				b.Ignored++
				continue
			}
			lastFix, anyFix = at, true
			b.Fixes = append(b.Fixes, fix)
			if err != nil {
				return b, err
			}
			continue
		}
		s := classifier.Sample{SensorTime: at, X: number("x"), Y: number("y"), Z: number("z")}
		if err != nil {
			return b, err
		}
		switch name {
		case "totalacceleration":
			b.Samples = append(b.Samples, s)
		case "accelerometer":
			linear = append(linear, s)
		default:
			if !gravityAt[at] { // of simultaneous ones the first
				gravity = append(gravity, s)
			} else {
				repeats++
			}
			gravityAt[at] = true
		}
	}
	switch {
	case len(b.Samples) > 0 || len(linear) == 0:
		b.Ignored += len(linear) + len(gravity) + repeats
	case len(gravity) == 0:
		b.GravityFree = true
		b.Samples = linear
	default:
		for _, s := range linear {
			// The nearest in time, of equally near ones the earlier.
			best := gravity[0]
			for _, g := range gravity[1:] {
				if near, nearest := distance(g.SensorTime, s.SensorTime), distance(best.SensorTime, s.SensorTime); near < nearest || near == nearest && g.SensorTime < best.SensorTime {
					best = g
				}
			}
			b.Samples = append(b.Samples, classifier.Sample{SensorTime: s.SensorTime, X: s.X + best.X, Y: s.Y + best.Y, Z: s.Z + best.Z})
		}
	}
	return b, nil
}

func distance(a, b int64) uint64 {
	if a < b {
		a, b = b, a
	}
	return uint64(a) - uint64(b)
}

func cmpOr(raw json.RawMessage, otherwise string) []byte {
	if len(raw) == 0 {
		return []byte(otherwise)
	}
	return raw
}

// FuzzDecodePacked holds every frame that is taken against the second decoder,
// and against itself once it has been encoded and decoded again.
func FuzzDecodePacked(f *testing.F) {
	seedVectors(f, func(v *frameVector) {
		if frame := unhex(v); len(frame) > 0 && frame[0] == 1 {
			f.Add(frame)
		}
	})
	f.Fuzz(func(t *testing.T, frame []byte) {
		if len(frame) == 0 || frame[0] != 1 {
			return
		}
		var d wire.Decoder
		var s wire.Scratch
		var b wire.Batch
		if err := d.Decode(&b, &s, true, frame, everything); err != nil {
			var e *wire.Error
			if !errors.As(err, &e) || e.Detail == "" || len(b.Samples)+len(b.Fixes) != 0 {
				t.Fatalf("%v, %d samples, %d fixes", err, len(b.Samples), len(b.Fixes))
			}
			return
		}
		first, step := compareWithThePage(t, frame)
		for i := range first.Samples {
			p := &first.Samples[i]
			for _, v := range [3]float64{p.X, p.Y, p.Z} {
				if !(math.Abs(v) <= wire.MaxAccelerationMPS2+1e-9) {
					t.Fatal("an acceleration beyond the limit")
				}
			}
		}
		e := wire.NewEncoder(wire.EncoderConfig{ResolutionMPS2: step})
		again, err := e.AppendPacked(nil, first.Samples, first.Fixes)
		if err != nil {
			if extreme(&first) {
				return
			}
			t.Fatal(err)
		}
		second, step2 := compareWithThePage(t, again)
		// The encoder may say an explicit step by its short name: they agree
		// in seven digits, and from then on nothing moves any more.
		for i, x := range first.Samples {
			y := second.Samples[i]
			if x.SensorTime != y.SensorTime || math.Abs(x.X-y.X)+math.Abs(x.Y-y.Y)+math.Abs(x.Z-y.Z) > 3e-7*(math.Abs(x.X)+math.Abs(x.Y)+math.Abs(x.Z)) {
				t.Fatalf("sample %d was %+v and is %+v", i, x, y)
			}
		}
		third, err := wire.NewEncoder(wire.EncoderConfig{ResolutionMPS2: step2}).AppendPacked(nil, second.Samples, second.Fixes)
		if err != nil {
			t.Fatal(err)
		}
		if string(third) != string(again) {
			t.Fatalf("encoded twice: %x, then %x", again, third)
		}
	})
}

// FuzzDecodePacked2 holds the second of two frames of version 2 against the second
// decoder, where both are taken.
func FuzzDecodePacked2(f *testing.F) {
	text, err := os.ReadFile(vectorFolder + "/packed2.json")
	if err != nil {
		f.Fatal(err)
	}
	var file streamFile
	if err := json.Unmarshal(text, &file); err != nil {
		f.Fatal(err)
	}
	for _, stream := range file.Streams {
		for i := range len(stream.Frames) - 1 {
			f.Add(unhex(&stream.Frames[i]), unhex(&stream.Frames[i+1]))
		}
	}
	f.Fuzz(func(t *testing.T, first, second []byte) {
		var both twoDecoders
		for _, frame := range [][]byte{first, second} {
			if len(frame) == 0 || frame[0] < 0x10 || frame[0] > 0x4f {
				return
			}
			before := both.decoder
			var b wire.Batch
			var s wire.Scratch
			if err := both.decoder.Decode(&b, &s, true, frame, everything); err != nil {
				var e *wire.Error
				if !errors.As(err, &e) || e.Detail == "" || len(e.Detail) > 123 || len(b.Samples)+len(b.Fixes) != 0 || both.decoder != before {
					t.Fatalf("%v, %d samples, %d fixes", err, len(b.Samples), len(b.Fixes))
				}
				return
			}
			both.decoder = before
			both.compare(t, frame)
			for i := range b.Samples {
				p := &b.Samples[i]
				if !(max(math.Abs(p.X), math.Abs(p.Y), math.Abs(p.Z)) <= wire.MaxAccelerationMPS2+1e-9) {
					t.Fatal("an acceleration beyond the limit")
				}
			}
		}
	})
}

// extreme says that a frame, though good, holds what the encoder does not make:
// times days apart or at the ends of what a time may be, or values that
// rounding takes past the limit.
func extreme(b *wire.Batch) bool {
	var times []int64
	for _, s := range b.Samples {
		times = append(times, s.SensorTime)
		if max(math.Abs(s.X), math.Abs(s.Y), math.Abs(s.Z)) >= wire.MaxAccelerationMPS2 {
			return true
		}
	}
	for _, f := range b.Fixes {
		times = append(times, f.SensorTime)
	}
	slices.Sort(times)
	const hour = int64(3600e9)
	return len(times) > 0 && (distance(times[0], times[len(times)-1]) > uint64(29*hour) || times[0] < -1<<61 || times[len(times)-1] > 1<<61)
}

// FuzzDecodeS2 holds a frame with S2 against the same frame without.
func FuzzDecodeS2(f *testing.F) {
	seedVectors(f, func(v *frameVector) {
		switch frame := unhex(v); {
		case len(frame) > 0 && frame[0] == 1:
			f.Add(byte(0x81), s2.Encode(nil, frame[1:]))
		case len(frame) > 0 && frame[0] == 0x81:
			f.Add(frame[0], frame[1:])
		case v.Text != "":
			f.Add(byte(0x82), s2.Encode(nil, []byte(v.Text)))
		}
	})
	f.Fuzz(func(t *testing.T, form byte, block []byte) {
		form |= 0x80
		var d wire.Decoder
		var b wire.Batch
		var s wire.Scratch
		err := d.Decode(&b, &s, true, append([]byte{form}, block...), everything)
		n, lengthErr := s2.DecodedLen(block)
		if lengthErr != nil || n > wire.MaxBlock {
			if err == nil {
				t.Fatal("a block without a good length was taken")
			}
			return
		}
		body, blockErr := s2.Decode(nil, block)
		if blockErr != nil {
			if err == nil {
				t.Fatal("a broken block was taken")
			}
			return
		}
		var plainDecoder wire.Decoder
		var plain wire.Batch
		plainErr := plainDecoder.Decode(&plain, &s, true, append([]byte{form &^ 0x80}, body...), everything)
		if (err == nil) != (plainErr == nil) || len(b.Samples) != len(plain.Samples) || len(b.Fixes) != len(plain.Fixes) || b.Ignored != plain.Ignored || b.Control != plain.Control {
			t.Fatalf("with S2 %v and %+v, without %v and %+v", err, b, plainErr, plain)
		}
		for i := range b.Samples {
			if b.Samples[i] != plain.Samples[i] {
				t.Fatalf("sample %d differs", i)
			}
		}
	})
}

// FuzzParseMessage: what is taken is JSON, and an estimate that is written
// again reads the same.
func FuzzParseMessage(f *testing.F) {
	f.Add(`{"type":"estimate","t":12.0,"activity":"run","p":{"still":0,"walk":0.02,"run":0.97,"cycle":0,"transit":0.01},"cadence_spm":163.4,"cadence_confidence":0.93,"bpm":163,"speed_mps":3.1}`)
	f.Add(`{"type":"estimate","t":1698501144.402,"activity":"unknown","p":{},"cadence_spm":null,"bpm":null,"speed_mps":null}`)
	f.Add(`{"type":"refused","category":"location","code":"not_granted"}`)
	f.Add(`{"type":"draining","reconnect_after_s":4.2,"later":[{}]}`)
	f.Fuzz(func(t *testing.T, line string) {
		m, err := wire.ParseMessage([]byte(line))
		if err != nil {
			return
		}
		if !json.Valid([]byte(line)) {
			t.Fatal("not JSON")
		}
		if m.Type != wire.TypeEstimate {
			return
		}
		e := m.Estimate
		again := wire.AppendEstimate(nil, &e, m.T)
		m2, err := wire.ParseMessage(again)
		if err != nil {
			t.Fatalf("%s: %v", again, err)
		}
		third := wire.AppendEstimate(nil, &m2.Estimate, m2.T)
		if string(third) != string(again) {
			t.Fatalf("%s, then %s", again, third)
		}
	})
}
