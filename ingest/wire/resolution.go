package wire

import (
	"math"

	"github.com/tempogate/tempogate/classifier"
)

// DefaultResolutionMPS2 is the step to which accelerations are rounded where
// the samples themselves lie on none: 1/4096 g, 0.0024 m/s².
//
// It is the step of most phones on the market (16 bits for ±8 g). It matters
// for those that hide theirs: iOS gives multiples of 1/65536 g, a fixed-point
// format and not the sensor's. A still iPhone shows noise of about two of these
// steps, so rounding adds about 3 % to the noise
// (TestDefaultStepLiesBelowTheNoise) and saves 1.5 bytes on each sample. Who
// wants those bits sets EncoderConfig.ResolutionMPS2 to
// 9.81/65536. Some Android phones hide theirs too, behind a calibration that
// shifts each axis by part of a step; a client on the phone asks
// Sensor.getResolution and need not guess.
const DefaultResolutionMPS2 = standardGravity / 4096

// finestStep is the finest step that counts as a sensor's own: 16 bits for
// ±2 g, less a tolerance. What is finer was computed.
const finestStep = standardGravity / 16384 * 0.95

const (
	stepSamples = 8 // readings needed to find a step in
	stepTries   = 8 // frames without a step before the search ends
)

// resolution returns the step for a frame: the caller's; or the one found in
// this frame or an earlier one of the stream, as long as the samples lie on
// it; or the default.
func (e *Encoder) resolution(samples []classifier.Sample) float64 {
	if e.config.ResolutionMPS2 != 0 {
		return e.config.ResolutionMPS2
	}
	if e.step != 0 && onSteps(samples, e.step) {
		return e.step
	}
	if e.tries < stepTries && len(samples) >= stepSamples {
		if step := findStep(samples); step != 0 {
			e.step, e.tries = step, 0
			return step
		}
		e.tries++
	}
	return DefaultResolutionMPS2
}

// findStep returns the step of which every axis of every sample is a multiple,
// 0 where there is none of at least finestStep.
//
// Two readings of one axis differ by a multiple of the step, so the step is
// the smallest difference or a small part of it. A candidate is sharpened on
// ever larger values: from a fit over values of up to n steps, those of up to
// 8n steps can be numbered.
func findStep(samples []classifier.Sample) float64 {
	smallest := math.Inf(1)
	for i := 1; i < len(samples); i++ {
		a, b := &samples[i-1], &samples[i]
		for _, d := range [3]float64{a.X - b.X, a.Y - b.Y, a.Z - b.Z} {
			// A difference below 1e-6 is the rounding of a float.
			if d = math.Abs(d); d > 1e-6 && d < smallest {
				smallest = d
			}
		}
	}
	for part := 1.0; part <= 8; part++ {
		step := smallest / part
		if !(step >= finestStep && step <= maxScale) {
			return 0
		}
		for most := 8.0; most < MaxAccelerationMPS2/finestStep; most *= 8 {
			step = fitStep(samples, step, most)
		}
		if !onSteps(samples, step) {
			continue
		}
		// A fit is as good as the digits of the samples. Where it means a
		// power of two of g, that is the step.
		if exact := math.Ldexp(standardGravity, -int(math.Round(math.Log2(standardGravity/step)))); math.Abs(exact/step-1) < 1e-5 && onSteps(samples, exact) {
			return exact
		}
		return step
	}
	return 0
}

// fitStep returns the least-squares step of the values of at most `most` steps.
func fitStep(samples []classifier.Sample, step, most float64) float64 {
	var products, squares float64
	for i := range samples {
		for _, v := range [3]float64{samples[i].X, samples[i].Y, samples[i].Z} {
			if n := math.Round(v / step); math.Abs(n) <= most {
				products += n * v
				squares += n * n
			}
		}
	}
	if squares == 0 {
		return step
	}
	return products / squares
}

// onSteps reports whether all values are multiples of the step, give or take
// what printing with five decimals or a float of 32 bits does to them.
func onSteps(samples []classifier.Sample, step float64) bool {
	for i := range samples {
		for _, v := range [3]float64{samples[i].X, samples[i].Y, samples[i].Z} {
			n := v / step
			if math.Abs(n-math.Round(n)) > 0.03+1e-6*math.Abs(n) {
				return false
			}
		}
	}
	return true
}
