package wire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/tempogate/tempogate/classifier"
)

// A stream of frames comes back as it went in: on time and off, with jitter,
// pauses, a clock that is set back, steps that change, frames of one sample, of
// fixes alone and of nothing.
func TestPacked2GivesBackWhatItTook(t *testing.T) {
	random := rand.New(rand.NewPCG(21, 22))
	steps := []float64{DefaultResolutionMPS2, standardGravity / 8192, float64(float32(0.0383))}
	flags := map[byte]int{}
	for range 60 {
		period := []int64{5_000_000, 10_000_000, 40_304_375, 66_666_667, 100_000_000}[random.IntN(5)]
		jitter := []float64{0, 20, 40_000, 1_000_000}[random.IntN(4)] // ns
		step := steps[0]
		e := NewEncoder(EncoderConfig{Version: 2})
		var d Decoder
		var b Batch
		var s Scratch
		now := random.Int64N(1<<62) - 1<<61
		for range 30 {
			switch random.IntN(12) {
			case 0:
				now += random.Int64N(3600e9) // a pause
			case 1:
				now -= random.Int64N(2e9)
			case 2:
				step = steps[random.IntN(len(steps))]
			case 3:
				period += random.Int64N(2001) - 1000 // a clock drifts
			}
			e.config.ResolutionMPS2 = step
			samples := make([]classifier.Sample, []int{0, 1, 2, 15, 15, 20, 25, 100}[random.IntN(8)])
			rough := float64(int(1) << random.IntN(10))
			for i := range samples {
				value := func() float64 { return float64(int(rough*random.NormFloat64())) * step }
				samples[i] = classifier.Sample{SensorTime: now + int64(jitter*random.NormFloat64()), X: value(), Y: value(), Z: value()}
				now += period
			}
			var fixes []classifier.Fix
			if random.IntN(3) == 0 {
				fixes = []classifier.Fix{{SensorTime: ticks(now) * tick, SpeedMPS: 1.25, EastM: 3.5, NorthM: -2.5, AccuracyM: 7}}
			}
			frame, err := e.AppendPacked(nil, samples, fixes)
			if err != nil {
				t.Fatal(err)
			}
			flag, _, ok := split2(frame[0])
			if !ok {
				t.Fatalf("a first byte %02x", frame[0])
			}
			flags[flag]++
			b.Clear()
			decodeAll(t, &d, &b, &s, true, frame)
			if len(b.Samples) != len(samples) || !sameBatch(&Batch{Fixes: b.Fixes}, &Batch{Fixes: fixes}) {
				t.Fatalf("%d samples and fixes %+v came back of %d and %+v", len(b.Samples), b.Fixes, len(samples), fixes)
			}
			for i, want := range samples {
				want.SensorTime = ticks(want.SensorTime) * tick
				if b.Samples[i] != want {
					t.Fatalf("sample %d came back as %+v, want %+v", i, b.Samples[i], want)
				}
			}
		}
	}
	for _, flag := range []byte{0, withFixes, goesOn, goesOn | withFixes, goesOn | onTime, goesOn | onTime | withFixes} {
		if flags[flag] < 20 {
			t.Errorf("only %d frames had the flags %b", flags[flag], flag)
		}
	}
}

// A clock that goes evenly costs nothing after the first frame, whatever its
// period: 20 bytes are the least that a frame of version 1 takes beside its
// readings.
func TestEvenClockCostsNothing(t *testing.T) {
	e := NewEncoder(EncoderConfig{Version: 2})
	for second := range 100 {
		samples := make([]classifier.Sample, 15)
		for i := range samples {
			samples[i] = classifier.Sample{SensorTime: 1_700_000_000_000_000_000 + int64(15*second+i)*66_666_667, Z: standardGravity}
		}
		frame, err := e.AppendPacked(nil, samples, nil)
		if err != nil {
			t.Fatal(err)
		}
		if second > 0 && len(frame) > 7 { // form, n, three values, a bit a channel
			t.Fatalf("frame %d has %d bytes: %x", second, len(frame), frame)
		}
	}
}

// opening is a frame of two samples that begins anew, and what may follow it.
func opening(t *testing.T) (d Decoder) {
	t.Helper()
	frame := frame2(0, 5, 2, make([]byte, 8), []byte{100, 12, 0, 0, 0}, []byte{0x7c, 0x3e, 0x9f, 0x0f})
	var b Batch
	var s Scratch
	decodeAll(t, &d, &b, &s, true, frame)
	return d
}

// frame2 builds a frame of version 2 around what is behind n.
func frame2(flags, count byte, n int, parts ...[]byte) []byte {
	return append(binary.AppendUvarint([]byte{form2(flags, count)}, uint64(n)), bytes.Join(parts, nil)...)
}

