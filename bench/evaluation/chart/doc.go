// Package chart draws the pictures of an evaluation: Confusion, Reliability,
// Timeline and Delays each give a Picture, which SVG or PNG write.
//
// The pictures are made to be printed: one or two columns of a journal wide,
// with axes and units, in type that stays readable at that size. Every
// activity has the same colour everywhere. The colours are those of Okabe and
// Ito (Color Universal Design, 2008), which people with any of the usual
// colour vision deficiencies can tell apart; single-hue shades stand for
// shares.
package chart
