package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"

	"github.com/tempogate/tempogate/bench/dataset/datasettest"
	"github.com/tempogate/tempogate/bench/gait"
	"github.com/tempogate/tempogate/classifier"
	"github.com/tempogate/tempogate/ingest/web"
	"github.com/tempogate/tempogate/ingest/wire"
)

// A module is classifier.wasm, running.
type module struct {
	t *testing.T
	m api.Module
}

// compiled is the module that is served, compiled once.
var compiled = sync.OnceValues(func() (func() (api.Module, error), error) {
	served := httptest.NewRecorder()
	web.Handler().ServeHTTP(served, httptest.NewRequest("GET", "/web/client/classifier.wasm", nil))
	ctx := context.Background()
	r := wazero.NewRuntime(ctx)
	wasi_snapshot_preview1.MustInstantiate(ctx, r)
	code, err := r.CompileModule(ctx, served.Body.Bytes())
	config := wazero.NewModuleConfig().WithName("").WithStartFunctions("_initialize")
	return func() (api.Module, error) { return r.InstantiateModule(ctx, code, config) }, err
})

// startModule starts the module for one person.
func startModule(t *testing.T) *module {
	t.Helper()
	instantiate, err := compiled()
	if err != nil {
		t.Fatal(err)
	}
	m, err := instantiate()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close(context.Background()) })
	return &module{t, m}
}

// take hands over a frame and returns the answer, or why there is none.
func (m *module) take(frame []byte) (lines string, refused string) {
	m.t.Helper()
	call := func(name string, arguments ...uint64) uint64 {
		results, err := m.m.ExportedFunction(name).Call(context.Background(), arguments...)
		if err != nil {
			m.t.Fatalf("%s: %v", name, err)
		}
		return results[0]
	}
	at := uint32(call("room", uint64(len(frame))))
	if at != 0 && !m.m.Memory().Write(at, frame) {
		m.t.Fatal("the frame does not fit the module's memory")
	}
	length := int32(call("take", uint64(len(frame))))
	text, ok := m.m.Memory().Read(uint32(call("answer")), uint32(max(length, -length)))
	if !ok {
		m.t.Fatal("the answer is not in the module's memory")
	}
	if length < 0 {
		return "", string(text)
	}
	return string(text), ""
}

// The module that is served gives the same lines for the same frames, byte for
// byte, as the sources do: walking, running, riding, with fixes and without,
// at several rates.
func TestModuleAnswersAsTheServer(t *testing.T) {
	plans := []gait.Plan{gait.DemoWalk(), gait.DemoRun(), gait.DemoRide(), gait.DemoCycle()}
	lines := 0
	for i, rate := range []float64{100, 60, 50, 208} {
		r, err := gait.Record(gait.Config{Seed: uint64(i + 1), RateHz: rate, JitterS: 0.002, FixRateHz: float64(i % 2)}, plans[i])
		if err != nil {
			t.Fatal(err)
		}
		lines += compareWithModule(t, fmt.Sprint(r), r.Samples, r.Fixes)
	}
	t.Logf("compared_lines %d", lines)
}

// The same on real recordings: one of each data set and activity.
func TestModuleAnswersAsTheServerOnRecordings(t *testing.T) {
	collection := datasettest.Open(t)
	seen := map[string]bool{}
	lines := 0
	for _, entry := range collection.Entries {
		kind := entry.Dataset + " " + entry.Activity
		if seen[kind] || !strings.Contains(entry.Signals, "acc") {
			continue
		}
		seen[kind] = true
		recordings, err := collection.Read(entry)
		if err != nil {
			t.Fatal(err)
		}
		const most = 6000 // samples: a minute at 100 Hz
		r := recordings[0]
		lines += compareWithModule(t, r.Name, r.Samples[:min(most, len(r.Samples))], r.Fixes)
	}
	t.Logf("compared_lines %d", lines)
}

// compareWithModule sends a recording through both, a second a frame, and
// returns how many lines it compared.
func compareWithModule(t *testing.T, name string, samples []classifier.Sample, fixes []classifier.Fix) (lines int) {
	t.Helper()
	m := startModule(t)
	encoder := wire.NewEncoder(wire.EncoderConfig{})
	var (
		decoder wire.Decoder
		batch   wire.Batch
		scratch wire.Scratch
		stream  = classifier.NewStream(classifier.Config{})
		work    = classifier.NewWorkspace()
	)
	for len(samples) > 0 {
		for len(fixes) > 0 && fixes[0].SensorTime < samples[0].SensorTime-1e9 {
			fixes = fixes[1:] // from before the motion began, or from within a gap
		}
		end := samples[0].SensorTime + 1e9
		n, k := 0, 0
		for n < len(samples) && samples[n].SensorTime < end {
			n++
		}
		for k < len(fixes) && fixes[k].SensorTime < end {
			k++
		}
		frame, err := encoder.AppendPacked(nil, samples[:n], fixes[:k])
		if err != nil {
			t.Fatal(err)
		}
		samples, fixes = samples[n:], fixes[k:]

		got, refused := m.take(frame)
		if refused != "" {
			t.Fatalf("%s: the module refuses a frame: %s", name, refused)
		}
		batch.Clear()
		if err := decoder.Decode(&batch, &scratch, true, frame, wire.Allowed{Acceleration: true, Location: true}); err != nil {
			t.Fatal(err)
		}
		estimates, err := stream.Push(nil, work, batch.Samples, batch.Fixes)
		if err != nil {
			t.Fatal(err)
		}
		var want []byte
		for i := range estimates {
			want = wire.AppendEstimate(want, &estimates[i], float64(estimates[i].SensorTime)/1e9)
			want = append(want, '\n')
		}
		if got != string(want) {
			t.Fatalf("%s: the classifier has changed since classifier.wasm was built: run make wasm\n on the phone %son the server %s", name, got, want)
		}
		lines += bytes.Count(want, []byte("\n"))
	}
	return lines
}

// A frame that a server ends the stream for is refused with a sentence, and the
// next good one is taken.
func TestModuleRefusesBadFrames(t *testing.T) {
	m := startModule(t)
	for name, frame := range map[string][]byte{
		"empty":     {},
		"unknown":   {9, 9, 9},
		"cut short": {1, 5, 0},
		"too large": bytes.Repeat([]byte{1}, 300_000),
	} {
		if _, refused := m.take(frame); refused == "" || strings.Contains(refused, "\n") {
			t.Errorf("%s: refused with %q", name, refused)
		}
	}
	good, err := wire.NewEncoder(wire.EncoderConfig{}).AppendPacked(nil, []classifier.Sample{{SensorTime: 1, Z: 9.81}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, refused := m.take(good); refused != "" {
		t.Errorf("a good frame after bad ones: %s", refused)
	}
}
