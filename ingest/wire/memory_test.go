package wire

import (
	"slices"
	"testing"

	"github.com/tempogate/tempogate/classifier"
)

var all = Allowed{Acceleration: true, Location: true}

// decodeAll decodes a frame with everything allowed.
func decodeAll(t testing.TB, d *Decoder, b *Batch, s *Scratch, binary bool, payload []byte) {
	t.Helper()
	if err := d.Decode(b, s, binary, payload, all); err != nil {
		t.Fatal(err)
	}
}

// A frame of each form, with samples and fixes.
func oneOfEach(t testing.TB) (frames []struct {
	name    string
	binary  bool
	payload []byte
}) {
	t.Helper()
	e := NewEncoder(EncoderConfig{})
	samples := walkingSecond(40)
	positions := e.AppendPositions(nil, walkingFix)
	add := func(name string, binary bool, payload []byte, err error) {
		if err != nil {
			t.Fatal(err)
		}
		frames = append(frames, struct {
			name    string
			binary  bool
			payload []byte
		}{name, binary, payload})
	}
	payload, err := e.AppendPacked(nil, samples, walkingFix)
	add("packed", true, payload, err)
	payload, err = e.AppendPackedS2(nil, samples, walkingFix)
	add("packed S2", true, payload, err)
	payload, err = NewEncoder(EncoderConfig{Version: 2}).AppendPacked(nil, samples, walkingFix)
	add("packed, version 2", true, payload, err)
	payload, err = e.AppendJSON(nil, samples, positions)
	add("JSON", false, payload, err)
	payload, err = e.AppendJSONS2(nil, samples, positions)
	add("JSON S2", true, payload, err)
	add("JSON in a binary message", true, append([]byte{formJSON}, sensorLoggerBatch(40, 1, 3)...), nil)
	linear := []byte(`{"payload":[{"name":"accelerometer","time":5,"values":{"x":1,"y":2,"z":3}},{"name":"gravity","time":5,"values":{"x":1,"y":2,"z":3}}]}`)
	add("JSON with gravity apart", false, linear, nil)
	return frames
}

// Nothing of a frame stays anywhere but in dst, and nothing there after Clear.
func TestClearLeavesNothing(t *testing.T) {
	for _, f := range oneOfEach(t) {
		t.Run(f.name, func(t *testing.T) {
			var d Decoder
			var b Batch
			var s Scratch
			decodeAll(t, &d, &b, &s, f.binary, f.payload)
			if len(b.Samples) == 0 {
				t.Fatal("the frame held no samples")
			}
			b.Clear()
			s.Clear()
			d.Clear()
			for _, v := range b.Samples[:cap(b.Samples)] {
				if v != (classifier.Sample{}) {
					t.Fatal("a sample stayed in the batch")
				}
			}
			for _, v := range b.Fixes[:cap(b.Fixes)] {
				if v != (classifier.Fix{}) {
					t.Fatal("a fix stayed in the batch")
				}
			}
			for _, v := range s.block[:cap(s.block)] {
				if v != 0 {
					t.Fatal("S2 output stayed in the scratch")
				}
			}
			for _, v := range slices.Concat(s.linear[:cap(s.linear)], s.gravity[:cap(s.gravity)]) {
				if v != (classifier.Sample{}) {
					t.Fatal("a reading stayed in the scratch")
				}
			}
			if d.last != (lastPosition{}) {
				t.Fatal("a position stayed in the decoder")
			}
			if len(b.Samples) != 0 || len(b.Fixes) != 0 || b.Ignored != 0 || b.Control != ControlNone {
				t.Fatal("the batch is not empty")
			}
		})
	}
}

// A long frame before a short one: Clear must reach as far as the long one did.
func TestScratchClearsTheLongestFrame(t *testing.T) {
	var d Decoder
	var b Batch
	var s Scratch
	for _, samples := range []int{200, 10} {
		frame, err := NewEncoder(EncoderConfig{}).AppendJSONS2(nil, walkingSecond(samples), nil)
		if err != nil {
			t.Fatal(err)
		}
		decodeAll(t, &d, &b, &s, true, frame)
	}
	s.Clear()
	if i := slices.IndexFunc(s.block[:cap(s.block)], func(c byte) bool { return c != 0 }); i >= 0 {
		t.Fatalf("byte %d of the scratch is left", i)
	}
}

