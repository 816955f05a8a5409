//go:build !linux

package consent

import "os"

// birth returns when a file came into being, where that can be told.
func birth(*os.File) (at int64, ok bool) { return 0, false }
