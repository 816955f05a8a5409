// Command victim holds patterns in places of all kinds, says so, and waits for its
// input to end.
package main

import (
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"syscall"
	"unsafe"
)

// The places, each of which holds the pattern of its number.
const (
	inObject = iota
	inData
	onSignalStack
	onStack
	belowStack
	onMovedStack
)

// put writes a pattern: 16 bytes that are nowhere in the program.
//
//go:noinline
func put(number uint64, p []byte) {
	for at := 0; at < 16; at += 8 {
		number = (number + 1) * 0x9E3779B97F4A7C15
		binary.LittleEndian.PutUint64(p[at:], number)
	}
}

var (
	object []byte
	data   [64]byte
	holds  = make(chan bool)
	never  = make(chan bool)
)

// holdsPattern has it in its own frame.
func holdsPattern() {
	var room [64]byte
	put(onStack, room[:])
	holds <- true
	<-never
	runtime.KeepAlive(&room)
}

// leavesPattern has it where a function's frame was that has returned.
func leavesPattern() {
	heldPattern()
	holds <- true
	<-never
}

//go:noinline
func heldPattern() {
	var room [8 << 10]byte
	put(belowStack, room[:])
}

// movesPattern has it in its own frame when its stack grows, and overwrites it then.
func movesPattern() {
	var room [64]byte
	put(onMovedStack, room[:])
	grow()
	clear(room[:])
	holds <- true
	<-never
}

//go:noinline
func grow() {
	var room [8 << 10]byte
	put(99, room[:])
}

// putOnSignalStack writes a pattern where the main thread takes signals.
func putOnSignalStack() {
	var stack struct {
		base  unsafe.Pointer
		flags int32
		size  uintptr
	}
	syscall.RawSyscall(syscall.SYS_SIGALTSTACK, 0, uintptr(unsafe.Pointer(&stack)), 0)
	put(onSignalStack, unsafe.Slice((*byte)(stack.base), stack.size)[1024:])
}

func main() {
	debug.SetGCPercent(-1) // nothing of this is to be used again
	runtime.GOMAXPROCS(1)  // none of the others runs while this does
	runtime.LockOSThread()
	object = make([]byte, 4096)
	put(inObject, object[100:])
	put(inData, data[:])
	putOnSignalStack()
	for _, place := range []func(){holdsPattern, leavesPattern, movesPattern} {
		go place()
		<-holds
	}
	fmt.Println("holds")
	io.Copy(io.Discard, os.Stdin)
	runtime.KeepAlive(object)
}
