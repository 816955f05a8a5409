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
	windowSurest = 3.0 // ln of the odds of a window at most, either way

	chainWindow = 0.25  // of ln of the odds of a window
	chainMargin = 0.4   // of a margin
	evenMargin  = 2.4   // the margin that speaks neither for steps nor against them
	chainChange = 0.008 // how likely it is that steps begin or end within a second,
	chainCut    = 0.2   // and in one in which the motion changed so that the window was cut
	mostChain   = 4.0   // no past counts for more
	leastChain  = -3.0  // nor against more, so that who starts to walk is heard soon

	presenceBase   = 0.75
	presenceChain  = 0.5
	presenceWindow = 1.2
	presenceMargin = 0.2
)

// Walking returns the share of walking among both, by what is believed over time
// and now.
func (b *Belief) Walking() float64 {
	const floor = 1e-3 // with no belief in either they are alike
	walk, run := b.Walk+b.WindowWalk+floor, b.Run+b.WindowRun+floor
	return walk / (walk + run)
}

// window returns ln of the odds that there are steps, by the newest window
// alone.
func (b *Belief) window() float64 {
	const floor = 1e-3
	p := min(max(b.WindowWalk+b.WindowRun, floor), 1-floor)
	return min(max(approx.Log(p/(1-p)), -windowSurest), windowSurest)
}

// A chain is ln of the odds that there are steps, by all seconds up to now. The
// zero value knows nothing.
type chain float64

// step moves the chain by a second in which the belief and the margin are as
// given. cut is whether the window was cut, because what was before belongs to
// something else.
func (c *chain) step(b *Belief, margin float64, cut bool) {
	change := chainChange
	if cut {
		change = chainCut
	}
	odds := approx.Exp(float64(*c))
	moved := approx.Log((odds + change*(1-odds)) / (1 - change*(1-odds)))
	moved += chainWindow*(b.window()+b.Speed) + chainMargin*(margin-evenMargin)
	*c = chain(min(max(moved, leastChain), mostChain))
}

// presence returns how likely it is that there are steps, after step.
func (c chain) presence(b *Belief, margin float64) float64 {
	odds := presenceBase + presenceChain*float64(c) + presenceWindow*b.window() + presenceMargin*margin + b.Speed
	return 1 / (1 + approx.Exp(-odds))
}
