package training

import (
	"math"
	"slices"
	"strings"

	"github.com/tempogate/tempogate/bench/dataset"
	"github.com/tempogate/tempogate/classifier"
	"github.com/tempogate/tempogate/classifier/feature"
)

// Least standard deviation of the magnitude, m/s², for a label to be believed.
// Recordings labelled walk, run or cycle contain pauses, and a phone that
// hardly moves is not on somebody walking.
var leastMotion = map[classifier.Activity]float64{
	classifier.Walk:  0.6,
	classifier.Run:   2.5,
	classifier.Cycle: 0.2,
}

// trusted tells whether a window can be what it is labelled.
func trusted(label classifier.Activity, m *feature.Motion) bool {
	if label == classifier.Unknown {
		return false
	}
	// Level magnitude: ln(variance + floor²).
	return math.Exp(m.Features[2]) >= leastMotion[label]*leastMotion[label]
}

// onTheWrist lists the people of the WISDM study whose phone files hold what
// only a wrist does: clapping moves them thirty times more than the others.
var onTheWrist = []string{"1637", "1638", "1639", "1640"}

// distrusted lists recordings that are not what the index says.
var distrusted = map[string]string{
	"mlqs81/metro-86": "its speed never exceeds 1.8 m/s and it swings like a walk",
	"mlqsa/still-47":  "a copy of still-46",
}

// Distrust takes labels off that are known to be wrong and says why, "" where
// all are kept.
func Distrust(e dataset.Entry, r *dataset.Recording) (why string) {
	if reason, wrong := distrusted[e.Path]; wrong {
		why = reason
		r.Labels = nil
	}
	if e.Dataset == "wisdm" && slices.Contains(onTheWrist, e.Subject) {
		before := len(r.Labels)
		r.Labels = slices.DeleteFunc(r.Labels, func(l dataset.Label) bool {
			return l.Detail != "" && strings.Contains("FGHIJKLMOPQRS", l.Detail)
		})
		if len(r.Labels) < before {
			why = "hands at work, and the phone was on the wrist"
		}
	}
	return why
}
