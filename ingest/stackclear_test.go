//go:build linux && !noclear

package ingest

import (
	"bytes"
	"encoding/binary"
	"os"
	"testing"
	"unsafe"
)

// mark is what deep writes all over its frame.
const mark = 0x5ca1ab1e0ddba115

// deep has a frame of 1 KiB full of marks, and returns where it was.
//
//go:noinline
func deep() uintptr {
	var frame [128]uint64
	for i := range frame {
		frame[i] = mark
	}
	return addressOf(&frame)
}

//go:noinline
func addressOf(frame *[128]uint64) uintptr { return uintptr(unsafe.Pointer(frame)) }

// marks counts the marks in what was a frame at an address, as the kernel sees it.
func marks(t *testing.T, memory *os.File, address uintptr, room []byte) int {
	if _, err := memory.ReadAt(room, int64(address)); err != nil {
		t.Fatal(err)
	}
	return bytes.Count(room, binary.LittleEndian.AppendUint64(nil, mark))
}

// What a function held lies on the stack when it has returned; when the stack has
// been cleared, it does not.
func TestClearStackLeavesNothingBelow(t *testing.T) {
	memory, err := os.Open("/proc/self/mem")
	if err != nil {
		t.Skip("a process cannot look into itself here: ", err)
	}
	defer memory.Close()
	room := make([]byte, 1024)
	growStack(16 << 10) // it must not move meanwhile
	address := deep()
	if marks(t, memory, address, room) == 0 {
		// Reading has a stack of its own to write on, but not all of this frame.
		t.Error("the control: nothing is left of a function, so this test shows nothing")
	}
	address = deep()
	clearStack()
	if n := marks(t, memory, address, room); n > 0 {
		t.Errorf("%d of 128 words of a function are left", n)
	}
}