func TestMalformedPacked2Frames(t *testing.T) {
	first := []byte{0, 0, 0}
	same := []byte{0x0f} // four channels with the codes of the frame before, which have no residuals
	huge := binary.AppendUvarint(nil, 1<<63)
	for _, c := range []struct {
		name  string
		frame []byte
		code  string // "" for a good frame
		say   string
	}{
		{"goes on", frame2(goesOn, 6, 2, []byte{0, 0}, first, same), "", ""},
		{"on time", frame2(goesOn|onTime, 6, 2, first, []byte{0x07}), "", ""},
		{"one sample", frame2(goesOn|onTime, 6, 1, first), "", ""},
		{"nothing", frame2(0, 0, 0, make([]byte, 8)), "", ""},
		{"begins anew with any count", frame2(0, 1, 1, make([]byte, 8), []byte{0, 12}, first), "", ""},
		{"on time, but does not go on", frame2(onTime, 6, 2, first, []byte{0x07}), CodeUnsupported, "first byte"},
		{"a first byte beyond", []byte{0x50, 0}, CodeUnsupported, "first byte"},
		{"a first byte below", []byte{0x0f, 0}, CodeUnsupported, "first byte"},
		{"the same frame twice", frame2(goesOn|onTime, 5, 2, first, []byte{0x07}), CodeMalformed, "missing"},
		{"one is missing", frame2(goesOn|onTime, 7, 2, first, []byte{0x07}), CodeMalformed, "missing"},
		{"goes on without samples", frame2(goesOn, 6, 0, []byte{0, 0}), CodeMalformed, "without samples"},
		{"too many samples", frame2(goesOn, 6, 4097), CodeTooLarge, "4096"},
		{"too many fixes", frame2(goesOn|withFixes, 6, 1, []byte{65}), CodeTooLarge, "64"},
		{"no shift", frame2(goesOn, 6, 2), CodeMalformed, "cut short"},
		{"a shift too far", frame2(goesOn, 6, 2, huge), CodeMalformed, "shift"},
		{"a period below 0", frame2(goesOn, 6, 2, []byte{0, 3}, first, same), CodeMalformed, "period"}, // 100 - 200 ns
		{"a change too large", frame2(goesOn, 6, 2, []byte{0}, huge), CodeMalformed, "period"},
		{"a base beyond", frame2(0, 6, 0, bytes.Repeat([]byte{0x7f}, 8)), CodeMalformed, "base"},
		{"a period beyond", frame2(0, 6, 2, make([]byte, 8), huge), CodeMalformed, "period"},
		{"no bits", frame2(goesOn|onTime, 6, 2, first), CodeMalformed, "cut short"},
		{"padding", frame2(goesOn|onTime, 6, 2, first, []byte{0x0f}), CodeMalformed, "follows"},
		{"a byte too many", frame2(goesOn|onTime, 6, 2, first, []byte{0x07, 0}), CodeMalformed, "follows"},
		{"Rice parameter 26", frame2(goesOn|onTime, 6, 2, first, []byte{26 << 3, 0, 0, 0, 0, 0, 0, 0}), CodeMalformed, "unknown parameter"},
		{"beyond 1000 m/s2", frame2(goesOn|onTime, 6, 1, binary.AppendVarint(nil, 417_676), []byte{0, 0}), CodeMalformed, "1000 m/s2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := opening(t)
			before := d
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
			if e != nil && len(e.Detail) > 123 {
				t.Errorf("%d bytes do not fit a close frame", len(e.Detail))
			}
			if len(b.Samples)+len(b.Fixes) != 0 || d != before {
				t.Error("something of the frame was taken")
			}
		})
	}
}

// A stream begins with a frame that begins anew; the frames of another stream do
// not go on here.
func TestNothingGoesOnFromNothing(t *testing.T) {
	var d Decoder
	var b Batch
	var s Scratch
	var e *Error
	if err := d.Decode(&b, &s, true, frame2(goesOn|onTime, 1, 1, []byte{0, 0, 0}), all); !errors.As(err, &e) || !strings.Contains(e.Detail, "no frame") {
		t.Errorf("got %v", err)
	}
}

// Frames of other forms between those of version 2 change nothing for them, and
// neither does forgetting the last position.
func TestOtherFramesInBetween(t *testing.T) {
	d := opening(t)
	var b Batch
	var s Scratch
	for _, f := range oneOfEach(t) {
		if f.name == "packed, version 2" {
			continue
		}
		decodeAll(t, &d, &b, &s, f.binary, f.payload)
	}
	d.Clear()
	b.Clear()
	decodeAll(t, &d, &b, &s, true, frame2(goesOn|onTime, 6, 1, []byte{2, 4, 6}))
	want := classifier.Sample{SensorTime: 0, X: 1 * DefaultResolutionMPS2, Y: 2 * DefaultResolutionMPS2, Z: 3 * DefaultResolutionMPS2}
	if len(b.Samples) != 1 || b.Samples[0] != want {
		t.Errorf("got %+v", b.Samples)
	}
}

// Where acceleration is not allowed, it is not parsed, and nothing goes on from
// what was not read.
func TestPacked2RefusedIsNotParsed(t *testing.T) {
	d := opening(t)
	var b Batch
	var s Scratch
	frame := frame2(goesOn|onTime, 6, 2, bytes.Repeat([]byte{0xff}, 20)) // no samples
	if err := d.Decode(&b, &s, true, frame, Allowed{}); err != nil || b.RefusedAcceleration != 2 {
		t.Errorf("%v, refused %d", err, b.RefusedAcceleration)
	}
	if err := d.Decode(&b, &s, true, frame2(goesOn|onTime, 7, 1, []byte{0, 0, 0}), all); err == nil {
		t.Error("a frame went on from one that was refused")
	}
}
