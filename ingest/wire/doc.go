// Package wire holds the forms that motion takes between a phone and the
// server: what a client sends (JSON batches, packed frames, control frames)
// and what the server answers (estimates, refusals, notice of a drain).
// docs/protocol.md describes all of it for writers of other clients.
//
// A server needs [Decoder.Decode] and [AppendEstimate]; a client needs
// [NewEncoder], its Append methods, and [ParseMessage].
//
// # The way of a frame
//
//	text, binary 02 ─────────────▶ JSON, read in place ──┐
//	binary 82 ──▶ S2, unfolded ──▶ JSON, read in place ──┤
//	binary 81 ──▶ S2, unfolded ──▶ packed, bit by bit ───┼──▶ Batch
//	binary 01 ───────────────────▶ packed, bit by bit ───┘
//
// Version 2 of the packed form, binary 10 to 4f and 90 to cf, goes the way of 01
// and 81.
//
// JSON is read by a scanner of this package (json_scan.go), because a frame a
// second for each of thousands of sessions is the hottest path of the server,
// and because a general decoder copies what it reads, and each copy would be one
// to clear. Numbers are rounded exactly as strconv does (json_number.go).
// BenchmarkDecodeJSON100 and BenchmarkDecodePacked100 print what a frame costs.
//
// # The packed form
//
// Four channels (time, x, y, z) of integers, each predicted from the values
// before it by one of four polynomials, the errors written as Rice codes. That
// is what lossless audio does with samples: Shorten (Robinson, "SHORTEN: simple
// lossless and near-lossless waveform compression", 1994) and FLAC (RFC 9639).
// For a signal x the predictor of order p is the polynomial of degree p−1
// through the last p values, so its error is the p-th difference of x:
//
//	order 0   e = x[i]
//	order 1   e = x[i] −  x[i−1]
//	order 2   e = x[i] − 2x[i−1] +  x[i−2]
//	order 3   e = x[i] − 3x[i−1] + 3x[i−2] − x[i−3]
//
// Errors of a good predictor fall off about geometrically, for which the Rice
// code (Golomb's with a power of two, Rice 1979) is within a few hundredths of
// a bit of the best: quotient by 2^k in unary, k bits of remainder.
//
// Integers make it lossless: accelerations in steps of the phone's sensor
// (resolution.go finds them), times in 0.1 ms beside a regular clock.
//
// Beside the residuals a frame of version 1 takes about 25 bytes, which a hundred
// readings share easily and fifteen do not. Version 2 leaves out what the frame
// before has said: time, period, step, and the codes of the channels. The residuals
// are as they were, because at 10 to 25 Hz nothing that was tried made them smaller
// by more than a fiftieth: predictors around the mean of a frame, of two terms from
// a table of 32.
//
// # Guarantees
//
//   - Nothing of a frame is kept: not by the decoder, except the last position
//     of JSON locations until Clear and the clock of version 2, and not in memory that was outgrown or
//     given back (TestClearLeavesNothing, TestGrowingClearsTheOldArray).
//   - A category that is not allowed is not parsed: its values are passed over
//     and counted (TestRefusedCategoriesAreNotParsed and its packed sister).
//   - A frame is taken whole or leaves no trace (TestBrokenFrameLeavesNothing).
//   - No input makes the decoder panic, loop, or take more memory than its
//     limits (limits.go): FuzzDecodeJSON, FuzzDecodePacked, FuzzDecodePacked2,
//     FuzzDecodeS2.
//   - What is taken is read as encoding/json would (FuzzDecodeJSON) and as a
//     second decoder does that was written from docs/protocol.md alone
//     (TestSecondDecoderAgrees, FuzzDecodePacked, FuzzDecodePacked2,
//     TestGoldenVectors, TestGoldenStreams).
//   - decode(encode(x)) is x rounded to the step, times to 0.1 ms
//     (TestPackedGivesBackWhatItTook, TestPacked2GivesBackWhatItTook); at most 4.5
//     bytes a sample of real recordings at the rates of phones, and in version 2
//     at lower ones (TestPackedSizeOnRecordings).
//   - 0 allocations a frame in the steady state (TestDecodingDoesNotAllocate).
//   - No error text holds anything taken from a frame, and each fits a close
//     frame (TestErrorsAreShort, TestErrorsQuoteNothing).
package wire
