package wire

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf8"
)

// The functions of this file read JSON (RFC 8259) in place. Each takes the
// text and a position and returns the position behind what it read; where the
// text is wrong it returns the position of the mistake and a fault; a fault
// behind the end means that the text ended too early, whatever it says. They
// copy nothing, keep nothing and do not allocate.

// at returns the byte at i, or 0 behind the end. 0 is no part of any JSON text
// outside a string, and inside one it is a mistake too.
func at(data []byte, i int) byte {
	if uint(i) < uint(len(data)) {
		return data[i]
	}
	return 0
}

// skipSpace returns the position of the first byte at or behind i that is no
// white space.
func skipSpace(data []byte, i int) int {
	for uint(i) < uint(len(data)) && data[i] <= ' ' && (data[i] == ' ' || data[i] == '\n' || data[i] == '\r' || data[i] == '\t') {
		i++
	}
	return i
}

// Eight bytes at once: each constant repeats one byte.
const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// plainBytes returns how many of the eight bytes of w, from the lowest on, are
// plain inside a string: ASCII, printable, neither quote nor backslash. It
// may stop early behind the first special byte but never runs past one
// ("Bit Twiddling Hacks", Anderson: hasless and haszero).
func plainBytes(w uint64) int {
	quote := w ^ (ones * '"')
	slash := w ^ (ones * '\\')
	special := (w | (w - ones*0x20) | (quote - ones) | (slash - ones)) & highs
	return bits.TrailingZeros64(special) >> 3
}

// scanString reads the string that starts at i with its quote and returns
// where its content starts and ends; the content of a string without escapes
// is the string. next is behind the closing quote.
func scanString(data []byte, i int) (start, end, next int, escaped bool, f fault) {
	if at(data, i) != '"' {
		return 0, 0, i, false, faultSyntax
	}
	i++
	start = i
	for {
		for i+8 <= len(data) {
			n := plainBytes(binary.LittleEndian.Uint64(data[i:]))
			i += n
			if n < 8 {
				break
			}
		}
		switch c := at(data, i); {
		case c == '"':
			return start, i, i + 1, escaped, faultNone
		case c == '\\':
			escaped = true
			if i, f = skipEscape(data, i); f != faultNone {
				return 0, 0, i, false, f
			}
		case c < ' ': // or the end
			return 0, 0, i, false, faultControl
		case c < utf8.RuneSelf:
			i++
		default:
			r, n := utf8.DecodeRune(data[i:])
			if r == utf8.RuneError && n <= 1 {
				return 0, 0, i, false, faultUTF8
			}
			i += n
		}
	}
}

// skipEscape reads the escape whose backslash is at i.
func skipEscape(data []byte, i int) (int, fault) {
	switch at(data, i+1) {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return i + 2, faultNone
	case 'u':
		for k := i + 2; k < i+6; k++ {
			if hexDigit(at(data, k)) < 0 {
				return k, faultEscape
			}
		}
		return i + 6, faultNone
	}
	return i + 1, faultEscape
}

