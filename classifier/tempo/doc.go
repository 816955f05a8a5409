// Package tempo infers the cadence, in steps a minute of both feet, and the
// tempo for music that follows it.
//
// A Tracker, one a stream, takes the Motion of each window and the Belief that
// it is a walk or a run, once a second.
//
// # Evidence of one window
//
// Let v be the vertical acceleration and ρ(τ) its autocorrelation. A person of
// cadence c takes a step every T = 60/c and a stride, both steps, every 2T.
// Left is not right, least of all in a trouser pocket, so v repeats after a
// stride, and only more or less after a step: ρ(2T) is what speaks for c, and
// ρ(T) and the share E(c) of v's power at the step's rate 1/T add a little:
//
//	S(c) = 16 ρ(2T) + 2 ρ(T) + 3 E(c) + ln p(c)
//
// The period of a stride is also one of half the cadence and, where left is
// like right, of the double. Three things tell them apart:
//
//   - ρ(T) and E favour the cadence whose step is to be seen.
//   - Cadences of one activity span less than an octave. p(c) is log-normal:
//     walk, median 104, one standard deviation 14 %; run, median 168 and 16 %;
//     mixed as walking and running are believed, by all windows up to now and by
//     the newest alone.
//   - Nobody walks fast and softly. A leg of length l that swings over the foot
//     lifts the hip by L²/8l in a step of length L, and steps grow longer as
//     they grow more frequent, so the variance of v grows with about the fifth
//     power of the cadence, up to some 115 steps a minute: ln var v ≈ 2.3 +
//     5 ln(c/110), one standard deviation 1. Runners leave the ground, so
//     theirs is hardly ever below ln var v = 4.4 - 1. What lies off by z
//     deviations costs z²/2.
//
// The weights are those that make the truth most likely (McFadden's
// conditional logit, 1974) on walks with counted steps and on runs with an
// offline reference, each data set left out in turn; "tempogate eval tempo
// --fit" repeats it. They are rounded, because nothing depends on them within
// a factor of 1.5.
//
// # Time
//
// The evidence is taken for Candidates cadences, evenly spaced in their
// logarithm, and follows the recursion of Viterbi (1967) with forgetting:
//
//	A(c) = 0.4 S(c) + 0.6 max over c' of (A'(c') - cost of moving from c' to c)
//
// where A' is of the second before and moves of one and two candidates cost
// 0.5 and 1.5. It bridges a missed step, and a change that lasts wins within
// two or three seconds.
//
// # The exact cadence
//
// The best candidate is known to 1.5 %. The newest 10 steps are then compared
// with themselves one, two and four strides before: the peaks of these
// correlations, each made exact by a parabola through three points, measure T
// with errors that fall with the lag. They are weighed with the square of the
// lag, the square of their height and the rows that they rest on. Ten steps
// are what "now" means here: the mean cadence of the last eight to ten.
//
// # Confidence
//
// A Tempo's Confidence is the probability that the cadence lies within 3 steps
// a minute of the mean of the last eight steps:
//
//	logit = -1.9 + 0.52 min(margin, 6) - 2.5 ln(1 - ρ₁)
//
// with ρ₁ the height of the first peak above, so 1 - ρ₁ the share of noise,
// and margin the lead of the best A over the best that is not its neighbour.
// The three numbers are a logistic regression; "tempogate eval tempo" shows
// how often estimates of each confidence are right, and --fit repeats the
// regression with people left out. TestConfidenceFallsWithNoise holds its
// sense.
//
// Below 0.55 there is no cadence. Only who takes steps and has had none since they
// began gets it from 0.3 on, where ρ₁ is 0.2 or more. An unclear rhythm is bridged
// for BridgeHops seconds while there are still steps, at 0.8 of the confidence for
// each second.
// Cadences beyond LowestSPM and HighestSPM by more than 2 % are not said.
//
// # Whether there are steps
//
// A classifier that knows vehicles and bicycles says a walk now and then where
// there is none, and misses slow walks and soft ones, which it never met. The
// rhythm itself tells much of what it does not know: nobody but who walks or
// runs repeats a stride for seconds. Let q be ln of the odds of walking or
// running by the newest window alone, and m the lead of the best candidate, at
// most 6. A hidden Markov chain of two states, steps or none, hears both. Its ln
// of the odds is
//
//	K = step(K') + 0.25 (q + V) + 0.4 (m - 2.4), held within -3 and 4
//
// where K' is of the second before and step what the chance that steps begin or
// end makes of it: 0.008 in a second, and 0.2 in one in which the motion changed so
// that the window was cut (package feature). Neighbouring windows share four fifths of
// their rows, so that each counts a quarter. There are steps when
//
//	0.75 + 0.5 K + 1.2 q + 0.2 m + V >= 0
//
// |q| counts as 3 at most: where it is new, a model that is sure errs once in
// twenty. So no belief rules steps out by itself: a walk that every window takes
// for a ride is heard when its rhythm has been clear for ten seconds or so. V is
// ln of how much less likely the speed is on foot than otherwise, where a speed
// is known, and does rule them out.
//
// The numbers are a logistic regression on seconds of all activities, beliefs
// being those of models that never met the data set, each recording once as it is
// and once after a minute of another activity, because recordings hold few
// changes, and a memory that is as long as a recording would seem to be best;
// the first seconds of a walk count threefold, because people wait then. "tempogate
// eval tempo --protocol dataset --fit" repeats the regression for recordings as
// they are. Who had a cadence a second ago, and whose cadence is sure, keeps it
// down to odds of 3 to 7. So a clear rhythm speaks before the activity is
// decided, which also brings the first tempo sooner. TestPresence,
// TestClearRhythmIsHeardInTheEnd and TestSureCadenceIsKept hold the sense of it.
//
// # Tempo for music
//
// BPM follows the runner and holds through noise. It begins with the first
// cadence, in whole beats, and settles on the median of the first SettleHops.
// From then on it holds, until
//
//   - the newest three cadences all lie more than HoldSPM above it, or all
//     three below: the runner has changed pace, and BPM settles anew, on the
//     median of these three to the next SettleHops;
//   - the median of the newest DriftHops lies more than DriftSPM off: the
//     runner has drifted, and BPM moves there.
//
// It ends when there has been no cadence for ForgetHops seconds. TestBeat holds
// each sentence.
//
// Range.MapBPM maps it to the half or the double that lies in a range, for
// people who want to hear 80 to 100 beats a minute at any cadence.
//
// # Guarantees
//
//   - The same input gives the same output: TestSameInputSameOutput.
//   - A change of 15 steps a minute is followed within 6 s, with nothing else
//     said between: TestFollowsAChange.
//   - Half and double are not said for the kinds of gait in
//     TestCadenceOfSteadyGaits.
//   - Nothing is allocated, and a Tracker has less than 512 bytes:
//     TestStepDoesNotAllocate, TestTrackerIsSmall.
package tempo
