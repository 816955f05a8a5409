package wire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/klauspost/compress/s2"

	"github.com/tempogate/tempogate/classifier"
)

// roundTrip encodes and decodes.
func roundTrip(t testing.TB, e *Encoder, samples []classifier.Sample, fixes []classifier.Fix) (Batch, []byte) {
	t.Helper()
	frame, err := e.AppendPacked(nil, samples, fixes)
	if err != nil {
		t.Fatal(err)
	}
	var d Decoder
	var b Batch
	var s Scratch
	decodeAll(t, &d, &b, &s, true, frame)
	return b, frame
}

// What comes back is what went in, rounded to the steps that were promised:
// decode(encode(x)) == round(x/step)·step, times to 0.1 ms.
func TestPackedGivesBackWhatItTook(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for _, step := range []float64{0, DefaultResolutionMPS2, standardGravity / 8192, standardGravity / 16, float64(float32(0.0383)), minScale * 1.01, maxScale} {
		for _, n := range []int{1, 2, 3, 4, 100, 500, MaxSamples} {
			samples := make([]classifier.Sample, n)
			t0 := random.Int64N(1<<62) - 1<<61
			for i := range samples {
				t0 += random.Int64N(20_000_000)
				at := t0
				switch random.IntN(20) {
				case 0: // late
					at += random.Int64N(1e9)
				case 1: // out of order
					at -= random.Int64N(1e9)
				}
				scale := math.Pow(10, float64(random.IntN(5)-1))
				value := func() float64 {
					v := (random.Float64()*2 - 1) * scale
					return min(max(v, -999), 999)
				}
				samples[i] = classifier.Sample{SensorTime: at, X: value(), Y: value(), Z: value()}
			}
			e := NewEncoder(EncoderConfig{ResolutionMPS2: step})
			got, _ := roundTrip(t, e, samples, nil)
			used := step
			if step == 0 {
				used = DefaultResolutionMPS2
			}
			used = float64(float32(used))
			for _, exact := range []float64{DefaultResolutionMPS2, standardGravity / 8192, standardGravity / 16} {
				if float32(exact) == float32(used) {
					used = exact
				}
			}
			if len(got.Samples) != n {
				t.Fatalf("%d samples came back of %d", len(got.Samples), n)
			}
			for i, s := range samples {
				rounded := func(v float64) float64 { return math.Round(v/used) * used }
				want := classifier.Sample{SensorTime: ticks(s.SensorTime) * tick, X: rounded(s.X), Y: rounded(s.Y), Z: rounded(s.Z)}
				if got.Samples[i] != want {
					t.Fatalf("step %v, %d samples: sample %d came back as %+v, want %+v", step, n, i, got.Samples[i], want)
				}
			}
		}
	}
}

func TestTicksRoundHalvesUp(t *testing.T) {
	for _, c := range []struct{ ns, want int64 }{
		{0, 0}, {49_999, 0}, {50_000, 1}, {150_000, 2}, {-50_000, 0}, {-50_001, -1}, {-100_000, -1}, {-150_000, -1}, {-150_001, -2},
		{1698501144401773000, 16985011444018}, {maxTime, 46116860184274}, {-maxTime, -46116860184274},
	} {
		if got := ticks(c.ns); got != c.want {
			t.Errorf("ticks(%d) = %d, want %d", c.ns, got, c.want)
		}
	}
}

