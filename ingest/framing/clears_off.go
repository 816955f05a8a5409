//go:build noclear

package framing

// clears is false in a build that is made to measure what clearing costs. It is
// good for nothing else.
const clears = false
