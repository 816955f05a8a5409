package presence

import (
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A bus delivers at once to everybody, and can lose what it is given.
type bus struct {
	mu     sync.Mutex
	loses  bool
	broken bool // and says so
	each   map[int]func([]byte)
	next   int
}

func (b *bus) Announce(message []byte) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.broken {
		return fmt.Errorf("no connection")
	}
	if !b.loses {
		for _, each := range b.each {
			each(message)
		}
	}
	return nil
}

func (b *bus) Listen(each func([]byte)) (func(), error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.each == nil {
		b.each = map[int]func([]byte){}
	}
	b.next++
	at := b.next
	b.each[at] = each
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.each, at)
	}, nil
}

// quietTable is one that speaks only when it is told, and whose clock is the
// caller's.
func quietTable(b *bus, number uint64, now *time.Time) *Table {
	config := Config{Bus: b, Most: 4, Hold: 10 * time.Second, Settle: 2 * time.Second}
	t := newTable(config, number)
	b.Listen(func(message []byte) { t.hear(message, *now) })
	return t
}

func TestOthersLearnAtOnce(t *testing.T) {
	var b bus
	var tables [3]*Table
	for i := range tables {
		table, err := New(Config{Bus: &b, Most: 4, Beat: time.Hour}) // what it says between beats is enough
		if err != nil {
			t.Fatal(err)
		}
		if i != 1 { // which is closed below
			defer table.Close()
		}
		tables[i] = table
	}
	tables[0].Set("ada", 2)
	tables[1].Set("ada", 1)
	want(t, tables[2], "ada", 3)
	want(t, tables[0], "ada", 1)
	want(t, tables[2], "bea", 0)
	tables[0].Set("ada", 0)
	want(t, tables[2], "ada", 1)
	tables[1].Close()
	want(t, tables[2], "ada", 0)
}

// want waits until a table knows of so many sessions elsewhere.
func want(t *testing.T, table *Table, who string, sessions int) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); table.Elsewhere(who) != sessions; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d sessions of %s elsewhere, want %d", table.Elsewhere(who), who, sessions)
		}
	}
}

func TestWhatWasLostIsSaidAgain(t *testing.T) {
	now := time.Unix(1000, 0)
	var b bus
	one, two := quietTable(&b, 1, &now), quietTable(&b, 2, &now)
	b.loses = true
	one.Set("ada", 3)
	one.Set("bea", 1)
	one.sayChanged()
	want(t, two, "ada", 0)
	b.loses = false
	for part := range parts {
		one.beat(part, now)
	}
	want(t, two, "ada", 3)
	want(t, two, "bea", 1)

	// An end that got lost too.
	b.loses = true
	one.Set("ada", 0)
	one.sayChanged()
	b.loses = false
	want(t, two, "ada", 3)
	for part := range parts {
		one.beat(part, now)
	}
	want(t, two, "ada", 0)
	want(t, two, "bea", 1)

	// A node that knows it could not speak says everything at once, and asks the
	// others to.
	two.Set("cyd", 2)
	two.sayChanged()
	b.broken = true
	one.Set("ada", 2)
	one.sayChanged()
	delete(one.nodes, 2)
	clear(one.elsewhere)
	b.broken = false
	one.beat(0, now)
	want(t, two, "ada", 2)
	two.beat(0, now)
	want(t, one, "cyd", 2)
	one.beat(1, now) // and that is the end of it
	if one.asked || two.asked || one.behind || two.behind {
		t.Error("they keep asking each other")
	}
}

func TestASilentNodeCountsForAWhile(t *testing.T) {
	now := time.Unix(1000, 0)
	var b bus
	one, two := quietTable(&b, 1, &now), quietTable(&b, 2, &now)
	one.Set("ada", 3)
	one.sayChanged()
	now = now.Add(10 * time.Second)
	two.beat(0, now)
	want(t, two, "ada", 3)
	now = now.Add(time.Millisecond)
	two.beat(0, now)
	want(t, two, "ada", 0)
	one.beat(keyOf("ada").part(), now) // it was only slow
	want(t, two, "ada", 3)
}

