package consent

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

func init() { children["changes"] = changeUntilKilled }

const killPeople = 3

// changeUntilKilled gives and withdraws for three people in turn and prints a
// line as soon as a change has been acknowledged.
func changeUntilKilled(dir string) error {
	l, err := OpenLedger(context.Background(), LedgerConfig{Dir: dir})
	if err != nil {
		return err
	}
	for i := 0; ; i++ {
		who := fmt.Sprintf("person-%d", i%killPeople)
		g, err := l.Grant(who)
		if err == nil && g.State == Given {
			_, err = l.Withdraw(context.Background(), who, "test")
		} else {
			_, err = l.Give(context.Background(), who, yes(l, Acceleration))
		}
		if err != nil {
			return err
		}
		if g, err = l.Grant(who); err != nil {
			return err
		}
		fmt.Println(who, g.Revision, g.State)
	}
}

// TestKilledRightAfterAnAcknowledgement: a process is killed with SIGKILL right
// after it has acknowledged a change, a hundred times on the same ledger. What
// was acknowledged must be there, and nothing but the one change that may have
// been under way may be there besides.
//
// SIGKILL ends the process and not the machine, so what this cannot show is
// that the data left the system's cache: TestTheStoreSyncsAlways does.
func TestKilledRightAfterAnAcknowledgement(t *testing.T) {
	rounds := 100
	switch {
	case testing.Short():
		rounds = 10
	case raceDetector:
		rounds = 25
	}
	dir := t.TempDir()
	random := rand.New(rand.NewPCG(1, 2))
	kept, acknowledged := 0, map[string]string{} // the newest change of each person
	for range rounds {
		victim := child(t, "changes", dir)
		output, err := victim.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		complaints := &strings.Builder{}
		victim.Stderr = complaints
		if err := victim.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(output)
		for killAfter := 1 + random.IntN(12); lines.Scan(); killAfter-- {
			who, change, _ := strings.Cut(lines.Text(), " ")
			acknowledged[who] = change
			if killAfter == 1 {
				if err := victim.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			} // and read on: what else it said in the meantime was acknowledged too
		}
		if err := victim.Wait(); err == nil || complaints.Len() > 0 {
			t.Fatalf("the process ended by itself: %v %s", err, complaints)
		}
		if survives(t, dir, acknowledged) {
			kept++
		}
	}
	t.Logf("killed %d times, every acknowledged change was there %d times", rounds, kept)
	if kept != rounds {
		t.Errorf("an acknowledged change was lost in %d of %d rounds", rounds-kept, rounds)
	}
}

// survives opens the ledger and compares. It leaves in acknowledged what is
// there, because the next round goes on from that.
func survives(t *testing.T, dir string, acknowledged map[string]string) bool {
	t.Helper()
	l, err := OpenLedger(t.Context(), LedgerConfig{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer closeTest(t, l)
	if _, err := l.Audit(t.Context()); err != nil {
		t.Error(err)
		return false
	}
	all, underWay := true, 0
	for i := range killPeople {
		who := fmt.Sprintf("person-%d", i)
		history, err := l.History(t.Context(), who)
		if err != nil && !errors.Is(err, ErrNeverAsked) {
			t.Fatal(err)
		}
		want, newest, found := acknowledged[who], "", false
		for _, c := range history {
			newest = fmt.Sprint(c.Revision, " ", c.State)
			found = found || newest == want
		}
		if want != "" && !found {
			t.Errorf("%s: %s was acknowledged and is not there", who, want)
			all = false
		}
		if newest != want {
			underWay++
			acknowledged[who] = newest
		}
	}
	if underWay > 1 {
		t.Errorf("%d changes are there that were not acknowledged, at most one can have been under way", underWay)
		all = false
	}
	return all
}
