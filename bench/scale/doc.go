// Package scale computes what many users need, from what a session, a frame and a
// change of consent were measured to cost, and simulates whether the formulas hold.
//
// Plan is the arithmetic: how many sessions there are at the busiest moment, how
// many nodes carry them, what each node remembers, what goes over the network, and
// which limit comes first. Simulate plays a day of a fleet event by event, and a
// minute of one node frame by frame, and returns what happened beside what the
// formulas say.
//
// # The formulas
//
// Sessions at a time. People begin to run independently of each other, more of
// them in the morning and in the evening, and nobody waits for anybody: a queue
// with infinitely many servers, M(t)/G/∞. The number of sessions at a time t is
// then Poisson distributed with the mean m(t) = ∫ λ(t-u) P(S>u) du, whatever the
// distribution of a run's length S (Eick, Massey, Whitt: The physics of the
// M(t)/G/∞ queue, 1993). Its spread is √m: of ten thousand, one hundred.
//
// Waiting for a processor. N sessions send a frame each second, at moments of
// their own; a frame takes the time D on one of c cores. With N independent
// periodic sources the queue is N·D/D/c, shorter than M/D/c, which it comes near
// to as N grows. The wait in M/D/c is about half of that in M/M/c (Erlang's C), a
// little more for several servers by Cosmetatos' correction.
//
// After the loss of a node its K sessions come back as fast as the n-1 others let
// them in, A a second each and A ahead: (K/(n-1)-A)/A seconds and the pause before
// a second try, if that is more than nothing.
//
// Changes of consent are made one after the other, so they wait as in M/D/1:
// ρD/(2(1-ρ)) on average (Pollaczek and Khinchine).
package scale
