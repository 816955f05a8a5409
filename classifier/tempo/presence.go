package tempo

import "github.com/tempogate/tempogate/classifier/approx"

// A Belief is how likely it is that somebody walks or runs.
type Belief struct {
	Walk, Run             float64 // given all windows up to now
	WindowWalk, WindowRun float64 // given the newest window alone

	// Speed is ln of how much less likely the speed is on foot than otherwise:
	// 0 where it is not known, or likelier on foot; negative else.
	Speed float64
}

// Known is the belief of who knows it.
func Known(walk, run float64) Belief { return Belief{walk, run, walk, run, 0} }

// What presence is made of; see the package comment.
const (
	presenceBase = -0.8
	presencePast = 0.26
	presenceNow  = 1.0
	presenceLead = 0.78
	freshLead    = 0.25  // share of the newest second in the lead over time
	sureBelief   = 0.997 // no belief counts for more
	leastFoot    = 0.05  // either belief has to reach it
)

// Walking returns the share of walking among both, by what is believed over time
// and now.
func (b *Belief) Walking() float64 {
	const floor = 1e-3 // with no belief in either they are alike
	walk, run := b.Walk+b.WindowWalk+floor, b.Run+b.WindowRun+floor
	return walk / (walk + run)
}

// presence returns how likely it is that there are steps.
func (b *Belief) presence(lead float64) float64 {
	past, now := b.Walk+b.Run, b.WindowWalk+b.WindowRun
	if max(past, now) < leastFoot {
		return 0
	}
	odds := presenceBase + presencePast*logit(past) + presenceNow*logit(now) + presenceLead*lead + b.Speed
	return 1 / (1 + approx.Exp(-odds))
}

func logit(p float64) float64 {
	p = min(max(p, 1-sureBelief), sureBelief)
	return approx.Log(p / (1 - p))
}
