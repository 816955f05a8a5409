package scale

import (
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestFormulas(t *testing.T) {
	for _, test := range []struct {
		what      string
		got, want float64
	}{
		{"Erlang C, one server, half busy", ErlangC(1, 0.5), 0.5}, // waits when it is busy
		{"Erlang C, two servers, half busy", ErlangC(2, 1), 1.0 / 3},
		{"Erlang C, ten servers, 8 busy", ErlangC(10, 8), 0.4092}, // tables of Erlang C
		{"Erlang C, too much", ErlangC(2, 2), 1},
		{"M/D/1, half busy", WaitMDC(1, 0.5), 0.5}, // ρ/(2(1-ρ))
		{"M/D/1, 0.9", WaitMDC(1, 0.9), 4.5},
		{"M/D/2, 1.8: half of M/M/2 (4.263), and 0.6 % more", WaitMDC(2, 1.8), 2.1445},
		{"M/D/1, too much", WaitMDC(1, 1), math.Inf(1)},
		{"Poisson, 10, 95 %", PoissonQuantile(10, 0.95), 15},
		{"Poisson, 0.5, 99 %", PoissonQuantile(0.5, 0.99), 3},
		{"Poisson, nobody", PoissonQuantile(0, 0.5), 0},
		{"Poisson, a million: the normal distribution's 3.719 deviations", PoissonQuantile(1e6, 1-1e-4), 1e6 + 3719},
	} {
		if math.Abs(test.got-test.want) > 5e-4*test.want+1e-9 && test.got != test.want {
			t.Errorf("%s: %v, want %v", test.what, test.got, test.want)
		}
	}
}

// The density of starts is one over a day, and the sessions of a user are, over a
// day, their runs times their length (Little's law).
func TestADayIsWhole(t *testing.T) {
	c := Config{}.WithDefaults()
	sum, sessions := 0.0, 0.0
	for m := range minutes {
		sum += share(float64(m)/60) / 60
		sessions += c.meanSessions(float64(m)/60) / minutes
	}
	if math.Abs(sum-1) > 1e-3 {
		t.Errorf("%v of all runs begin in a day", sum)
	}
	if want := c.Habits.RunsPerDay * c.Habits.Length.Hours() / 24; math.Abs(sessions-want) > 0.01*want {
		t.Errorf("%v sessions of a user on average, want %v", sessions, want)
	}
	if share(-1) != share(23) || share(25) != share(1) {
		t.Error("the days before and after are others")
	}
}

func TestPlan(t *testing.T) {
	small, large := Config{}.Plan(1000), Config{}.Plan(75e6)
	if small.Cells != 1 || small.Nodes != 3 || small.Servers != 3 {
		t.Errorf("a thousand users: %+v", small)
	}
	if !slices.IsSortedFunc(large.Limits, func(a, b Limit) int { return int(a.Users - b.Users) }) {
		t.Errorf("limits in another order: %+v", large.Limits)
	}
	if large.Users/float64(large.Cells) > large.Limits[0].Users {
		t.Errorf("%v users in each of %d clusters, and %s at %v", large.Users/float64(large.Cells), large.Cells, large.Limits[0].What, large.Limits[0].Users)
	}
	if large.Start > longestStart {
		t.Errorf("a node starts in %v", large.Start)
	}
	// Dearer frames need more nodes, once two are not enough.
	dear := Config{Costs: Costs{CPUPerFrame: 10 * time.Millisecond}}.Plan(1e6)
	if nodes := 1 + int(math.Ceil(dear.Likely/dear.ByCPU)); dear.Nodes != nodes || nodes < 10 {
		t.Errorf("%d nodes, want %d", dear.Nodes, nodes)
	}
}

// The simulation says what the formulas do, and the same again.
func TestSimulation(t *testing.T) {
	c := Config{}
	p := c.Plan(200_000)
	checks := c.Simulate(p, 7)
	if again := c.Simulate(p, 7); !slices.Equal(checks, again) {
		t.Errorf("the same seed says\n%v and then\n%v", checks, again)
	}
	if other := c.Simulate(p, 8); slices.Equal(checks, other) {
		t.Error("another seed says the same")
	}
	for _, check := range checks {
		off := check.Simulated/check.Formula - 1
		if check.Bound && off > 0 || !check.Bound && math.Abs(off) > 0.08 {
			t.Errorf("%s: %v by the formula, %v simulated", check.What, check.Formula, check.Simulated)
		}
	}
	if len(checks) != 8 {
		t.Errorf("%d checks", len(checks))
	}
}

// docs/scale.md says what the program does.
func TestDocument(t *testing.T) {
	if raceDetector {
		t.Skip("takes long with the race detector, and has no second goroutine")
	}
	text, err := os.ReadFile("../../docs/scale.md")
	if err != nil {
		t.Fatal(err)
	}
	want := Config{}.Append(nil, []float64{1e6, 75e6}, 1, func(float64) {})
	if !strings.Contains(string(text), string(want)) {
		t.Errorf("docs/scale.md has other tables than tempogate scale prints:\n%s", want)
	}
}
