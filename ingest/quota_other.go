//go:build !linux

package ingest

import "math"

// quota returns the limit of processor time, in processors; +Inf without any.
func quota() float64 { return math.Inf(1) }
