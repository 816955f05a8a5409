package wire

import "slices"

// A slice that outgrows its array leaves the old one to the garbage collector
// with the samples still in it. These two overwrite it first.

// grow makes room for n more elements.
func grow[T any](s []T, n int) []T {
	if cap(s)-len(s) >= n {
		return s
	}
	bigger := slices.Grow(s, n)
	clear(s[:cap(s)])
	return bigger
}

// appendOne appends v.
func appendOne[T any](s []T, v T) []T {
	if len(s) == cap(s) {
		s = grow(s, max(64, len(s)))
	}
	return append(s, v)
}

// cut shortens s to n elements and overwrites those behind.
func cut[T any](s []T, n int) []T {
	clear(s[n:])
	return s[:n]
}
