package evaluation

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/tempogate/tempogate/bench/dataset"
)

// Seven recordings: two data sets that may be trained on, one that may not, and
// one recording without acceleration.
var seven = []dataset.Entry{
	/* 0 */ {Path: "0", Dataset: "a", Subject: "anna", Placement: "pocket", Signals: "acc"},
	/* 1 */ {Path: "1", Dataset: "a", Subject: "ben", Placement: "bag", Signals: "acc+gps"},
	/* 2 */ {Path: "2", Dataset: "a", Subject: "anna", Placement: "", Signals: "acc"},
	/* 3 */ {Path: "3", Dataset: "b", Subject: "anna", Placement: "pocket"}, // somebody else; signals not stated
	/* 4 */ {Path: "4", Dataset: "b", Subject: "", Placement: "bag", Signals: "acc"},
	/* 5 */ {Path: "5", Dataset: "b", Subject: "cleo", Placement: "bag", Signals: "gps"},
	/* 6 */ {Path: "6", Dataset: "geolife", Subject: "anna", Placement: "pocket", Signals: "acc"}, // not to be trained on
}

func TestFoldsByHand(t *testing.T) {
	for _, test := range []struct {
		protocol Protocol
		merge    int
		want     []string
	}{
		{LeaveOneDatasetOut, 0, []string{
			"a: train 3 4, test 0 1 2",
			"b: train 0 1 2, test 3 4",
			"geolife: train 0 1 2 3 4, test 6",
		}},
		{LeaveOneSubjectOut, 0, []string{
			"a/anna: train 1 3 4, test 0 2",
			"a/ben: train 0 2 3 4, test 1",
			"b/: train 0 1 2 3, test 4", // nobody knows who: one subject
			"b/anna: train 0 1 2 4, test 3",
			"geolife/anna: train 0 1 2 3 4, test 6",
		}},
		// Dealt out in turn, subjects stay whole.
		{LeaveOneSubjectOut, 2, []string{
			"fold 1: train 1 3, test 0 2 4 6",
			"fold 2: train 0 2 4, test 1 3",
		}},
		// More folds than subjects: one each.
		{LeaveOneSubjectOut, 9, []string{
			"a/anna: train 1 3 4, test 0 2",
			"a/ben: train 0 2 3 4, test 1",
			"b/: train 0 1 2 3, test 4",
			"b/anna: train 0 1 2 4, test 3",
			"geolife/anna: train 0 1 2 3 4, test 6",
		}},
		// 2 is nowhere known: trained on, not tested.
		{LeaveOnePlacementOut, 0, []string{
			"bag: train 0 2 3, test 1 4",
			"pocket: train 1 2 4, test 0 3 6",
		}},
		{Fixed, 0, []string{"all: train , test 0 1 2 3 4 5 6"}},
	} {
		folds, err := Folds(seven, test.protocol, test.merge)
		if err != nil {
			t.Errorf("%s: %v", test.protocol, err)
			continue
		}
		var got []string
		for _, f := range folds {
			got = append(got, fmt.Sprintf("%s: train %s, test %s", f.Name, join(f.Train), join(f.Test)))
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%s %d:\n%s\nwant\n%s", test.protocol, test.merge, strings.Join(got, "\n"), strings.Join(test.want, "\n"))
		}
	}
}

func join(numbers []int) string { return strings.Trim(fmt.Sprint(numbers), "[]") }

func TestFoldsThatCannotBe(t *testing.T) {
	for _, test := range []struct {
		name     string
		entries  []dataset.Entry
		protocol Protocol
		merge    int
		want     string
	}{
		{"one data set", seven[:3], LeaveOneDatasetOut, 0, "all recordings with acceleration are of one data set: "},
		{"one subject", seven[2:3], LeaveOneSubjectOut, 0, "of one subject: "},
		{"one placement", []dataset.Entry{seven[0], seven[2], seven[3]}, LeaveOnePlacementOut, 0, "of one placement: "},
		{"no placement", seven[2:3], LeaveOnePlacementOut, 0, "says in the index where the phone was"},
		{"no acceleration", seven[5:6], LeaveOneSubjectOut, 0, "no recording with acceleration"},
		{"everybody in one fold", seven, LeaveOneSubjectOut, 1, "leaves nobody to train on"},
		{"nothing to train on", []dataset.Entry{seven[0], seven[6]}, LeaveOneDatasetOut, 0, `without "a" nothing is left to train on`},
		{"nothing to train on for a person", []dataset.Entry{seven[0], seven[6]}, LeaveOneSubjectOut, 0, "without the subjects of fold 1 nothing"},
		{"a typing error", seven, "subjects", 0, `no protocol is called "subjects"`},
	} {
		folds, err := Folds(test.entries, test.protocol, test.merge)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, %v, want an error with %q", test.name, folds, err, test.want)
		}
		if err != nil && strings.Contains(err.Error(), "anna") {
			t.Errorf("%s: the error names a person: %v", test.name, err)
		}
	}
}
