package residue

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"sync"
	"unsafe"

	"github.com/tempogate/tempogate/classifier"
	"github.com/tempogate/tempogate/classifier/feature"
	"github.com/tempogate/tempogate/classifier/signal"
)

// A twin does with readings what the server's classifier does, and shows what it
// holds meanwhile. The same input gives the same bits, so what is in its memory
// now was in the server's.
type twin struct {
	seen classified

	// The same for other readings at the same times: what is in both was not made
	// of readings.
	calm classified
}

// A classified is what the classifier keeps of readings, and its work space.
type classified struct {
	started   bool
	resampler signal.Resampler
	window    signal.Window
	history   feature.History
	extractor *feature.Extractor
}

func newTwin() *twin {
	return &twin{classified{extractor: feature.NewExtractor()}, classified{extractor: feature.NewExtractor()}}
}

// push takes readings, and calm ones at the same times. With needles it adds what
// the readings become.
func (t *twin) push(samples, calm []classifier.Sample, n *needles, owner int) {
	for i := range samples {
		rows, described := t.seen.push(samples[i : i+1])
		t.calm.push(calm[i : i+1])
		if n == nil {
			continue
		}
		n.addMemory(Resampled, owner, resamplerMemory(&t.seen.resampler), resamplerMemory(&t.calm.resampler))
		for _, row := range rows {
			n.addRow(owner, row)
		}
		if described {
			n.addMemory(Feature, owner, extractorMemory(t.seen.extractor), extractorMemory(t.calm.extractor))
		}
	}
}

// push takes readings. It returns the rows that they complete, and whether the
// window was described.
func (c *classified) push(samples []classifier.Sample) (rows []signal.Row, described bool) {
	if !c.started {
		c.started = true
		c.resampler.Start(samples[0].SensorTime)
	}
	for {
		var row signal.Row
		taken, complete := c.resampler.Read(samples, &row)
		samples = samples[taken:]
		if !complete {
			return rows, described
		}
		c.window.Push(row)
		rows = append(rows, row)
		if c.resampler.Index()%signal.RateHz == 0 && c.extractor.ExtractAfter(&c.window, &c.history) != nil {
			described = true
		}
	}
}

func resamplerMemory(r *signal.Resampler) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(r)), unsafe.Sizeof(*r))
}

func extractorMemory(e *feature.Extractor) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(e)), unsafe.Sizeof(*e))
}

// beyondRest is more than anything that a phone at rest has on an axis, m/s². All
// readings are multiples of one step, and so are what is made of a few of them: by
// chance a canary's can be what another session has at rest.
const beyondRest = 20

// addRow adds a row as the window holds it, and its values as floats of 64 bits. Half
// of these are zeros, and the other half could be that of an address: they count where
// floats are.
func (n *needles) addRow(owner int, row signal.Row) {
	var whole []byte
	for _, v := range row {
		whole = binary.LittleEndian.AppendUint32(whole, math.Float32bits(v))
		w := math.Float64bits(float64(v))
		if half := binary.LittleEndian.AppendUint32(nil, uint32(w>>32)); math.Abs(float64(v)) > beyondRest && distinct(half) == len(half) && !bytes.Contains(half, []byte{0}) {
			n.addWord(Resampled, owner, w).aligned = true
		}
	}
	n.add(Resampled, owner, whole)
}

// addMemory adds every word that is unmistakable: neither a small number, nor an
// address, nor found in what was made of other readings or could be.
func (n *needles) addMemory(form Form, owner int, memory, other []byte) {
	others := make(map[uint64]bool, len(other)/word)
	for at := 0; at+word <= len(other); at += word {
		others[binary.LittleEndian.Uint64(other[at:])] = true
	}
	for at := 0; at+word <= len(memory); at += word {
		p := memory[at : at+word]
		w := binary.LittleEndian.Uint64(p)
		if form == Resampled && !(math.Abs(math.Float64frombits(w)) > beyondRest) {
			continue
		}
		if w>>48 != 0 && distinct(p) >= 6 && !others[w] && !tapers()[w] {
			n.addWord(form, owner, w)
		}
	}
}

// tapers returns the words that an extractor holds beside what is made of
// readings: they depend on the length of what it describes alone.
var tapers = sync.OnceValue(func() map[uint64]bool {
	words := make(map[uint64]bool)
	rng := rand.New(rand.NewPCG(1, 2))
	for rows := feature.MinLength; rows <= signal.WindowLength; rows++ {
		var w signal.Window
		e := feature.NewExtractor()
		for range rows {
			w.Push(signal.Row{float32(rng.NormFloat64()), float32(rng.NormFloat64()), 9.81})
		}
		e.Extract(&w)
		e.Clear()
		memory := extractorMemory(e)
		for at := 0; at+word <= len(memory); at += word {
			words[binary.LittleEndian.Uint64(memory[at:])] = true
		}
	}
	return words
})
