//go:build !noclear

package framing

// clears says that what was read is overwritten when it has served. Only for the
// measurement of what that costs (make bench-residue) is there a build without.
const clears = true
