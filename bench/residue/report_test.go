package residue

import (
	"encoding/json"
	"strings"
	"testing"
)

// A copy that was left is reported with whose it was and with the place where it lies,
// as text and as JSON. What was planted, and what is in a window, is none.
func TestReportOfACopy(t *testing.T) {
	const session, planted = 0, 1
	run := &runner{config: Config{URL: "https://example.org"}, needles: &needles{}}
	run.subjects = []*subject{{run: run, index: session, how: &sendings[2], ending: Timeout}}
	left := finding{run.needles.add(Text, session, []byte("480.39179475")), 0xc000012345}
	control := finding{run.needles.add(Sent, planted, []byte("212.50000001")), 0xc000054321}
	place := func(f finding) Place {
		if f != left {
			t.Errorf("asked for the place of %+v", f)
		}
		return Place{Kind: GoroutineStack, Size: 4096, Offset: 512, Began: "main.run", Near: []Neighbour{{"main.read", -40}}}
	}
	report := &Report{Rounds: 1}
	report.take(run, inWindow, []int{planted}, []finding{control, left}, 1<<20, place)
	if report.Copies != 0 {
		t.Errorf("%d copies while the canaries are in the window", report.Copies)
	}
	report.take(run, afterEnd, []int{planted}, []finding{control, left}, 1<<20, place)
	const line = "LEFT after the end: text, tls, json-s2, ended by timeout: 3438302e3339313739343735 at 0xc000012345: " +
		"goroutine stack of 4096 bytes, 512 into it, of a goroutine that began in main.run, beside main.read (-40)\n"
	if text := report.String(); !strings.Contains(text, line) || !strings.Contains(text, "\nresidue_copies 1\n") {
		t.Errorf("the report does not say %q:\n%s", line, text)
	}
	text, err := json.Marshal(report.Findings)
	const want = `[{"transport":"tls","sending":"json-s2","ending":"timeout","when":"after the end","form":"text",` +
		`"pattern":"3438302e3339313739343735","address":824633795397,` +
		`"place":{"kind":"goroutine stack","size":4096,"offset":512,"began":"main.run","near":[{"function":"main.read","distance":-40}]}}]`
	if err != nil || string(text) != want {
		t.Errorf("as JSON %s %v, want %s", text, err, want)
	}
}
