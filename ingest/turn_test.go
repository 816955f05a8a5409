package ingest

import (
	"testing"
	"time"

	"github.com/tempogate/tempogate/consent"
	"github.com/tempogate/tempogate/ingest/client"
)

// After a frame that is ahead a session waits for nine times what the frame took,
// within bounds.
func TestTurn(t *testing.T) {
	for took, want := range map[time.Duration]time.Duration{
		0:                     time.Millisecond,
		10 * time.Microsecond: time.Millisecond,
		2 * time.Millisecond:  18 * time.Millisecond,
		time.Second:           100 * time.Millisecond,
	} {
		if got := turn(took); got != want {
			t.Errorf("%v taken: %v, want %v", took, got, want)
		}
	}
}

// A backlog is answered whole, although it comes faster than it is taken.
func TestBacklogOfFramesIsAnswered(t *testing.T) {
	n := startNode(t, nil)
	n.person("anna", consent.Acceleration)
	w, r := upgraded(t, n, n.token("anna"))
	payloads := encoded(t, client.Packed, noon, 120)
	var all []byte
	for _, p := range payloads {
		all = append(all, masked(0x82, p)...)
	}
	w.Write(all)
	for range len(payloads) - 1 {
		skipMessage(t, r)
	}
}
