//go:build race

package ingest

const raceDetector = true // makes stacks and everything else larger
