//go:build race

package consent

// raceDetector makes tests that start many processes start fewer.
const raceDetector = true
