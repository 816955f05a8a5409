// Package dataset reads recordings of phones and watches, in the formats that
// recording apps, watches and public data sets come in, and collections of
// labelled recordings.
//
// Most people need two functions: Read, for a file or folder of any known
// format, and OpenCollection, for a directory of many with an index.csv.
// docs/recordings.md describes each format, what is done with it, and how to
// make a collection.
//
// # What comes out
//
// Whatever went in, a Recording holds accelerations in m/s² with gravity on
// the axes of the device, times in nanoseconds on the recording's own clock,
// and fixes as metres moved since the fix before. Coordinates exist only while
// a file is being read; nothing that this package returns says where anybody
// was (TestFixTablesBecomeMetresMoved, TestPlotBecomesMetresMoved). Nothing is
// resampled, filtered or rotated.
//
// # Order
//
// Readings come out strictly ascending in time. One that comes up to a second
// after a newer one is sorted in and counted in Reordered; one with the time
// of an earlier line is left out and counted in Duplicates
// (TestReadingsComeOutInTheOrderOfTime). Time that runs back further is an
// error (TestTimeMayNotRunBackwards).
//
// # Errors
//
// A line that cannot be used ends the reading with a *LineError that prints as
// "path:line: what" (TestBrokenTablesNameFileAndLine,
// TestBrokenRowsNameFileAndLine, TestBrokenGeolifeNamesFileAndLine,
// TestABrokenIndexNamesFileAndLine); for a folder it names the inner file
// (TestBrokenFoldersNameTheInnerFile). No error holds a measured value, and
// one about an unknown format quotes the first line only when that is made of
// words (TestUnknownFormatSaysWhatTheFileBeginsWith). Nothing is returned
// beside an error.
//
// Acceleration that is not finite, or beyond 1000 m/s², is an error, as is a
// position off the globe. A speed or accuracy that is missing, not a number or
// negative is unknown, which is NaN.
//
// # Memory
//
// Text is read line by line and no line may be longer than 64 KiB. Compressed
// files are unpacked as they are read, recognised by their first bytes
// (TestCompressionIsToldByContentAndNotByName). Options bounds the readings
// that are kept and the bytes that are unpacked, so that a file of 10 GB of one
// sample, or a small one that unpacks to that, ends in an error
// (TestTenGigabytesOfOneSampleEndInAnError,
// TestASmallFileThatUnpacksToMuchIsStopped, TestALimitOnReadingsHolds). A line
// is read without allocating (TestReadingALineAllocatesNothing). Every decoder
// has a fuzz target.
package dataset
