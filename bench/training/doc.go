// Package training makes the classifier's model from labelled recordings.
//
// Train does it all: it streams every recording through the classifier's own
// resampler and features, as recorded and as other phones would have recorded
// it (slower, noisier, with an error of scale), keeps the windows whose label
// can be trusted, grows the forests and fits the table of speeds.
//
// # What is learned and what is set
//
// The forests and the speeds are learned. How long an activity lasts and
// which follows which is set, in transitions, because no recording here holds
// a day with its changes; so are the weights of the evidence over time.
//
// # Whom it listens to
//
// Each class weighs the same, and within a class each data set weighs with the
// root of its size, so that no single study, phone or pocket decides. Data
// sets whose terms forbid it are never trained on: see Trainable.
package training
