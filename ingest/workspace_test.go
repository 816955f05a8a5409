package ingest

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"testing/iotest"
)

func TestFrameRead(t *testing.T) {
	const limit = 20_000
	broken := errors.New("broken")
	for _, test := range []struct {
		name string
		size int
		tail error // what follows the bytes; nil for a clean end
		want error
	}{
		{"empty", 0, nil, nil},
		{"small", 300, nil, nil},
		{"exactly the first buffer", frameBytesInitial, nil, nil},
		{"grown", 3*frameBytesInitial + 1, nil, nil},
		{"exactly the limit", limit, nil, nil},
		{"one more", limit + 1, nil, errFrameTooLarge},
		{"much more", 10 * limit, nil, errFrameTooLarge},
		{"cut off", 300, broken, broken},
	} {
		t.Run(test.name, func(t *testing.T) {
			sent := bytes.Repeat([]byte("0123456789"), test.size/10+1)[:test.size]
			var r io.Reader = bytes.NewReader(sent)
			if test.tail != nil {
				r = io.MultiReader(r, iotest.ErrReader(test.tail))
			}
			f := &frame{data: make([]byte, 0, frameBytesInitial)}
			err := f.read(iotest.HalfReader(r), limit)
			if !errors.Is(err, test.want) || err == nil && !bytes.Equal(f.data, sent) {
				t.Fatalf("read %d bytes of %d, %v, want %v", len(f.data), len(sent), err, test.want)
			}
			if most := limit + 1; cap(f.data) > most {
				t.Errorf("the buffer grew to %d bytes, more than %d", cap(f.data), most)
			}
		})
	}
}

// Growing leaves a smaller buffer behind, which must not keep what it held.
func TestFrameGrowClearsWhatItLeaves(t *testing.T) {
	f := &frame{data: []byte("somebody's samples")}
	left := f.data
	f.grow(1 << 10)
	if string(f.data) != "somebody's samples" || !bytes.Equal(left, make([]byte, len(left))) {
		t.Errorf("grown to %q, left behind %q", f.data, left)
	}
}
