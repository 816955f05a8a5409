package classifier_test

import (
	"encoding/binary"
	"errors"
	"math"
	"testing"

	"github.com/tempogate/tempogate/classifier"
)

// FuzzStream pushes any readings at any times, a frame after the other: a frame is
// taken or refused with one of the two errors, and an estimate is always one that
// can be said.
func FuzzStream(f *testing.F) {
	walk := func(rate int, seconds int) []byte {
		var all []byte
		for i := range rate * seconds {
			t := float64(i) / float64(rate)
			all = appendReading(all, 1_000_000_000/uint64(rate), 0.4*math.Sin(2*math.Pi*t), 9.8+3*math.Sin(4*math.Pi*t), 0.3)
		}
		return all
	}
	f.Add(walk(25, 8), uint8(25))
	f.Add(walk(3, 20), uint8(1))
	f.Add(appendReading(appendReading(nil, math.MaxUint64/2, 1, 2, 3), math.MaxUint64/4, 1e300, math.Inf(1), math.NaN()), uint8(1))
	workspace := classifier.NewWorkspace()
	f.Fuzz(func(t *testing.T, readings []byte, frame uint8) {
		stream := classifier.NewStream(classifier.Config{})
		var samples []classifier.Sample
		var fixes []classifier.Fix
		var estimates []classifier.Estimate
		now := int64(0)
		for n := 0; len(readings) >= readingBytes; n++ {
			step, v := readReading(readings)
			readings = readings[readingBytes:]
			// As decoders have it: within 2^62 of the epoch.
			now = min(max(now+step/4, -1<<62), 1<<62)
			samples = append(samples, classifier.Sample{SensorTime: now, X: v[0], Y: v[1], Z: v[2]})
			if n%7 == 3 {
				fixes = append(fixes, classifier.Fix{SensorTime: now, SpeedMPS: v[0], EastM: v[1], NorthM: v[2], AccuracyM: v[0]})
			}
			if n%(int(frame)+1) > 0 && len(readings) >= readingBytes {
				continue
			}
			var err error
			estimates, err = stream.Push(estimates[:0], workspace, samples, fixes)
			if err != nil && !errors.Is(err, classifier.ErrNotFinite) && !errors.Is(err, classifier.ErrTimeBackwards) {
				t.Fatal(err)
			}
			for i := range estimates {
				checkEstimate(t, &estimates[i])
			}
			samples, fixes = samples[:0], fixes[:0]
		}
		stream.Clear()
		if n := stream.Resident(); n != 0 {
			t.Fatalf("%d samples are left", n)
		}
	})
}

// A reading is a step in time, in nanoseconds, and three single-precision numbers.
const readingBytes = 8 + 3*4

func appendReading(dst []byte, step uint64, axes ...float64) []byte {
	dst = binary.LittleEndian.AppendUint64(dst, step)
	for _, v := range axes {
		dst = binary.LittleEndian.AppendUint32(dst, math.Float32bits(float32(v)))
	}
	return dst
}

func readReading(b []byte) (step int64, v [3]float64) {
	for i := range v {
		v[i] = float64(math.Float32frombits(binary.LittleEndian.Uint32(b[8+4*i:])))
	}
	return int64(binary.LittleEndian.Uint64(b)), v
}

func checkEstimate(t *testing.T, e *classifier.Estimate) {
	t.Helper()
	sum := 0.0
	for _, p := range e.P {
		if !(p >= 0 && p <= 1) {
			t.Fatalf("a probability of %v", p)
		}
		sum += p
	}
	if sum > 1+1e-6 {
		t.Fatalf("probabilities of %v together", sum)
	}
	if !(e.CadenceConfidence >= 0 && e.CadenceConfidence <= 1) || e.CadenceSPM <= 0 || math.IsInf(e.CadenceSPM, 0) {
		t.Fatalf("a cadence of %v, sure by %v", e.CadenceSPM, e.CadenceConfidence)
	}
	if math.IsNaN(e.CadenceSPM) != (e.CadenceConfidence == 0) {
		t.Fatalf("a cadence of %v, sure by %v", e.CadenceSPM, e.CadenceConfidence)
	}
	if e.BPM < 0 || e.BPM > 1000 || e.SpeedMPS < 0 || math.IsInf(e.SpeedMPS, 0) {
		t.Fatalf("%d beats a minute at %v m/s", e.BPM, e.SpeedMPS)
	}
}
