package residue

import (
	"encoding/binary"
	"slices"
)

// A Form is what a reading looks like somewhere on its way.
type Form uint8

// The forms that are looked for.
const (
	Sent      Form = iota // as the bytes of the message
	Masked                // the same, masked
	Text                  // in decimal digits
	Float                 // as a float of 64 bits
	Integer               // as two neighbours in multiples of the packed form's step
	Resampled             // in the resampler and the window
	Feature               // in the work space of the features
	forms
)

var formNames = [forms]string{"sent", "masked", "text", "float", "integer", "resampled", "feature"}

// String returns the form's name.
func (f Form) String() string { return formNames[f] }

// MarshalText returns the form's name.
func (f Form) MarshalText() ([]byte, error) { return []byte(f.String()), nil }

// word is how many bytes of a needle are looked up at once, and the fewest that
// one has.
const word = 8

// A needle is a pattern to look for.
type needle struct {
	form    Form
	owner   int // whose it is, for the caller
	pattern []byte
	usual   bool // was there before it was sent: no needle
	aligned bool // counts only where a word may begin
}

// needles is a set of patterns that memory is searched for in one pass. The zero
// value is empty.
type needles struct {
	all     []needle
	byWord  map[uint64][]int32 // of all, by their first eight bytes
	filter  []uint64           // a bit for each hash of a first word; most words have none
	longest int
}

const filterBits = 22

// hash spreads a word over the filter (Fibonacci hashing).
func hash(w uint64) uint64 { return w * 0x9E3779B97F4A7C15 >> (64 - filterBits) }

// add adds a pattern of at least eight bytes, and returns its needle until the next
// call. One that is there already, for whomever, is not added again.
func (n *needles) add(form Form, owner int, pattern []byte) *needle {
	w := binary.LittleEndian.Uint64(pattern)
	if n.byWord == nil {
		n.byWord = make(map[uint64][]int32)
		n.filter = make([]uint64, 1<<filterBits/64)
	}
	for _, i := range n.byWord[w] {
		if slices.Equal(n.all[i].pattern, pattern) {
			return &n.all[i]
		}
	}
	n.byWord[w] = append(n.byWord[w], int32(len(n.all)))
	n.all = append(n.all, needle{form: form, owner: owner, pattern: slices.Clone(pattern)})
	h := hash(w)
	n.filter[h/64] |= 1 << (h % 64)
	n.longest = max(n.longest, len(pattern))
	return &n.all[len(n.all)-1]
}

// has reports whether a pattern of at least eight bytes is looked for.
func (n *needles) has(pattern []byte) bool {
	return slices.ContainsFunc(n.byWord[binary.LittleEndian.Uint64(pattern)], func(i int32) bool {
		return slices.Equal(n.all[i].pattern, pattern)
	})
}

// addWord adds a pattern of eight bytes.
func (n *needles) addWord(form Form, owner int, w uint64) *needle {
	return n.add(form, owner, binary.LittleEndian.AppendUint64(nil, w))
}

// in calls found for each place in p, below limit, at which a needle begins. A word
// may begin at the first byte of p.
func (n *needles) in(p []byte, limit int, found func(at int, of *needle)) {
	if len(n.all) == 0 {
		return
	}
	limit = min(limit, len(p)-word+1)
	for i := 0; i < limit; i++ {
		w := binary.LittleEndian.Uint64(p[i:])
		if w == 0 { // as most of what there is; no needle begins so
			for i+word < limit && binary.LittleEndian.Uint64(p[i+word:]) == 0 {
				i += word
			}
			continue
		}
		h := hash(w)
		if n.filter[h/64]&(1<<(h%64)) == 0 {
			continue
		}
		for _, k := range n.byWord[w] {
			of := &n.all[k]
			if of.aligned && i%word != 0 {
				continue
			}
			if !of.usual && len(p)-i >= len(of.pattern) && slices.Equal(p[i:i+len(of.pattern)], of.pattern) {
				found(i, of)
			}
		}
	}
}
