package tempo_test

import (
	"fmt"
	"testing"

	"github.com/tempogate/tempogate/classifier/tempo"
)

func TestMapBPM(t *testing.T) {
	tests := []struct {
		low, high, bpm, want int
		why                  string
	}{
		{80, 100, 163, 82, "the half of 163 is 81.5, and halves go up"},
		{80, 100, 90, 90, "inside already"},
		{80, 100, 80, 80, "the ends are inside"},
		{80, 100, 200, 100, "the ends are inside"},
		{160, 180, 84, 168, "the double"},
		{40, 50, 176, 44, "the quarter"},
		{60, 240, 120, 120, "of several inside, the one that takes no halving"},
		{60, 240, 80, 80, "160 is inside too"},
		{100, 110, 128, 128, "none inside: 128 is 1.16 times 110, 64 is 1.56 times below 100"},
		{100, 110, 160, 80, "none inside: 80 is 1.25 times below 100, 160 is 1.45 times 110"},
		{90, 90, 180, 90, "a range of one tempo"},
		{90, 90, 150, 75, "none inside: 75 lies a factor of 1.2 below, 150 of 1.67 above"},
		{85, 170, 170, 170, "an octave holds both ends: no halving"},
		{0, 0, 163, 163, "any tempo will do"},
		{80, 100, 0, 0, "none stays none"},
		{200, 200, 25, 100, "nothing beyond the fourfold"},
	}
	for _, test := range tests {
		if got := (tempo.Range{Low: test.low, High: test.high}).MapBPM(test.bpm); got != test.want {
			t.Errorf("%d into %d-%d: %d, want %d: %s", test.bpm, test.low, test.high, got, test.want, test.why)
		}
	}
}

// Any range that spans an octave has room for every tempo that a Tracker says.
func TestMapBPMFillsAnOctave(t *testing.T) {
	for low := 40; low <= 220; low++ {
		r := tempo.Range{Low: low, High: 2 * low}
		for bpm := 60; bpm <= 220; bpm++ {
			if got := r.MapBPM(bpm); got < r.Low || got > r.High {
				t.Fatalf("%d into %v: %d", bpm, r, got)
			}
		}
	}
}

func TestParseRange(t *testing.T) {
	for s, want := range map[string]tempo.Range{
		"":        {},
		"80-100":  {Low: 80, High: 100},
		"90-90":   {Low: 90, High: 90},
		"020-400": {Low: 20, High: 400},
	} {
		if got, err := tempo.ParseRange(s); err != nil || got != want {
			t.Errorf("%q: %v and %v, want %v", s, got, err, want)
		}
	}
	for _, s := range []string{"80", "80-", "-100", "100-80", "80-100-120", "a-b", "80 - 100", "0-0", "19-30", "80-401", "80–100", "+80-100", "80-+100"} {
		if got, err := tempo.ParseRange(s); err == nil {
			t.Errorf("%q was taken as %v", s, got)
		}
	}
}

// What was read comes back as it was written, and maps every tempo to a beat.
func FuzzParseRange(f *testing.F) {
	for _, s := range []string{"", "80-100", "090-0100", "20-400", "+80-100", "80--100", "1e2-200"} {
		f.Add(s, 163)
	}
	f.Fuzz(func(t *testing.T, s string, bpm int) {
		r, err := tempo.ParseRange(s)
		if err != nil {
			return
		}
		if back, err := tempo.ParseRange(r.String()); err != nil || back != r {
			t.Errorf("%q is read as %v, and that as %v and %v", s, r, back, err)
		}
		bpm = max(bpm%1000, -bpm%1000)
		if got := r.MapBPM(bpm); got < 0 || bpm > 0 && got == 0 && bpm > 2 {
			t.Errorf("%d into %v is %d", bpm, r, got)
		}
	})
}

// A range as a flag or a configuration writes it.
func TestRangeAsText(t *testing.T) {
	for text, want := range map[string]tempo.Range{"": {}, "80-100": {Low: 80, High: 100}} {
		var r tempo.Range
		if err := r.UnmarshalText([]byte(text)); err != nil || r != want {
			t.Errorf("%q: %v and %v", text, r, err)
		}
		if back, err := r.MarshalText(); err != nil || string(back) != text {
			t.Errorf("%q comes back as %q and %v", text, back, err)
		}
	}
	if err := new(tempo.Range).UnmarshalText([]byte("fast")); err == nil {
		t.Error("fast was taken for a range")
	}
}

func ExampleRange_MapBPM() {
	music, err := tempo.ParseRange("80-100")
	if err != nil {
		panic(err)
	}
	for _, bpm := range []int{112, 163, 178} {
		fmt.Println(bpm, music.MapBPM(bpm))
	}
	// Output:
	// 112 112
	// 163 82
	// 178 89
}
