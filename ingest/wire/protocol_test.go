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

// The stream that the page shows is what the encoder makes of what the page says,
// and both decoders take it.
func TestProtocolPageStream(t *testing.T) {
	_, block, found := strings.Cut(protocolPage(t), "```stream\n")
	if !found {
		t.Fatal("no ```stream block in docs/protocol.md")
	}
	block, _, _ = strings.Cut(block, "```")
	lines := strings.Split(strings.TrimSpace(block), "\n")
	const step = 9.80665 / 4096
	e := wire.NewEncoder(wire.EncoderConfig{ResolutionMPS2: step, Version: 2})
	var both twoDecoders
	for i, row := range []struct {
		shown string
		ms    float64 // of the first
		xyz   [3][4]float64
	}{
		{"0, 50, 100, 150 | −40, −37, −33, −30 | 4096, 4099, 4104, 4103 | 410, 410, 410, 410", 0,
			[3][4]float64{{-40, -37, -33, -30}, {4096, 4099, 4104, 4103}, {410, 410, 410, 410}}},
		{"200.3, 250.3, 300.3, 350.3 | −28, −27, −29, −33 | 4098, 4094, 4090, 4091 | 410, 410, 411, 410", 200.3,
			[3][4]float64{{-28, -27, -29, -33}, {4098, 4094, 4090, 4091}, {410, 410, 411, 410}}},
		{"400.3, 450.3, 500.3, 550.3 | −38, −40, −39, −35 | 4095, 4101, 4103, 4102 | 409, 410, 410, 410", 400.3,
			[3][4]float64{{-38, -40, -39, -35}, {4095, 4101, 4103, 4102}, {409, 410, 410, 410}}},
	} {
		if !strings.Contains(protocolPage(t), row.shown) {
			t.Errorf("the page does not show %s", row.shown)
		}
		var samples []classifier.Sample
		for k := range 4 {
			samples = append(samples, classifier.Sample{
				SensorTime: 1700000000e9 + int64(math.Round(row.ms*1e6)) + int64(k)*50e6,
				X:          row.xyz[0][k] * step, Y: row.xyz[1][k] * step, Z: row.xyz[2][k] * step,
			})
		}
		frame, err := e.AppendPacked(nil, samples, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprintf("% x", frame); i >= len(lines) || got != lines[i] {
			t.Errorf("frame %d is %s, the page says %q", i, got, lines)
		}
		b, _ := both.compare(t, frame)
		for k, want := range samples {
			if b.Samples[k] != want {
				t.Errorf("sample %d of frame %d is %+v, want %+v", k, i, b.Samples[k], want)
			}
		}
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

// A pageStream is what the page says that a stream remembers for version 2.
type pageStream struct {
	due, period, step any // as the page calls them; nil before the first frame
	count             int
	order, k          [4]int
}

func (s *pageStream) decode(frame []byte) (f pageFrame) {
	p := &pageBytes{rest: frame}
	form := int(p.u8())
	second := form >= 0x10 && form <= 0x4f
	if form != 1 && !second {
		panic("not packed")
	}
	flags, count := 0, 0
	if second {
		flags, count = (form-0x10)%8, (form-0x10)/8
	}
	hasFixes, goesOn, onTime := flags%2 == 1, flags/2%2 == 1, flags/4 == 1
	n, m := int(p.uvarint()), 0
	if !second || hasFixes {
		m = int(p.uvarint())
	}
	var start *big.Int
	period := new(big.Int)
	switch {
	case !goesOn:
		base := uint64(0)
		for i := range 8 {
			base += uint64(p.u8()) << (8 * i)
		}
		start = big.NewInt(int64(base))
		if second && n > 0 {
			period.SetUint64(p.uvarint())
		}
	default:
		if n == 0 || count != (s.count+1)%8 {
			panic("goes on from another frame")
		}
		shift, change := int64(0), int64(0)
		if !onTime {
			shift, change = p.svarint(), p.svarint()
		}
		start = new(big.Int).Add(s.due.(*big.Int), new(big.Int).Mul(big.NewInt(6250), big.NewInt(shift)))
		period.Add(s.period.(*big.Int), new(big.Int).Mul(big.NewInt(100), big.NewInt(change)))
	}
	if m > 0 {
		f.fixes = pageFixes(p, m, pageTicks(start))
	}
	if n == 0 {
		return f
	}
	step := 0.0
	switch {
	case goesOn:
		step = s.step.(float64)
	default:
		step = pageScale(p)
	}
	f.step = step
	if !second {
		period.SetUint64(p.uvarint())
	}
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
		silent := onTime && c == 0
		if n > 1 && !silent && (!goesOn || number(1) == 0) {
			s.order[c], s.k[c] = int(number(2)), int(number(5))
		}
		for i := 1; i < n; i++ {
			if silent {
				v = append(v, 0)
				continue
			}
			before := func(back int) int64 { return v[max(i-back, 0)] }
			prediction := [4]int64{0, before(1), 2*before(1) - before(2), 3*before(1) - 3*before(2) + before(3)}[s.order[c]]
			u := uint64(0)
			if k := s.k[c]; k != 31 {
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
		channels[c] = v
	}
	due := func(i int) *big.Int { return new(big.Int).Add(start, new(big.Int).Mul(big.NewInt(int64(i)), period)) }
	for i := range n {
		f.times = append(f.times, 100_000*(pageTicks(due(i))+channels[0][i]))
		for axis := range f.axes {
			f.axes[axis] = append(f.axes[axis], float64(channels[1+axis][i])*step)
		}
	}
	if second {
		s.due, s.period, s.step, s.count = due(n), period, step, count
	}
	f.bitsEnd = bits
	return f
}

// pageFixes reads m fixes and their length.
func pageFixes(p *pageBytes, m int, at int64) (fixes []pageFix) {
	length := int(p.uvarint())
	block := &pageBytes{rest: p.rest[:length]}
	p.rest = p.rest[length:]
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
		fixes = append(fixes, fix)
	}
	return fixes
}

// pageScale reads the scale and returns the step.
func pageScale(p *pageBytes) float64 {
	scale := p.u8()
	if scale != 0 {
		return 9.80665 / math.Pow(2, float64(scale))
	}
	pattern := uint32(0)
	for i := range 4 {
		pattern += uint32(p.u8()) << (8 * i)
	}
	return float64(math.Float32frombits(pattern))
}

// TestSecondDecoderAgrees compares the two decoders on streams of many kinds.
func TestSecondDecoderAgrees(t *testing.T) {
	random := rand.New(rand.NewPCG(9, 10))
	for range 40 {
		var both twoDecoders
		e := wire.NewEncoder(wire.EncoderConfig{
			ResolutionMPS2: []float64{0, 0.01, 9.81 / 65536}[random.IntN(3)], Version: 1 + random.IntN(2),
		})
		at := random.Int64N(1 << 61)
		rough := math.Pow(10, 4*random.Float64()-3)
		for range 5 {
			samples := make([]classifier.Sample, 1+random.IntN(100))
			for i := range samples {
				value := func(base float64) float64 { return min(max(base+rough*random.NormFloat64(), -1000), 1000) }
				samples[i] = classifier.Sample{SensorTime: at, X: value(math.Sin(float64(i) / 9)), Y: value(-9.8), Z: value(0)}
				at += int64(1e7 * (1 + rough*random.NormFloat64()/100))
			}
			fixes := make([]classifier.Fix, random.IntN(4))
			for i := range fixes {
				fixes[i] = classifier.Fix{SensorTime: at + int64(i)*1e9, SpeedMPS: 3 * random.Float64(), EastM: random.NormFloat64(), NorthM: random.NormFloat64(), AccuracyM: 50 * random.Float64()}
			}
			frame, err := e.AppendPacked(nil, samples, fixes)
			if err != nil {
				t.Fatal(err)
			}
			both.compare(t, frame)
		}
	}
}

// compareWithThePage decodes a good frame that stands alone with both decoders and
// returns what it holds and the step of its axes.
func compareWithThePage(t *testing.T, frame []byte) (b wire.Batch, step float64) {
	t.Helper()
	return new(twoDecoders).compare(t, frame)
}

// twoDecoders are that of this package and that of the page, on one stream.
type twoDecoders struct {
	decoder wire.Decoder
	page    pageStream
}

// compare decodes the next good frame of a stream with both, and returns what it
// holds and the step of its axes.
func (both *twoDecoders) compare(t *testing.T, frame []byte) (b wire.Batch, step float64) {
	t.Helper()
	var s wire.Scratch
	if err := both.decoder.Decode(&b, &s, true, frame, everything); err != nil {
		t.Fatal(err)
	}
	f := both.page.decode(frame)
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