func TestPackedFixes(t *testing.T) {
	nan := math.NaN()
	in := []classifier.Fix{
		{SensorTime: 1_000_000_000, SpeedMPS: nan, EastM: nan, NorthM: nan, AccuracyM: nan},
		{SensorTime: 2_000_049_999, SpeedMPS: 2.904, EastM: 1.24, NorthM: -0.06, AccuracyM: 4.1},
		{SensorTime: 1_500_000_000, SpeedMPS: 0, EastM: 0, NorthM: 0, AccuracyM: 0}, // late
		{SensorTime: 3_000_000_000, SpeedMPS: MaxSpeedMPS, EastM: -maxDisplacementM, NorthM: maxDisplacementM, AccuracyM: MaxAccuracyM},
		{SensorTime: 4_000_000_000, SpeedMPS: 1, EastM: 3, NorthM: nan, AccuracyM: 1}, // half a displacement is none
	}
	want := []classifier.Fix{
		in[0],
		{SensorTime: 2_000_000_000, SpeedMPS: 2.9, EastM: 1.2, NorthM: -0.1, AccuracyM: 5},
		in[2],
		in[3],
		{SensorTime: 4_000_000_000, SpeedMPS: 1, EastM: nan, NorthM: nan, AccuracyM: 1},
	}
	for _, samples := range [][]classifier.Sample{nil, walkingSecond(10)} {
		for i := range samples { // fixes count from the first sample
			samples[i].SensorTime -= 1698501144401773000
		}
		got, _ := roundTrip(t, NewEncoder(EncoderConfig{}), samples, in)
		if !sameBatch(&Batch{Fixes: got.Fixes}, &Batch{Fixes: want}) {
			t.Errorf("got  %+v\nwant %+v", got.Fixes, want)
		}
	}
}

// A category that is not allowed is counted, and its bytes are not looked at.
func TestPackedRefusedCategoriesAreNotParsed(t *testing.T) {
	frame, err := NewEncoder(EncoderConfig{}).AppendPacked(nil, walkingSecond(100), walkingFix)
	if err != nil {
		t.Fatal(err)
	}
	fixLength := int(frame[11])
	for i := 12; i < 12+fixLength; i++ {
		frame[i] = 0xff // no fixes any more
	}
	var d Decoder
	var b Batch
	var s Scratch
	if err := d.Decode(&b, &s, true, frame, Allowed{Acceleration: true}); err != nil {
		t.Fatal(err)
	}
	if len(b.Samples) != 100 || b.RefusedLocation != 1 || len(b.Fixes) != 0 {
		t.Errorf("got %d samples, %d fixes, refused %d", len(b.Samples), len(b.Fixes), b.RefusedLocation)
	}
	b.Clear()
	for i := 12 + fixLength; i < len(frame); i++ {
		frame[i] = 0xff // no samples any more either
	}
	if err := d.Decode(&b, &s, true, frame, Allowed{}); err != nil {
		t.Fatal(err)
	}
	if len(b.Samples) != 0 || b.RefusedAcceleration != 100 {
		t.Errorf("got %d samples, refused %d", len(b.Samples), b.RefusedAcceleration)
	}
}

