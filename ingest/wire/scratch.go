package wire

import (
	"bytes"

	"github.com/klauspost/compress/s2"

	"github.com/tempogate/tempogate/classifier"
)

// A Scratch is work space for Decode, shared by sessions: one a processor is
// enough. The zero value is ready and allocates on first need, at most
// MaxBlock and two times MaxSamples. It is not safe for use by several
// goroutines at once.
type Scratch struct {
	block           []byte              // S2 output; its length is the most that was in use since Clear
	linear, gravity []classifier.Sample // readings waiting for each other
}

// Clear overwrites whatever decoding left behind. It costs no more than the
// frames since the last Clear: what they did not reach is still zero.
func (s *Scratch) Clear() {
	clear(s.block)
	clear(s.linear)
	clear(s.gravity)
	s.block, s.linear, s.gravity = s.block[:0], s.linear[:0], s.gravity[:0]
}

// shortestReading is how many bytes a reading has as JSON at least.
const shortestReading = len(`{"name":"gravity","time":0,"values":{"x":0,"y":0,"z":0}}`)

// reserve makes room for all readings that a text can hold: each is an object with an
// object in it. Were it made as they come, the stack might have to grow for it, and be
// moved with readings on it.
func (s *Scratch) reserve(dst *Batch, text []byte) {
	clear(s.linear)
	clear(s.gravity)
	n := min(MaxSamples, len(text)/shortestReading, bytes.Count(text, []byte{'{'})/2)
	s.linear, s.gravity = grow(s.linear[:0], n), grow(s.gravity[:0], n)
	dst.Samples = grow(dst.Samples, n)
	dst.Fixes = grow(dst.Fixes, min(MaxFixes, n))
}

// unfold decodes an S2 block. The result is valid until the next call.
func (s *Scratch) unfold(block []byte) ([]byte, *Error) {
	n, err := s2.DecodedLen(block)
	if err != nil {
		return nil, malformed("not an S2 block")
	}
	if n > MaxBlock {
		return nil, &Error{Code: CodeTooLarge, Detail: "an S2 block may unfold to at most 262144 bytes"}
	}
	s.block = grow(s.block, max(0, n-len(s.block)))
	if n > len(s.block) {
		s.block = s.block[:n]
	}
	// The capacity ends at n: nothing is written that Clear would not find.
	out, err := s2.Decode(s.block[:n:n], block)
	if err != nil {
		return nil, malformed("a broken S2 block")
	}
	return out, nil
}
