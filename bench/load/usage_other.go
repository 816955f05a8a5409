//go:build !linux

package load

import "time"

// A usage reads what processes use. It can only do so on Linux.
type usage struct{}

func newUsage([]int) *usage { return &usage{} }

func (u *usage) now() (cpu time.Duration, memory int64, own time.Duration) { return 0, 0, 0 }
