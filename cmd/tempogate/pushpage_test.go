package main

import (
	"bytes"
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/tempogate/tempogate/classifier"
	"github.com/tempogate/tempogate/ingest/wire"
)

// An app that can only push gets an address as a QR code; what it pushes shows
// on the page, until consent is withdrawn.
func TestPushPage(t *testing.T) {
	t.Parallel()
	b, s, m := openTab(t), startSite(t, "--anonymous"), simulatedRun(t)
	b.run(chromedp.Navigate(s.url + "/push"))
	b.reads("#message", "Say yes on the page before first")

	b.open(s)
	stop := b.play(m)
	b.allow()
	b.tap("#start") // stop: the app takes over
	stop()
	b.tap("#to-push")
	b.tap("#new")
	b.until("the code", "document.querySelector('#qr path')")
	link := b.text("#url")
	if !strings.HasPrefix(link, s.url+"/v1/push/") {
		t.Fatalf("the address is %s", link)
	}

	pushing, end := context.WithCancel(t.Context())
	defer end()
	statuses := make(chan int, 1)
	go pushBatches(pushing, link, m.samples, statuses)
	b.shows(m)
	b.reads("#state", "The last push came")
	b.accessible("with an address")
	b.screenshot("push")

	b.value("import('/web/client/tempogate.js').then((m) => new m.Tempogate({token: localStorage['tempogate.token']}).withdraw())")
	b.reads("#state", "turned away")
	waitFor(t, "a push to be turned away", func() bool {
		select {
		case status := <-statuses:
			return status == 499
		default:
			return false
		}
	})
}

// pushBatches pushes as the app does, each second of samples as soon as the
// last was answered, and reports what each was answered with.
func pushBatches(ctx context.Context, link string, samples []classifier.Sample, statuses chan int) {
	encoder := wire.NewEncoder(wire.EncoderConfig{SessionID: "recording", DeviceID: "phone"})
	for len(samples) > 0 && ctx.Err() == nil {
		n := min(60, len(samples))
		batch, err := encoder.AppendJSON(nil, samples[:n], nil)
		if err != nil {
			return
		}
		samples = samples[n:]
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, link, bytes.NewReader(batch))
		if err != nil {
			return
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return
		}
		resp.Body.Close()
		select {
		case <-statuses:
		default:
		}
		statuses <- resp.StatusCode
		select {
		case <-ctx.Done():
		case <-time.After(200 * time.Millisecond):
		}
	}
}
