package wire_test

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/tempogate/tempogate/classifier"
	"github.com/tempogate/tempogate/ingest/wire"
)

var update = flag.Bool("update", false, "write testdata/wire anew from the tables of this test")

const vectorFolder = "../../testdata/wire"

// The vectors as they stand in testdata/wire, for readers in any language.
// Sensor times are strings: as numbers, most JSON readers would round them.
type (
	sampleVector struct {
		SensorTimeNS string  `json:"sensor_time_ns"`
		X            float64 `json:"x"`
		Y            float64 `json:"y"`
		Z            float64 `json:"z"`
	}
	fixVector struct {
		SensorTimeNS string   `json:"sensor_time_ns"`
		SpeedMPS     *float64 `json:"speed_mps"` // null when unknown
		EastM        *float64 `json:"east_m"`
		NorthM       *float64 `json:"north_m"`
		AccuracyM    *float64 `json:"accuracy_m"`
	}
	// A frameVector is one frame and what it holds, or the code of its error.
	frameVector struct {
		Name        string         `json:"name"`
		Why         string         `json:"why"`
		Hex         string         `json:"hex,omitempty"`  // of a binary message
		Text        string         `json:"text,omitempty"` // of a text message
		Samples     []sampleVector `json:"samples,omitempty"`
		Fixes       []fixVector    `json:"fixes,omitempty"`
		GravityFree bool           `json:"gravity_free,omitempty"`
		Ignored     int            `json:"ignored,omitempty"`
		Control     string         `json:"control,omitempty"`
		Error       string         `json:"error,omitempty"` // malformed, too_large or unsupported_version
	}
	vectorFile struct {
		About  string        `json:"about"`
		Frames []frameVector `json:"frames"`
	}
	// A streamVector is the frames of one stream, in order. A frame with an error
	// ends it.
	streamVector struct {
		Name   string        `json:"name"`
		Why    string        `json:"why"`
		Frames []frameVector `json:"frames"`
	}
	streamFile struct {
		About   string         `json:"about"`
		Streams []streamVector `json:"streams"`
	}
)

// TestGoldenVectors holds the decoder to the vectors that are published for
// other implementers, and the packed ones to the second decoder too.
func TestGoldenVectors(t *testing.T) {
	for name, vectors := range map[string]func(testing.TB) vectorFile{"packed.json": packedVectors, "batch.json": batchVectors} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(vectorFolder, name)
			if *update {
				writeVectors(t, path, vectors(t))
			}
			var file vectorFile
			readVectors(t, path, &file)
			if len(file.Frames) == 0 {
				t.Fatal("no vectors")
			}
			for _, v := range file.Frames {
				t.Run(v.Name, func(t *testing.T) { v.check(t) })
			}
		})
	}
}

