//go:build !noclear

package ingest

// clears says that readings are overwritten when they have served. Only for the
// measurement of what that costs (make bench-residue) is there a build without.
const clears = true
