package evaluation

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tempogate/tempogate/bench/dataset"
	"github.com/tempogate/tempogate/bench/training"
)

// A Protocol says what a model is tested on and what it was trained on.
type Protocol string

// The protocols. All but Fixed train a fresh model for every fold.
const (
	LeaveOneSubjectOut   Protocol = "subject"   // people whom the model never saw; they share phones and places with those it did
	LeaveOneDatasetOut   Protocol = "dataset"   // other people, phones, places and ways to record: the severest
	LeaveOnePlacementOut Protocol = "placement" // places of the phone that the model never saw, on people whom it may know
	Fixed                Protocol = "fixed"     // one model that was trained elsewhere
)

// A Fold is what one model is trained and tested on.
type Fold struct {
	Name   string
	Groups []string // subjects, data sets or placements that are tested and not trained on; nil for Fixed
	Train  []int    // places in the list of entries, ascending
	Test   []int    // likewise
}

// Folds splits entries by a protocol. For LeaveOneSubjectOut, merge puts whole
// subjects together into that many folds; 0 gives every subject a fold. The
// same entries give the same folds.
//
// Only entries that training.Trainable passes are trained on, and only those
// that hold acceleration are tested, except by Fixed, which tests all. Under
// LeaveOnePlacementOut an entry whose placement is not known is trained on and
// never tested. It is an error when the entries are of one group only, or
// when nothing is left to train on.
func Folds(entries []dataset.Entry, p Protocol, merge int) ([]Fold, error) {
	if p == Fixed {
		fold := Fold{Name: "all"}
		for i := range entries {
			fold.Test = append(fold.Test, i)
		}
		return []Fold{fold}, nil
	}
	groupOf, ok := groups[p]
	if !ok {
		return nil, fmt.Errorf("evaluation: no protocol is called %q", p)
	}
	members := map[string][]int{}
	for i := range entries {
		if group := groupOf(&entries[i]); group != "" && has(&entries[i], "acc") {
			members[group] = append(members[group], i)
		}
	}
	names := make([]string, 0, len(members))
	for name := range members {
		names = append(names, name)
	}
	slices.Sort(names)
	if len(names) < 2 {
		return nil, tooFew(p, names)
	}
	var folds []Fold
	if p == LeaveOneSubjectOut && merge > 0 && merge < len(names) {
		if merge == 1 {
			return nil, errors.New("evaluation: one fold leaves nobody to train on")
		}
		// Dealt out in turn, the subjects of each data set spread over all folds.
		folds = make([]Fold, merge)
		for i, name := range names {
			f := &folds[i%merge]
			f.Name = fmt.Sprintf("fold %d", i%merge+1)
			f.Groups = append(f.Groups, name)
			f.Test = append(f.Test, members[name]...)
		}
	} else {
		for _, name := range names {
			folds = append(folds, Fold{Name: name, Groups: []string{name}, Test: members[name]})
		}
	}
	trainable := map[string]bool{}
	for _, e := range training.Trainable(entries) {
		trainable[e.Path] = true
	}
	for i := range folds {
		f := &folds[i]
		slices.Sort(f.Test)
		for j := range entries {
			if _, tested := slices.BinarySearch(f.Test, j); !tested && trainable[entries[j].Path] {
				f.Train = append(f.Train, j)
			}
		}
		if len(f.Train) == 0 {
			return nil, fmt.Errorf("evaluation: without %s nothing is left to train on", f.inWords(p, i))
		}
	}
	return folds, nil
}

// inWords names a fold in errors, which never hold the name of a person.
func (f *Fold) inWords(p Protocol, number int) string {
	if p == LeaveOneSubjectOut {
		return fmt.Sprintf("the subjects of fold %d", number+1)
	}
	return fmt.Sprintf("%q", f.Name)
}

// groups says for each protocol what is never on both sides. An entry without
// a group is not tested.
var groups = map[Protocol]func(*dataset.Entry) string{
	LeaveOneSubjectOut:   subject,
	LeaveOneDatasetOut:   func(e *dataset.Entry) string { return e.Dataset },
	LeaveOnePlacementOut: func(e *dataset.Entry) string { return e.Placement },
}

// subject names a person. Where nobody knows who it was, a whole data set is
// taken for one.
func subject(e *dataset.Entry) string { return e.Dataset + "/" + e.Subject }

// has tells whether an entry holds a signal, going by the index. An index that
// does not say is believed to have all.
func has(e *dataset.Entry, signal string) bool {
	return e.Signals == "" || slices.Contains(strings.Split(e.Signals, "+"), signal)
}

// tooFew says why a protocol cannot work.
func tooFew(p Protocol, names []string) error {
	what := map[Protocol]string{
		LeaveOneSubjectOut: "subject", LeaveOneDatasetOut: "data set", LeaveOnePlacementOut: "placement",
	}[p]
	if len(names) == 0 {
		if p == LeaveOnePlacementOut {
			return errors.New("evaluation: no recording with acceleration says in the index where the phone was: leave-one-placement-out needs two placements")
		}
		return errors.New("evaluation: no recording with acceleration")
	}
	return fmt.Errorf("evaluation: all recordings with acceleration are of one %s: to leave one out takes two; the protocol %q tests a model without training one", what, Fixed)
}
