// Package feature describes a window of motion by Count numbers that do not
// depend on how the phone lies.
//
// Use Extractor.Extract; it returns the Motion of the window, which holds the
// Vector and, for the tempo, the vertical signal and its spectrum.
//
// # Frame of reference
//
// The mean acceleration of the window is taken for gravity g. With ĝ = g/|g|
// a reading a splits into
//
//	v = a·ĝ - |g|      along gravity, up to sign
//	h = a - (a·ĝ) ĝ    across gravity, two components in a basis at will
//	m = |a|            the magnitude
//
// and every feature uses v, |h|² summed over both components, or m, so that
// turning the phone changes nothing (Mizell 2003, "Using gravity to estimate
// accelerometer orientation"). A source that delivers acceleration without
// gravity has no such direction; the principal axis of its motion stands in
// for ĝ, which on foot is the vertical within some 20 degrees.
//
// # One window, one activity
//
// A window that spans a change, or a hand that puts the phone away, resembles
// neither what was before nor what comes after. The newest half of the window
// is therefore compared with the older parts, from new to old, and what lies
// before a change of intensity by a factor of 5 in variance, or a turn of the
// mean acceleration by about 30 degrees, is left out.
//
// # Features
//
//	level      ln(variance + floor²) of v, h, m over the window and of v, h over its newer half
//	shape      skewness and kurtosis of v and m, extremes of m against |g|
//	roughness  ln of the variance of first differences over the variance, of v and h; zero crossings of v
//	spectrum   ln of the share of nine bands from 0.3 to 9.5 Hz, of v and h; share and place of the
//	           largest peak, spectral entropy, of v and h
//	rhythm     largest autocorrelation of v between 0.28 and 0.9 s, its lag, the value at twice the lag
//	course     spread, minimum and end of the level over stretches of 1.28 s; turns of gravity between
//	           them; slow acceleration along and across gravity
//
// Levels carry a floor of FloorMPS2 so that one sensor's own noise does not
// tell it from another's.
//
// TestFeaturesAreWhatTheyAreDefinedAs holds every feature to its definition,
// written out in reference_test.go.
//
// # A transform of its own
//
// The spectra come from a transform of exactly 64 points (transform.go) and not
// from gonum's, which takes any length: for the three signals of a window it
// takes a seventh of the time, and it keeps no work space of its own in which
// motion could be left. TestTransform compares it with gonum's.
package feature
