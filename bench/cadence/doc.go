// Package cadence measures how well the tempo follows the steps.
//
// Run does it all: it streams every recording of a collection through the
// whole classifier, and beside it through a tempo.Tracker that is told the
// activity, compares both with true steps, does the same with simulated
// people, and returns a Report, whose Write makes report.json, report.md and
// the pictures.
//
// # Truth
//
// The true cadence at a time is the mean over the last Span steps, NaN before
// there are so many in one go and when the last one is more than 1.5 s old
// (TestCountedCadence). Tempos are causal, so the truth is too. Steps come from
//
//   - foot contacts, where somebody counted. They are mended first: switches in
//     shoes bounce and miss, and feet alternate, which tells both. Seconds
//     whose last steps were mended are left out of the errors (TestMend). The
//     report also has the errors against the contacts as they were recorded.
//   - the simulator of bench/gait, which knows.
//   - a Reference, where nobody counted: see below.
//
// Watches state a cadence and a speed, but no acceleration. They give the band
// of cadences that are plausible at a speed.
//
// # The reference
//
// It sees the whole of a recording, forwards and backwards, and its label, and
// shares no code with the estimator:
//
//  1. Readings are averaged on a grid of 50 Hz. Gravity is their mean over 4 s
//     around each moment, the vertical v the part along it.
//  2. Every half second v is cut out with a Hann window of 6 s, centred, and
//     its amplitude spectrum |V(f)| is scaled to a sum of 1.
//  3. A cadence c has a stride of c/120 Hz. Its contrast is the sum of |V| at
//     the first 8 multiples of the stride less that half-way between them; odd
//     multiples count half, because a symmetric gait has none.
//  4. The path of cadences through all frames with the largest sum of
//     contrasts, less a penalty for changes, is found by dynamic programming
//     (Viterbi 1967), within a Band that is narrower than an octave.
//  5. The path is made exact: v is turned back by the path's phase at the first
//     six multiples of the stride, smoothed by a Gaussian of 0.6 s, and what
//     the phases still drift, weighed by power, corrects the rate.
//  6. Where the contrast is below 0.1 or the vertical weaker than 0.35 m/s²
//     there is no rhythm and no reference.
//
// The integral of the rate counts steps. TestReferenceOnSimulatedRuns and
// TestReferenceCounts hold it to simulated people, the report to counted walks.
// Whoever walks in a recording that is labelled a run is outside its band, and
// the reference is then wrong.
//
// # Measures
//
// A Tally says of the seconds with a true cadence how many have no tempo, and
// of the others the mean absolute error, the shares within 3 steps a minute,
// off by more than 9, by more than 8 %, and at the half or the double
// (TestCompareByHand). Steps are added up as a user would, each tempo standing
// for a second, and once more from the first to the last step with the first
// tempo carried back. The first tempo counts from the first step after 5 s or
// more without any.
//
// Where nobody steps, the seconds with a tempo are counted by the labels of the
// collection, except those known to be wrong, which are reported apart and why
// (TestSecondsWithoutSteps, TestDistrust).
//
// # Recorded otherwise
//
// Walks with counted steps and runs are streamed once more at other rates, turned,
// and without gravity. How far what is said then is from what was said is
// reported (TestRecordedOtherwise).
//
// # The constants of the estimator
//
// Config.Fit repeats the regressions that they come from, with each data set, or
// person where steps were counted, left out in turn: the evidence of a cadence,
// its confidence, and whether there are steps at all (TestFitEvidenceFindsTheWeights,
// TestFitLogisticFindsTheWeights, TestPresenceTrials). The last one also depends
// on the model that recognises activities, so it goes with a protocol that leaves
// data sets out.
//
// # The same again
//
// The same collection, config and processor architecture give the same report
// (TestSameAgain).
package cadence