func hexDigit(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

// maxName is longer than any key or sensor name that means something here.
const maxName = 32

// plainName returns the content of a scanned string, its escapes undone into
// buf. A string that stays longer than buf is nobody's name: it comes back
// empty. So does one with an escape beyond ASCII, for the same reason.
func plainName(data []byte, start, end int, escaped bool, buf *[maxName]byte) []byte {
	raw := data[start:end]
	if !escaped {
		return raw
	}
	n := 0
	for k := 0; k < len(raw); k++ {
		if n == len(buf) {
			return nil
		}
		c := raw[k]
		if c == '\\' {
			k++
			switch c = raw[k]; c {
			case 'b':
				c = '\b'
			case 'f':
				c = '\f'
			case 'n':
				c = '\n'
			case 'r':
				c = '\r'
			case 't':
				c = '\t'
			case 'u':
				r := hexDigit(raw[k+1])<<12 | hexDigit(raw[k+2])<<8 | hexDigit(raw[k+3])<<4 | hexDigit(raw[k+4])
				if r >= utf8.RuneSelf {
					return nil
				}
				c = byte(r)
				k += 4
			}
		}
		buf[n] = c
		n++
	}
	return buf[:n]
}

// scanKey reads `"key" :` at i and returns the position of the value.
func scanKey(data []byte, i int, buf *[maxName]byte) (key []byte, next int, f fault) {
	// Nearly every key is shorter than eight bytes and followed by its colon
	// and value without white space.
	if i+16 <= len(data) && data[i] == '"' {
		n := plainBytes(binary.LittleEndian.Uint64(data[i+1:]))
		if behind := i + 1 + n; data[behind] == '"' && data[behind+1] == ':' && data[behind+2] > ' ' {
			return data[i+1 : behind], behind + 2, faultNone
		}
	}
	start, end, i, escaped, f := scanString(data, i)
	if f != faultNone {
		return nil, i, f
	}
	if at(data, i) != ':' {
		i = skipSpace(data, i)
		if at(data, i) != ':' {
			return nil, i, faultSyntax
		}
	}
	i++
	if at(data, i) <= ' ' {
		i = skipSpace(data, i)
	}
	if escaped {
		return plainName(data, start, end, true, buf), i, faultNone
	}
	return data[start:end], i, faultNone
}

// afterValue reads what follows a value inside an object or array: a comma
// (more is true, next is at the next key or value) or the closing bracket
// (next is behind it).
func afterValue(data []byte, i int, closing byte) (next int, more bool, f fault) {
	c := at(data, i)
	if c <= ' ' {
		i = skipSpace(data, i)
		c = at(data, i)
	}
	if c == ',' {
		i++
		if at(data, i) <= ' ' {
			i = skipSpace(data, i)
		}
		return i, true, faultNone
	}
	if c == closing {
		return i + 1, false, faultNone
	}
	return i, false, faultSyntax
}

// opens reads the opening bracket at i. more is false, and next behind the
// closing bracket, where the object or array is empty.
func opens(data []byte, i int, closing byte) (next int, more bool) {
	i = skipSpace(data, i+1)
	if at(data, i) == closing {
		return i + 1, false
	}
	return i, true
}

// skipValue checks the value at i and returns the position behind it. No
// number of it is computed and no string copied. depth is the number of
// objects and arrays that are open around it.
func skipValue(data []byte, i, depth int) (int, fault) {
	var closers [MaxDepth]byte // of the containers opened here
	open := 0
	for {
		var f fault
		more := false
		switch c := at(data, i); c {
		case '{', '[':
			if depth+open >= MaxDepth {
				return i, faultDepth
			}
			closer := c + 2 // in ASCII both brackets close two places on
			closers[open] = closer
			open++
			if i, more = opens(data, i, closer); !more {
				open--
			}
		case '"':
			_, _, i, _, f = scanString(data, i)
		case 't':
			i, f = skipWord(data, i, "true")
		case 'f':
			i, f = skipWord(data, i, "false")
		case 'n':
			i, f = skipWord(data, i, "null")
		default:
			i, f = skipNumber(data, i)
		}
		if f != faultNone {
			return i, f
		}
		for !more {
			if open == 0 {
				return i, faultNone
			}
			if i, more, f = afterValue(data, i, closers[open-1]); f != faultNone {
				return i, f
			}
			if !more {
				open--
			}
		}
		if closers[open-1] == '}' {
			var buf [maxName]byte
			if _, i, f = scanKey(data, i, &buf); f != faultNone {
				return i, f
			}
		}
	}
}

// skipWord reads true, false or null.
func skipWord(data []byte, i int, word string) (int, fault) {
	for k := range len(word) {
		if at(data, i+k) != word[k] {
			return i + k, faultSyntax
		}
	}
	return i + len(word), faultNone
}
