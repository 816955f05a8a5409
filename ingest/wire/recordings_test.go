package wire_test

import (
	"bufio"
	"encoding/binary"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"text/tabwriter"

	"github.com/klauspost/compress/zstd"

	"github.com/tempogate/tempogate/classifier"
	"github.com/tempogate/tempogate/ingest/wire"
)

var allRecordings = flag.Bool("all", false, "measure every recording, not only some of each data set")

// phoneRecordings are the patterns of recordings that phones made and that
// still have the phone's own values, in files that a dozen lines can read.
var phoneRecordings = []string{
	"mlqs28/*/Accelerometer.csv.zst", "mlqsg/*/Accelerometer.csv.zst", "mlqst/*/Accelerometer.csv.zst",
	"mlqsl/*/Accelerometer.csv.zst", "road/*/Accelerometer.csv.zst", "ubahn/*/acceleration.csv.zst",
	"oxford/data/*/accelerometer.csv.zst", "mlqsa/*/Accelerometer.csv.zst", "mlqsp/*/Accelerometer.csv.zst",
	"qrowd/*/acceleration.csv.zst", "mlqsb/*/Accelerometer.csv.zst",
}

// dataFolder finds the recordings, or skips the test where there are none.
func dataFolder(t testing.TB) string {
	dir := os.Getenv("TEMPOGATE_DATA")
	if dir == "" {
		root, err := filepath.Abs(".")
		if err != nil {
			t.Fatal(err)
		}
		for !exists(filepath.Join(root, "go.mod")) {
			if root == filepath.Dir(root) {
				t.Fatal("no go.mod above this folder")
			}
			root = filepath.Dir(root)
		}
		dir = filepath.Join(filepath.Dir(root), "shared", "data")
	}
	if !exists(dir) {
		if os.Getenv("CI") == "true" {
			t.Fatalf("no recordings in %s: set TEMPOGATE_DATA", dir)
		}
		t.Skipf("no recordings in %s: set TEMPOGATE_DATA to run this test", dir)
	}
	return dir
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// readMinute reads the middle minute of a recording.
func readMinute(t testing.TB, path string) []classifier.Sample {
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	unpacked, err := zstd.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	defer unpacked.Close()
	nanoseconds := strings.Contains(path, "oxford") // time_ns, accuracy, x, y, z
	var all []classifier.Sample
	lines := bufio.NewScanner(unpacked)
	for lines.Scan() {
		fields := strings.Split(lines.Text(), ",")
		if strings.Contains(lines.Text(), ";") { // decimal commas
			fields = strings.Split(strings.ReplaceAll(lines.Text(), ",", "."), ";")
		}
		if nanoseconds && len(fields) == 5 {
			fields = slices.Delete(fields, 1, 2)
		}
		var v [4]float64
		numbers := len(fields) >= 4
		for i := 0; i < 4 && numbers; i++ {
			v[i], err = strconv.ParseFloat(strings.TrimSpace(fields[i]), 64)
			numbers = err == nil
		}
		if !numbers { // headings
			continue
		}
		s := classifier.Sample{SensorTime: int64(math.Round(v[0] * 1e9)), X: v[1], Y: v[2], Z: v[3]}
		if nanoseconds {
			s.SensorTime, _ = strconv.ParseInt(fields[0], 10, 64)
		}
		all = append(all, s)
	}
	if err := lines.Err(); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	if len(all) < 2 {
		t.Fatalf("%s: no samples", path)
	}
	middle := all[len(all)/2].SensorTime
	from := slices.IndexFunc(all, func(s classifier.Sample) bool { return s.SensorTime >= middle-30e9 })
	to := from
	for to < len(all) && all[to].SensorTime < middle+30e9 {
		to++
	}
	return all[from:to]
}

// sizes are bytes, of the frames of one or more recordings.
type sizes struct {
	samples                                                                 int
	packed2, packed, fine, withS2, json, jsonS2, jsonZstd, int16s, protobuf int
}

func (s *sizes) add(o sizes) {
	s.samples += o.samples
	s.packed2 += o.packed2
	s.packed += o.packed
	s.fine += o.fine
	s.withS2 += o.withS2
	s.json += o.json
	s.jsonS2 += o.jsonS2
	s.jsonZstd += o.jsonZstd
	s.int16s += o.int16s
	s.protobuf += o.protobuf
}

func (s *sizes) row(w io.Writer, name, rate string) {
	n := float64(s.samples)
	fmt.Fprintf(w, "%s\t%s\t%d\t%.2f\t%.2f\t%.2f\t%.2f\t%.1f\t%.1f\t%.1f\t%.2f\t%.2f\t\n", name, rate, s.samples,
		float64(s.packed2)/n, float64(s.packed)/n, float64(s.fine)/n, float64(s.withS2)/n, float64(s.json)/n, float64(s.jsonS2)/n,
		float64(s.jsonZstd)/n, float64(s.int16s)/n, float64(s.protobuf)/n)
}

// TestPackedSizeOnRecordings prints what a sample costs on real recordings in
// every form, one frame a second, header and all, and holds the packed form to
// 4.5 bytes a sample: both versions over the recordings of 90 Hz and more, which is
// what phones deliver, and version 2 below that, where the fixed part of version 1
// is shared by too few.
//
//	go test ./ingest/wire -run TestPackedSizeOnRecordings -v [-all]
func TestPackedSizeOnRecordings(t *testing.T) {
	dir := dataFolder(t)
	zstdEncoder, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer zstdEncoder.Close()
	var table strings.Builder
	w := tabwriter.NewWriter(&table, 0, 0, 1, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "recordings\tHz\tsamples\tpacked 2\tpacked 1\tfine\tpacked+S2\tJSON\tJSON+S2\tJSON+zstd\tint16\tprotobuf\t")
	var fast, slow sizes
	worst, worstName := 0.0, ""
	groups := map[string]*sizes{}
	rates := map[string][]float64{}
	var order []string
	for _, pattern := range phoneRecordings {
		paths, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for i, path := range paths {
			if some := (len(paths) + 3) / 4; !*allRecordings && i%some != 0 {
				continue
			}
			samples := readMinute(t, path)
			if len(samples) < 20 {
				continue
			}
			rate := float64(len(samples)-1) / (float64(samples[len(samples)-1].SensorTime-samples[0].SensorTime) / 1e9)
			s := measure(t, zstdEncoder, samples)
			name, err := filepath.Rel(dir, path)
			if err != nil {
				t.Fatal(err)
			}
			group := strings.SplitN(filepath.ToSlash(name), "/", 2)[0]
			if groups[group] == nil {
				groups[group] = new(sizes)
				order = append(order, group)
			}
			groups[group].add(s)
			rates[group] = append(rates[group], rate)
			if rate < 90 {
				slow.add(s)
				continue
			}
			fast.add(s)
			if mean := float64(s.packed) / float64(s.samples); mean > worst {
				worst, worstName = mean, name
			}
		}
	}
	for _, group := range order {
		slices.Sort(rates[group])
		groups[group].row(w, group, fmt.Sprintf("%.0f", rates[group][len(rates[group])/2]))
	}
	fast.row(w, "all of 90 Hz and more", "")
	slow.row(w, "all below 90 Hz", "")
	w.Flush()
	t.Logf("bytes an acceleration sample, one frame a second, of the middle minute of each recording\n%s"+
		"packed 1, 2: versions, with the encoder's own choice of step. fine: version 1 with steps of 9.81/65536 m/s2, every bit that iOS gives.\n"+
		"int16: three values and a time difference as a varint. protobuf: packed sint32 fields.\n"+
		"largest mean of one recording of 90 Hz and more: %.2f (%s)", table.String(), worst, filepath.Dir(worstName))
	for name, mean := range map[string]float64{
		"version 1 from 90 Hz": float64(fast.packed) / float64(fast.samples),
		"version 2 from 90 Hz": float64(fast.packed2) / float64(fast.samples),
		"version 2 below that": float64(slow.packed2) / float64(slow.samples),
	} {
		if mean > 4.5 {
			t.Errorf("%s takes %.2f bytes a sample, want at most 4.5", name, mean)
		}
	}
}

// measure encodes a recording in frames of one second in every form. It also
// holds the packed form to its promise about accuracy.
func measure(t *testing.T, zstdEncoder *zstd.Encoder, samples []classifier.Sample) (total sizes) {
	e := wire.NewEncoder(wire.EncoderConfig{})
	going := wire.NewEncoder(wire.EncoderConfig{Version: 2})
	fine := wire.NewEncoder(wire.EncoderConfig{ResolutionMPS2: 9.81 / 65536})
	var d wire.Decoder
	var batch wire.Batch
	var scratch wire.Scratch
	encoded := func(frame []byte, err error) int {
		if err != nil {
			t.Fatal(err)
		}
		return len(frame)
	}
	for len(samples) > 0 {
		n := 1
		for n < len(samples) && samples[n].SensorTime-samples[0].SensorTime < 1e9 {
			n++
		}
		second := samples[:n]
		samples = samples[n:]
		total.samples += n
		for size, encoder := range map[*int]*wire.Encoder{&total.packed: e, &total.packed2: going} {
			frame, err := encoder.AppendPacked(nil, second, nil)
			*size += encoded(frame, err)
			batch.Clear()
			if err := d.Decode(&batch, &scratch, true, frame, wire.Allowed{Acceleration: true}); err != nil {
				t.Fatal(err)
			}
			for i, want := range second {
				got := batch.Samples[i]
				off := max(math.Abs(got.X-want.X), math.Abs(got.Y-want.Y), math.Abs(got.Z-want.Z))
				if late := got.SensorTime - want.SensorTime; late < -50_000 || late > 50_000 || off > wire.DefaultResolutionMPS2/2+1e-6 {
					t.Fatalf("sample %d of a frame came back %d ns and %g m/s2 off", i, late, off)
				}
			}
		}
		total.fine += encoded(fine.AppendPacked(nil, second, nil))
		total.withS2 += encoded(e.AppendPackedS2(nil, second, nil))
		text, err := e.AppendJSON(nil, second, nil)
		total.json += encoded(text, err)
		total.jsonS2 += encoded(e.AppendJSONS2(nil, second, nil))
		total.jsonZstd += len(zstdEncoder.EncodeAll(text, nil))
		total.int16s += int16Size(second)
		total.protobuf += protobufSize(second)
	}
	return total
}

// TestPackedIsLosslessOnPhones takes recordings of phones whose step shows, and
// finds every integer again.
func TestPackedIsLosslessOnPhones(t *testing.T) {
	dir := dataFolder(t)
	for _, c := range []struct {
		name string
		step float64
	}{
		{"mlqsl/run/Accelerometer.csv.zst", 9.80665 / 4096},
		{"oxford/data/Samsung_Jamie_Hard_InHand_2/accelerometer.csv.zst", 9.80665 / 8192},
		{"oxford/data/Pixel_Jamie_Hard_InHand_1/accelerometer.csv.zst", float64(float32(9.81 / 4096))},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := wire.NewEncoder(wire.EncoderConfig{})
			var d wire.Decoder
			var b wire.Batch
			var s wire.Scratch
			samples := readMinute(t, filepath.Join(dir, filepath.FromSlash(c.name)))
			for len(samples) > 0 {
				second := samples[:min(100, len(samples))]
				samples = samples[len(second):]
				frame, err := e.AppendPacked(nil, second, nil)
				if err != nil {
					t.Fatal(err)
				}
				b.Clear()
				if err := d.Decode(&b, &s, true, frame, wire.Allowed{Acceleration: true}); err != nil {
					t.Fatal(err)
				}
				for i, want := range second {
					got := b.Samples[i]
					for _, v := range [3][2]float64{{got.X, want.X}, {got.Y, want.Y}, {got.Z, want.Z}} {
						if math.Round(v[0]/c.step) != math.Round(v[1]/c.step) || math.Abs(v[0]-v[1]) > 5e-6 {
							t.Fatalf("a value came back %g m/s2 off", v[0]-v[1])
						}
					}
				}
			}
		})
	}
}

