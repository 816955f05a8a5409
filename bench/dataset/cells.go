package dataset

import (
	"bytes"
	"strconv"
)

// split cuts a line into cells and appends them to dst[:0]. Spaces around a
// cell and quotes around it are taken away; a separator inside quotes does not
// cut. The cells are parts of line.
func split(dst [][]byte, line []byte, separator byte) [][]byte {
	dst = dst[:0]
	for {
		cell, rest, more := line, []byte(nil), false
		if trimmed := bytes.TrimLeft(line, " "); len(trimmed) > 0 && trimmed[0] == '"' {
			// A quoted cell ends at the next quote; what stands between that
			// and the separator is nothing in every format read here.
			if end := bytes.IndexByte(trimmed[1:], '"'); end >= 0 {
				cell = trimmed[1 : 1+end]
				_, rest, more = bytes.Cut(trimmed[2+end:], []byte{separator})
				dst = append(dst, cell)
				if !more {
					return dst
				}
				line = rest
				continue
			}
		}
		cell, rest, more = bytes.Cut(line, []byte{separator})
		dst = append(dst, bytes.TrimSpace(cell))
		if !more {
			return dst
		}
		line = rest
	}
}

// number reads a decimal number. "NaN" and "Inf" are numbers here; a caller
// that wants none asks for that. 0 allocs: the text is short enough to live on
// the stack, see TestReadingALineAllocatesNothing.
func number(cell []byte) (float64, bool) {
	v, err := strconv.ParseFloat(string(cell), 64)
	if err != nil {
		if e, ok := err.(*strconv.NumError); ok && e.Err == strconv.ErrRange {
			return v, true // ±Inf or, for something tiny, 0
		}
		return 0, false
	}
	return v, true
}

// integer reads a decimal integer exactly, which a float would not do above
// 2^53. 0 allocs.
func integer(cell []byte) (int64, bool) {
	v, err := strconv.ParseInt(string(cell), 10, 64)
	return v, err == nil
}
