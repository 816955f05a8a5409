package wire

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/tempogate/tempogate/classifier"
)

func ExampleAppendTempo() {
	estimate := classifier.Estimate{Activity: classifier.Run, CadenceSPM: 163.4, BPM: 163, SpeedMPS: 3.14}
	at := time.Date(2026, 11, 1, 13, 0, 0, 999, time.FixedZone("", 3600))
	fmt.Println(string(AppendTempo(nil, &estimate, at)))
	estimate = classifier.Estimate{Activity: classifier.Still, CadenceSPM: math.NaN(), SpeedMPS: math.NaN()}
	fmt.Println(string(AppendTempo(nil, &estimate, at)))
	// Output:
	// {"at":"2026-11-01T12:00:00Z","activity":"run","cadence_spm":163,"bpm":163,"speed_mps":3.1}
	// {"at":"2026-11-01T12:00:00Z","activity":"still","cadence_spm":null,"bpm":null,"speed_mps":null}
}

func TestAppendTempoDoesNotAllocate(t *testing.T) {
	estimate := classifier.Estimate{Activity: classifier.Run, CadenceSPM: 163.4, BPM: 163, SpeedMPS: 3.14}
	dst := make([]byte, 0, 256)
	if n := testing.AllocsPerRun(100, func() { dst = AppendTempo(dst[:0], &estimate, time.Unix(1_700_000_000, 0)) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
