package consent

import (
	"errors"
	"fmt"
	"sync"
	"testing"
)

// TestAThousandChangesRaceForOnePerson: whoever was answered last has the last
// word, and history holds every change that was answered, once and in order.
func TestAThousandChangesRaceForOnePerson(t *testing.T) {
	changes := 1000
	if testing.Short() {
		changes = 200
	}
	l := openTest(t, LedgerConfig{})
	raceForOnePerson(t, changes, l)
}

// raceForOnePerson lets eight goroutines, spread over the ledgers (which share
// one store), give and withdraw, and compares their answers with the history.
func raceForOnePerson(t *testing.T, changes int, ledgers ...*Ledger) {
	t.Helper()
	const racers = 8
	give(t, ledgers[0], "ada", Acceleration)

	var mu sync.Mutex
	answered := map[uint64]string{} // by the sequence of the entry
	watched := []uint64{}           // revisions, as the first ledger's watcher saw them
	ledgers[0].Watch("ada", func(g Grant) { watched = append(watched, g.Revision) })

	var all sync.WaitGroup
	for racer := range racers {
		l := ledgers[racer%len(ledgers)]
		all.Go(func() {
			for i := range changes / racers {
				method := fmt.Sprintf("racer-%d-%d", racer, i)
				if i%2 == racer%2 {
					r, err := l.Give(t.Context(), "ada", GiveRequest{
						NoticeVersion: l.notice.Version, NoticeSHA256: l.notice.SHA256,
						Categories: []Category{Acceleration, Location}, Method: method,
					})
					for errors.Is(err, &Error{Code: CodeConsentChanged}) { // said no meanwhile: then yes once more
						r, err = l.Give(t.Context(), "ada", GiveRequest{
							NoticeVersion: l.notice.Version, NoticeSHA256: l.notice.SHA256,
							Categories: []Category{Acceleration, Location}, Method: method,
						})
					}
					if err != nil {
						t.Error(err)
						return
					}
					mu.Lock()
					answered[r.Ledger.Sequence] = method
					mu.Unlock()
					continue
				}
				g, err := l.Withdraw(t.Context(), "ada", method)
				if err != nil {
					t.Error(err)
					return
				}
				if g.State != Withdrawn {
					t.Errorf("a withdrawal was answered with %s", g.State)
				}
			}
		})
	}
	all.Wait()

	history, err := ledgers[0].History(t.Context(), "ada")
	if err != nil {
		t.Fatal(err)
	}
	gives := 0
	for i, c := range history {
		if c.Revision != uint64(i)+1 {
			t.Fatalf("change %d has revision %d", i+1, c.Revision)
		}
		if i > 0 && c.State == Withdrawn && history[i-1].State == Withdrawn {
			t.Errorf("change %d withdraws what was withdrawn", c.Revision)
		}
		if method, ok := answered[c.Sequence]; ok {
			gives++
			if method != c.Method {
				t.Errorf("entry %d was answered to %s and holds the change of %s", c.Sequence, method, c.Method)
			}
		}
	}
	if gives != len(answered) || gives != changes/racers*racers/2 {
		t.Errorf("%d of %d gives are in the history, %d were answered", gives, changes/2, len(answered))
	}
	newest := history[len(history)-1]
	for i, l := range ledgers {
		if err := l.renew(t.Context()); err != nil { // hears of everything
			t.Fatal(err)
		}
		if g, err := l.Grant("ada"); err != nil || g.State != newest.State || g.Revision != newest.Revision {
			t.Errorf("ledger %d says %+v, the newest change is %+v (%v)", i, g, newest, err)
		}
		if _, err := l.Audit(t.Context()); err != nil {
			t.Error(err)
		}
	}
	if len(watched) != len(history)-1 {
		t.Errorf("the watcher was told of %d changes of %d", len(watched), len(history)-1)
	}
	for i, revision := range watched {
		if revision != uint64(i)+2 {
			t.Fatalf("the watcher was told of revision %d in place of %d", revision, i+2)
		}
	}
}

// Changes of many people at once: none waits for another's person, none is lost.
func TestManyPeopleAtOnce(t *testing.T) {
	l := openTest(t, LedgerConfig{})
	const people = 64
	var all sync.WaitGroup
	for i := range people {
		all.Go(func() {
			who := fmt.Sprintf("person-%d", i)
			if _, err := l.Give(t.Context(), who, yes(l, Acceleration)); err != nil {
				t.Error(err)
			}
			if _, err := l.Withdraw(t.Context(), who, "test"); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	audit, err := l.Audit(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if audit.People != people || audit.Entries != 1+2*people {
		t.Errorf("%+v, want %d people with two changes each", audit, people)
	}
}
