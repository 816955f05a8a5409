// Package model says how likely each class is, given a window's features, and
// follows that over time.
//
// Default returns the model that is built into the program; Parse reads one
// that tempogate train wrote. A Filter, one a stream, holds the belief.
//
// # Windows
//
// A window's features go through a forest: each tree splits their space into a
// few hundred pieces and knows the shares of the classes in the piece that the
// window falls into; the posterior q is the mean of the shares over the trees
// (Breiman 2001). A tree asks on which side of a threshold a feature lies, not
// how far: no sensor unlike all others can steer the answer by one wild value.
//
// There are two such forests: fine, for sources of at least CoarseBelowHz
// readings a second, and coarse, for slower ones, whose spectra say nothing of
// steps.
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
// 1994).
//
// Neighbouring windows share four fifths of their rows, and still and transit
// are further apart than that: a smooth ride resembles rest for minutes. So
// what tells these two apart counts as α' only, while both together are
// weighed against the others with α:
//
//	(q(k)/π(k))^α  becomes  (s/σ)^α · ((q(k)/s)/(π(k)/σ))^α'
//
// with s = q(still) + q(transit) and σ the same of π. Likewise a speed that is
// not clearly one of a vehicle tells still from transit with α': a red light
// lasts as long as it likes, and the fixes of a phone on a table wander.
//
// No belief falls under a floor, so that whatever was believed for however
// long, a few seconds of clear evidence turn it over.
//
// A decision for a class is taken when it is believed with at least Decide, and
// kept until another is believed with at least Change, or until it is itself
// believed with less than Hold: between two explanations of nearly the same
// weight it does not waver.
//
// # Format
//
// A model is a text of named rows, readable as it is, a tree a line; the same
// text always parses to the same model. It carries a version, the hash of what it
// was trained on and the feature names it expects: a model for other features
// is refused.
package model
