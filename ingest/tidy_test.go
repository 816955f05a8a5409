package ingest

import "testing"

// Tidying up waits until many have come and few still do.
func TestTidying(t *testing.T) {
	var tidier tidier
	for i, turn := range []struct {
		started uint64
		live    int
		want    bool
	}{
		{0, 0, false},
		{400, 400, false},
		{800, 800, false}, // they still come
		{805, 805, true},
		{805, 805, false}, // once is enough
		{15_805, 15_805, false},
		{15_810, 15_810, true},
		{16_400, 15_810, false},
		{16_500, 15_810, false}, // a trickle: less than a tenth of those live
		{17_400, 15_810, false}, // another rush
		{17_500, 15_810, true},
		{18_100, 0, false}, // everybody has gone, and others are coming
		{18_100, 0, true},
	} {
		if got := tidier.due(turn.started, turn.live); got != turn.want {
			t.Errorf("turn %d: %t", i, got)
		}
	}
}
