// Package ingest is the server: it lets in motion from people who said yes,
// answers with their tempo, and forgets the motion.
//
// New makes a Server, Serve runs it. The formats on the wire are in package
// wire, a client for them in package client.
//
// # The line
//
// One goroutine a session takes each frame along one line, and there is no
// queue on it:
//
//	read      one message into a shared buffer (package framing), at most Limits.FrameBytes
//	gate      Ledger.Permit, for each category
//	decode    wire.Decoder, into a shared workspace
//	classify  classifier.Stream, whose window is the session's own
//	clear     the frame and the workspace
//	answer    one estimate for each second that became complete
//
// Reading the code in that order is session.go, from step downwards. Before a
// session there is stream.go (who may open one) and after it ending.go (why it
// ended) and conn.go (how a connection is closed and its buffers are cleared).
// consenthttp.go holds the other calls, admin.go what operators call.
//
// # Who does what to a session
//
// Everything that reads, writes or closes a session's connection happens in
// its own goroutine. Others only set why it has to end, clear its window, and
// wake it by a read deadline that has passed. They do so under the session's
// lock, which is held from the gate to the last estimate of a frame, and never
// while waiting for the network. So a change of consent falls between two
// frames, and whoever makes it waits for one frame's arithmetic at most.
//
// One goroutine of the server turns a wheel on which all sessions are, once a
// second, for what no frame would bring to light: idle clients, clients that do
// not read, consent that ran out, a ledger that cannot answer any more.
//
// # What a session costs, and who gets what
//
// A session that waits holds its window, a stack of 4 KiB (TestStackOfASession)
// and no buffer. A frame allocates nothing (TestLiveFrameAllocatesNothing). A
// client has one frame's turn at a time; what it may send in all is bounded for
// the session, for its person and for the node (limits.go), and what it does not
// read is bounded and does not hold up its session (answers.go, TestSlowReader); a
// client that reads gets all answers (TestManyAnswersAtOnce). A node that has much to
// do, or comes late to what is due, lets nobody in (pressure.go,
// TestACrowdIsNotLetInAtOnce, TestShedding), and one that goes away answers first what
// has arrived (TestDrainAnswersFirst).
//
// # Guarantees
//
// Each names the test that holds it.
//
//   - No byte of a payload is parsed for somebody without a grant
//     (TestGateComesBeforeParse), and no fix is for a grant that does not cover
//     location (TestLocationAlone).
//   - When a withdrawal has been acknowledged, no frame is taken any more and
//     the window is empty (TestNothingIsTakenAfterAWithdrawal).
//   - When the ledger cannot answer, nobody is let in and live sessions end
//     (TestLedgerLost).
//   - After a session, and while it waits, the buffers that it was read through
//     hold nothing of it (TestBuffersHoldNothing). A window that no frame
//     renews is cleared (TestWindowIsNotHeld).
//   - Bad input ends the session that sent it, with a code and a reason, and
//     touches no other (TestBadFrames, and six hundred cases in
//     TestHostileInput). So does a fault of this program
//     (TestPanicEndsOneSession).
//   - Memory for a session is bounded whatever its client announces
//     (TestEndlessFrame, TestHostileInput).
//   - No log line, error text, metric or profile holds a sample, and none a token
//     or a person (TestNothingInWords, TestNothingInWordsOnAnyErrorPath,
//     TestNothingInProfiles).
//   - Nothing of a frame is left on the stack behind it
//     (TestClearStackLeavesNothingBelow, TestStackDoesNotMoveWithinAFrame), nor in
//     the buffer of a connection that carried a push
//     (TestPushLeavesNothingWhenItsConnectionEnds).
package ingest
