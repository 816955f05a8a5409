package wire

import "github.com/tempogate/tempogate/classifier"

// A Scratch is work space for Decode, shared by sessions: one a processor is
// enough. The zero value is ready and allocates on first need. It is not safe
// for use by several goroutines at once.
type Scratch struct {
	block           []byte              // S2 output
	linear, gravity []classifier.Sample // readings waiting for each other
}

// Clear overwrites whatever decoding left behind.
func (s *Scratch) Clear() {
	clear(s.block[:cap(s.block)])
	clear(s.linear[:cap(s.linear)])
	clear(s.gravity[:cap(s.gravity)])
	s.block, s.linear, s.gravity = s.block[:0], s.linear[:0], s.gravity[:0]
}
