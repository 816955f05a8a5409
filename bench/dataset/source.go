package dataset

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// lineLimit is the longest line that is read, in bytes. The longest real one
// has 120.
const lineLimit = 64 << 10

// zstdWindow bounds the memory of the zstd decoder. It is what zstd itself
// accepts without --long.
const zstdWindow = 128 << 20

// A source reads one file, decompressed, up to a limit.
type source struct {
	path  string // for errors
	r     *bufio.Reader
	close func()
}

// openSource opens a file. Compression is told by the first bytes, whatever
// the name says.
func openSource(path string, maxBytes int64) (*source, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("dataset: %w", err)
	}
	s, err := newSource(path, f, maxBytes)
	if err != nil {
		f.Close()
		return nil, err
	}
	inner := s.close
	s.close = func() { inner(); f.Close() }
	return s, nil
}

// newSource reads r. The path serves for errors only.
func newSource(path string, r io.Reader, maxBytes int64) (*source, error) {
	s := &source{path: path, close: func() {}}
	raw := bufio.NewReaderSize(r, lineLimit)
	magic, err := raw.Peek(4)
	if err != nil && err != io.EOF {
		return nil, &LineError{path, 0, fmt.Errorf("cannot be read: %w", err)}
	}
	switch {
	case bytes.Equal(magic, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		d, err := zstd.NewReader(raw, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(zstdWindow), zstd.WithDecoderLowmem(true))
		if err != nil {
			return nil, &LineError{path, 0, fmt.Errorf("damaged zstd data: %w", err)}
		}
		s.close = d.Close
		r = d
	case bytes.HasPrefix(magic, []byte{0x1f, 0x8b}):
		d, err := gzip.NewReader(raw)
		if err != nil {
			return nil, &LineError{path, 0, fmt.Errorf("damaged gzip data: %w", err)}
		}
		r = d
	default:
		r = raw
	}
	s.r = bufio.NewReaderSize(&boundedReader{r: r, left: maxBytes, limit: maxBytes}, lineLimit)
	return s, nil
}

// A boundedReader fails with ErrTooLarge when more than limit bytes come, which
// is what stops a few kilobytes that unpack to terabytes.
type boundedReader struct {
	r           io.Reader
	left, limit int64
}

func (b *boundedReader) Read(p []byte) (int, error) {
	if b.left < 0 {
		return 0, b.tooLarge()
	}
	// One byte more than allowed is asked for: only then is it known whether
	// the data end at the limit or go on.
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.r.Read(p)
	b.left -= int64(n)
	if b.left < 0 {
		return n - 1, b.tooLarge()
	}
	return n, err
}

func (b *boundedReader) tooLarge() error {
	return fmt.Errorf("%w: more than %d bytes unpacked", ErrTooLarge, b.limit)
}

// lines walks over the lines of a source.
type lines struct {
	*source
	number int // of the line that next returned last, from 1
}

var byteOrderMark = []byte("\ufeff")

// next returns the next line that is not blank, without its end and without a
// byte order mark, and io.EOF after the last. The bytes are good until the
// next call, and may be changed.
func (l *lines) next() ([]byte, error) {
	for {
		line, err := l.r.ReadSlice('\n')
		if err == io.EOF && len(line) == 0 {
			return nil, io.EOF
		}
		l.number++
		switch err {
		case nil, io.EOF: // the last line may lack its end
		case bufio.ErrBufferFull:
			return nil, l.wrong(errLongLine)
		default:
			return nil, l.wrong(fmt.Errorf("cannot be read: %w", err))
		}
		if l.number == 1 {
			line = bytes.TrimPrefix(line, byteOrderMark)
		}
		line = bytes.TrimRight(line, "\r\n")
		if len(bytes.TrimSpace(line)) > 0 {
			return line, nil
		}
	}
}

// wrong says what is wrong with the line that next returned last.
func (l *lines) wrong(err error) error {
	return &LineError{l.path, l.number, err}
}

// wrongf is wrong with a text of its own, which must not hold a value.
func (l *lines) wrongf(format string, args ...any) error {
	return l.wrong(fmt.Errorf(format, args...))
}

// each calls one for every line that read can read.
func each(read func() error, one func() error) error {
	for {
		switch err := read(); {
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		}
		if err := one(); err != nil {
			return err
		}
	}
}