func TestEncoderRefuses(t *testing.T) {
	sample := func(change func(*classifier.Sample)) []classifier.Sample {
		s := walkingSecond(10)
		change(&s[5])
		return s
	}
	fix := func(change func(*classifier.Fix)) []classifier.Fix {
		f := walkingFix[0]
		change(&f)
		return []classifier.Fix{f}
	}
	for _, c := range []struct {
		name    string
		step    float64
		samples []classifier.Sample
		fixes   []classifier.Fix
		code    string
		say     string
	}{
		{"too many samples", 0, make([]classifier.Sample, MaxSamples+1), nil, CodeTooLarge, "samples"},
		{"too many fixes", 0, nil, make([]classifier.Fix, MaxFixes+1), CodeTooLarge, "fixes"},
		{"NaN", 0, sample(func(s *classifier.Sample) { s.Y = math.NaN() }), nil, CodeMalformed, "acceleration"},
		{"infinity", 0, sample(func(s *classifier.Sample) { s.Z = math.Inf(-1) }), nil, CodeMalformed, "acceleration"},
		{"another unit", 0, sample(func(s *classifier.Sample) { s.X = 1000.1 }), nil, CodeMalformed, "acceleration"},
		{"time beyond 146 years", 0, sample(func(s *classifier.Sample) { s.SensorTime = maxTime + 1 }), nil, CodeMalformed, "time"},
		{"first time beyond", 0, []classifier.Sample{{SensorTime: -maxTime - 1}}, nil, CodeMalformed, "time"},
		{"a week between samples", 0, sample(func(s *classifier.Sample) { s.SensorTime += 7 * 86400e9 }), nil, CodeMalformed, "59 hours"},
		{"a step too fine", 1e-6, walkingSecond(2), nil, CodeMalformed, "resolution"},
		{"a step too coarse", 2, walkingSecond(2), nil, CodeMalformed, "resolution"},
		{"a step below zero", -1, walkingSecond(2), nil, CodeMalformed, "resolution"},
		{"a step that is none", math.NaN(), walkingSecond(2), nil, CodeMalformed, "resolution"},
		{"negative speed", 0, nil, fix(func(f *classifier.Fix) { f.SpeedMPS = -1 }), CodeMalformed, "speed"},
		{"infinite speed", 0, nil, fix(func(f *classifier.Fix) { f.SpeedMPS = math.Inf(1) }), CodeMalformed, "speed"},
		{"around the earth", 0, nil, fix(func(f *classifier.Fix) { f.EastM = 4e7 }), CodeMalformed, "displacement"},
		{"negative accuracy", 0, nil, fix(func(f *classifier.Fix) { f.AccuracyM = -1 }), CodeMalformed, "accuracy"},
		{"a fix beyond 146 years", 0, walkingSecond(1), fix(func(f *classifier.Fix) { f.SensorTime = -maxTime - 1 }), CodeMalformed, "time"},
		{"a fix of another week", 0, walkingSecond(1), fix(func(f *classifier.Fix) { f.SensorTime += 7 * 86400e9 }), CodeMalformed, "59 hours"},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := NewEncoder(EncoderConfig{ResolutionMPS2: c.step})
			for _, encode := range []func([]byte, []classifier.Sample, []classifier.Fix) ([]byte, error){e.AppendPacked, e.AppendPackedS2} {
				out, err := encode([]byte("before"), c.samples, c.fixes)
				var refused *Error
				if !errors.As(err, &refused) || refused.Code != c.code || !strings.Contains(refused.Detail, c.say) {
					t.Errorf("got %v, want %s: …%s…", err, c.code, c.say)
				}
				if string(out) != "before" {
					t.Errorf("dst came back as %q", out)
				}
			}
		})
	}
}

func TestJSONEncoderRefuses(t *testing.T) {
	nan := math.NaN()
	good := Position{Latitude: 52, Longitude: 4.9, SpeedMPS: nan, AccuracyM: nan}
	position := func(change func(*Position)) []Position {
		p := good
		change(&p)
		return []Position{p}
	}
	for _, c := range []struct {
		name      string
		samples   []classifier.Sample
		positions []Position
	}{
		{"too many samples", make([]classifier.Sample, MaxSamples+1), nil},
		{"too many positions", nil, make([]Position, MaxFixes+1)},
		{"NaN", []classifier.Sample{{X: nan}}, nil},
		{"infinity", []classifier.Sample{{Z: math.Inf(1)}}, nil},
		{"latitude", nil, position(func(p *Position) { p.Latitude = 91 })},
		{"no longitude", nil, position(func(p *Position) { p.Longitude = nan })},
		{"speed", nil, position(func(p *Position) { p.SpeedMPS = -2 })},
		{"accuracy", nil, position(func(p *Position) { p.AccuracyM = math.Inf(1) })},
	} {
		e := NewEncoder(EncoderConfig{})
		for _, encode := range []func([]byte, []classifier.Sample, []Position) ([]byte, error){e.AppendJSON, e.AppendJSONS2} {
			if out, err := encode([]byte("before"), c.samples, c.positions); err == nil || string(out) != "before" {
				t.Errorf("%s: got %q, %v", c.name, out, err)
			}
		}
	}
}

// frameWith builds a frame around a body of samples written by hand.
func frameWith(n int, parts ...[]byte) []byte {
	frame := binary.AppendUvarint([]byte{formPacked}, uint64(n))
	frame = append(frame, 0)                  // no fixes
	frame = append(frame, make([]byte, 8)...) // base
	return append(frame, bytes.Join(parts, nil)...)
}

