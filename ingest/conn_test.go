package ingest

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"testing"
)

// A reader that is handed 64 bytes at a time and consumes them: what it hands
// to Read is the dead part of its buffer, and Read clears it first.
func TestClearingConnClearsWhatWasReadBefore(t *testing.T) {
	here, there := net.Pipe()
	defer here.Close()
	conn := &clearingConn{Conn: there}
	p := bytes.Repeat([]byte{0xAA}, 64)

	go here.Write([]byte("secret"))
	n, err := conn.Read(p)
	if err != nil || string(p[:n]) != "secret" {
		t.Fatalf("Read = %q, %v", p[:n], err)
	}
	if !bytes.Equal(p[n:], make([]byte, 64-n)) {
		t.Errorf("behind what was read there is %x", p[n:])
	}
	here.Close()
	if _, err := conn.Read(p); err != io.EOF {
		t.Fatalf("Read after the end: %v", err)
	}
	if !bytes.Equal(p, make([]byte, 64)) {
		t.Errorf("a Read that failed left %q", p)
	}
}

func TestWipeClearsTheWholeBuffer(t *testing.T) {
	for _, test := range []struct {
		name     string
		consumed int // of the 40 bytes that were buffered
	}{
		{"nothing consumed", 0},
		{"half consumed", 20},
		{"all consumed", 40},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := bufio.NewReaderSize(bytes.NewReader(bytes.Repeat([]byte{0xAA}, 40)), 64)
			buffered, err := r.Peek(40)
			if err != nil {
				t.Fatal(err)
			}
			r.Discard(test.consumed)
			wipe(r)
			if !bytes.Equal(buffered, make([]byte, 40)) {
				t.Errorf("after wipe the buffer holds %x", buffered)
			}
			if _, err := r.ReadByte(); err != io.EOF {
				t.Errorf("after wipe the reader is not at its end: %v", err)
			}
		})
	}
}

func TestCloseWriteNeedsATransportThatCan(t *testing.T) {
	here, there := net.Pipe()
	defer here.Close()
	defer there.Close()
	if err := (&clearingConn{Conn: there}).CloseWrite(); err == nil {
		t.Error("a pipe cannot be half closed, and CloseWrite said it was")
	}
}
