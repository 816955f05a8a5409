// Package residue looks for what should be gone: it streams readings with bit
// patterns that are found nowhere else, canaries, to a server on this machine,
// and searches all memory of the server's process for them.
//
// Run does it and returns a Report. Start starts a server for it.
//
// # What is looked for
//
// Each reading in each form that it has on its way (Form): as it was sent, as it
// was sent and still masked (with the key in each of its four rotations), as
// text, as a float of 64 bits, as the integers of the packed form, as rows and
// cells of the resampler, and as everything that the work space of the features
// holds. The last two are made by the server's own code in this process, from
// the same readings: the same input gives the same bits.
//
// # When
//
// A round opens a session for each form of sending and each way to end, all at
// once, and searches three times.
//
//   - While the canaries are in the windows. They have to be found there, as the
//     floats and rows that a window is made of: what the search does not find
//     then it would not find later either.
//   - When seven more seconds of other motion have been taken: nothing may be
//     left, although every session is live.
//   - When each session has taken canaries again and has ended in its way:
//     nothing may be left.
//
// A server that RunOwn started is interrupted while it is sent readings: each of its
// threads is sent a signal every millisecond. Of a thread that takes one, the kernel
// writes the registers to memory.
//
// # The control
//
// Before each search two messages are begun and not finished, one masked with a
// key and one with a key of zeros. The server has to hold what has come of them,
// so each search has to find them, or it counts for nothing. After the search
// they are dropped, and the next search has to find no trace of them.
//
// # Where
//
// A copy is reported with its Place: the object on the heap, the goroutine's stack, the
// stack of a thread or what else it lies in, and the functions whose return addresses
// lie beside it. Of what else lies there nothing is shown. Where Go's runtime keeps its
// lists says the debugging information of the server's program; without it (go build
// -ldflags=-s) only the functions are known. TestPlacesAreNamed plants patterns in all
// kinds of places.
//
// # What it does not see
//
// Memory of the kernel (socket buffers, saved registers), pages that are swapped
// out by the machine below, and single bytes: a copy of less than eight bytes is
// no copy here.
package residue
