//go:build race

package dataset_test

// raceDetector tells the tests on real recordings to read a part of them: the
// detector makes reading ten times slower.
const raceDetector = true
