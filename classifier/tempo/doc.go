// Package tempo infers the cadence, in steps a minute of both feet, and the
// tempo for music that follows it.
//
// A Tracker, one a stream, takes the Motion of each window and the belief that
// it is a walk or a run, once a second.
//
// # Evidence of one window
//
// Let ρ(τ) be the autocorrelation of the vertical acceleration v. A steady gait
// repeats with every step, after T, and more exactly with every stride, after
// 2T, because left follows right. For a cadence c = 60/T the evidence is
//
//	S(c) = ρ(T) + ρ(2T) + E(c)
//
// with E(c) the share of v's power that lies at 1/T and 2/T. ρ alone is as
// large at half the cadence, E alone is fooled by a strong second harmonic;
// neither errs where the other does. What remains ambiguous is settled by
// knowing the activity: walking and running cadences each span less than an
// octave. They enter as a prior, log-normal with
//
//	walk   median 110, one standard deviation 17 %
//	run    median 163, one standard deviation 9 %
//
// (Tudor-Locke et al. 2018 for walking; recreational runners in Schubert et
// al. 2014).
//
// # Time
//
// The belief over a grid of Candidates cadences, evenly spaced in their
// logarithm from LowestSPM to HighestSPM, is carried from second to second: it
// spreads by about 1.5 %, a small part starts anew from the prior, and it is
// multiplied by exp(κ S). This is a grid filter (Stone, Barlow and Corwin
// 1999); it bridges a missed step and follows a change within a few seconds.
//
// The most likely grid point is made exact by the peak of ρ nearest to the
// largest multiple of T within the lags, by a parabola through three points:
// an error of a tenth of a row there is a fraction of a percent of T.
//
// # Tempo for music
//
// BPM is the cadence in whole beats, and holds. It moves to the median of the
// newest three cadences only when all three lie more than HoldSPM on the same
// side of it. It ends when there has been no cadence for ForgetHops seconds.
package tempo
