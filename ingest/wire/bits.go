package wire

import (
	"encoding/binary"
	"math/bits"
)

// A byteReader reads the byte-wise parts of a packed frame. Once something is
// wrong every further call returns 0 and failed stays as it is.
type byteReader struct {
	data   []byte
	pos    int
	failed string // what is wrong, "" for nothing
}

// fail keeps the first mistake.
func (r *byteReader) fail(why string) {
	if r.failed == "" {
		r.failed = why
	}
}

// take returns the next n bytes, nil where there are not so many.
func (r *byteReader) take(n int) []byte {
	if r.failed != "" || n > len(r.data)-r.pos {
		r.fail("frame cut short")
		return nil
	}
	b := r.data[r.pos : r.pos+n]
	r.pos += n
	return b
}

// uvarint reads an unsigned LEB128 number of at most most.
func (r *byteReader) uvarint(most uint64, beyond string) uint64 {
	if r.failed != "" {
		return 0
	}
	v, n := binary.Uvarint(r.data[r.pos:])
	if n == 0 {
		r.fail("frame cut short")
		return 0
	}
	if n < 0 || v > most {
		r.fail(beyond)
		return 0
	}
	r.pos += n
	return v
}

// varint reads a zigzag number of at most most either way.
func (r *byteReader) varint(most int64, beyond string) int64 {
	return unzigzag(r.uvarint(zigzag(most), beyond))
}

// A bitReader reads bits, the lowest of each byte first. Behind the end come
// zeros; over tells.
type bitReader struct {
	data []byte
	pos  int // in bits
}

// window returns the next bits, at least 57 of them, the first one lowest.
func (r *bitReader) window() uint64 {
	i := r.pos >> 3
	if i+8 <= len(r.data) {
		return binary.LittleEndian.Uint64(r.data[i:]) >> (r.pos & 7)
	}
	var w uint64
	for k := len(r.data) - 1; k >= i; k-- {
		w = w<<8 | uint64(r.data[k])
	}
	return w >> (r.pos & 7)
}

// bits reads n bits, at most 57.
func (r *bitReader) bits(n int) uint64 {
	w := r.window()
	r.pos += n
	return w & (1<<n - 1)
}

// residual reads one Rice code with parameter k, or none where all are zero.
func (r *bitReader) residual(k uint8) int64 {
	if k == riceAllZero {
		return 0
	}
	return unzigzag(r.rice(int(k)))
}

// rice reads one Rice code with parameter k.
func (r *bitReader) rice(k int) uint64 {
	w := r.window()
	q := bits.TrailingZeros64(w)
	if q >= escapeQuotient {
		r.pos += escapeQuotient + escapeBits
		return w >> escapeQuotient & (1<<escapeBits - 1)
	}
	r.pos += q + 1 + k
	return uint64(q)<<k | w>>(q+1)&(1<<k-1)
}

// over reports whether more was read than there is.
func (r *bitReader) over() bool { return r.pos > 8*len(r.data) }

// spent reports whether nothing but the zeros that fill the last byte is left.
func (r *bitReader) spent() bool {
	left := 8*len(r.data) - r.pos
	return left >= 0 && left < 8 && r.window() == 0
}

// A bitWriter appends bits, the lowest of each byte first.
type bitWriter struct {
	dst     []byte
	pending uint64
	count   int // bits pending, below 8 between calls
}

// bits writes the lowest n bits of v, at most 56.
func (w *bitWriter) bits(v uint64, n int) {
	w.pending |= v << w.count
	for w.count += n; w.count >= 8; w.count -= 8 {
		w.dst = append(w.dst, byte(w.pending))
		w.pending >>= 8
	}
}

// rice writes v, which has at most 32 bits, as a Rice code with parameter k.
func (w *bitWriter) rice(v uint64, k int) {
	if q := v >> k; q < escapeQuotient {
		w.bits(((v&(1<<k-1))<<1|1)<<q, int(q)+1+k)
		return
	}
	w.bits(v<<escapeQuotient, escapeQuotient+escapeBits)
}

// close fills the last byte with zeros and returns what was appended to.
func (w *bitWriter) close() []byte {
	if w.count > 0 {
		w.dst = append(w.dst, byte(w.pending))
	}
	return w.dst
}

// riceBits returns the length of a Rice code.
func riceBits(v uint64, k int) int {
	if q := v >> k; q < escapeQuotient {
		return int(q) + 1 + k
	}
	return escapeQuotient + escapeBits
}
