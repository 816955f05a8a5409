package residue

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// The kinds of places where something can lie in the memory of a Go program. Of a
// program without debugging information Anonymous stands for the first six.
const (
	HeapObject     = "heap object"
	GoroutineStack = "goroutine stack"
	LeftStack      = "stack that nothing uses any more" // a goroutine's that was moved or has ended; where its bounds are lost, a span of such
	SignalStack    = "signal stack"
	ThreadStack    = "thread stack" // on which the runtime itself works
	OffHeap        = "memory beside the heap"
	Anonymous      = "heap or stack"
	ProgramData    = "data of the program"
	OtherFile      = "file"
)

// A Place says where in a process something was found, and nothing of what lies
// around it but the names of functions.
type Place struct {
	Kind string `json:"kind"` // one of the constants, OtherFile with its name
	Size int    `json:"size,omitempty"`

	// Offset is how far into it that was, in bytes. Stacks grow towards 0.
	Offset int `json:"offset,omitempty"`

	// Unused says that it lies in an object that was freed, or in the part of a stack
	// that is not in use. Of a goroutine that runs that is not known.
	Unused bool `json:"unused,omitempty"`

	// Began is the function that the goroutine began in whose stack it is.
	Began string `json:"began,omitempty"`

	// Near are functions that are pointed at from beside it, the nearest first: most
	// are return addresses, and so the frames of a stack.
	Near []Neighbour `json:"near,omitempty"`

	// Gone says that it was not there any more when it was looked at again.
	Gone bool `json:"gone,omitempty"`
}

// A Neighbour is a function that a word points into.
type Neighbour struct {
	Function string `json:"function"`
	Distance int    `json:"distance"` // of the word from what was found, in bytes
}

// String describes the place in half a sentence.
func (p Place) String() string {
	var b strings.Builder
	if p.Unused && p.Kind == HeapObject {
		b.WriteString("freed ")
	}
	b.WriteString(p.Kind)
	if p.Size > 0 {
		fmt.Fprintf(&b, " of %d bytes, %d into it", p.Size, p.Offset)
	}
	if p.Unused && p.Kind == GoroutineStack {
		b.WriteString(" and not in use there")
	}
	if p.Began != "" {
		fmt.Fprintf(&b, ", of a goroutine that began in %s", p.Began)
	}
	separator := ", beside "
	for _, n := range p.Near {
		fmt.Fprintf(&b, "%s%s (%+d)", separator, n.Function, n.Distance)
		separator = ", "
	}
	if p.Gone {
		b.WriteString(", gone when looked at again")
	}
	return b.String()
}

// nearBytes is how far on either side of a finding words are looked at, nearMost how
// many functions are named.
const (
	nearBytes = 512
	nearMost  = 8
)

// A chart says what lies where in a process.
type chart struct {
	memoryFile
	regions []region
	program *program
}

// place says what lies at an address, where a pattern was found.
func (c *chart) place(address uint64, pattern []byte) (p Place) {
	now := make([]byte, len(pattern))
	c.ReadAt(now, int64(address))
	p.Gone = !bytes.Equal(now, pattern)
	var name string
	for _, r := range c.regions {
		if r.from <= address && address < r.to {
			name = r.name
		}
	}
	switch {
	case c.program.from <= address && address < c.program.to:
		p.Kind = ProgramData
	case name == "[stack]":
		p.Kind = ThreadStack
	case name != "" && name[0] != '[':
		p.Kind = OtherFile + " " + filepath.Base(name)
	case c.program.runtime == nil:
		p.Kind = Anonymous
	default:
		p = c.program.runtime.place(c, address, p)
	}
	p.Near = c.near(address, len(pattern))
	return p
}

// near names functions that words beside an address point into.
func (c *chart) near(address uint64, length int) (near []Neighbour) {
	from := (address - nearBytes) &^ (word - 1)
	around := make([]byte, nearBytes+length+nearBytes)
	n, _ := c.ReadAt(around, int64(from))
	for at := 0; at+word <= n; at += word {
		distance := int(int64(from) + int64(at) - int64(address))
		if distance > -word && distance < length {
			continue
		}
		if name := c.program.function(binary.LittleEndian.Uint64(around[at:])); name != "" {
			near = append(near, Neighbour{name, distance})
		}
	}
	slices.SortStableFunc(near, func(a, b Neighbour) int {
		return cmp.Compare(max(a.Distance, -a.Distance), max(b.Distance, -b.Distance))
	})
	return near[:min(len(near), nearMost)]
}

// word reads a word of the process, 0 where there is none.
func (c *chart) word(address uint64) uint64 {
	var w [word]byte
	c.ReadAt(w[:], int64(address))
	return binary.LittleEndian.Uint64(w[:])
}
