// Package classifier turns the motion of a phone into what its bearer does and
// how fast they step.
//
// NewStream and Stream.Push are what most callers need: readings in, one
// Estimate a second out.
//
// # The straight line
//
// A Sample goes through these in turn, once, in the caller's goroutine:
//
//	Push       order of time, gaps, values that cannot be   (stream.go)
//	signal     onto an even grid of 25 Hz, into the window
//	feature    window → numbers that do not depend on the pose
//	model      numbers → probabilities → belief over time
//	tempo      vertical motion and belief → cadence → tempo for music
//
// A Fix joins at the belief: its speed is evidence, its position is never
// known here.
//
// # What is guaranteed
//
// The package does no input or output, reads no clock, starts no goroutine and
// keeps no global state but read-only tables.
//
//   - The same calls give the same estimates, bit for bit, however the readings
//     were batched (TestBatchesChangeNothing).
//   - An estimate uses nothing newer than its SensorTime (TestEstimatesAreCausal).
//   - Turning the phone, or the sign of its axes, changes nothing
//     (feature.TestTurningThePhoneChangesNothing).
//   - Work and memory are bounded whatever the times and values: a gap of a year
//     costs what a gap of two seconds does (TestTimeThatIsNotInOrder).
//   - A hop allocates nothing (TestPushAllocatesNothing).
//   - Clear leaves nothing (TestClearLeavesNothing), and a Workspace can be
//     cleared likewise.
package classifier
