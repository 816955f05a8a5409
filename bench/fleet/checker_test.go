package fleet

import (
	"testing"
	"time"

	"github.com/tempogate/tempogate/consent"
)

// A step is what happens to person 1, at whole seconds, with a lease of 5 s.
type step func(c *Checker)

const second = time.Second

func grants(began, acknowledged int) step { return grantsAs("entry", began, acknowledged) }

func grantsAs(entry string, began, acknowledged int) step {
	return func(c *Checker) {
		c.Began(1, Grant, time.Duration(began)*second)
		c.Acknowledged(1, time.Duration(acknowledged)*second, entry)
	}
}

func withdraws(began, acknowledged int) step {
	return func(c *Checker) {
		c.Began(1, Withdrawal, time.Duration(began)*second)
		c.Acknowledged(1, time.Duration(acknowledged)*second, "")
	}
}

func triesTo(kind Change, began, gaveUp int) step {
	return func(c *Checker) {
		c.Began(1, kind, time.Duration(began)*second)
		c.Failed(1, time.Duration(gaveUp)*second)
	}
}

func sends(sent, answered int) step {
	return func(c *Checker) { c.Accepted(1, 0, time.Duration(sent)*second, time.Duration(answered)*second) }
}

func isDenied(asked, answered int) step {
	return func(c *Checker) {
		c.Denied(1, 0, time.Duration(asked)*second, time.Duration(answered)*second, "never_asked")
	}
}

func hasHistory(changes ...consent.Change) step {
	return func(c *Checker) { c.Remembered(1, 0, changes, 99*second) }
}

var (
	given     = consent.Change{Event: consent.EventGiven, State: consent.Given, SHA256: "entry"}
	renewed   = consent.Change{Event: consent.EventGiven, State: consent.Given, SHA256: "later"}
	withdrawn = consent.Change{Event: consent.EventWithdrawn, State: consent.Withdrawn, SHA256: "another"}
)

func TestCheckerFindsWhatIsPlanted(t *testing.T) {
	for _, test := range []struct {
		name  string
		steps []step
		found string // "" for nothing
	}{
		{"a life without faults", []step{grants(1, 2), sends(3, 4), withdraws(5, 6), isDenied(12, 12), hasHistory(given, withdrawn)}, ""},

		{"a frame a lease after a withdrawal", []step{grants(1, 2), withdraws(5, 6), sends(12, 13)}, FrameLate},
		{"a frame within the lease", []step{grants(1, 2), withdraws(5, 6), sends(11, 13)}, ""},
		{"one that was sent before and answered late", []step{grants(1, 2), withdraws(5, 6), sends(5, 20)}, ""},
		{"a withdrawal of which nobody knows", []step{grants(1, 2), triesTo(Withdrawal, 5, 6), sends(20, 21)}, ""},
		{"a new yes", []step{grants(1, 2), withdraws(5, 6), grants(15, 16), sends(20, 21)}, ""},
		{"a new yes that was only just asked for", []step{grants(1, 2), withdraws(5, 6), triesTo(Grant, 15, 18), sends(16, 17)}, ""},
		{"a frame before that yes was asked for", []step{grants(1, 2), withdraws(5, 6), sends(12, 14), grants(15, 16)}, FrameLate},
		{"a withdrawal after one that failed", []step{grants(1, 2), triesTo(Withdrawal, 3, 4), withdraws(5, 6), sends(12, 12)}, FrameLate},

		{"a denial a lease after a yes", []step{grants(1, 2), isDenied(8, 9)}, ConsentLost},
		{"a denial within the lease", []step{grants(1, 2), isDenied(6, 9)}, ""},
		{"a denial of somebody whose yes is not known", []step{triesTo(Grant, 1, 2), isDenied(20, 21)}, ""},
		{"a denial while a withdrawal is under way", []step{grants(1, 2), triesTo(Withdrawal, 8, 30), isDenied(9, 10)}, ""},
		{"a denial by a withdrawal that was slow", []step{triesTo(Withdrawal, 1, 9), grants(10, 11), isDenied(17, 18)}, ""},
		{"a denial long after that one was given up", []step{triesTo(Withdrawal, 1, 9), grants(40, 41), isDenied(47, 48)}, ConsentLost},
		{"a frame by a grant that was slow", []step{triesTo(Grant, 1, 9), withdraws(10, 11), sends(17, 18)}, FrameLate},
		{"a denial before the withdrawal that comes next", []step{grants(1, 2), isDenied(8, 9), withdraws(10, 11)}, ConsentLost},

		{"a history without the yes", []step{grants(1, 2), hasHistory()}, ConsentLost},
		{"a history with another yes in its place", []step{grants(1, 2), hasHistory(consent.Change{Event: consent.EventGiven, State: consent.Given, SHA256: "another"})}, ConsentLost},
		{"a history without the withdrawal", []step{grants(1, 2), withdraws(5, 6), hasHistory(given)}, ConsentLost},
		{"a history without a withdrawal before the last yes", []step{grants(1, 2), withdraws(5, 6), grantsAs("later", 7, 8), hasHistory(given, renewed)}, ConsentLost},
		{"a history with all of it", []step{grants(1, 2), withdraws(5, 6), grantsAs("later", 7, 8), hasHistory(given, withdrawn, renewed)}, ""},
		{"a withdrawal that was asked for twice and happened once", []step{grants(1, 2), triesTo(Withdrawal, 3, 4), withdraws(5, 6), hasHistory(given, withdrawn)}, ""},
		{"a history with a withdrawal that nobody asked for", []step{grants(1, 2), hasHistory(given, withdrawn)}, ConsentLost},
		{"a withdrawal that was not acknowledged, and happened", []step{grants(1, 2), triesTo(Withdrawal, 5, 6), hasHistory(given, withdrawn)}, ""},
		{"one that did not", []step{grants(1, 2), triesTo(Withdrawal, 5, 6), hasHistory(given)}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := NewChecker(5 * second)
			for _, step := range test.steps {
				step(c)
			}
			switch found := c.Violations(); {
			case test.found == "" && len(found) > 0:
				t.Errorf("found %v", found)
			case test.found != "" && (len(found) != 1 || found[0].What != test.found):
				t.Errorf("found %v, want %s", found, test.found)
			}
		})
	}
}
