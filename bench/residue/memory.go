package residue

import (
	"errors"
	"fmt"
	"io"
)

// A region is a part of a process's memory that can be read.
type region struct {
	from, to uint64 // addresses
	name     string // a file, "[heap]", "[stack]", or "" for what has no name
}

// A finding is a place where a needle was found.
type finding struct {
	*needle
	address uint64
}

// ErrUnsupported is returned where the memory of another process cannot be read:
// this needs Linux.
var ErrUnsupported = errors.New("residue: searching a process needs Linux, and /proc")

// chunk is how much memory is read at a time.
const chunk = 1 << 20

// search reads all memory of a process and returns where needles are, and how
// many bytes it has looked at.
func search(pid int, n *needles) (findings []finding, looked int64, err error) {
	memory, regions, err := openMemory(pid)
	if err != nil {
		return nil, 0, err
	}
	defer memory.Close()
	// A needle may lie across two chunks: each is read on for as long as the
	// longest is, and searched for those that begin in it.
	buffer := make([]byte, chunk+n.longest)
	for _, r := range regions {
		for at := r.from; at < r.to; at += chunk {
			want := int(min(r.to-at, uint64(len(buffer))))
			got, err := memory.ReadAt(buffer[:want], int64(at))
			if got == 0 && err != nil {
				break // pages that are gone meanwhile, or are a device's
			}
			looked += int64(min(got, chunk))
			n.in(buffer[:got], chunk, func(place int, of *needle) {
				findings = append(findings, finding{of, at + uint64(place)})
			})
			if got < want {
				break
			}
		}
	}
	if looked == 0 {
		return nil, 0, fmt.Errorf("residue: nothing of the memory of process %d can be read", pid)
	}
	return findings, looked, nil
}

// memoryFile is a process's memory, read by address.
type memoryFile interface {
	io.ReaderAt
	io.Closer
}
