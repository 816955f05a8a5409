package residue

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/tempogate/tempogate/classifier/signal"
)

func TestNeedlesInMemory(t *testing.T) {
	zeros := func(n int) []byte { return make([]byte, n) }
	for _, test := range []struct {
		name   string
		memory []byte
		at     []int // where "needle 1" is
	}{
		{"nothing", zeros(100), nil},
		{"empty", nil, nil},
		{"at the start", []byte("needle 1 and more"), []int{0}},
		{"at the end", append(zeros(33), "needle 1"...), []int{33}},
		{"cut short", append(zeros(33), "needle "...), nil},
		{"at an odd address, behind zeros", slices.Concat(zeros(17), []byte("needle 1"), zeros(40)), []int{17}},
		{"behind one zero", append(zeros(1), "needle 1"...), []int{1}},
		{"behind nine zeros", slices.Concat(zeros(9), []byte("needle 1"), zeros(1)), []int{9}},
		{"twice, side by side", []byte("needle 1needle 1"), []int{0, 8}},
		{"another needle's first word", []byte("needle 2 is longer no"), nil},
		{"one that is longer", []byte("..needle 2 is longer, yes"), []int{2}},
		{"beyond the limit", append(zeros(64), "needle 1"...), nil}, // the next chunk begins there
		{"across the limit", append(zeros(60), "needle 1"...), []int{60}},
	} {
		var n needles
		n.add(Text, 7, []byte("needle 1"))
		n.add(Text, 7, []byte("needle 2 is longer, yes"))
		n.add(Sent, 8, []byte("needle 1")) // the same again is the first one's
		var at []int
		n.in(test.memory, 64, func(place int, of *needle) {
			if of.owner != 7 || of.form != Text {
				t.Errorf("%s: found %+v", test.name, of)
			}
			at = append(at, place)
		})
		if !slices.Equal(at, test.at) {
			t.Errorf("%s: found at %v, want %v", test.name, at, test.at)
		}
	}
}

// Zeros of every length in front, and every place in a word.
func TestNeedlesBehindZeros(t *testing.T) {
	var n needles
	n.add(Float, 0, []byte{0, 0, 3, 4, 5, 6, 7, 8}) // one that begins with zeros
	for before := range 40 {
		for after := range 20 {
			memory := slices.Concat(make([]byte, before), []byte{0, 0, 3, 4, 5, 6, 7, 8}, make([]byte, after))
			found := 0
			n.in(memory, len(memory), func(at int, _ *needle) {
				found++
				if at != before {
					t.Errorf("%d zeros before, %d behind: found at %d", before, after, at)
				}
			})
			if found != 1 {
				t.Errorf("%d zeros before, %d behind: found %d times", before, after, found)
			}
		}
	}
}

// Half of a row's value, as a float of 64 bits, are zeros: behind other zeros every
// address could have that. Where no float can be it does not count.
func TestRowsAreNoAddresses(t *testing.T) {
	var n needles
	n.addRow(1, signal.Row{-115.92625, -40.25, 9.81}) // one that is unmistakable where floats are
	var found []int
	look := func(memory []byte) []int {
		found = nil
		n.in(memory, len(memory), func(at int, _ *needle) { found = append(found, at) })
		return found
	}
	value := binary.LittleEndian.AppendUint64(nil, math.Float64bits(float64(float32(-115.92625))))
	address := append(value[4:8:8], 0xba, 2, 0, 0)
	if at := look(slices.Concat(make([]byte, 16), address)); len(at) > 0 {
		t.Errorf("an address is found at %d", at)
	}
	if at := look(slices.Concat(make([]byte, 16), value)); !slices.Equal(at, []int{16}) {
		t.Errorf("the value is found at %d", at)
	}
	if at := look(binary.LittleEndian.AppendUint64(nil, math.Float64bits(-40.25))); len(at) > 0 {
		t.Errorf("a round number is found at %d", at)
	}
}

// What was masked is found masked, whichever way the key is turned, and not as
// sent; unmasked it is found as sent.
func TestMaskedAndSentAreToldApart(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	samples := canaries(rng, 2, firstTime)
	payload := []byte(`{"x":` + digits(samples[1].X) + `}`)
	key := [4]byte{1, 2, 3, 4}
	var n needles
	n.addMessage(0, payload, samples, true, &key)
	forms := func(memory []byte) (forms []Form) {
		n.in(memory, len(memory), func(_ int, of *needle) { forms = append(forms, of.form) })
		return forms
	}
	if got := forms(payload); !slices.Equal(got, []Form{Sent}) {
		t.Errorf("as sent: found as %v", got)
	}
	for turned := range 4 {
		hidden := bytes.Clone(payload)
		for i := range hidden {
			hidden[i] ^= key[(i+turned)%4]
		}
		if got := forms(hidden); !slices.Equal(got, []Form{Masked}) {
			t.Errorf("masked with the key turned by %d: found as %v", turned, got)
		}
	}
}
