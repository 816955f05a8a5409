package wire

import (
	"time"

	"github.com/tempogate/tempogate/classifier"
)

// AppendTempo appends what a recipient gets of an estimate, as a JSON object on
// one line:
//
//	{"at":"2026-11-01T12:00:00Z","activity":"run","cadence_spm":163,"bpm":163,"speed_mps":3.1}
//
// That is less than the person's own app gets: the server's time in whole
// seconds, the cadence in whole steps a minute, no probabilities. NaN and a BPM
// of 0 go out as null. 0 allocs once dst has grown.
func AppendTempo(dst []byte, e *classifier.Estimate, at time.Time) []byte {
	dst = append(dst, `{"at":"`...)
	dst = at.UTC().Truncate(time.Second).AppendFormat(dst, time.RFC3339)
	dst = append(dst, `","activity":"`...)
	dst = append(dst, e.Activity.String()...)
	dst = append(dst, `","cadence_spm":`...)
	dst = appendDecimal(dst, e.CadenceSPM, 0, 0)
	return append(appendBeatAndSpeed(dst, e), '}')
}
