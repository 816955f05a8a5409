package residue

import (
	"debug/dwarf"
	"debug/elf"
	"encoding/binary"
	"fmt"
)

// A goRuntime says where in a process Go's runtime keeps its lists of goroutines,
// threads and memory, and how what is in them is laid out: as debugging information
// has it, since each version of Go does it otherwise.
type goRuntime struct {
	goroutines uint64 // runtime.allgs
	threads    uint64 // runtime.allm, a list by next
	arenas     uint64 // runtime.mheap_.arenas

	stackLow, stackHigh, stackPointer, status, start int64 // of a g
	next, systemStack, signalStack                   int64 // of an m
	spans                                            int64 // of a heapArena
	spanStart, spanPages, spanSize, spanState        int64 // of an mspan
	firstFree, allocated                             int64 // likewise

	arenasEach, pagesEach uint64 // entries of a part of arenas, and of spans
	lowest                uint64 // the address that the first arena would begin at
}

// Constants of package runtime.
const (
	pageBytes = 8 << 10 // _PageSize

	inUseSpan  = 1 // mSpanInUse
	manualSpan = 2 // mSpanManual: stacks

	runnable = 1      // _Grunnable
	waiting  = 4      // _Gwaiting
	dead     = 6      // _Gdead
	scanned  = 0x1000 // _Gscan

	mostGoroutines = 1 << 20 // that are looked at: the memory may be changing
	mostThreads    = 1 << 12
)

// newGoRuntime reads what is needed of a program's debugging information.
func newGoRuntime(information *dwarf.Data, bias uint64, machine elf.Machine) (r *goRuntime, err error) {
	r = &goRuntime{}
	if machine == elf.EM_X86_64 {
		r.lowest = 0xffff800000000000 // arenaBaseOffset: addresses have a sign there
	}
	variables, err := runtimeVariables(information)
	if err != nil {
		return nil, err
	}
	l := layout{information: information, variables: variables, bias: bias}
	r.goroutines = l.variable("runtime.allgs")
	r.threads = l.variable("runtime.allm")
	r.arenas = l.variable("runtime.mheap_")

	g := l.element(l.element(l.field(l.typeOf("runtime.allgs"), nil, "array")))
	l.field(g, &r.stackLow, "stack", "lo")
	l.field(g, &r.stackHigh, "stack", "hi")
	l.field(g, &r.stackPointer, "sched", "sp")
	l.field(g, &r.status, "atomicstatus", "value")
	l.field(g, &r.start, "startpc")

	m := l.element(l.typeOf("runtime.allm"))
	l.field(m, &r.next, "alllink")
	l.field(m, &r.systemStack, "g0")
	l.field(m, &r.signalStack, "gsignal")

	var arenas int64
	parts := l.field(l.typeOf("runtime.mheap_"), &arenas, "arenas")
	r.arenas += uint64(arenas)
	part := l.element(l.element(parts))
	r.arenasEach = l.count(part)
	spans := l.field(l.element(l.element(part)), &r.spans, "spans")
	r.pagesEach = l.count(spans)

	span := l.element(l.element(spans))
	l.field(span, &r.spanStart, "startAddr")
	l.field(span, &r.spanPages, "npages")
	l.field(span, &r.spanSize, "elemsize")
	l.field(span, &r.spanState, "state", "s", "value")
	l.field(span, &r.firstFree, "freeindex")
	l.field(span, &r.allocated, "allocBits")
	return r, l.err
}

// place says what lies at an address of memory without a name.
func (r *goRuntime) place(c *chart, address uint64, p Place) Place {
	if r.ofThread(c, address, &p) || r.ofGoroutine(c, address, &p) {
		return p
	}
	span := r.span(c, address)
	start, size := c.word(span+uint64(r.spanStart)), c.word(span+uint64(r.spanSize))
	state := byte(c.word(span + uint64(r.spanState)))
	switch {
	case span == 0 || state != inUseSpan && state != manualSpan || address < start:
		p.Kind = OffHeap
	case state == manualSpan:
		p.Kind, p.Size, p.Offset = LeftStack, int(c.word(span+uint64(r.spanPages))*pageBytes), int(address-start)
	case size > 0:
		index := (address - start) / size
		p.Kind, p.Size, p.Offset = HeapObject, int(size), int((address-start)%size)
		if index >= uint64(uint16(c.word(span+uint64(r.firstFree)))) {
			bits := byte(c.word(c.word(span+uint64(r.allocated)) + index/8))
			p.Unused = bits&(1<<(index%8)) == 0
		}
	}
	return p
}

// ofThread looks for an address in the stacks that threads have for signals and for
// the runtime.
func (r *goRuntime) ofThread(c *chart, address uint64, p *Place) bool {
	m := c.word(r.threads)
	for range mostThreads {
		if m == 0 {
			break
		}
		if r.onStack(c, c.word(m+uint64(r.signalStack)), address, p) {
			p.Kind = SignalStack
			return true
		}
		if r.onStack(c, c.word(m+uint64(r.systemStack)), address, p) {
			p.Kind = ThreadStack
			return true
		}
		m = c.word(m + uint64(r.next))
	}
	return false
}

