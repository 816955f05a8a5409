package residue

import (
	"cmp"
	"debug/elf"
	"debug/gosym"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
)

// A program is the executable of a process, as far as it says what addresses are.
type program struct {
	from, to  uint64 // where it lies, with its variables
	bias      uint64 // added to addresses of the file
	functions *gosym.Table
	runtime   *goRuntime // nil without debugging information
}

// newProgram reads an executable. A process that runs it has begun to map the file at
// an address. The functions it has to name; where Go's runtime keeps what it says only
// if it has debugging information.
func newProgram(executable *elf.File, mapped uint64) (*program, error) {
	p := &program{from: math.MaxUint64}
	for _, part := range executable.Progs {
		if part.Type == elf.PT_LOAD {
			p.from, p.to = min(p.from, part.Vaddr&^uint64(os.Getpagesize()-1)), max(p.to, part.Vaddr+part.Memsz)
		}
	}
	if executable.Type == elf.ET_DYN { // may lie anywhere
		p.bias = mapped - p.from
		p.from, p.to = p.from+p.bias, p.to+p.bias
	}
	if err := p.readFunctions(executable); err != nil {
		return nil, err
	}
	if information, err := executable.DWARF(); err == nil {
		p.runtime, _ = newGoRuntime(information, p.bias, executable.Machine)
	}
	return p, nil
}

// readFunctions reads the table that a Go program has for its own stack traces.
func (p *program) readFunctions(executable *elf.File) error {
	text := executable.Section(".text")
	table := cmp.Or(executable.Section(".gopclntab"), executable.Section(".data.rel.ro.gopclntab"))
	if text == nil || table == nil {
		return errors.New("it is no Go program")
	}
	content, err := table.Data()
	if err != nil {
		return err
	}
	from := text.Addr
	symbols, _ := executable.Symbols() // a program without any begins with Go's text
	if at := slices.IndexFunc(symbols, func(s elf.Symbol) bool { return s.Name == "runtime.text" }); at >= 0 {
		from = symbols[at].Value
	}
	if p.functions, err = gosym.NewTable(nil, gosym.NewLineTable(content, from)); err != nil {
		return fmt.Errorf("its functions cannot be read: %w", err)
	}
	return nil
}

// function returns the name of the function that an address is in, of a return address
// the one that is returned to; "" where there is none.
func (p *program) function(address uint64) string {
	address -= p.bias
	f := p.functions.PCToFunc(address)
	if f == nil || f.Entry != address {
		f = p.functions.PCToFunc(address - 1) // what is called last in a function returns behind it
	}
	if f == nil {
		return ""
	}
	return f.Name
}
