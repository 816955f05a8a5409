package consent

import (
	"fmt"
	"testing"
	"time"
)

// TestTheGate is the truth table of the one question that this package answers:
// ledger × state × deadline × notice × category. A row names what is against
// it; the reason is the first thing that is.
func TestTheGate(t *testing.T) {
	const nobody, given = "", string(Given)
	for _, row := range []struct {
		hears   bool   // the ledger hears from its store
		state   string // what is written down
		past    bool   // the deadline is behind it
		other   bool   // given under another notice
		covered bool   // the category is in the grant
		want    Reason
	}{
		// The one row that lets data in.
		{true, given, false, false, true, Allowed},
		// One thing against it.
		{true, given, false, false, false, CategoryNotGranted},
		{true, given, false, true, true, NoticeChanged},
		{true, given, true, false, true, Expired},
		{false, given, false, false, true, LedgerUnavailable},
		// Two things against it.
		{true, given, false, true, false, NoticeChanged},
		{true, given, true, false, false, Expired},
		{true, given, true, true, true, Expired},
		{false, given, false, false, false, LedgerUnavailable},
		{false, given, false, true, true, LedgerUnavailable},
		{false, given, true, false, true, LedgerUnavailable},
		// Three, and all.
		{true, given, true, true, false, Expired},
		{false, given, false, true, false, LedgerUnavailable},
		{false, given, true, false, false, LedgerUnavailable},
		{false, given, true, true, true, LedgerUnavailable},
		{false, given, true, true, false, LedgerUnavailable},
		// A no has no deadline and no categories, and needs no other reason.
		{true, Refused, false, false, false, Refused},
		{true, Refused, false, true, false, Refused},
		{false, Refused, false, false, false, LedgerUnavailable},
		{false, Refused, false, true, false, LedgerUnavailable},
		{true, Withdrawn, false, false, false, Withdrawn},
		{true, Withdrawn, false, true, false, Withdrawn},
		{false, Withdrawn, false, false, false, LedgerUnavailable},
		{false, Withdrawn, false, true, false, LedgerUnavailable},
		// Nobody.
		{true, nobody, false, false, false, NeverAsked},
		{false, nobody, false, false, false, LedgerUnavailable},
	} {
		t.Run(fmt.Sprintf("hears=%v state=%s past=%v other=%v covered=%v", row.hears, row.state, row.past, row.other, row.covered), func(t *testing.T) {
			clock := newClock()
			l := gateOf(t, clock)
			p := &person{state: State(row.state), notice: l.onRecord(l.notice.SHA256), deadline: clock.now().Add(time.Hour).UnixNano()}
			if row.past {
				p.deadline = clock.now().UnixNano()
			}
			if row.other {
				p.notice = &words{Notice: noticeOfVersion(t, "2025-01-01")}
			}
			if row.state == given {
				p.categories = []Category{Acceleration}
			}
			if row.state != nobody {
				l.register.people["ada"] = p
			}
			if !row.hears {
				l.heardUntil.Store(int64(time.Since(l.opened)))
			}
			category := Acceleration
			if !row.covered {
				category = Location
			}
			wantReason(t, l, "ada", category, row.want)
		})
	}
}

// gateOf is a ledger with nothing behind it, for tests of what it decides from
// memory.
func gateOf(t testing.TB, clock *clock) *Ledger {
	t.Helper()
	l := &Ledger{notice: current(t), state: newState(), register: newRegister(), unsettled: map[string]struct{}{}, opened: time.Now()}
	l.state.configured, l.state.current = []*Notice{l.notice}, []*Notice{l.notice}
	l.state.put(1, nil, applied{}, l.notice)
	if clock != nil {
		l.now = clock.now
	}
	l.heardUntil.Store(int64(time.Hour))
	return l
}

// A category that nobody has heard of is not granted, and a person with the
// same beginning is another person.
func TestTheGateGuessesNothing(t *testing.T) {
	l := gateOf(t, newClock())
	l.register.people["ada"] = &person{state: Given, notice: l.onRecord(l.notice.SHA256), categories: []Category{Acceleration}, deadline: l.now().Add(time.Hour).UnixNano()}
	wantReason(t, l, "ada", "", CategoryNotGranted)
	wantReason(t, l, "ada", "accel", CategoryNotGranted)
	wantReason(t, l, "ad", Acceleration, NeverAsked)
	wantReason(t, l, "", Acceleration, NeverAsked)
	if (Decision{}).Allowed {
		t.Error("the zero decision lets data in")
	}
}

// loaded is a gate with as many people as asked for, each with a principal of
// the usual form.
func loaded(b testing.TB, people int) (*Ledger, []string) {
	l := gateOf(b, nil)
	shared := []Category{Acceleration}
	principals := make([]string, people)
	for i := range principals {
		principals[i] = nameOf(i)
		l.register.people[principals[i]] = &person{
			state: Given, notice: l.onRecord(l.notice.SHA256), categories: shared, revision: 1, sequence: uint64(i),
			givenAt: l.opened, changedAt: l.opened, deadline: l.opened.Add(time.Hour).UnixNano(),
		}
	}
	return l, principals
}

func TestDecideDoesNotAllocate(t *testing.T) {
	l, principals := loaded(t, 1000)
	i := 0
	if allocations := testing.AllocsPerRun(1000, func() {
		i++
		principal := principals[i%len(principals)]
		if !l.Decide(principal, Acceleration).Allowed || !l.Permit(principal).Acceleration.Allowed {
			t.Error("refused")
		}
	}); allocations != 0 {
		t.Errorf("%v allocations, want none", allocations)
	}
}

// stride leads through any number of people below it in an order that no cache
// foresees: it is prime.
const stride = 61_813

// BenchmarkDecide asks with 100,000 people in the ledger: live for a thousand of
// them in turn, as sessions do with every frame, and anybody for all, where the
// memory is cold each time. The bare look-up in a map of that size, in the same
// run, is what there is to compare with.
func BenchmarkDecide(b *testing.B) {
	l, principals := loaded(b, 100_000)
	for _, who := range []struct {
		name   string
		people int
	}{{"live", 1000}, {"anybody", len(principals)}} {
		b.Run(who.name, func(b *testing.B) {
			b.ReportAllocs()
			at := 0
			for b.Loop() {
				at = (at + stride) % who.people
				if !l.Decide(principals[at], Acceleration).Allowed {
					b.Fatal("refused")
				}
			}
		})
		b.Run(who.name+"-permit", func(b *testing.B) {
			b.ReportAllocs()
			at := 0
			for b.Loop() {
				at = (at + stride) % who.people
				if !l.Permit(principals[at]).Acceleration.Allowed {
					b.Fatal("refused")
				}
			}
		})
		b.Run(who.name+"-bare-map", func(b *testing.B) {
			at := 0
			for b.Loop() {
				at = (at + stride) % who.people
				if l.register.people[principals[at]] == nil {
					b.Fatal("nobody")
				}
			}
		})
	}
	b.Run("live-parallel", func(b *testing.B) {
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for at := 0; pb.Next(); {
				at = (at + stride) % 1000
				if !l.Decide(principals[at], Acceleration).Allowed {
					b.Error("refused")
				}
			}
		})
	})
}
