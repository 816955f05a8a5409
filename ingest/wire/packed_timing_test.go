package wire

import (
	"fmt"
	"math"
	"testing"

	"github.com/tempogate/tempogate/classifier"
)

// walkingSecond invents a second of walking: a few smooth waves, a heel strike
// and noise, on the steps of a phone with 1/4096 g, at a rate with jitter.
func walkingSecond(samples int) []classifier.Sample {
	noise := uint64(1)
	next := func() float64 { // xorshift, -1 to 1
		noise ^= noise << 13
		noise ^= noise >> 7
		noise ^= noise << 17
		return float64(int64(noise)) / (1 << 63)
	}
	out := make([]classifier.Sample, samples)
	for i := range out {
		phase := float64(i) / float64(samples) * 2 * math.Pi
		strike := 6 * math.Exp(-math.Pow(math.Mod(phase, math.Pi)/0.2-1, 2))
		grid := func(v float64) float64 { return math.Round(v/DefaultResolutionMPS2) * DefaultResolutionMPS2 }
		out[i] = classifier.Sample{
			SensorTime: 1698501144401773000 + int64(i)*1e9/int64(samples) + int64(2e5*next()),
			X:          grid(1.2*math.Sin(phase) + 0.3*next()),
			Y:          grid(-9.6 + 2*math.Sin(2*phase) + strike + 0.3*next()),
			Z:          grid(0.8*math.Cos(phase) - strike/3 + 0.3*next()),
		}
	}
	return out
}

var walkingFix = []classifier.Fix{{SensorTime: 1698501144501773000, SpeedMPS: 1.42, EastM: 0.9, NorthM: -1.1, AccuracyM: 5}}

func benchmarkBinary(b *testing.B, frame []byte) {
	benchmarkStream(b, [][]byte{frame})
}

// benchmarkStream decodes the frames of a stream over and over. The first one has
// to begin anew.
func benchmarkStream(b *testing.B, frames [][]byte) {
	var d Decoder
	var batch Batch
	var scratch Scratch
	all := Allowed{Acceleration: true, Location: true}
	b.ReportAllocs()
	bytes, samples := 0, 0
	for i := 0; b.Loop(); i++ {
		frame := frames[i%len(frames)]
		batch.Clear()
		scratch.Clear()
		if err := d.Decode(&batch, &scratch, true, frame, all); err != nil {
			b.Fatal(err)
		}
		bytes, samples = bytes+len(frame), samples+len(batch.Samples)
	}
	b.SetBytes(int64(bytes / b.N))
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(samples), "ns/sample")
}

// 0 allocs. A minute of each rate, a frame a second, in both versions.
func BenchmarkDecodePacked(b *testing.B) {
	for _, rate := range []int{100, 25} {
		for version := 1; version <= 2; version++ {
			b.Run(fmt.Sprintf("%dHz/version%d", rate, version), func(b *testing.B) {
				e := NewEncoder(EncoderConfig{Version: version})
				var frames [][]byte
				for second := range 60 {
					samples := walkingSecond(rate)
					for i := range samples {
						samples[i].SensorTime += int64(second) * 1e9
					}
					frame, err := e.AppendPacked(nil, samples, nil)
					if err != nil {
						b.Fatal(err)
					}
					frames = append(frames, frame)
				}
				benchmarkStream(b, frames)
			})
		}
	}
}

// 0 allocs.
func BenchmarkDecodePacked100(b *testing.B) {
	frame, err := NewEncoder(EncoderConfig{}).AppendPacked(nil, walkingSecond(100), walkingFix)
	if err != nil {
		b.Fatal(err)
	}
	benchmarkBinary(b, frame)
}

// 0 allocs.
func BenchmarkDecodePackedS2100(b *testing.B) {
	frame, err := NewEncoder(EncoderConfig{}).AppendPackedS2(nil, walkingSecond(100), walkingFix)
	if err != nil {
		b.Fatal(err)
	}
	benchmarkBinary(b, frame)
}

// 0 allocs.
func BenchmarkDecodeJSONS2100(b *testing.B) {
	e := NewEncoder(EncoderConfig{})
	frame, err := e.AppendJSONS2(nil, walkingSecond(100), e.AppendPositions(nil, walkingFix))
	if err != nil {
		b.Fatal(err)
	}
	benchmarkBinary(b, frame)
}

// 0 allocs.
func BenchmarkEncodePacked100(b *testing.B) {
	samples := walkingSecond(100)
	e := NewEncoder(EncoderConfig{})
	var frame []byte
	var err error
	b.ReportAllocs()
	for b.Loop() {
		if frame, err = e.AppendPacked(frame[:0], samples, walkingFix); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(frame))/float64(len(samples)), "bytes/sample")
}

// 0 allocs.
func BenchmarkEncodeJSON100(b *testing.B) {
	samples := walkingSecond(100)
	e := NewEncoder(EncoderConfig{})
	positions := e.AppendPositions(nil, walkingFix)
	var frame []byte
	var err error
	b.ReportAllocs()
	for b.Loop() {
		if frame, err = e.AppendJSON(frame[:0], samples, positions); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(frame))/float64(len(samples)), "bytes/sample")
}

// 0 allocs.
func BenchmarkAppendEstimate(b *testing.B) {
	e := &classifier.Estimate{
		Activity: classifier.Run, P: classifier.Probabilities{0, 0.02, 0.97, 0, 0.01},
		CadenceSPM: 163.4, CadenceConfidence: 0.93, BPM: 163, SpeedMPS: 3.1,
	}
	var line []byte
	b.ReportAllocs()
	for b.Loop() {
		line = AppendEstimate(line[:0], e, 1698501144.402)
	}
}

// 0 allocs.
func BenchmarkParseMessage(b *testing.B) {
	line := []byte(`{"type":"estimate","t":1698501144.402,"activity":"run","p":{"still":0,"walk":0.02,"run":0.97,"cycle":0,"transit":0.01},"cadence_spm":163.4,"cadence_confidence":0.93,"bpm":163,"speed_mps":3.1}`)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseMessage(line); err != nil {
			b.Fatal(err)
		}
	}
}
