package ingest

import (
	"runtime"
	"time"
)

// A session whose client sends faster than it is answered gets one turn at a time,
// like everybody. If it sends faster than it may on average, it waits between its
// turns: a backlog of ten minutes takes a second, and a flood takes nobody's
// processor until it is closed. What is sent meanwhile stays with the client,
// once the kernel's buffer is full.
const (
	aheadFree  = 8                      // frames that may be ahead: a network that hesitated
	aheadShare = 10                     // from then on a session has one part in so many of a processor,
	aheadLeast = time.Millisecond       // waits for so long after each frame,
	aheadMost  = 100 * time.Millisecond // and never for longer
)

// giveWay lets others have their turn after a frame.
func (s *session) giveWay() {
	ahead := time.Duration(int64(s.used.frames) - s.received)
	if ahead > aheadFree*s.server.ownPaces.frames.each {
		time.Sleep(turn(time.Duration(time.Now().UnixNano() - s.received)))
		return
	}
	if !s.reader.Waited() {
		runtime.Gosched()
	}
}

// turn returns how long to wait after a frame that took so long.
func turn(took time.Duration) time.Duration {
	return min(max((aheadShare-1)*took, aheadLeast), aheadMost)
}
