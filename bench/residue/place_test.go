//go:build linux

package residue

import (
	"encoding/binary"
	"errors"
	"io/fs"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// victimPattern is what the victim puts in a place (testdata/victim).
func victimPattern(number uint64) (p []byte) {
	for range 2 {
		number = (number + 1) * 0x9E3779B97F4A7C15
		p = binary.LittleEndian.AppendUint64(p, number)
	}
	return p
}

// searchVictim builds the victim, starts it, and returns the places of each pattern.
func searchVictim(t *testing.T, patterns int, flags ...string) [][]Place {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "victim")
	build := exec.Command("go", append(append([]string{"build"}, flags...), "-o", binary, "./testdata/victim")...)
	if said, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	victim := exec.Command(binary)
	_, said := startVictim(t, victim)
	if _, err := said.ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	var n needles
	for number := range patterns {
		n.add(Sent, number, victimPattern(uint64(number)))
	}
	findings, _, err := search(victim.Process.Pid, &n)
	if errors.Is(err, fs.ErrPermission) {
		t.Skip("this machine lets nobody look into other processes: ", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	c, err := openChart(victim.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	places := make([][]Place, patterns)
	for _, f := range findings {
		places[f.owner] = append(places[f.owner], c.place(f.address, f.pattern))
	}
	return places
}

// What is found is named by the place where it is: its kind, what it is a part of, and
// the functions whose frames are beside it.
func TestPlacesAreNamed(t *testing.T) {
	const any = -1
	tests := []struct {
		name   string
		place  Place // what is to be found among others: put has had it in its frame too
		offset int
		near   string // a function that has to be named
	}{
		{"an object", Place{Kind: HeapObject, Size: 4096}, 100, ""},
		{"a variable", Place{Kind: ProgramData}, 0, ""},
		{"a signal stack", Place{Kind: SignalStack, Size: 32 << 10}, 1024, ""},
		{"a goroutine's stack", Place{Kind: GoroutineStack, Began: "main.holdsPattern"}, any, "main.holdsPattern"},
		{"a part of one that is not in use", Place{Kind: GoroutineStack, Began: "main.leavesPattern", Unused: true}, any, ""},
		{"a stack that was moved", Place{Kind: LeftStack}, any, "main.movesPattern"},
	}
	found := searchVictim(t, len(tests))
	for i, test := range tests {
		if !slices.ContainsFunc(found[i], func(p Place) bool {
			sized := test.place.Size == 0 || p.Size == test.place.Size
			begun := test.place.Began == "" || p.Began == test.place.Began
			return p.Kind == test.place.Kind && sized && begun && p.Unused == test.place.Unused && !p.Gone &&
				(test.offset == any || p.Offset == test.offset) && isNear(p, test.near)
		}) {
			t.Errorf("%s: found in %v, want %v near %q", test.name, found[i], test.place, test.near)
		}
	}
}

func isNear(p Place, function string) bool {
	return function == "" || slices.ContainsFunc(p.Near, func(n Neighbour) bool { return n.Function == function })
}

// A program without debugging information still has the names of its functions.
func TestPlacesOfAStrippedProgram(t *testing.T) {
	const onStack = 3
	for name, flags := range map[string][]string{
		"fixed":   {"-ldflags=-s"},
		"movable": {"-ldflags=-s", "-buildmode=pie"},
	} {
		t.Run(name, func(t *testing.T) {
			found := searchVictim(t, onStack+1, flags...)
			if !slices.ContainsFunc(found[onStack], func(p Place) bool { return p.Kind == Anonymous && isNear(p, "main.holdsPattern") }) {
				t.Errorf("found in %v", found[onStack])
			}
			if !slices.ContainsFunc(found[1], func(p Place) bool { return p.Kind == ProgramData }) {
				t.Errorf("a variable is found in %v", found[1])
			}
		})
	}
}

func TestPlaceAsText(t *testing.T) {
	for _, test := range []struct {
		place Place
		want  string
	}{
		{Place{Kind: ProgramData}, "data of the program"},
		{Place{Kind: HeapObject, Size: 4096, Offset: 100}, "heap object of 4096 bytes, 100 into it"},
		{Place{Kind: HeapObject, Size: 64, Unused: true, Gone: true}, "freed heap object of 64 bytes, 0 into it, gone when looked at again"},
		{Place{Kind: GoroutineStack, Size: 8192, Offset: 1000, Unused: true, Began: "main.run", Near: []Neighbour{{"main.b", -8}, {"main.a", 160}}},
			"goroutine stack of 8192 bytes, 1000 into it and not in use there, of a goroutine that began in main.run, beside main.b (-8), main.a (+160)"},
	} {
		if got := test.place.String(); got != test.want {
			t.Errorf("%s, want %s", got, test.want)
		}
	}
	if strings.Contains(Place{Kind: Anonymous}.String(), "0 bytes") {
		t.Error("an unknown size is given")
	}
}
