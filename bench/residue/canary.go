package residue

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"strconv"

	"github.com/tempogate/tempogate/classifier"
)

// Canaries are multiples of a step, so that the packed form carries them without
// rounding, and of a step without pattern, so that as floats they have none.
// They are larger than what a phone measures and smaller than what the server
// refuses.
var step = float64(float32(1.1e-5)) // m/s²

const (
	leastCanary = 200 // m/s²
	mostCanary  = 900
	periodNS    = 10_000_000 // between readings: 100 a second

	// fewestDigits is the shortest text that a canary may have.
	fewestDigits = 12
)

// canaries returns n readings from a time on, in nanoseconds.
func canaries(rng *rand.Rand, n int, from int64) []classifier.Sample {
	samples := make([]classifier.Sample, n)
	axis := func() float64 {
		for {
			v := float64(int64((leastCanary+(mostCanary-leastCanary)*rng.Float64())/step)) * step
			if len(digits(v)) >= fewestDigits {
				if rng.IntN(2) == 0 {
					return -v
				}
				return v
			}
		}
	}
	for i := range samples {
		samples[i] = classifier.Sample{SensorTime: from + int64(i)*periodNS, X: axis(), Y: axis(), Z: axis()}
	}
	return samples
}

// still returns n readings of a phone at rest from a time on.
func still(rng *rand.Rand, n int, from int64) []classifier.Sample {
	samples := make([]classifier.Sample, n)
	for i := range samples {
		samples[i] = classifier.Sample{
			SensorTime: from + int64(i)*periodNS,
			X:          0.02 * rng.NormFloat64(), Y: 0.02 * rng.NormFloat64(), Z: 9.81 + 0.02*rng.NormFloat64(),
		}
	}
	return samples
}

// digits returns a value as JSON has it, without its sign.
func digits(v float64) string { return strconv.FormatFloat(math.Abs(v), 'f', -1, 64) }

// axes returns the values of a reading.
func axes(s *classifier.Sample) [3]float64 { return [3]float64{s.X, s.Y, s.Z} }

// addValues adds readings as numbers: floats, text, and integers where they are
// sent packed.
func (n *needles) addValues(owner int, samples []classifier.Sample, packed bool) {
	for i := range samples {
		for axis, v := range axes(&samples[i]) {
			n.addWord(Float, owner, math.Float64bits(v))
			n.add(Text, owner, []byte(digits(v)))
			if !packed || i == 0 {
				continue
			}
			// The decoder holds a value and the one before side by side. One alone
			// would be too small a number to be unmistakable.
			a, b := int64(math.Round(axes(&samples[i-1])[axis]/step)), int64(math.Round(v/step))
			n.add(Integer, owner, binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(nil, uint64(a)), uint64(b)))
			n.add(Integer, owner, binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(nil, uint64(b)), uint64(a)))
			n.addWord(Integer, owner, uint64(uint32(a))|uint64(uint32(b))<<32)
		}
	}
}

// addMessage adds what of a message's bytes is found nowhere else, and the same
// masked. Of text that is the canaries' digits, whole or as much of them as a
// compression left together; of other bytes every word but the first few, where
// formats say what they are.
func (n *needles) addMessage(owner int, payload []byte, samples []classifier.Sample, text bool, key *[4]byte) {
	add := func(at int, pattern []byte) {
		n.add(Sent, owner, pattern)
		if key == nil {
			return
		}
		var hidden [4][]byte
		for rotation := range hidden {
			hidden[rotation] = bytes.Clone(pattern)
			for i := range pattern {
				hidden[rotation][i] ^= key[(at+rotation+i)%4]
			}
			n.add(Masked, owner, hidden[rotation])
		}
	}
	if !text {
		const head = 48
		for at := head; at+word <= len(payload); at += word {
			if w := payload[at : at+word]; distinct(w) >= 6 {
				add(at, w)
			}
		}
		return
	}
	for i := range samples {
		for _, v := range axes(&samples[i]) {
			d := []byte(digits(v))
			for from := 0; from+fewestDigits <= len(d); from += 2 {
				if at := bytes.Index(payload, d[from:]); at >= 0 {
					add(at, d[from:])
					break
				}
			}
		}
	}
}

// distinct counts the different bytes of p.
func distinct(p []byte) (n int) {
	for i, b := range p {
		if bytes.IndexByte(p[:i], b) < 0 {
			n++
		}
	}
	return n
}
