// Package client speaks with a tempogate server: the consent calls, and the
// stream that sends motion and receives tempo.
//
// Start with New. Grant says yes to a Notice that was shown, Stream opens a
// session, and on it Send and Receive do the work. A server that refuses
// answers with an *Error, whose Code or Close is for programs and whose Detail
// says what to mend.
package client
