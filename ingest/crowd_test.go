package ingest

import "testing"

// The more wait, the later they are told to come, and no more come back in a
// second than a node can afford, until a minute is not enough for that.
func TestCrowd(t *testing.T) {
	for _, crowdOf := range []int{1, 100, 1000, 2000, 10_000} {
		var c crowd
		const start = 1_000_000
		due := map[int64]int{start: crowdOf} // all of them knock at once
		var last, longest, shortest int
		for second := int64(start); second < start+600; second++ {
			knocking := due[second]
			for range knocking {
				wait := c.wait(second)
				due[second+int64(wait)]++
				longest = max(longest, wait)
				if shortest == 0 || wait < shortest {
					shortest = wait
				}
			}
			if second >= start+300 {
				last += knocking
			}
			if c.waiting > crowdOf {
				t.Fatalf("second %d: %d of %d are waiting", second-start, c.waiting, crowdOf)
			}
		}
		if shortest < shortestWait/2 || longest >= longestWait*3/2 {
			t.Errorf("%d: waits of %d to %d s", crowdOf, shortest, longest)
		}
		want := float64(crowdOf) / longestWait
		if crowdOf <= knocks*longestWait {
			want = min(knocks, float64(crowdOf)/shortestWait)
		}
		if perSecond := float64(last) / 300; perSecond > 1.25*want {
			t.Errorf("%d: %.1f knock in a second, want at most %.1f", crowdOf, perSecond, want)
		}
	}
	// When nobody has come for long, nobody waits any more.
	var c crowd
	for range 10_000 {
		c.wait(5)
	}
	if wait := c.wait(1000); wait >= shortestWait*3/2 || c.waiting != 1 {
		t.Errorf("after a quarter of an hour: a wait of %d s, and %d waiting", wait, c.waiting)
	}
}
