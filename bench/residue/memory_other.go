//go:build !linux

package residue

// interrupt is for Linux.
func interrupt(int) {}

// openMemory is for Linux.
func openMemory(int) (memoryFile, []region, error) { return nil, nil, ErrUnsupported }

// openChart is for Linux.
func openChart(int) (*chart, error) { return nil, ErrUnsupported }
