package framing

import "sync"

// A Buffer is memory that messages are read into, shared by all connections.
// What Data has beyond its length is zero.
type Buffer struct {
	Data []byte
}

const (
	bufferBytes     = 4 << 10
	bufferBytesKept = 32 << 10 // larger ones are not kept: most frames are small
)

var buffers = sync.Pool{New: func() any { return &Buffer{Data: make([]byte, 0, bufferBytes)} }}

// erase overwrites what has served.
func erase(p []byte) {
	if clears {
		clear(p)
	}
}

// takeBuffer returns an empty buffer.
func takeBuffer() *Buffer { return buffers.Get().(*Buffer) }

// release clears a buffer and gives it back.
func (b *Buffer) release() {
	erase(b.Data)
	b.Data = b.Data[:0]
	if cap(b.Data) <= bufferBytesKept {
		buffers.Put(b)
	}
}

// grow doubles the buffer, up to a most, and clears the one it leaves.
func (b *Buffer) grow(most int) {
	larger := make([]byte, len(b.Data), min(2*cap(b.Data), most))
	copy(larger, b.Data)
	clear(b.Data)
	b.Data = larger
}