// TestDefaultStepLiesBelowTheNoise: what DefaultResolutionMPS2 rounds away of a
// phone that gives finer steps is below what its sensor knows. The quietest
// recording there is, an iPhone on a table, has to show it.
func TestDefaultStepLiesBelowTheNoise(t *testing.T) {
	samples := readMinute(t, filepath.Join(dataFolder(t), "mlqst", "still", "Accelerometer.csv.zst"))
	for name, of := range map[string]func(classifier.Sample) float64{
		"x": func(s classifier.Sample) float64 { return s.X },
		"y": func(s classifier.Sample) float64 { return s.Y },
		"z": func(s classifier.Sample) float64 { return s.Z },
	} {
		// Differences between neighbours leave slow drift out; white noise
		// counts twice in them.
		squares := 0.0
		for i := 1; i < len(samples); i++ {
			d := of(samples[i]) - of(samples[i-1])
			squares += d * d / 2
		}
		noise := math.Sqrt(squares / float64(len(samples)-1))
		added := wire.DefaultResolutionMPS2 * wire.DefaultResolutionMPS2 / 12 / (noise * noise) // uniform rounding error
		t.Logf("noise of %s: %.4f m/s2, %.1f default steps; rounding adds %.1f %% to its power", name, noise, noise/wire.DefaultResolutionMPS2, 100*added)
		if added > 0.05 {
			t.Errorf("rounding adds %.1f %% to the noise of %s, want at most 5", 100*added, name)
		}
	}
}

