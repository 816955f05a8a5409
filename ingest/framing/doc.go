// Package framing reads and writes the frames of WebSocket (RFC 6455) for
// connections by the thousand: without a buffer for each of them, without a
// byte copied more than once, and without an allocation.
//
// The opening handshake is not done here; gorilla/websocket does it.
//
// # Where the bytes are
//
// A goroutine that waits for a frame holds no buffer. The socket tells when
// there is something to read, and only then a Buffer is taken from a pool, read
// into, unmasked and handed on in place. It goes back, overwritten, as soon as
// nothing of it is left unread:
//
//	wait ──▶ take a buffer ──▶ read ──▶ unmask ──▶ the caller's turn ──▶ clear, give back ──▶ wait
//
// A connection that is no plain socket (TLS, or one that a test put something
// around) cannot be waited for in this way. Of such a one the first bytes are
// read into the Reader itself, and the rest into a Buffer.
//
// # Guarantees
//
//   - A Reader takes what gorilla/websocket takes, and refuses what it refuses
//     (FuzzReaderAgreesWithGorilla), but for messages in more than MaxFragments
//     pieces (TestReader).
//   - Between two messages a Reader holds no buffer, and what was given back is
//     overwritten (TestNothingStaysBetweenMessages).
//   - However much a peer announces, a Buffer grows with what has arrived, up to
//     the limit (TestBufferGrowsWithWhatArrives).
//   - 0 allocations a message once buffers are there
//     (TestReadingDoesNotAllocate, TestWritingDoesNotAllocate).
package framing
