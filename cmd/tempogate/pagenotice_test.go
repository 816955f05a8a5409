package main

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// noticeFolder is a folder with a notice of an operator's own.
func noticeFolder(t *testing.T, change func(notice map[string]any)) string {
	t.Helper()
	var notice map[string]any
	if err := readJSON(filepath.Join("..", "..", "consent", "notice", "2026-11-01.en.json"), &notice); err != nil {
		t.Fatal(err)
	}
	change(notice)
	text, err := json.Marshal(notice)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	name := fmt.Sprintf("%s.en.json", notice["version"])
	sums := fmt.Sprintf("%x  %s\n", sha256.Sum256(text), name)
	for file, content := range map[string]string{name: string(text), "SHA256SUMS": sums} {
		if err := os.WriteFile(filepath.Join(dir, file), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// Each recipient that a notice names is a choice of its own, and none is made
// in advance.
func TestPageAsksForEachRecipient(t *testing.T) {
	t.Parallel()
	folder := noticeFolder(t, func(notice map[string]any) {
		notice["version"] = "2027-01-01"
		notice["recipients"] = []map[string]string{
			{"name": "coach", "why": "So that your coach sees your tempo while you run."},
			{"name": "music", "why": "So that the music follows you."},
		}
	})
	b, s, m := openTab(t), startSite(t, "--anonymous", "--notices", folder), simulatedRun(t)
	b.open(s)
	b.until("the recipients", "document.querySelectorAll('#recipients input').length === 2")
	if ticked := b.value("document.querySelectorAll('input:checked').length"); ticked != "0" {
		t.Errorf("%s choices are made in advance", ticked)
	}
	b.accessible("with recipients")
	b.tap("#recipients input[value=music]")
	b.play(m)
	b.tap("#allow")
	b.shows(m)
	grant := b.value("import('/web/client/tempogate.js').then((m) => new m.Tempogate({token: localStorage['tempogate.token']}).consent())" +
		".then((g) => JSON.stringify([g.categories, g.recipients]))")
	if grant != `[["acceleration"],["music"]]` {
		t.Errorf("granted: %s", grant)
	}
	// To share location too changes nothing about whom it goes to.
	b.tap("#use-location")
	b.until("the speed", "parseFloat(document.querySelector('#speed').textContent) > 6")
	grant = b.value("import('/web/client/tempogate.js').then((m) => new m.Tempogate({token: localStorage['tempogate.token']}).consent())" +
		".then((g) => JSON.stringify([g.categories, g.recipients]))")
	if grant != `[["acceleration","location"],["music"]]` {
		t.Errorf("granted with location: %s", grant)
	}
	// And to take it back leaves the rest.
	b.tap("#use-location")
	b.until("location to be taken back", "(await (await import('/web/client/tempogate.js')).Tempogate.prototype.consent.call("+
		"new (await import('/web/client/tempogate.js')).Tempogate({token: localStorage['tempogate.token']}))).categories.length === 1")
	b.tempo(m.from, m.to)
}
