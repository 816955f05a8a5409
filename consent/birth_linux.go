package consent

import (
	"os"

	"golang.org/x/sys/unix"
)

// birth returns when a file came into being, nanoseconds since 1970, if its disk
// keeps that.
func birth(file *os.File) (at int64, ok bool) {
	var s unix.Statx_t
	if err := unix.Statx(int(file.Fd()), "", unix.AT_EMPTY_PATH, unix.STATX_BTIME, &s); err != nil || s.Mask&unix.STATX_BTIME == 0 {
		return 0, false
	}
	return s.Btime.Sec*1_000_000_000 + int64(s.Btime.Nsec), s.Btime.Sec != 0
}