// What a slice outgrows is overwritten, not left to the garbage collector.
func TestGrowingClearsTheOldArray(t *testing.T) {
	for _, f := range oneOfEach(t) {
		t.Run(f.name, func(t *testing.T) {
			var d Decoder
			b := Batch{
				Samples: append(make([]classifier.Sample, 0, 1), classifier.Sample{SensorTime: 1, X: 1, Y: 1, Z: 1}),
				Fixes:   append(make([]classifier.Fix, 0, 1), classifier.Fix{SensorTime: 1, SpeedMPS: 1}),
			}
			s := Scratch{linear: make([]classifier.Sample, 0, 1), block: make([]byte, 0, 1)}
			samples, fixes := b.Samples, b.Fixes
			decodeAll(t, &d, &b, &s, f.binary, f.payload)
			if &b.Samples[0] != &samples[0] && samples[0] != (classifier.Sample{}) {
				t.Error("a sample stayed in the array that was outgrown")
			}
			if &b.Fixes[0] != &fixes[0] && fixes[0] != (classifier.Fix{}) {
				t.Error("a fix stayed in the array that was outgrown")
			}
			if b.Samples[0].SensorTime != 1 || b.Fixes[0].SpeedMPS != 1 {
				t.Error("what was in the batch before is gone")
			}
		})
	}
}

// A frame that breaks off leaves the batch as it was, also behind its length,
// and the track where it was.
func TestBrokenFrameLeavesNothing(t *testing.T) {
	before := classifier.Sample{SensorTime: 1, X: 2, Y: 3, Z: 4}
	for _, f := range oneOfEach(t) {
		t.Run(f.name, func(t *testing.T) {
			var d Decoder
			b := Batch{Samples: make([]classifier.Sample, 1, 300), Fixes: make([]classifier.Fix, 0, 10), Ignored: 7}
			b.Samples[0] = before
			var s Scratch
			for cut := range f.payload {
				if d.Decode(&b, &s, f.binary, f.payload[:cut], all) == nil {
					t.Fatalf("%d of %d bytes were taken for a frame", cut, len(f.payload))
				}
				if len(b.Samples) != 1 || b.Samples[0] != before || len(b.Fixes) != 0 || b.Ignored != 7 || d != (Decoder{}) {
					t.Fatalf("%d of %d bytes changed the batch or the decoder", cut, len(f.payload))
				}
				for _, v := range b.Samples[1:cap(b.Samples)] {
					if v != (classifier.Sample{}) {
						t.Fatalf("%d of %d bytes left a sample behind the batch", cut, len(f.payload))
					}
				}
				for _, v := range b.Fixes[:cap(b.Fixes)] {
					if v != (classifier.Fix{}) {
						t.Fatalf("%d of %d bytes left a fix behind the batch", cut, len(f.payload))
					}
				}
			}
		})
	}
}

func TestDecodingDoesNotAllocate(t *testing.T) {
	for _, f := range oneOfEach(t) {
		t.Run(f.name, func(t *testing.T) {
			var d Decoder
			var b Batch
			var s Scratch
			decodeAll(t, &d, &b, &s, f.binary, f.payload) // grows
			if n := testing.AllocsPerRun(50, func() {
				d.Clear()
				b.Clear()
				s.Clear()
				decodeAll(t, &d, &b, &s, f.binary, f.payload)
			}); n != 0 {
				t.Errorf("%v allocations a frame", n)
			}
		})
	}
}

// The client side keeps up with it, and cleans up as well.
func TestEncodingDoesNotAllocate(t *testing.T) {
	e, going := NewEncoder(EncoderConfig{}), NewEncoder(EncoderConfig{Version: 2})
	samples := walkingSecond(100)
	positions := e.AppendPositions(nil, walkingFix)
	var frame []byte
	for name, encode := range map[string]func([]byte) ([]byte, error){
		"packed, version 2": func(dst []byte) ([]byte, error) { return going.AppendPacked(dst, samples, walkingFix) },
		"packed":            func(dst []byte) ([]byte, error) { return e.AppendPacked(dst, samples, walkingFix) },
		"JSON":              func(dst []byte) ([]byte, error) { return e.AppendJSON(dst, samples, positions) },
	} {
		var err error
		if frame, err = encode(frame[:0]); err != nil {
			t.Fatal(err)
		}
		if n := testing.AllocsPerRun(50, func() { frame, _ = encode(frame[:0]) }); n != 0 {
			t.Errorf("%s: %v allocations a frame", name, n)
		}
	}
	e.Clear()
	for _, v := range e.values[:cap(e.values)] {
		if v != 0 {
			t.Fatal("a value stayed in the encoder")
		}
	}
	for _, v := range e.residuals[:cap(e.residuals)] {
		if v != 0 {
			t.Fatal("a residual stayed in the encoder")
		}
	}
}
