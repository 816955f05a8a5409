// Package load tests how many sessions a server carries: it opens as many as it
// is told, has each send motion as a phone would, and looks at what comes back,
// when, and whether it is right.
//
// # Open loop
//
// Each session has its moment in every second, drawn at random, and its frame is
// due then, whether or not the server has answered the one before. Latency
// counts from the moment at which a frame was due. A load generator that waits
// for the server, or that counts from the moment at which it came to send, leaves
// out the frames that suffer most (coordinated omission, Gil Tene's term); the
// time from the moment of sending is in the report too, and the difference
// between the two is this program's own lateness.
//
// # What is sent
//
// Motions are recordings, or simulated ones, cut into frames of a second, turned
// into a handful of random orientations each, and encoded once; sessions share
// them. A session starts somewhere in a motion and goes round it, with sensor
// times moved on at each turn.
//
// # What is checked
//
// The activity of each answer against what the recording is known to show, and
// its cadence against the known steps, once a session is past its first seconds.
// For a sample of the sessions every answer is checked byte by byte against a
// classifier of our own that was given the same frames.
//
// # Parts
//
// Config says what to do, Run does it and returns a Report. A run in several
// processes has each of them hand over its Intervals, a second each, and Merge
// makes one report of them. Threshold decides about the exit code.
package load
