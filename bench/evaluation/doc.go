// Package evaluation measures how well the classifier does on people, phones
// and vehicles that it has never met.
//
// RunActivity does it all: it splits a collection by a Protocol, trains a
// fresh model for every Fold (training.Fit on windows that are described
// once), streams everything that the fold left out through it as a phone
// would, and returns an ActivityReport, whose Write makes report.json,
// report.md and the pictures.
//
// # What is never on both sides
//
// LeaveOneSubjectOut keeps a person on one side, LeaveOneDatasetOut a data
// set, LeaveOnePlacementOut a place of the phone; a split by windows or by
// recordings would flatter by some ten points. No fold learns from what it
// tests (TestNoFoldLearnsFromWhatItTests). Where nobody knows who somebody was
// a whole data set is one person.
//
// # What is counted
//
// One answer for each second, which uses nothing later. The truth is the label
// at that second. The first window of a recording is not counted
// (TestTheFirstWindowIsNotCounted); unknown is a miss of the true activity and
// nobody's false alarm (TestMeasuresByHand). Seconds that are known to be none
// of the five are counted apart and are in no measure.
//
// With c(j,k) the seconds of truth j answered k,
//
//	precision_k = c(k,k) / Σ_j c(j,k)
//	recall_k    = c(k,k) / Σ_k' c(k,k')    k' with unknown
//	F1_k        = 2 c(k,k) / (Σ_j c(j,k) + Σ_k' c(k,k'))
//
// and macro-F1 is the mean of F1_k over the k that happened. Every figure
// comes twice: by seconds, and by data set, where the row of each activity is
// the mean of the rows of the data sets that have it (TestBalanceByHand), so
// that one long study does not decide.
//
// Confidence intervals are percentiles of a bootstrap over subjects
// (TestBootstrapByHand). The reliability curve has ten bins of the largest
// probability, and ECE = Σ_b n_b/n |right_b - confidence_b|
// (TestCalibrationByHand).
//
// A false change is a change from one decided activity to another while the
// label stays; unknown in between does not count (TestFalseChangesByHand). The
// delay of a change is measured on splices: the middle 30 s of two recordings
// of one data set on one clock. It runs from the splice to the first of three
// right decisions in a row (TestDelayByHand). The phone lies in each part as
// it lay there, so at the splice it is also turned, as when somebody takes it
// out or puts it away. A change whose new activity was decided before it began
// tells no delay and is left out.
//
// # The same motion, recorded otherwise
//
// RunAgreement asks one model about every recording as it is, at other rates
// and turned by a random rotation, and counts the seconds that are decided
// alike (TestAgreement). Resampled changes a rate as one should
// (TestResampledKeepsWhatBothRatesCarry), ReadOff as phones do.
//
// # The same again
//
// The same collection, configuration and processor architecture give the same
// report, byte for byte and whatever the number of cores, but for the cost of
// a hop (TestSameAgain).
package evaluation
