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

// windowBits is how many bits a window has at least.
const windowBits = 57

// window returns the next bits, at least windowBits of them, the first one lowest.
func (r *bitReader) window() uint64 {
	i := r.pos >> 3
	if i+8 <= len(r.data) {
		return binary.LittleEndian.Uint64(r.data[i:]) >> (r.pos & 7)
	}
	return r.lastWindow()
}

// lastWindow is window in the last bytes and behind them. It is apart so that window
// needs no call.
//
//go:noinline
func (r *bitReader) lastWindow() (w uint64) {
	for k := len(r.data) - 1; k >= r.pos>>3; k-- {
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

// residuals reads as many Rice codes with parameter k as there are in dst, or none
// where all are zero.
//
// Each code begins where the one before ends, so that reading one waits for all
// before it. What it waits for is kept short: as long as a window has whole codes,
// three operations on it.
func (r *bitReader) residuals(dst []int64, k uint8) {
	if k == riceAllZero {
		clear(dst)
		return
	}
	remainder := uint64(1)<<(k&63) - 1
	for i := 0; i < len(dst); {
		w, used := r.window(), 0
		q := bits.TrailingZeros64(w)
		if q >= escapeQuotient {
			dst[i] = unzigzag(w >> escapeQuotient & (1<<escapeBits - 1))
			i++
			r.pos += escapeQuotient + escapeBits
			continue
		}
		for q < escapeQuotient && i < len(dst) {
			length := q + 1 + int(k)
			if used+length > windowBits {
				break
			}
			used += length
			w >>= (q + 1) & 63
			dst[i] = unzigzag(uint64(q)<<(k&63) | w&remainder)
			i++
			w >>= k & 63
			q = bits.TrailingZeros64(w)
		}
		r.pos += used
	}
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