// ofGoroutine looks for an address in the stacks of goroutines.
func (r *goRuntime) ofGoroutine(c *chart, address uint64, p *Place) bool {
	list, n := c.word(r.goroutines), c.word(r.goroutines+word)
	for i := range min(n, mostGoroutines) {
		g := c.word(list + i*word)
		if !r.onStack(c, g, address, p) {
			continue
		}
		switch uint32(c.word(g+uint64(r.status))) &^ scanned {
		case dead:
			p.Kind = LeftStack
			return true
		case runnable, waiting:
			p.Unused = address < c.word(g+uint64(r.stackPointer))
		}
		p.Kind, p.Began = GoroutineStack, c.program.function(c.word(g+uint64(r.start)))
		return true
	}
	return false
}

// onStack looks for an address in the stack of a g.
func (r *goRuntime) onStack(c *chart, g, address uint64, p *Place) bool {
	low, high := c.word(g+uint64(r.stackLow)), c.word(g+uint64(r.stackHigh))
	if g == 0 || address < low || address >= high {
		return false
	}
	p.Size, p.Offset = int(high-low), int(address-low)
	return true
}

// span returns the address of the mspan that an address belongs to, 0 where there is
// none.
func (r *goRuntime) span(c *chart, address uint64) uint64 {
	page := (address - r.lowest) / pageBytes
	arena := page / r.pagesEach
	part := c.word(r.arenas + arena/r.arenasEach*word)
	if part == 0 {
		return 0
	}
	of := c.word(part + arena%r.arenasEach*word)
	if of == 0 {
		return 0
	}
	return c.word(of + uint64(r.spans) + page%r.pagesEach*word)
}

// runtimeVariables finds the variables of package runtime.
func runtimeVariables(information *dwarf.Data) (map[string]*dwarf.Entry, error) {
	variables := make(map[string]*dwarf.Entry)
	for reader := information.Reader(); ; {
		e, err := reader.Next()
		if err != nil || e == nil {
			return variables, err
		}
		name, _ := e.Val(dwarf.AttrName).(string)
		switch e.Tag {
		case dwarf.TagCompileUnit:
			if name == "runtime" {
				continue
			}
		case dwarf.TagVariable:
			variables[name] = e
		}
		reader.SkipChildren()
	}
}

// A layout reads debugging information, up to the first error.
type layout struct {
	information *dwarf.Data
	variables   map[string]*dwarf.Entry
	bias        uint64
	err         error
}

func (l *layout) fail(what string) {
	if l.err == nil {
		l.err = fmt.Errorf("debugging information has no %s", what)
	}
}

// variable returns a variable's address.
func (l *layout) variable(name string) uint64 {
	const fixed = 0x03 // DW_OP_addr
	if e := l.variables[name]; e != nil {
		if location, _ := e.Val(dwarf.AttrLocation).([]byte); len(location) == 1+word && location[0] == fixed {
			return binary.LittleEndian.Uint64(location[1:]) + l.bias
		}
	}
	l.fail(name)
	return 0
}

// typeOf returns a variable's type.
func (l *layout) typeOf(name string) dwarf.Type {
	if e := l.variables[name]; e != nil {
		if at, ok := e.Val(dwarf.AttrType).(dwarf.Offset); ok {
			if t, err := l.information.Type(at); err == nil {
				return t
			}
		}
	}
	l.fail(name)
	return nil
}

// field returns the type of a field and, where offset is there, how far into a
// structure it is; each further name is that of a field of the one before.
func (l *layout) field(t dwarf.Type, offset *int64, names ...string) dwarf.Type {
	total := int64(0)
	for _, name := range names {
		structure, _ := plain(t).(*dwarf.StructType)
		t = nil
		if structure != nil {
			for _, f := range structure.Field {
				if f.Name == name {
					t, total = f.Type, total+f.ByteOffset
				}
			}
		}
		if t == nil {
			l.fail(name)
			return nil
		}
	}
	if offset != nil {
		*offset = total
	}
	return t
}

// element returns what a pointer points to, or what an array is of.
func (l *layout) element(t dwarf.Type) dwarf.Type {
	switch t := plain(t).(type) {
	case *dwarf.PtrType:
		return t.Type
	case *dwarf.ArrayType:
		return t.Type
	}
	l.fail("pointer or array where there was one")
	return nil
}

// count returns how many elements an array has.
func (l *layout) count(t dwarf.Type) uint64 {
	if array, ok := plain(t).(*dwarf.ArrayType); ok && array.Count > 0 {
		return uint64(array.Count)
	}
	l.fail("array where there was one")
	return 1
}

// plain returns a type without its name.
func plain(t dwarf.Type) dwarf.Type {
	for {
		named, ok := t.(*dwarf.TypedefType)
		if !ok {
			return t
		}
		t = named.Type
	}
}
