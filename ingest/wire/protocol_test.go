package wire_test

import (
	"encoding/hex"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/tempogate/tempogate/classifier"
	"github.com/tempogate/tempogate/ingest/wire"
)

var everything = wire.Allowed{Acceleration: true, Location: true}

// protocolPage is docs/protocol.md.
func protocolPage(t testing.TB) string {
	text, err := os.ReadFile("../../docs/protocol.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// The frame that the page takes apart by hand is one that this code decodes to
// what the page says, and encodes to the same bytes.
func TestProtocolPageFrame(t *testing.T) {
	_, block, found := strings.Cut(protocolPage(t), "```hex\n")
	if !found {
		t.Fatal("no ```hex block in docs/protocol.md")
	}
	block, _, _ = strings.Cut(block, "```")
	frame, err := hex.DecodeString(strings.Join(strings.Fields(block), ""))
	if err != nil {
		t.Fatal(err)
	}
	const step = 9.80665 / 4096
	var samples []classifier.Sample
	for _, row := range []struct{ time, x, y, z int64 }{
		{1700000000000000000, -40, 4096, 410},
		{1700000000010000000, -37, 4099, 410},
		{1700000000020300000, -33, 4104, 410},
		{1700000000030000000, -30, 4103, 410},
		{1700000000040000000, -28, 4098, 410},
	} {
		if !strings.Contains(protocolPage(t), fmt.Sprintf("| %d |", row.time)) {
			t.Errorf("the page has no sample at %d", row.time)
		}
		samples = append(samples, classifier.Sample{SensorTime: row.time, X: float64(row.x) * step, Y: float64(row.y) * step, Z: float64(row.z) * step})
	}
	fix := classifier.Fix{SensorTime: 1700000000020000000, SpeedMPS: 2.9, EastM: 1.2, NorthM: -2.6, AccuracyM: 4.1}

	var d wire.Decoder
	var b wire.Batch
	var s wire.Scratch
	if err := d.Decode(&b, &s, true, frame, everything); err != nil {
		t.Fatal(err)
	}
	if len(b.Samples) != len(samples) || len(b.Fixes) != 1 {
		t.Fatalf("the frame holds %d samples and %d fixes", len(b.Samples), len(b.Fixes))
	}
	for i, want := range samples {
		if b.Samples[i] != want {
			t.Errorf("sample %d is %+v, want %+v", i, b.Samples[i], want)
		}
	}
	rounded := fix
	rounded.AccuracyM = 5
	if b.Fixes[0] != rounded {
		t.Errorf("the fix is %+v, want %+v", b.Fixes[0], rounded)
	}
	again, err := wire.NewEncoder(wire.EncoderConfig{ResolutionMPS2: step}).AppendPacked(nil, samples, []classifier.Fix{fix})
	if err != nil {
		t.Fatal(err)
	}
	if hex.EncodeToString(again) != hex.EncodeToString(frame) {
		t.Errorf("the encoder writes\n%x, the page says\n%x", again, frame)
	}
	// The bits that the page shows, byte by byte.
	var bits []string
	for _, c := range frame[len(frame)-9:] {
		row := ""
		for k := range 8 {
			row += string('0' + c>>k&1)
		}
		bits = append(bits, row)
	}
	if line := strings.Join(bits, "|"); !strings.Contains(protocolPage(t), "\n"+line+"\n") {
		t.Errorf("the page does not show the bits as\n%s", line)
	}
}

// The JSON examples of the page are what it says they are.
func TestProtocolPageJSON(t *testing.T) {
	page := protocolPage(t)
	var batches, messages int
	for {
		_, rest, found := strings.Cut(page, "```json\n")
		if !found {
			break
		}
		text, after, _ := strings.Cut(rest, "```")
		page = after
		if strings.Contains(text, `"type"`) {
			messages++
			if _, err := wire.ParseMessage([]byte(text)); err != nil {
				t.Errorf("%s: %v", text, err)
			}
			continue
		}
		batches++
		var d wire.Decoder
		var b wire.Batch
		var s wire.Scratch
		if err := d.Decode(&b, &s, false, []byte(text), everything); err != nil || len(b.Samples) != 1 || len(b.Fixes) != 1 {
			t.Errorf("%s: %v, %d samples, %d fixes", text, err, len(b.Samples), len(b.Fixes))
		}
	}
	if batches == 0 || messages != 4 {
		t.Errorf("found %d batches and %d messages on the page", batches, messages)
	}
}

// Every close code, form, error code and limit that clients meet is explained.
func TestProtocolPageIsComplete(t *testing.T) {
	page := strings.Join(strings.Fields(protocolPage(t)), " ")
	for _, say := range []string{
		wire.Subprotocol, wire.BearerPrefix, wire.TypeEstimate, wire.TypeRefused, wire.TypeDraining, wire.CodeNotGranted,
		fmt.Sprint(wire.MaxSamples), fmt.Sprint(wire.MaxFixes), "262 144", fmt.Sprintf("%d levels", wire.MaxDepth),
	} {
		if !strings.Contains(page, say) {
			t.Errorf("the page does not mention %q", say)
		}
	}
	for code := range 5000 {
		if wire.CloseReason(code) != "" && !strings.Contains(page, fmt.Sprintf("| %d |", code)) {
			t.Errorf("the page does not explain close code %d", code)
		}
	}
}

// What follows is a second decoder of the packed form, written from the page
// alone: slowly, bit by bit, in integers of any size, and sharing nothing with
// the first. It takes only good frames; it is here to find out whether page
// and code mean the same.

type pageFrame struct {
	times   []int64
	axes    [3][]float64
	fixes   []pageFix
	step    float64
	bitsEnd string // what is left behind the last channel
}

type pageFix struct {
	time                         int64
	speed, east, north, accuracy float64
}

type pageBytes struct{ rest []byte }

func (p *pageBytes) u8() byte {
	b := p.rest[0]
	p.rest = p.rest[1:]
	return b
}

func (p *pageBytes) uvarint() uint64 {
	value, weight := uint64(0), uint64(1)
	for {
		b := p.u8()
		value += uint64(b%128) * weight
		weight *= 128
		if b < 128 {
			return value
		}
	}
}

func pageUnzigzag(u uint64) int64 {
	if u%2 == 0 {
		return int64(u / 2)
	}
	return -int64((u + 1) / 2)
}

func (p *pageBytes) svarint() int64 { return pageUnzigzag(p.uvarint()) }

// pageTicks is floor((ns + 50 000) / 100 000); Div rounds down for a positive
// divisor.
func pageTicks(ns *big.Int) int64 {
	sum := new(big.Int).Add(ns, big.NewInt(50_000))
	return new(big.Int).Div(sum, big.NewInt(100_000)).Int64()
}

func decodeByThePage(frame []byte) (f pageFrame) {
	p := &pageBytes{rest: frame}
	if p.u8() != 1 {
		panic("not packed")
	}
	n, m := int(p.uvarint()), int(p.uvarint())
	base := uint64(0)
	for i := range 8 {
		base += uint64(p.u8()) << (8 * i)
	}
	start := big.NewInt(int64(base))
	if m > 0 {
		length := int(p.uvarint())
		block := &pageBytes{rest: p.rest[:length]}
		p.rest = p.rest[length:]
		at := pageTicks(start)
		for range m {
			known := block.u8()
			at += block.svarint()
			fix := pageFix{time: at * 100_000, speed: math.NaN(), east: math.NaN(), north: math.NaN(), accuracy: math.NaN()}
			if known%2 == 1 {
				fix.speed = float64(block.uvarint()) / 100
			}
			if known/2%2 == 1 {
				fix.east = float64(block.svarint()) / 10
				fix.north = float64(block.svarint()) / 10
			}
			if known/4%2 == 1 {
				fix.accuracy = float64(block.uvarint())
			}
			f.fixes = append(f.fixes, fix)
		}
	}
	if n == 0 {
		return f
	}
	step := 0.0
	if scale := p.u8(); scale == 0 {
		pattern := uint32(0)
		for i := range 4 {
			pattern += uint32(p.u8()) << (8 * i)
		}
		step = float64(math.Float32frombits(pattern))
	} else {
		step = 9.80665 / math.Pow(2, float64(scale))
	}
	f.step = step
	period := p.uvarint()
	first := [4]int64{0, p.svarint(), p.svarint(), p.svarint()}
	bits := ""
	for _, b := range p.rest {
		for k := range 8 {
			bits += string('0' + b>>k&1)
		}
	}
	number := func(width int) uint64 {
		value := uint64(0)
		for i := range width {
			if bits[i] == '1' {
				value += 1 << i
			}
		}
		bits = bits[width:]
		return value
	}
	var channels [4][]int64
	for c := range channels {
		v := []int64{first[c]}
		if n > 1 {
			order, k := number(2), int(number(5))
			for i := 1; i < n; i++ {
				before := func(back int) int64 { return v[max(i-back, 0)] }
				prediction := [4]int64{0, before(1), 2*before(1) - before(2), 3*before(1) - 3*before(2) + before(3)}[order]
				u := uint64(0)
				if k != 31 {
					q := 0
					for q < 20 && bits[q] == '0' {
						q++
					}
					bits = bits[q:]
					if q == 20 {
						u = number(32)
					} else {
						bits = bits[1:]
						u = uint64(q)<<k + number(k)
					}
				}
				v = append(v, prediction+pageUnzigzag(u))
			}
		}
		channels[c] = v
	}
	for i := range n {
		regular := new(big.Int).Mul(big.NewInt(int64(i)), new(big.Int).SetUint64(period))
		f.times = append(f.times, 100_000*(pageTicks(regular.Add(regular, start))+channels[0][i]))
		for axis := range f.axes {
			f.axes[axis] = append(f.axes[axis], float64(channels[1+axis][i])*step)
		}
	}
	f.bitsEnd = bits
	return f
}

// TestSecondDecoderAgrees compares the two decoders on frames of many kinds.
func TestSecondDecoderAgrees(t *testing.T) {
	random := rand.New(rand.NewPCG(9, 10))
	for range 100 {
		n := 1 + random.IntN(200)
		samples := make([]classifier.Sample, n)
		at := random.Int64N(1 << 61)
		rough := math.Pow(10, 4*random.Float64()-3)
		for i := range samples {
			at += int64(1e7 * (1 + rough*random.NormFloat64()/100))
			value := func(base float64) float64 { return min(max(base+rough*random.NormFloat64(), -1000), 1000) }
			samples[i] = classifier.Sample{SensorTime: at, X: value(math.Sin(float64(i) / 9)), Y: value(-9.8), Z: value(0)}
		}
		fixes := make([]classifier.Fix, random.IntN(4))
		for i := range fixes {
			fixes[i] = classifier.Fix{SensorTime: at + int64(i)*1e9, SpeedMPS: 3 * random.Float64(), EastM: random.NormFloat64(), NorthM: random.NormFloat64(), AccuracyM: 50 * random.Float64()}
		}
		resolution := []float64{0, 0.01, 9.81 / 65536}[random.IntN(3)]
		frame, err := wire.NewEncoder(wire.EncoderConfig{ResolutionMPS2: resolution}).AppendPacked(nil, samples, fixes)
		if err != nil {
			t.Fatal(err)
		}
		compareWithThePage(t, frame)
	}
}

// compareWithThePage decodes a good frame with both decoders and returns what
// it holds and the step of its axes.
func compareWithThePage(t *testing.T, frame []byte) (b wire.Batch, step float64) {
	t.Helper()
	var d wire.Decoder
	var s wire.Scratch
	if err := d.Decode(&b, &s, true, frame, everything); err != nil {
		t.Fatal(err)
	}
	f := decodeByThePage(frame)
	if len(f.times) != len(b.Samples) || len(f.fixes) != len(b.Fixes) {
		t.Fatalf("by the page %d samples and %d fixes, by the code %d and %d", len(f.times), len(f.fixes), len(b.Samples), len(b.Fixes))
	}
	for i, got := range b.Samples {
		if want := (classifier.Sample{SensorTime: f.times[i], X: f.axes[0][i], Y: f.axes[1][i], Z: f.axes[2][i]}); got != want {
			t.Fatalf("sample %d is %+v by the code and %+v by the page", i, got, want)
		}
	}
	for i, got := range b.Fixes {
		same := func(a, b float64) bool { return a == b || math.IsNaN(a) && math.IsNaN(b) }
		want := f.fixes[i]
		if got.SensorTime != want.time || !same(got.SpeedMPS, want.speed) || !same(got.EastM, want.east) || !same(got.NorthM, want.north) || !same(got.AccuracyM, want.accuracy) {
			t.Fatalf("fix %d is %+v by the code and %+v by the page", i, got, want)
		}
	}
	if len(f.bitsEnd) > 7 || strings.Contains(f.bitsEnd, "1") {
		t.Fatalf("%q is left over", f.bitsEnd)
	}
	return b, f.step
}
