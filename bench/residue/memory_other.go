//go:build !linux

package residue

// openMemory is for Linux.
func openMemory(int) (memoryFile, []region, error) { return nil, nil, ErrUnsupported }
