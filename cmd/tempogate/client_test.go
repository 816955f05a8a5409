package main

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/tempogate/tempogate/bench/dataset/datasettest"
	"github.com/tempogate/tempogate/classifier"
	"github.com/tempogate/tempogate/ingest/wire"
)

// asArguments writes samples and fixes as JavaScript.
func asArguments(samples []classifier.Sample, fixes []classifier.Fix) string {
	var b strings.Builder
	number := func(v float64) string {
		if math.IsNaN(v) {
			return "NaN"
		}
		return strconv.FormatFloat(v, 'g', -1, 64)
	}
	b.WriteByte('[')
	for _, s := range samples {
		fmt.Fprintf(&b, "{t:%dn,x:%s,y:%s,z:%s},", s.SensorTime, number(s.X), number(s.Y), number(s.Z))
	}
	b.WriteString("],[")
	for _, f := range fixes {
		fmt.Fprintf(&b, "{t:%dn,speed:%s,east:%s,north:%s,accuracy:%s},", f.SensorTime,
			number(f.SpeedMPS), number(f.EastM), number(f.NorthM), number(f.AccuracyM))
	}
	b.WriteByte(']')
	return b.String()
}

// inPage makes the client known to a page as "client".
func inPage(t *testing.T) *tab {
	t.Helper()
	b, s := openTab(t), startSite(t)
	b.run(chromedp.Navigate(s.url))
	b.value("import('/web/client/tempogate.js').then((m) => { window.client = m })")
	return b
}

// packs returns what the JavaScript encoder makes of frames of one stream.
func (b *tab) packs(frames []string) (packed [][]byte) {
	b.t.Helper()
	var script strings.Builder
	script.WriteString("(() => { const e = new client.PackedEncoder(); return JSON.stringify([")
	for _, arguments := range frames {
		fmt.Fprintf(&script, "btoa(String.fromCharCode(...e.encode(%s))),", arguments)
	}
	script.WriteString("]) })()")
	var texts []string
	if err := json.Unmarshal([]byte(b.value(script.String())), &texts); err != nil {
		b.t.Fatal(err)
	}
	for _, text := range texts {
		frame, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			b.t.Fatal(err)
		}
		packed = append(packed, frame)
	}
	return packed
}

// The JavaScript encoder makes of recordings, byte for byte, what the one in Go
// does: steps found, times, orders and parameters chosen alike.
func TestClientPacksAsGoDoes(t *testing.T) {
	t.Parallel()
	b := inPage(t)
	collection := datasettest.Open(t)
	seen := map[string]bool{}
	count, bytes, samples := 0, 0, 0
	for _, entry := range collection.Entries {
		if seen[entry.Dataset] || !strings.Contains(entry.Signals, "acc") {
			continue
		}
		seen[entry.Dataset] = true
		recordings, err := collection.Read(entry)
		if err != nil {
			t.Fatal(err)
		}
		rest, fixes := recordings[0].Samples, recordings[0].Fixes
		encoder := wire.NewEncoder(wire.EncoderConfig{})
		var want [][]byte
		var frames []string
		for len(rest) > 0 && len(frames) < 20 {
			n, k := 0, 0
			for n < len(rest) && rest[n].SensorTime < rest[0].SensorTime+1e9 {
				n++
			}
			for k < len(fixes) && k < wire.MaxFixes && fixes[k].SensorTime < rest[0].SensorTime+1e9 {
				k++
			}
			frame, err := encoder.AppendPacked(nil, rest[:n], fixes[:k])
			if err != nil {
				t.Fatal(err)
			}
			want = append(want, frame)
			frames = append(frames, asArguments(rest[:n], fixes[:k]))
			bytes, samples = bytes+len(frame), samples+n
			rest, fixes = rest[n:], fixes[k:]
		}
		for i, got := range b.packs(frames) {
			count++
			if string(got) != string(want[i]) {
				t.Errorf("%s, frame %d:\nJavaScript %x\nGo         %x", entry.Path, i, got, want[i])
				break
			}
		}
	}
	t.Logf("compared_frames %d", count)
}

// What the client makes of the golden vectors is what they hold.
func TestClientPacksGoldenVectors(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join("..", "..", "testdata", "wire", "packed.json"))
	if err != nil {
		t.Fatal(err)
	}
	var golden struct {
		Frames []struct {
			Name, Hex, Error string
			Samples          []struct {
				Time    string `json:"sensor_time_ns"`
				X, Y, Z float64
			}
			Fixes []struct {
				Time     string   `json:"sensor_time_ns"`
				Speed    *float64 `json:"speed_mps"`
				East     *float64 `json:"east_m"`
				North    *float64 `json:"north_m"`
				Accuracy *float64 `json:"accuracy_m"`
			}
		}
	}
	if err := json.Unmarshal(text, &golden); err != nil {
		t.Fatal(err)
	}
	b := inPage(t)
	known := func(v *float64) float64 {
		if v == nil {
			return math.NaN()
		}
		return *v
	}
	same := 0
	for _, vector := range golden.Frames {
		if vector.Error != "" {
			continue
		}
		var samples []classifier.Sample
		var fixes []classifier.Fix
		for _, s := range vector.Samples {
			at, _ := strconv.ParseInt(s.Time, 10, 64)
			samples = append(samples, classifier.Sample{SensorTime: at, X: s.X, Y: s.Y, Z: s.Z})
		}
		for _, f := range vector.Fixes {
			at, _ := strconv.ParseInt(f.Time, 10, 64)
			fixes = append(fixes, classifier.Fix{SensorTime: at, SpeedMPS: known(f.Speed), EastM: known(f.East), NorthM: known(f.North), AccuracyM: known(f.Accuracy)})
		}
		want, err := wire.NewEncoder(wire.EncoderConfig{}).AppendPacked(nil, samples, fixes)
		if err != nil {
			t.Fatalf("%s: %v", vector.Name, err)
		}
		got := b.packs([]string{asArguments(samples, fixes)})[0]
		if string(got) != string(want) {
			t.Errorf("%s:\nJavaScript %x\nGo         %x", vector.Name, got, want)
		}
		if hex.EncodeToString(got) == vector.Hex {
			same++
		}
	}
	if same == 0 { // most are frames that no encoder would choose to make
		t.Errorf("none of the vectors comes out as it stands")
	}
}

// What cannot be packed is refused before it is sent.
func TestClientRefusesWhatCannotBePacked(t *testing.T) {
	t.Parallel()
	b := inPage(t)
	for name, arguments := range map[string]string{
		"not a number": "[{t:0n,x:NaN,y:0,z:0}]",
		"beyond 1000":  "[{t:0n,x:1001,y:0,z:0}]",
		"too many":     "Array.from({length: 4097}, (_, i) => ({t: BigInt(i), x: 0, y: 0, z: 9.8}))",
	} {
		got := b.value("(() => { try { new client.PackedEncoder().encode(" + arguments + "); return 'taken' } catch (e) { return e.name } })()")
		if got != "RangeError" {
			t.Errorf("%s: %s", name, got)
		}
	}
}
