package main

import (
	"encoding/base64"
	"flag"
	"fmt"
	"strings"
	"testing"

	"github.com/tempogate/tempogate/bench/gait"
	"github.com/tempogate/tempogate/ingest/wire"
)

var figures = flag.Bool("figures", false, "measure what the page costs a phone, and print it")

// TestPageFigures measures, for "make bench-page": what a hop of the classifier
// costs in Chromium, and what an hour of running sends.
func TestPageFigures(t *testing.T) {
	if !*figures {
		t.Skip("measures; run it with -figures")
	}
	const seconds, rounds = 100, 5
	r, err := gait.Record(gait.Config{Seed: 1, RateHz: 100, FixRateHz: 1, JitterS: 0.001}, gait.DemoRun())
	if err != nil {
		t.Fatal(err)
	}
	encoder := wire.NewEncoder(wire.EncoderConfig{})
	var frames strings.Builder
	bytes, at := 0, 0
	for s := range seconds {
		frame, err := encoder.AppendPacked(nil, r.Samples[100*s:100*s+100], r.Fixes[s:s+1])
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&frames, "%q,", base64.StdEncoding.EncodeToString(frame))
		const head = 8 // of a WebSocket message of this length, mask included
		bytes, at = bytes+head+len(frame), at+1
	}
	b := inPage(t)
	took := b.value(`(async () => {
		const frames = [` + frames.String() + `].map((text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0)));
		const code = await WebAssembly.compileStreaming(fetch('/web/client/classifier.wasm'));
		let best = Infinity;
		for (let round = 0; round < ` + itoa(rounds) + `; round++) {
			const classifier = await client.Classifier.from(code);
			const began = performance.now();
			for (const frame of frames) classifier.take(frame);
			best = Math.min(best, (performance.now() - began) / frames.length);
		}
		return best.toFixed(3);
	})()`)
	fmt.Printf("wasm_hop_ms %s\n", took)
	fmt.Printf("bytes_per_hour_100hz %d\n", bytes*3600/at)
}
