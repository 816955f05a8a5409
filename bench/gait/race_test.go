//go:build race

package gait_test

func init() { raceDetector = true }
