package main

import (
	"compress/gzip"
	"encoding/json"
	"io"
	"os"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// A violation is what the checker finds wrong.
type violation struct {
	ID, Help string
	Nodes    []struct{ HTML, FailureSummary string }
}

// violations runs an automatic checker on the page as it is.
func (b *tab) violations() (found []violation) {
	b.t.Helper()
	packed, err := os.Open("testdata/axe/axe.min.js.gz")
	if err != nil {
		b.t.Fatal(err)
	}
	defer packed.Close()
	unpacked, err := gzip.NewReader(packed)
	if err != nil {
		b.t.Fatal(err)
	}
	axe, err := io.ReadAll(unpacked)
	if err != nil {
		b.t.Fatal(err)
	}
	b.value("(() => { if (!window.axe) { (0, eval)(" + quoteJS(string(axe)) + ") } })()")
	if err := json.Unmarshal([]byte(b.value("axe.run().then((r) => JSON.stringify(r.violations))")), &found); err != nil {
		b.t.Fatal(err)
	}
	return found
}

// accessible fails the test for what the checker finds wrong, in light and in
// dark.
func (b *tab) accessible(where string) {
	b.t.Helper()
	for _, scheme := range []string{"light", "dark"} {
		call(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
		})
		for _, v := range b.violations() {
			for _, node := range v.Nodes {
				b.t.Errorf("%s, %s: %s: %s\n%s\n%s", where, scheme, v.ID, v.Help, node.HTML, node.FailureSummary)
			}
		}
	}
}

// quoteJS returns a text as a JavaScript string.
func quoteJS(text string) string {
	quoted, err := json.Marshal(text)
	if err != nil { // a string always can be
		panic(err)
	}
	return string(quoted)
}

// An automatic checker finds nothing: while asking, running either way, with a
// message, and on the page for other apps. All can be reached with the keyboard
// in the order in which it is read.
func TestPageAccessibility(t *testing.T) {
	t.Parallel()
	b, s, m := openTab(t), startSite(t, "--anonymous"), simulatedRun(t)
	b.open(s)
	b.until("the notice", "document.querySelectorAll('#notice p').length > 3")
	b.accessible("asking")

	order := b.value(`(() => [...document.querySelectorAll('a, button, input')].filter((e) => e.offsetParent && e.tabIndex >= 0)
		.map((e) => e.id || e.textContent).join(' '))()`)
	if order != "choose-location decline allow" {
		t.Errorf("the keyboard reaches: %s", order)
	}

	b.play(m)
	b.decline()
	b.shows(m)
	b.accessible("on the phone")

	b.tap("#switch")
	b.tap("#allow")
	b.reads("#where-text", "Sent to")
	b.tempo(m.from, m.to)
	b.accessible("streamed")
	b.tap("#withdraw")
	b.reads("#message", "Withdrawn")
	b.accessible("withdrawn")

	b.run(chromedp.Navigate(s.url + "/push"))
	b.reads("#live", "turned away")
	b.accessible("for other apps")

	// The control: the checker does find what is wrong.
	b.value("document.querySelector('#new').textContent = ''")
	if found := b.violations(); len(found) != 1 || found[0].ID != "button-name" {
		t.Errorf("a button without a name: %v", found)
	}
}
