package ingest

import (
	"math/rand/v2"
	"sync"
)

// A crowd is everybody who was told to come back later and is not due yet. To
// refuse somebody costs as much as a few frames, so the more there are, the later
// they are told to come: no more of them than a node can afford knock in a second.
type crowd struct {
	mu      sync.Mutex
	due     [2 * longestWait]int32 // how many are due, by second
	second  int64                  // up to which they have been counted off
	waiting int
}

const (
	// knocks is how many of the crowd come back in a second, as far as the waits
	// allow: they cost some hundredths of a processor.
	knocks = 50

	// A wait is 10 s on average where few wait, and a minute at most; a single one
	// is between half of that and one and a half times as long, so that those who
	// were refused together do not come back together.
	shortestWait = 10
	longestWait  = 60
)

// wait returns how many seconds the next one has to wait, who is counted as
// waiting from this second on. Seconds are counted from any beginning.
func (c *crowd) wait(second int64) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if second-c.second >= int64(len(c.due)) {
		clear(c.due[:])
		c.second, c.waiting = second, 0
	}
	for ; c.second < second; c.second++ {
		due := &c.due[(c.second+1)%int64(len(c.due))]
		c.waiting -= int(*due)
		*due = 0
	}
	mean := min(max(c.waiting/knocks, shortestWait), longestWait)
	wait := mean/2 + rand.IntN(mean)
	c.due[(c.second+int64(wait))%int64(len(c.due))]++
	c.waiting++
	return wait
}