// int16Size: form byte, count, time, scale; three 16-bit values and a time
// difference in 0.1 ms as a varint for each sample.
func int16Size(samples []classifier.Sample) int {
	size := 1 + 2 + 8 + 4
	for i := range samples {
		size += 6 + varintSize(timeDifference(samples, i))
	}
	return size
}

// protobufSize: a message of one fixed64 time, one float scale, and four
// packed sint32 fields (time differences in 0.1 ms, x, y, z in steps).
func protobufSize(samples []classifier.Sample) int {
	var fields [4]int
	for i, s := range samples {
		fields[0] += varintSize(timeDifference(samples, i))
		fields[1] += varintSize(int64(math.Round(s.X / wire.DefaultResolutionMPS2)))
		fields[2] += varintSize(int64(math.Round(s.Y / wire.DefaultResolutionMPS2)))
		fields[3] += varintSize(int64(math.Round(s.Z / wire.DefaultResolutionMPS2)))
	}
	size := 1 + 8 + 1 + 4
	for _, n := range fields {
		size += 1 + len(binary.AppendUvarint(nil, uint64(n))) + n
	}
	return size
}

func timeDifference(samples []classifier.Sample, i int) int64 {
	if i == 0 {
		return 0
	}
	return (samples[i].SensorTime - samples[i-1].SensorTime) / 100_000
}

func varintSize(v int64) int { return len(binary.AppendVarint(nil, v)) }
