package dataset

import (
	"errors"
	"testing"
)

func TestReadingsComeOutInTheOrderOfTime(t *testing.T) {
	for _, test := range []struct {
		name                  string
		in, out               []int64 // milliseconds; the value of a reading is its place in the file
		order                 []float64
		reordered, duplicates int
	}{
		{"in order", []int64{0, 10, 20}, []int64{0, 10, 20}, []float64{0, 1, 2}, 0, 0},
		{"one late", []int64{0, 20, 10, 30}, []int64{0, 10, 20, 30}, []float64{0, 2, 1, 3}, 1, 0},
		{"late by exactly a second", []int64{0, 1000, 0, 2000}, []int64{0, 1000, 2000}, []float64{0, 1, 3}, 1, 1},
		{"the same time at once: the first stays", []int64{0, 10, 10, 10, 20}, []int64{0, 10, 20}, []float64{0, 1, 4}, 0, 2},
		{"the same time later: the first stays", []int64{0, 10, 20, 10, 30}, []int64{0, 10, 20, 30}, []float64{0, 1, 2, 4}, 1, 1},
		{"a batch that comes late", []int64{100, 200, 110, 120, 210}, []int64{100, 110, 120, 200, 210}, []float64{0, 2, 3, 1, 4}, 2, 0},
		{"before zero", []int64{-20, -10, 0}, []int64{-20, -10, 0}, []float64{0, 1, 2}, 0, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newSamples(100)
			for i, at := range test.in {
				if err := s.add(at*ms, float64(i), 0, 0); err != nil {
					t.Fatal(err)
				}
			}
			var r Recording
			s.moveTo(&r)
			if len(r.Samples) != len(test.out) {
				t.Fatalf("got %v", r.Samples)
			}
			for i, got := range r.Samples {
				if got.SensorTime != test.out[i]*ms || got.X != test.order[i] {
					t.Errorf("reading %d is number %v of %d ms, not %v of %d ms", i, got.X, got.SensorTime/ms, test.order[i], test.out[i])
				}
			}
			if r.Reordered != test.reordered || r.Duplicates != test.duplicates {
				t.Errorf("%d reordered and %d duplicates, not %d and %d", r.Reordered, r.Duplicates, test.reordered, test.duplicates)
			}
		})
	}
}

func TestTimeMayNotRunBackwards(t *testing.T) {
	s := newSamples(100)
	// Each step back is small, and together they are more than a second:
	// lateness counts from the newest reading, not from the last.
	for _, at := range []int64{2000, 1500, 1001} {
		if err := s.add(at*ms, 0, 0, 0); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.add(999*ms, 0, 0, 0); !errors.Is(err, errBackwards) {
		t.Errorf("got %v", err)
	}
	// The difference of the two ends of an int64 does not fit into one.
	for _, at := range []int64{-1 << 63, 1<<63 - 1} {
		if err := s.add(at, 0, 0, 0); !errors.Is(err, errTime) {
			t.Errorf("got %v for the time %d", err, at)
		}
	}
}

func TestALimitOnReadingsHolds(t *testing.T) {
	const content = "t,ax,ay,az\n0,1,2,3\n1,1,2,3\n1,1,2,3\n2,1,2,3\n"
	if _, err := readText(content, Options{MaxSamples: 3}); err != nil {
		t.Errorf("3 readings and a duplicate: %v", err)
	}
	_, err := readText(content, Options{MaxSamples: 2})
	if !errors.Is(err, ErrTooLarge) || err.Error() != "file:5: the recording is too large: more than 2 readings" {
		t.Errorf("got %v", err)
	}
}
