package ingest

import "runtime/debug"

// Who comes in leaves garbage: a handshake some 60 KiB, a consent as much. The
// sessions themselves allocate nothing, so once everybody is in, nothing would bring
// about the collection that gives it back, for minutes, and as much memory as a
// quarter of the sessions' own would stay taken.
type tidier struct {
	seen   uint64 // sessions ever started, as of the turn before
	tidied uint64 // and as of the last collection
}

const (
	tidyAfter = 500 // sessions that have come since, at least, and a tenth of those live
	calmShare = 100 // it is calm when in a turn one in so many came, at most
)

// due reports, once a turn of the wheel, whether it is time to tidy up: many have
// come, and few do so now.
func (t *tidier) due(started uint64, live int) bool {
	came := started - t.seen
	t.seen = started
	if started-t.tidied < max(tidyAfter, uint64(live)/10) || came*calmShare > uint64(live) {
		return false
	}
	t.tidied = started
	return true
}

// tidy collects garbage, and gives the memory back to the system.
func tidy() { debug.FreeOSMemory() }
