package load

import "testing"

// FuzzParseThreshold: what is taken can be judged, and says itself.
func FuzzParseThreshold(f *testing.F) {
	for _, text := range []string{"p99>50ms", "ws_connecting.p95>=1s", "frames_lost>0", "activity_right<90%", "p100.5<1s", "med<-1ns", "x>1e999"} {
		f.Add(text)
	}
	report := &Report{}
	f.Fuzz(func(t *testing.T, text string) {
		threshold, err := ParseThreshold(text)
		if err != nil {
			return
		}
		if again, err := ParseThreshold(threshold.String()); err != nil || again.limit != threshold.limit {
			t.Errorf("%q is not what it says", threshold)
		}
		if o := threshold.Judge(report); o.Threshold != threshold.String() {
			t.Errorf("judged as %q", o.Threshold)
		}
	})
}
