package wire_test

import (
	"encoding/hex"
	"errors"
	"math"
	"path/filepath"
	"testing"

	"github.com/tempogate/tempogate/classifier"
	"github.com/tempogate/tempogate/ingest/wire"
)

// TestGoldenStreams holds both decoders to the streams of version 2 that are
// published for other implementers.
func TestGoldenStreams(t *testing.T) {
	path := filepath.Join(vectorFolder, "packed2.json")
	if *update {
		writeVectors(t, path, packedStreams(t))
	}
	var file streamFile
	readVectors(t, path, &file)
	if len(file.Streams) == 0 {
		t.Fatal("no vectors")
	}
	for _, stream := range file.Streams {
		t.Run(stream.Name, func(t *testing.T) {
			var both twoDecoders
			for i, v := range stream.Frames {
				frame, err := hex.DecodeString(v.Hex)
				if err != nil {
					t.Fatal(err)
				}
				if v.Error != "" {
					var b wire.Batch
					var s wire.Scratch
					var e *wire.Error
					if err := both.decoder.Decode(&b, &s, true, frame, everything); !errors.As(err, &e) || e.Code != v.Error {
						t.Errorf("frame %d: got %v, want the code %s", i, err, v.Error)
					}
					continue
				}
				b, _ := both.compare(t, frame)
				got := describe(&b)
				got.Hex, got.Why = v.Hex, v.Why
				if gotText, wantText := marshal(t, got), marshal(t, v); gotText != wantText {
					t.Errorf("frame %d: got %s\nwant %s", i, gotText, wantText)
				}
			}
		})
	}
}

// packedStreams makes packed2.json.
func packedStreams(t testing.TB) streamFile {
	file := streamFile{About: "Streams of packed frames, version 2 (docs/protocol.md), invented. Each is decoded in order by one decoder; " +
		"hex is a whole binary message. Times are strings because they are beyond 2^53; null means unknown. A frame with error has to be refused, and ends its stream."}
	const step = 9.80665 / 4096
	const start = 1_700_000_000_000_000_000
	second := func(at, period int64, n int, seed float64, step float64) (samples []classifier.Sample) {
		for i := range n {
			phase := seed + float64(i)/3
			samples = append(samples, classifier.Sample{
				SensorTime: at + int64(i)*period,
				X:          math.Round(700*math.Sin(phase)) * step, Y: math.Round(4000+900*math.Sin(2*phase)) * step, Z: math.Round(300*math.Cos(phase)) * step,
			})
		}
		return samples
	}
	fix := []classifier.Fix{{SensorTime: start + 1_500_000_000, SpeedMPS: 2.5, EastM: 1.5, NorthM: -2, AccuracyM: 6}}
	type frame struct {
		why     string
		samples []classifier.Sample
		fixes   []classifier.Fix
		step    float64 // another encoder's, that begins anew; 0 to go on
		hex     string  // in place of an encoded one
		code    string
	}
	add := func(name, why string, frames ...frame) {
		stream := streamVector{Name: name, Why: why}
		e := wire.NewEncoder(wire.EncoderConfig{ResolutionMPS2: step, Version: 2})
		var d wire.Decoder
		for _, f := range frames {
			if f.step != 0 {
				e = wire.NewEncoder(wire.EncoderConfig{ResolutionMPS2: f.step, Version: 2})
			}
			v := frameVector{Why: f.why, Hex: f.hex, Error: f.code}
			if f.hex == "" {
				payload, err := e.AppendPacked(nil, f.samples, f.fixes)
				if err != nil {
					t.Fatal(err)
				}
				v.Hex = hex.EncodeToString(payload)
				var b wire.Batch
				var s wire.Scratch
				if err := d.Decode(&b, &s, true, payload, everything); err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				held := describe(&b)
				v.Samples, v.Fixes = held.Samples, held.Fixes
			}
			stream.Frames = append(stream.Frames, v)
		}
		file.Streams = append(file.Streams, stream)
	}
	add("an even clock", "20 Hz; from the second frame on every sample is on time, over three turns of the count",
		frame{why: "begins anew", samples: second(start, 50e6, 5, 0, step)},
		frame{why: "on time", samples: second(start+250e6, 50e6, 5, 1, step)},
		frame{samples: second(start+500e6, 50e6, 5, 2, step)}, frame{samples: second(start+750e6, 50e6, 5, 3, step)},
		frame{samples: second(start+1000e6, 50e6, 5, 4, step)}, frame{samples: second(start+1250e6, 50e6, 5, 5, step)},
		frame{samples: second(start+1500e6, 50e6, 5, 6, step)}, frame{why: "count 0", samples: second(start+1750e6, 50e6, 5, 7, step)},
		frame{why: "one sample, and no bits", samples: second(start+2000e6, 50e6, 1, 8, step)},
		frame{why: "as before the one", samples: second(start+2050e6, 50e6, 5, 9, step)})
	add("a clock that moves", "late, early, faster, and set back by a day",
		frame{samples: second(start, 40_304_375, 5, 0, step)},
		frame{why: "0.3 ms late", samples: second(start+5*40_304_375+300_000, 40_304_375, 5, 1, step)},
		frame{why: "2 s later and a little faster", samples: second(start+2_400_000_000, 40_300_000, 5, 2, step)},
		frame{why: "jitter", samples: []classifier.Sample{
			{SensorTime: start + 2_601_550_001, X: step}, {SensorTime: start + 2_641_000_000, Y: step}, {SensorTime: start + 2_683_449_999, Z: step}}},
		frame{why: "a day back", samples: second(start-86400e9, 40_304_375, 5, 3, step)})
	add("fixes", "beside samples, and by themselves, which changes nothing for the frames after",
		frame{samples: second(start, 66_666_667, 4, 0, step), fixes: fix},
		frame{why: "fixes alone", fixes: fix},
		frame{why: "nothing"},
		frame{why: "on time, with a fix", samples: second(start+4*66_666_667, 66_666_667, 4, 1, step), fixes: fix})
	add("another step", "begins anew in mid-stream; the count is that of the new encoder",
		frame{samples: second(start, 1e8, 4, 0, step)},
		frame{samples: second(start+4e8, 1e8, 4, 1, float64(float32(0.0383))), step: 0.0383},
		frame{samples: second(start+8e8, 1e8, 4, 2, float64(float32(0.0383)))})
	first := frame{samples: second(start, 50e6, 2, 0, step)}
	add("one is missing", "count 3 after count 1", first, frame{hex: "2e0104f03e02", code: wire.CodeMalformed})
	add("nothing to go on from", "a stream begins with a frame that begins anew", frame{hex: "260104f03e02", code: wire.CodeMalformed})
	add("on time but anew", "the flag 4 without 2", frame{hex: "340104f03e02", code: wire.CodeUnsupported})
	add("goes on without samples", "n = 0", first, frame{hex: "26000000", code: wire.CodeMalformed})
	add("cut short", "in the bits", first, frame{hex: "260204f03e02", code: wire.CodeMalformed})
	return file
}