func TestMalformedPackedFrames(t *testing.T) {
	origin := []byte{12, 0, 0, 0, 0} // scale, period, x, y, z
	bits := func(write func(w *bitWriter)) []byte {
		var w bitWriter
		write(&w)
		return w.close()
	}
	silent := bits(func(w *bitWriter) { // four channels without residuals
		for range 4 {
			w.bits(riceAllZero<<2, 7)
		}
	})
	float := func(v float32) []byte {
		return binary.LittleEndian.AppendUint32([]byte{scaleExplicit}, math.Float32bits(v))
	}
	fixes := func(m byte, length byte, body ...byte) []byte {
		return append(append([]byte{formPacked, 0, m}, make([]byte, 8)...), append([]byte{length}, body...)...)
	}
	for _, c := range []struct {
		name  string
		frame []byte
		code  string // "" for a good frame
		say   string
	}{
		{"empty", nil, CodeMalformed, "empty"},
		{"another version", []byte{0x03}, CodeUnsupported, "first byte"},
		{"text in a binary message", []byte(`{"payload":[]}`), CodeUnsupported, "first byte"},
		{"form only", []byte{formPacked}, CodeMalformed, "cut short"},
		{"nothing inside", frameWith(0), "", ""},
		{"too many samples", frameWith(MaxSamples+1, origin, silent), CodeTooLarge, "4096"},
		{"count without end", append([]byte{formPacked}, bytes.Repeat([]byte{0xff}, 11)...), CodeTooLarge, "4096"},
		{"too many fixes", []byte{formPacked, 0, 65}, CodeTooLarge, "64"},
		{"base out of range", append([]byte{formPacked, 0, 0}, 0, 0, 0, 0, 0, 0, 0, 0x7f), CodeMalformed, "base"},
		{"something behind an empty frame", frameWith(0, []byte{0}), CodeMalformed, "follows"},

		{"one sample", frameWith(1, origin), "", ""},
		{"bits behind one sample", frameWith(1, origin, []byte{0}), CodeMalformed, "follows"},
		{"two samples", frameWith(2, origin, silent), "", ""},
		{"two samples without bits", frameWith(2, origin), CodeMalformed, "cut short"},
		{"padding that is not zero", frameWith(2, origin, silent[:3], []byte{silent[3] | 0x80}), CodeMalformed, "follows"},
		{"a byte too many", frameWith(2, origin, silent, []byte{0}), CodeMalformed, "follows"},
		{"Rice parameter 26", frameWith(2, origin, bits(func(w *bitWriter) { w.bits(26<<2, 7); w.bits(0, 57-8) })), CodeMalformed, "unknown parameter"},
		{"4096 samples in 28 bits", frameWith(MaxSamples, origin, silent), "", ""},

		{"scale byte 3", frameWith(1, []byte{3, 0, 0, 0, 0}), CodeMalformed, "unknown scale"},
		{"scale byte 20", frameWith(1, []byte{20, 0, 0, 0, 0}), CodeMalformed, "unknown scale"},
		{"explicit scale", frameWith(1, float(0.0383), []byte{0, 0, 0, 0}), "", ""},
		{"scale NaN", frameWith(1, float(float32(math.NaN())), []byte{0, 0, 0, 0}), CodeMalformed, "scale out of range"},
		{"scale 0", frameWith(1, float(0), []byte{0, 0, 0, 0}), CodeMalformed, "scale out of range"},
		{"scale below 0", frameWith(1, float(-1), []byte{0, 0, 0, 0}), CodeMalformed, "scale out of range"},
		{"scale 2", frameWith(1, float(2), []byte{0, 0, 0, 0}), CodeMalformed, "scale out of range"},
		{"period too long", frameWith(1, []byte{12}, binary.AppendUvarint(nil, maxPeriod+1), []byte{0, 0, 0}), CodeMalformed, "period"},
		{"first value beyond 1000 m/s2", frameWith(1, []byte{12, 0}, binary.AppendVarint(nil, 417_676), []byte{0, 0}), CodeMalformed, "1000 m/s2"},
		{"later value beyond 1000 m/s2", frameWith(2, origin, bits(func(w *bitWriter) {
			w.bits(riceAllZero<<2, 7)
			w.bits(1, 7)
			w.rice(zigzag(417_676), 0)
		}), make([]byte, 8)), CodeMalformed, "runs out of its range"},
		{"later time 60 hours off", frameWith(2, origin, bits(func(w *bitWriter) {
			w.bits(1, 7)
			w.rice(1<<32-1, 0) // -2^31
		}), make([]byte, 8)), CodeMalformed, "runs out of its range"},

		{"a fix", fixes(1, 2, 0, 0), "", ""},
		{"a fix of unknown kind", fixes(1, 2, 8, 0), CodeMalformed, "flag"},
		{"a fix cut short", fixes(1, 2, fixSpeed, 0), CodeMalformed, "cut short"},
		{"fixes longer than the frame", fixes(1, 100, 0, 0), CodeMalformed, "longer than the frame"},
		{"fixes that do not fill their length", fixes(1, 3, 0, 0, 0), CodeMalformed, "shorter than"},
		{"a speed too high", fixes(1, 5, append([]byte{fixSpeed, 0}, binary.AppendUvarint(nil, 100_001)...)...), CodeMalformed, "speed"},
		{"a displacement too far", fixes(1, 7, append([]byte{fixDisplacement, 0}, append(binary.AppendVarint(nil, 201_000_001), 0)...)...), CodeMalformed, "displacement"},
		{"an accuracy too poor", fixes(1, 5, append([]byte{fixAccuracy, 0}, binary.AppendUvarint(nil, 1_000_001)...)...), CodeMalformed, "accuracy"},

		{"S2 of nothing", []byte{formPacked | formS2}, CodeMalformed, "S2"},
		{"S2 that is none", []byte{formPacked | formS2, 0x05, 0xff, 0xff}, CodeMalformed, "S2"},
		{"S2 bomb", append([]byte{formPacked | formS2}, binary.AppendUvarint(nil, 1<<32-1)...), CodeTooLarge, "262144"},
		{"S2 just too large", s2.Encode(nil, make([]byte, MaxBlock+1)), CodeTooLarge, "262144"},
		{"S2 of an unknown form", append([]byte{0x83}, s2.Encode(nil, []byte("abc"))...), CodeUnsupported, "first byte"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.name == "S2 just too large" {
				c.frame = append([]byte{formJSON | formS2}, c.frame...)
			}
			var d Decoder
			var b Batch
			var s Scratch
			err := d.Decode(&b, &s, true, c.frame, all)
			if c.code == "" {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			var e *Error
			if !errors.As(err, &e) || e.Code != c.code || !strings.Contains(e.Detail, c.say) {
				t.Errorf("got %v, want %s: …%s…", err, c.code, c.say)
			}
			if len(b.Samples)+len(b.Fixes) != 0 {
				t.Error("something of the frame was taken")
			}
		})
	}
}

