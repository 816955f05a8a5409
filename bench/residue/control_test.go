package residue

import (
	"math/rand/v2"
	"testing"

	"github.com/tempogate/tempogate/classifier"
)

// What is planted is found as the control's, also where a session happens to send what
// would have been planted: as that session's it would count as a copy that was left.
func TestControlIsNobodysReading(t *testing.T) {
	const session, planted = 0, 1
	source := func() *rand.Rand { return rand.New(rand.NewPCG(1, 2)) }
	r := &runner{rng: source(), needles: &needles{}}
	r.needles.addValues(session, canaries(source(), 1, firstTime), false)

	c := &control{run: r, owner: planted}
	memory := c.text(&[4]byte{})
	found := 0
	r.needles.in(memory, len(memory), func(_ int, of *needle) {
		if of.owner != planted {
			t.Errorf("what was planted is found as a session's: %s", of.form)
		}
		found++
	})
	if want := len(axes(&classifier.Sample{})); found != want {
		t.Errorf("found %d values, want %d", found, want)
	}
}