func TestTooManyAtOnce(t *testing.T) {
	now := time.Unix(1000, 0)
	var b bus
	tables := []*Table{quietTable(&b, 1, &now), quietTable(&b, 2, &now), quietTable(&b, 3, &now)}
	set := func(at int, sessions int) {
		tables[at].mu.Lock()
		tables[at].here[keyOf("ada")] = here{"ada", sessions}
		tables[at].look(keyOf("ada"), now)
		tables[at].changed[keyOf("ada")] = struct{}{}
		tables[at].mu.Unlock()
	}
	for i, sessions := range []int{3, 2, 4} { // 9, and 4 are allowed
		set(i, sessions)
	}
	for _, table := range tables {
		table.sayChanged()
	}
	for i, table := range tables {
		if s := table.Surplus(now.Add(1999 * time.Millisecond)); s != nil {
			t.Errorf("node %d ends sessions before what others said has settled: %v", i+1, s)
		}
	}
	now = now.Add(2 * time.Second)
	ends := []int{0, 1, 4}
	for i, table := range tables {
		if got := table.Surplus(now)["ada"]; got != ends[i] {
			t.Errorf("node %d ends %d of its sessions, want %d", i+1, got, ends[i])
		}
	}
	// Once they have, nobody has anything to end.
	for i, sessions := range []int{3, 1, 0} {
		set(i, sessions)
		if sessions == 0 {
			tables[i].Set("ada", 0)
		}
		tables[i].sayChanged()
	}
	for i, table := range tables {
		if s := table.Surplus(now.Add(time.Hour)); s != nil {
			t.Errorf("node %d goes on ending: %v", i+1, s)
		}
	}
}

// One who is at the limit, no more, is left alone.
func TestAsManyAsAllowed(t *testing.T) {
	now := time.Unix(1000, 0)
	var b bus
	one, two := quietTable(&b, 1, &now), quietTable(&b, 2, &now)
	one.Set("ada", 2)
	two.Set("ada", 2)
	one.sayChanged()
	two.sayChanged()
	for _, table := range []*Table{one, two} {
		if s := table.Surplus(now.Add(time.Hour)); s != nil {
			t.Errorf("surplus %v", s)
		}
	}
}

// More people than one message takes.
func TestManyPeople(t *testing.T) {
	now := time.Unix(1000, 0)
	var b bus
	one, two := quietTable(&b, 1, &now), quietTable(&b, 2, &now)
	const people = 2*mostInMessage + 7
	for i := range people {
		one.Set(fmt.Sprint(i), 1)
	}
	one.sayChanged()
	if n := len(two.elsewhere); n != people {
		t.Errorf("%d people, want %d", n, people)
	}
	clear(two.elsewhere)
	delete(two.nodes, 1)
	one.sayAll()
	if n := len(two.elsewhere); n != people {
		t.Errorf("%d people after everything was said again, want %d", n, people)
	}
}

// What cannot be read changes nothing and breaks nothing.
func FuzzHear(f *testing.F) {
	now := time.Unix(1000, 0)
	var b bus
	one := quietTable(&b, 1, &now)
	one.Set("ada", 2)
	b.Listen(func(message []byte) { f.Add(message) })
	one.sayChanged()
	one.sayAll()
	f.Add(one.head(kindHello))
	f.Add(one.head(kindGone))
	f.Fuzz(func(t *testing.T, message []byte) {
		two := newTable(Config{Most: 4}, 2)
		for range 2 { // the same again changes nothing
			two.hear(message, now)
		}
		sum := map[key]int{}
		for _, n := range two.nodes {
			for k, sessions := range n.people {
				sum[k] += int(sessions)
			}
		}
		if len(sum) != len(two.elsewhere) {
			t.Fatalf("%d people of the nodes, %d in all", len(sum), len(two.elsewhere))
		}
		for k, sessions := range sum {
			if two.elsewhere[k] != sessions {
				t.Fatalf("%d sessions of the nodes, %d in all", sessions, two.elsewhere[k])
			}
		}
	})
}

// TestMemory states what a person elsewhere costs, for docs/scale.md.
func TestMemory(t *testing.T) {
	now := time.Unix(1000, 0)
	var b bus
	one := quietTable(&b, 1, &now)
	const people = 100_000
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	other := newTable(Config{Most: 4}, 2)
	for i := range people {
		message := appendPerson(other.head(kindChanged), keyOf(fmt.Sprint(i)), 1)
		one.hear(message, now)
	}
	each := float64(heap()-before) / people
	t.Logf("presence_bytes_per_person %.0f", each)
	if each > 200 {
		t.Errorf("%.0f bytes for each person with sessions elsewhere", each)
	}
	runtime.KeepAlive(one)
}