// check decodes the frame and compares it with what the vector says.
func (v *frameVector) check(t *testing.T) {
	payload, err := hex.DecodeString(v.Hex)
	if err != nil {
		t.Fatal(err)
	}
	binary := v.Hex != ""
	if !binary {
		payload = []byte(v.Text)
	}
	var d wire.Decoder
	var b wire.Batch
	var s wire.Scratch
	err = d.Decode(&b, &s, binary, payload, everything)
	if v.Error != "" {
		var e *wire.Error
		if !errors.As(err, &e) || e.Code != v.Error {
			t.Errorf("got %v, want the code %s", err, v.Error)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	got := describe(&b)
	got.Name, got.Why, got.Hex, got.Text = v.Name, v.Why, v.Hex, v.Text
	gotText, wantText := marshal(t, got), marshal(t, v)
	if gotText != wantText {
		t.Errorf("got %s\nwant %s", gotText, wantText)
	}
	if binary && payload[0] == 1 {
		compareWithThePage(t, payload)
	}
}

// describe turns a decoded batch into a vector.
func describe(b *wire.Batch) (v frameVector) {
	number := func(f float64) *float64 {
		if math.IsNaN(f) {
			return nil
		}
		f = math.Round(f*1e6) / 1e6 // a cosine may differ in its last bit
		return &f
	}
	for _, s := range b.Samples {
		v.Samples = append(v.Samples, sampleVector{strconv.FormatInt(s.SensorTime, 10), s.X, s.Y, s.Z})
	}
	for _, f := range b.Fixes {
		v.Fixes = append(v.Fixes, fixVector{strconv.FormatInt(f.SensorTime, 10), number(f.SpeedMPS), number(f.EastM), number(f.NorthM), number(f.AccuracyM)})
	}
	v.GravityFree, v.Ignored = b.GravityFree, b.Ignored
	v.Control = map[wire.Control]string{wire.ControlWithdraw: "withdraw", wire.ControlEnd: "end"}[b.Control]
	return v
}

func marshal(t testing.TB, v any) string {
	text, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func writeVectors(t testing.TB, path string, v any) {
	if err := os.WriteFile(path, []byte(marshal(t, v)+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
}

func readVectors(t testing.TB, path string, v any) {
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, v); err != nil {
		t.Fatal(err)
	}
}

// packedVectors makes packed.json. Encoded frames come from the encoder, hand-
// made ones are written out; what they hold is what the decoder says, and the
// second decoder has to agree.
func packedVectors(t testing.TB) vectorFile {
	file := vectorFile{About: "Packed frames, version 1 (docs/protocol.md), invented. hex is a whole binary message. " +
		"Times are strings because they are beyond 2^53; null means unknown. A frame with error has to be refused."}
	const step = 9.80665 / 4096
	sample := func(ns int64, step float64, x, y, z int) classifier.Sample {
		return classifier.Sample{SensorTime: ns, X: float64(x) * step, Y: float64(y) * step, Z: float64(z) * step}
	}
	nan := math.NaN()
	add := func(name, why string, config wire.EncoderConfig, samples []classifier.Sample, fixes []classifier.Fix, s2 bool) {
		e := wire.NewEncoder(config)
		encode := e.AppendPacked
		if s2 {
			encode = e.AppendPackedS2
		}
		frame, err := encode(nil, samples, fixes)
		if err != nil {
			t.Fatal(err)
		}
		file.Frames = append(file.Frames, filled(t, frameVector{Name: name, Why: why, Hex: hex.EncodeToString(frame)}))
	}
	plain := wire.EncoderConfig{ResolutionMPS2: step}

	add("empty", "no samples, no fixes: good for nothing, but good", plain, nil, nil, false)
	add("one sample", "no channels, the head says it all", plain, []classifier.Sample{sample(1_700_000_000_000_000_000, step, 1, -2, 4096)}, nil, false)
	add("one fix", "base is the time of the fix", plain, nil, []classifier.Fix{{SensorTime: 1_700_000_000_123_456_789, SpeedMPS: 2.345, EastM: 1.26, NorthM: -0.04, AccuracyM: 4.01}}, false)
	add("fixes that know little", "each combination of what may be unknown, one of them late", plain, nil, []classifier.Fix{
		{SensorTime: 10e9, SpeedMPS: nan, EastM: nan, NorthM: nan, AccuracyM: nan},
		{SensorTime: 11e9, SpeedMPS: 3, EastM: nan, NorthM: nan, AccuracyM: nan},
		{SensorTime: 9e9, SpeedMPS: nan, EastM: -3, NorthM: 2, AccuracyM: nan},
		{SensorTime: 12e9, SpeedMPS: nan, EastM: nan, NorthM: nan, AccuracyM: 65},
	}, false)
	var even []classifier.Sample
	for i := range 10 {
		even = append(even, sample(5e9+int64(i)*10_000_000, step, 0, 0, 4096))
	}
	add("at rest", "all four channels are silent (k = 31): 28 bits for all samples", plain, even, nil, false)
	var smooth []classifier.Sample
	for i := range 40 {
		phase := float64(i) / 6
		smooth = append(smooth, sample(-7e9+int64(i)*9_932_500, step, int(800*math.Sin(phase)), 4000+int(1500*math.Sin(2*phase)), i*i-20*i))
	}
	add("smooth", "negative times, a period that is no whole number of ticks, orders 2 and 3", plain, smooth, nil, false)
	jitter := []classifier.Sample{
		sample(1_700_000_000_000_049_999, step, 10, 20, 30),
		sample(1_700_000_000_005_050_000, step, 12, 19, 33),
		sample(1_700_000_000_005_050_000, step, 12, 19, 33),      // twice
		sample(1_700_000_000_015_149_999, step, -4000, 19, 31),   // a blow: more than 20 zeros
		sample(1_700_000_000_012_000_000, step, 11, 18, 30),      // out of order
		sample(1_700_000_003_012_000_000, step, 9, 21, -417_000), // a gap, and 998 m/s²
	}
	add("jitter, a repeat, a gap and blows", "rounding of times at the half tick, escapes to 32 bits", plain, jitter, nil, false)
	add("explicit step", "a step that is no power of two of g: scale 0 and an f32", wire.EncoderConfig{ResolutionMPS2: 0.0383},
		[]classifier.Sample{sample(1e9, float64(float32(0.0383)), 1, 2, 3), sample(2e9, float64(float32(0.0383)), -1, 256, 0)}, nil, false)
	add("fine step", "1/65536 g of 9.81, all that iOS gives", wire.EncoderConfig{ResolutionMPS2: 9.81 / 65536},
		[]classifier.Sample{sample(1e9, 9.81/65536, 1, 65536, 3), sample(1_010_000_000, 9.81/65536, -1, 65530, 0), sample(1_020_000_000, 9.81/65536, 7, 65538, -5)}, nil, false)
	add("samples and fixes in S2", "first byte 81: the rest is an S2 block", plain, smooth,
		[]classifier.Fix{{SensorTime: -7e9, SpeedMPS: 1, EastM: 1, NorthM: 1, AccuracyM: 1}}, true)

	file.Frames = append(file.Frames, []frameVector{
		{Name: "unknown form", Why: "a later version, or none", Hex: "030000", Error: wire.CodeUnsupported},
		{Name: "cut short in the head", Why: "base has 8 bytes", Hex: "010000000000", Error: wire.CodeMalformed},
		{Name: "too many samples", Why: "4097", Hex: "018120000000000000000000", Error: wire.CodeTooLarge},
		{Name: "too many fixes", Why: "65", Hex: "0100410000000000000000", Error: wire.CodeTooLarge},
		{Name: "cut short in the bits", Why: "two samples, one byte of bits", Hex: "01020000000000000000000c000000007c", Error: wire.CodeMalformed},
		{Name: "padding", Why: "the last four bits have to be 0", Hex: "01020000000000000000000c000000007c3e9f8f", Error: wire.CodeMalformed},
		{Name: "a byte too many", Why: "nothing may follow the bits", Hex: "01020000000000000000000c000000007c3e9f0f00", Error: wire.CodeMalformed},
		{Name: "Rice parameter 26", Why: "26 to 30 are not used", Hex: "01020000000000000000000c000000006800000000000000", Error: wire.CodeMalformed},
		{Name: "scale 20", Why: "scales are 4 to 19, or 0", Hex: "0101000000000000000000" + "1400000000", Error: wire.CodeMalformed},
		{Name: "beyond 1000 m/s2", Why: "the first x is 417676 steps of 9.80665/4096", Hex: "0101000000000000000000" + "0c0098fe320000", Error: wire.CodeMalformed},
		{Name: "unknown bit of a fix", Why: "bits 3 to 7 are 0", Hex: "0100010000000000000000020800", Error: wire.CodeMalformed},
		{Name: "fixes shorter than their length", Why: "one fix of two bytes, length 3", Hex: "010001000000000000000003000000", Error: wire.CodeMalformed},
		{Name: "S2 too large", Why: "unfolds to 262145 bytes", Hex: "81818010", Error: wire.CodeTooLarge},
		{Name: "no S2", Why: "a length of 5 and no content", Hex: "8105ffff", Error: wire.CodeMalformed},
	}...)
	return file
}

// batchVectors makes batch.json.
func batchVectors(t testing.TB) vectorFile {
	file := vectorFile{About: "JSON batches and control frames (docs/protocol.md), invented. text is a whole text message; " +
		"each is the first of its stream. Samples and fixes are what the server makes of it. A text with error has to be refused."}
	for _, v := range []frameVector{
		{Name: "one of each", Why: "the usual", Text: `{"messageId":7,"sessionId":"s","deviceId":"d","payload":[{"name":"totalacceleration","time":1698501144401773000,"values":{"x":0.1,"y":-9.7,"z":0.4}},{"name":"location","time":1698501145514000000,"values":{"latitude":0.1,"longitude":0.9,"speed":2.9,"horizontalAccuracy":4.1}}]}`},
		{Name: "displacement", Why: "metres since the fix before; the first has none, a late one is dropped", Text: `{"payload":[{"name":"location","time":1000000000,"values":{"latitude":0,"longitude":179.9999,"speed":-1,"horizontalAccuracy":-1}},{"name":"location","time":2000000000,"values":{"latitude":0.0001,"longitude":-179.9999}},{"name":"location","time":1500000000,"values":{"latitude":0.5,"longitude":0}}]}`},
		{Name: "gravity added", Why: "the gravity nearest in time", Text: `{"payload":[{"name":"accelerometer","time":100,"values":{"x":1,"y":0,"z":0}},{"name":"accelerometer","time":200,"values":{"x":2,"y":0,"z":0}},{"name":"gravity","time":190,"values":{"x":0,"y":9.8,"z":0}},{"name":"gravity","time":90,"values":{"x":0,"y":0,"z":9.8}}]}`},
		{Name: "gravity-free", Why: "accelerometer alone", Text: `{"payload":[{"name":"Accelerometer","time":100,"values":{"x":1,"y":0,"z":0}}]}`},
		{Name: "redundant", Why: "totalacceleration makes the others redundant", Text: `{"payload":[{"name":"accelerometer","time":1,"values":{"x":1,"y":0,"z":0}},{"name":"gravity","time":1,"values":{"x":0,"y":9.8,"z":0}},{"name":"totalacceleration","time":1,"values":{"x":1,"y":9.8,"z":0}}]}`},
		{Name: "any order, other keys, other sensors", Why: "all of that is passed over", Text: `{"payload":[{"values":{"accuracy":3,"z":3,"y":2,"x":1},"extra":[{}],"time":5,"name":"TOTALACCELERATION"},{"name":"gyroscope","time":"?","values":null}],"more":true}`},
		{Name: "empty", Why: "a batch may be empty", Text: `{"messageId":1,"payload":[]}`},
		{Name: "withdraw", Why: "control", Text: `{"type":"withdraw"}`},
		{Name: "end", Why: "control", Text: `{"type":"end"}`},
		{Name: "time as a float", Why: "would be off by 100 ns and more", Text: `{"payload":[{"name":"totalacceleration","time":1.698501144401773e18,"values":{"x":0,"y":0,"z":0}}]}`, Error: wire.CodeMalformed},
		{Name: "wrong unit", Why: "thousandths of g", Text: `{"payload":[{"name":"totalacceleration","time":1,"values":{"x":0,"y":-9806,"z":0}}]}`, Error: wire.CodeMalformed},
		{Name: "an axis missing", Why: "x, y and z", Text: `{"payload":[{"name":"totalacceleration","time":1,"values":{"x":0,"y":0}}]}`, Error: wire.CodeMalformed},
		{Name: "a key twice", Why: "which one counts?", Text: `{"payload":[{"name":"totalacceleration","time":1,"time":2,"values":{"x":0,"y":0,"z":0}}]}`, Error: wire.CodeMalformed},
		{Name: "NaN", Why: "is no JSON", Text: `{"payload":[{"name":"totalacceleration","time":1,"values":{"x":NaN,"y":0,"z":0}}]}`, Error: wire.CodeMalformed},
		{Name: "latitude 91", Why: "out of range", Text: `{"payload":[{"name":"location","time":1,"values":{"latitude":91,"longitude":0}}]}`, Error: wire.CodeMalformed},
		{Name: "something behind", Why: "one object a frame", Text: `{"payload":[]} {"payload":[]}`, Error: wire.CodeMalformed},
		{Name: "unknown type", Why: "a batch has none", Text: `{"type":"batch","payload":[]}`, Error: wire.CodeMalformed},
		{Name: "cut short", Why: "a lost connection", Text: `{"payload":[{"name":"totalacc`, Error: wire.CodeMalformed},
	} {
		if v.Error == "" {
			v = filled(t, v)
		}
		file.Frames = append(file.Frames, v)
	}
	return file
}

// filled decodes a vector's frame into the vector.
func filled(t testing.TB, v frameVector) frameVector {
	payload, err := hex.DecodeString(v.Hex)
	if err != nil {
		t.Fatal(err)
	}
	if v.Hex == "" {
		payload = []byte(v.Text)
	}
	var d wire.Decoder
	var b wire.Batch
	var s wire.Scratch
	if err := d.Decode(&b, &s, v.Hex != "", payload, everything); err != nil {
		t.Fatalf("%s: %v", v.Name, err)
	}
	out := describe(&b)
	out.Name, out.Why, out.Hex, out.Text = v.Name, v.Why, v.Hex, v.Text
	return out
}
