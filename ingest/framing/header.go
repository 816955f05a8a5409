package framing

import (
	"encoding/binary"
	"slices"
)

// The opcodes of RFC 6455, section 5.2.
const (
	Continuation byte = 0x0
	Text         byte = 0x1
	Binary       byte = 0x2
	Close        byte = 0x8
	Ping         byte = 0x9
	Pong         byte = 0xA
)

const (
	final   = 0x80 // of the first byte
	masked  = 0x80 // of the second byte
	rsvBits = 0x70 // of the first byte: extensions, of which there are none here

	length16 = 126 // in the place of the length: 2 more bytes hold it
	length64 = 127 // 8 more bytes hold it

	// MaxControl is the most that the payload of a close, ping or pong holds.
	MaxControl = 125

	// MaxHeader is the longest header.
	MaxHeader = 2 + 8 + 4
)

// isControl reports whether frames of an opcode may come between the fragments
// of a message.
func isControl(op byte) bool { return op >= Close }

// A header is what stands before a payload.
type header struct {
	wide   bool // the length stands in bytes of its own
	op     byte
	fin    bool
	masked bool
	key    [4]byte
	length uint64
}

// parseHeader reads a header. It returns its length in bytes, 0 when b ends
// before it does.
func parseHeader(b []byte) (h header, n int) {
	if len(b) < 2 {
		return h, 0
	}
	h.fin, h.op = b[0]&final != 0, b[0]&0x0f
	h.masked, h.length = b[1]&masked != 0, uint64(b[1]&0x7f)
	n = 2
	switch h.length {
	case length16:
		if len(b) < n+2 {
			return h, 0
		}
		h.length, h.wide = uint64(binary.BigEndian.Uint16(b[n:])), true
		n += 2
	case length64:
		if len(b) < n+8 {
			return h, 0
		}
		h.length, h.wide = binary.BigEndian.Uint64(b[n:]), true
		n += 8
	}
	if h.masked {
		if len(b) < n+4 {
			return h, 0
		}
		copy(h.key[:], b[n:])
		n += 4
	}
	return h, n
}

// Length returns how many bytes the frame at the start of p has, its header
// included, however much of it is there. It is 0 when p ends within the header.
func Length(p []byte) int {
	h, n := parseHeader(p)
	if n == 0 {
		return 0
	}
	return n + int(h.length)
}

// sealRoom is what Seal needs in front of a payload: the header of a message of
// less than 64 KiB.
const sealRoom = 4

// Open appends room for a header; Seal fills it in once the payload stands
// behind it.
func Open(dst []byte) []byte { return append(dst, 0, 0, 0, 0) }

// Seal turns what was appended behind Open into one unmasked frame, as a server
// sends them. start is the length that dst had before Open.
//
//	at := len(dst)
//	dst = framing.Open(dst)
//	dst = append(dst, "hello"...)
//	dst = framing.Seal(dst, at, framing.Text)
func Seal(dst []byte, start int, op byte) []byte {
	length := len(dst) - start - sealRoom
	switch {
	case length < length16:
		dst[start], dst[start+1] = final|op, byte(length)
		copy(dst[start+2:], dst[start+sealRoom:])
		return dst[:len(dst)-2]
	case length < 1<<16:
		dst[start], dst[start+1] = final|op, length16
		binary.BigEndian.PutUint16(dst[start+2:], uint16(length))
		return dst
	}
	const more = MaxHeader - 4 - sealRoom
	dst = slices.Insert(dst, start, make([]byte, more)...)
	dst[start], dst[start+1] = final|op, length64
	binary.BigEndian.PutUint64(dst[start+2:], uint64(length))
	return dst
}

// AppendMasked appends one masked frame, as a client sends them. The payload is
// not changed.
func AppendMasked(dst []byte, op byte, payload []byte, key [4]byte) []byte {
	dst = append(dst, final|op)
	switch n := len(payload); {
	case n < length16:
		dst = append(dst, masked|byte(n))
	case n < 1<<16:
		dst = append(dst, masked|length16)
		dst = binary.BigEndian.AppendUint16(dst, uint16(n))
	default:
		dst = append(dst, masked|length64)
		dst = binary.BigEndian.AppendUint64(dst, uint64(n))
	}
	dst = append(dst, key[:]...)
	start := len(dst)
	dst = append(dst, payload...)
	Mask(dst[start:], key)
	return dst
}

// Mask masks or unmasks p in place (RFC 6455, section 5.3).
func Mask(p []byte, key [4]byte) {
	word := uint64(binary.LittleEndian.Uint32(key[:]))
	word |= word << 32
	for len(p) >= 8 {
		binary.LittleEndian.PutUint64(p, binary.LittleEndian.Uint64(p)^word)
		p = p[8:]
	}
	for i := range p {
		p[i] ^= key[i&3]
	}
}

// AppendClose appends the payload of a close frame. A reason that is too long
// is cut.
func AppendClose(dst []byte, code int, reason string) []byte {
	dst = binary.BigEndian.AppendUint16(dst, uint16(code))
	return append(dst, reason[:min(len(reason), MaxControl-2)]...)
}

// ParseClose reads the payload of a close frame. A payload without a code says
// NoStatus. ok is false for what RFC 6455 forbids.
func ParseClose(payload []byte) (code int, reason string, ok bool) {
	if len(payload) == 0 {
		return NoStatus, "", true
	}
	if len(payload) < 2 {
		return 0, "", false
	}
	code = int(binary.BigEndian.Uint16(payload))
	return code, string(payload[2:]), code >= 1000 && code <= 1003 || code >= 1007 && code <= 1013 || code >= 3000 && code <= 4999
}

// NoStatus stands for a close frame that gives no code (RFC 6455, 7.4.1).
const NoStatus = 1005
