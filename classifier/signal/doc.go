// Package signal turns what a phone's accelerometer delivers into an evenly
// sampled window of motion.
//
// Use Resampler.Add for each reading, in order of time; it hands every new
// row of the even grid to a Window. Window.Latest gives the newest rows in
// order of time.
//
// # Resampling
//
// Phones deliver between 2 and 400 readings a second, with jitter, and never
// quite the rate that was asked for. The readings are samples of a continuous
// motion a(t), so the resampler rebuilds a(t) between them and measures it on
// a grid of its own:
//
//  1. Between neighbours at most 12 ms apart a(t) is a straight line; up to
//     150 ms apart it is a cubic Hermite curve through them with
//     central-difference tangents (Catmull and Rom 1974), because a straight
//     line through 20 readings a second loses a fifth of a 5 Hz component;
//     beyond that a straight line again, because a curve would invent motion.
//  2. The mean of a(t) over each cell of 20 ms is taken. For a source faster
//     than the grid this is the first half of the anti-alias filter: its
//     response sinc(f·20 ms) has its zero at 50 Hz, the rate of the cells.
//  3. A half-band low-pass filter of 15 taps (windowed sinc, Kaiser β = 4,
//     Oppenheim and Schafer, Discrete-Time Signal Processing, section 7.6)
//     halves the rate to RateHz = 25. It passes 0 to 8 Hz within 0.2 dB and
//     takes 17 to 25 Hz down by more than 40 dB. Its delay is 140 ms.
//
// What remains is the band below 10 Hz, which every source of 20 Hz and more
// carries, so that the rate of the source has as little to say as possible.
// A human cadence of at most 3.7 steps a second keeps its first two harmonics.
//
// # Memory
//
// The resampler holds four readings, one partial cell and 15 cells; the window
// holds WindowLength rows. Both are overwritten as they slide and
// cleared by Clear; there is no other copy.
package signal