func TestBitsComeBack(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	type item struct {
		v     uint64
		k     int
		plain bool
	}
	var items []item
	var w bitWriter
	for range 10_000 {
		i := item{v: random.Uint64() >> (32 + random.IntN(32)), k: random.IntN(maxRice + 1), plain: random.IntN(3) == 0}
		if i.plain {
			i.k = 1 + random.IntN(32)
			i.v &= 1<<i.k - 1
			w.bits(i.v, i.k)
		} else {
			before := len(w.dst)*8 + w.count
			w.rice(i.v, i.k)
			if n := len(w.dst)*8 + w.count - before; n != riceBits(i.v, i.k) {
				t.Fatalf("rice(%d, %d) wrote %d bits, riceBits says %d", i.v, i.k, n, riceBits(i.v, i.k))
			}
		}
		items = append(items, i)
	}
	r := bitReader{data: w.close()}
	for n, i := range items {
		got := uint64(0)
		if i.plain {
			got = r.bits(i.k)
		} else {
			var residual [1]int64
			r.residuals(residual[:], uint8(i.k))
			got = zigzag(residual[0])
		}
		if got != i.v {
			t.Fatalf("item %d: got %d, want %d", n, got, i.v)
		}
	}
	if r.over() || !r.spent() {
		t.Error("the reader is not at the end")
	}
	r.bits(8)
	if !r.over() || r.spent() {
		t.Error("reading on behind the end goes unnoticed")
	}
}
