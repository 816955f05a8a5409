//go:build linux

package residue

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/tempogate/tempogate/classifier"
)

// victimVariable makes the test binary be a process that is searched.
const victimVariable = "TEMPOGATE_TEST_VICTIM"

func TestMain(m *testing.M) {
	if os.Getenv(victimVariable) == "" {
		goleak.VerifyTestMain(m)
		return
	}
	// Victims and searchers make the same canaries. What they are made from must
	// not lie about here.
	in := bufio.NewReader(os.Stdin)
	held := hold()
	fmt.Println("holds")
	in.ReadString('\n')
	for _, h := range held {
		clear(h)
	}
	fmt.Println("cleared")
	in.ReadString('\n')
}

// plantSeed is that of the canaries that a victim holds.
const plantSeed = 5

// victimCanaries are what a victim holds and a searcher looks for.
func victimCanaries() []classifier.Sample {
	return canaries(rand.New(rand.NewPCG(plantSeed, plantSeed)), 2, firstTime)
}

// hold returns a canary's value in each form that one has in memory, one each.
// Nothing else of it is in the process: that it is, a search would show.
func hold() [][]byte {
	samples := victimCanaries()
	defer clear(samples)
	a, b := int64(math.Round(samples[0].X/step)), int64(math.Round(samples[1].X/step))
	text := []byte(digits(samples[0].X))
	masked := []byte(digits(samples[0].Y))
	for i := range masked {
		masked[i] ^= victimKey[i%4]
	}
	return [][]byte{
		binary.LittleEndian.AppendUint64(nil, math.Float64bits(samples[0].X)),
		binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(nil, uint64(a)), uint64(b)),
		text,
		masked,
	}
}

var victimKey = [4]byte{0x11, 0x22, 0x33, 0x44}

// startVictim starts a process that says when it is ready to be searched. It is
// written to by in, and ends with the test.
func startVictim(t *testing.T, victim *exec.Cmd) (in io.Writer, said *bufio.Reader) {
	t.Helper()
	stdin, err := victim.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := victim.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := victim.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stdin.Close(); victim.Wait() })
	return stdin, bufio.NewReader(out)
}

// A search finds what a process holds in each form, and no longer when that has
// been overwritten.
func TestSearchFindsWhatIsPlanted(t *testing.T) {
	victim := exec.Command(os.Args[0])
	victim.Env = append(os.Environ(), victimVariable+"=1")
	in, said := startVictim(t, victim)

	var n needles
	samples := victimCanaries()
	n.addValues(0, samples, true)
	n.addMessage(0, []byte(digits(samples[0].Y)), samples, true, &victimKey)
	found := func() map[Form]int {
		if _, err := said.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
		findings, looked, err := search(victim.Process.Pid, &n)
		if errors.Is(err, fs.ErrPermission) {
			t.Skip("this machine lets nobody look into other processes: ", err)
		}
		if err != nil || looked < 1<<20 {
			t.Fatal(looked, err)
		}
		forms := make(map[Form]int)
		for _, f := range findings {
			forms[f.form]++
		}
		return forms
	}
	before := found()
	for _, form := range []Form{Float, Integer, Text, Masked} {
		if before[form] == 0 {
			t.Errorf("%v: not found in a process that holds it", form)
		}
	}
	fmt.Fprintln(in)
	after := found()
	for _, form := range []Form{Integer, Masked} { // nothing else was made of them on the way
		if after[form] != 0 {
			t.Errorf("%v: found %d times in a process that has overwritten it", form, after[form])
		}
	}
	for form := range after {
		if after[form] >= before[form] {
			t.Errorf("%v: found %d times, and %d times before it was overwritten", form, after[form], before[form])
		}
	}
}

func TestSearchOfNobody(t *testing.T) {
	_, _, err := search(1<<22+1, &needles{}) // beyond the largest number of a process
	if err == nil || !strings.Contains(err.Error(), "there is no process") {
		t.Errorf("error %v", err)
	}
}
