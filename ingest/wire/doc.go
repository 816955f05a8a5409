// Package wire holds the forms that motion takes between a phone and the
// server: what a client sends (JSON batches, packed frames, control frames)
// and what the server answers (estimates, refusals, notice of a drain).
package wire
