// Package model says how likely each class is, given a window's features, and
// follows that over time.
//
// Default returns the model that is built into the program; Parse reads one
// that tempogate train wrote. A Filter, one a stream, holds the belief.
//
// # Windows
//
// A window's features f, standardised to z and bounded to ±Bound, go through
// one hidden layer of softsign units and a softmax:
//
//	h = softsign(A z + a),  softsign(x) = x / (1 + |x|)
//	q = softmax(B h + b)
//
// There are two such networks: fine, for sources of at least CoarseBelowHz
// readings a second, and coarse, for slower ones, whose spectra say nothing of
// steps. The bound keeps a sensor unlike all others from steering the answer
// by one wild feature.
//
// # Time
//
// The classes form a hidden Markov chain with one step a second. The belief p
// moves by the transition matrix T and is weighed with the evidence of the
// window and, where there are fixes, of the speed s:
//
//	p'(k) ∝ Σ_j p(j) T(j,k) · (q(k)/π(k))^α · ℓ(s|k)^β
//
// This is the forward algorithm (Rabiner 1989). q/π, with π the class shares
// in training, turns a posterior into a scaled likelihood (Bourlard and Morgan
// 1994). Neighbouring windows share four fifths of their rows and α < 1 keeps
// them from being counted as independent; β does the same for fixes.
//
// A decision for a class is taken when it is believed with at least Decide, and
// kept until another is, or until it is itself believed with less than Hold:
// between two explanations of nearly the same weight it does not waver.
//
// # Format
//
// A model is a text of named rows of numbers, readable as it is; the same text
// always parses to the same model. It carries a version, the hash of what it
// was trained on and the feature names it expects: a model for other features
// is refused.
package model
