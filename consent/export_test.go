package consent

import (
	"encoding/json"
	"strings"
	"testing"
)

// All of a person's life with the ledger, and nothing of anybody else's.
func TestExportIsAllThatIsKnownOfOnePerson(t *testing.T) {
	dir := t.TempDir()
	first := []*Notice{testNotice(t, "2026-11-01", "en", true), testNotice(t, "2026-11-01", "de", true)}
	l := openTest(t, LedgerConfig{Dir: dir, Notices: first})
	give(t, l, "bea", Acceleration)
	request := yes(l, Acceleration, Location)
	request.NoticeSHA256, request.Recipients = first[1].SHA256, []string{"coach"}
	if _, err := l.Give(t.Context(), "ada", request); err != nil {
		t.Fatal(err)
	}
	withdraw(t, l, "ada", Location)
	closeTest(t, l)

	second := testNotice(t, "2026-12-01", "en", true)
	l = openTest(t, LedgerConfig{Dir: dir, Notice: second})
	withdraw(t, l, "ada")
	give(t, l, "ada", Acceleration)
	withdraw(t, l, "bea")

	e, err := l.Export(t.Context(), "ada")
	if err != nil {
		t.Fatal(err)
	}
	var events []string
	for _, c := range e.History {
		events = append(events, string(c.Event))
	}
	if got := strings.Join(events, " "); got != "given withdrawn withdrawn given" {
		t.Errorf("history: %s", got)
	}
	if err := e.Receipt.Verify(l.Keys()); err != nil {
		t.Error(err)
	}
	if e.Receipt.Ledger.Sequence != e.History[3].Sequence || e.Grant.Revision != 4 || e.Grant.State != Given {
		t.Errorf("the parts are of different moments: receipt %d, history %d, grant %d",
			e.Receipt.Ledger.Sequence, e.History[3].Sequence, e.Grant.Revision)
	}
	var words []string
	for _, n := range e.Notices {
		words = append(words, n.Version+"."+n.Language)
	}
	if got := strings.Join(words, " "); got != "2026-11-01.de 2026-12-01.en" {
		t.Errorf("notices: %s", got)
	}
	text, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), `"bea"`) || strings.Contains(string(text), recordOf(t, l, "bea")) {
		t.Error("somebody else is in it")
	}
	_, err = l.Export(t.Context(), "cyd")
	wantCode(t, err, CodeNeverAsked)
}
