package ingest

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"

	"github.com/tempogate/tempogate/classifier"
	"github.com/tempogate/tempogate/ingest/client"
	"github.com/tempogate/tempogate/ingest/wire"
)

// readAsyncAPI returns docs/asyncapi.yaml as JSON values.
func readAsyncAPI(t *testing.T) map[string]any {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "docs", "asyncapi.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var document map[string]any
	if err := yaml.Unmarshal(text, &document); err != nil {
		t.Fatal(err)
	}
	return document
}

// asJSON turns what the YAML reader gives into what the validator takes.
func asJSON(t *testing.T, v any) any {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return value
}

// The document is one of AsyncAPI 3.0.0, and everything that it refers to is
// in it.
func TestAsyncAPIIsValid(t *testing.T) {
	packed, err := os.Open(filepath.Join("testdata", "asyncapi-3.0.0.json.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer packed.Close()
	unpacked, err := gzip.NewReader(packed)
	if err != nil {
		t.Fatal(err)
	}
	resource, err := jsonschema.UnmarshalJSON(unpacked)
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("file:///asyncapi.json", resource); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("file:///asyncapi.json")
	if err != nil {
		t.Fatal(err)
	}
	document := readAsyncAPI(t)
	delete(document, "x-close-codes") // an extension, which may be anything
	value := asJSON(t, document)
	if err := schema.Validate(value); err != nil {
		t.Error(err)
	}
	var follow func(any)
	follow = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			if reference, ok := v["$ref"].(string); ok && !resolves(value, reference) {
				t.Errorf("%s is not in the document", reference)
			}
			for _, inner := range v {
				follow(inner)
			}
		case []any:
			for _, inner := range v {
				follow(inner)
			}
		}
	}
	follow(value)

	// The control: the schema does refuse.
	document["channels"].(map[string]any)["stream"].(map[string]any)["adress"] = "/"
	if schema.Validate(asJSON(t, document)) == nil {
		t.Error("a misspelt member is taken")
	}
}

func resolves(document any, reference string) bool {
	for _, step := range strings.Split(strings.TrimPrefix(reference, "#/"), "/") {
		object, ok := document.(map[string]any)
		if !ok {
			return false
		}
		if document, ok = object[step]; !ok {
			return false
		}
	}
	return true
}

// messageSchemas compiles the payload of each message.
func messageSchemas(t *testing.T, document map[string]any) map[string]*jsonschema.Schema {
	t.Helper()
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft7) // the dialect of AsyncAPI schemas
	if err := c.AddResource("file:///asyncapi.json", asJSON(t, map[string]any{"components": document["components"]})); err != nil {
		t.Fatal(err)
	}
	schemas := map[string]*jsonschema.Schema{}
	for name := range document["components"].(map[string]any)["messages"].(map[string]any) {
		schema, err := c.Compile("file:///asyncapi.json#/components/messages/" + name + "/payload")
		if err != nil {
			t.Fatal(err)
		}
		schemas[name] = schema
	}
	return schemas
}

// Every example is as its schema says, and the server takes each that a client
// may send.
func TestAsyncAPIExamples(t *testing.T) {
	document := readAsyncAPI(t)
	schemas := messageSchemas(t, document)
	sent := map[string]bool{"batch": true, "withdraw": true, "end": true}
	for name, message := range document["components"].(map[string]any)["messages"].(map[string]any) {
		examples, _ := message.(map[string]any)["examples"].([]any)
		if len(examples) == 0 && name != "packed" {
			t.Errorf("%s has no example", name)
		}
		for _, example := range examples {
			payload := example.(map[string]any)["payload"]
			if err := schemas[name].Validate(asJSON(t, payload)); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			text, err := json.Marshal(payload)
			if err != nil {
				t.Fatal(err)
			}
			if sent[name] {
				var decoder wire.Decoder
				var batch wire.Batch
				var scratch wire.Scratch
				if err := decoder.Decode(&batch, &scratch, false, text, wire.Allowed{Acceleration: true, Location: true}); err != nil {
					t.Errorf("%s: the server refuses it: %v", name, err)
				}
			} else if _, err := wire.ParseMessage(text); err != nil {
				t.Errorf("%s: the client does not take it: %v", name, err)
			}
		}
	}
}

// What the server really says is as documented, and so is how it closes.
func TestAsyncAPIOfTheServer(t *testing.T) {
	document := readAsyncAPI(t)
	schemas := messageSchemas(t, document)
	seen := map[string]int{}
	check := func(name string, text []byte) {
		t.Helper()
		value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		if err := schemas[name].Validate(value); err != nil {
			t.Errorf("%s: %v", text, err)
		}
		seen[name]++
	}
	n := startNode(t, nil)
	anna := n.person("anna", "acceleration")
	s := n.stream(anna, client.StreamOptions{})
	fixes := []classifier.Fix{{SensorTime: noon, SpeedMPS: 1}}
	if err := s.Send(walking(noon, 8), fixes); err != nil {
		t.Fatal(err)
	}
	go n.stop() // which drains
	for {
		m, err := s.Receive()
		if err != nil {
			break
		}
		switch m.Type {
		case wire.TypeEstimate:
			check(m.Type, wire.AppendEstimate(nil, &m.Estimate, m.T))
		case wire.TypeRefused:
			check(m.Type, wire.AppendRefused(nil, m.Category, m.Code))
		case wire.TypeDraining:
			check(m.Type, wire.AppendDraining(nil, m.ReconnectAfterS))
		}
	}
	if seen["draining"] == 0 {
		t.Errorf("seen: %v", seen)
	}
	check("estimate", wire.AppendEstimate(nil, &classifier.Estimate{}, 0))
	check("refused", wire.AppendRefused(nil, "location", wire.CodeNotGranted))
	check("slow", wire.AppendSlow(nil, 5))

	var written []string
	for code := range document["x-close-codes"].(map[string]any) {
		written = append(written, code)
	}
	slices.Sort(written)
	want := map[string]bool{}
	for _, code := range []int{wire.CloseDone, wire.CloseGoingAway, wire.CloseMalformed, wire.CloseConsent, wire.CloseIdle, wire.CloseTooLarge, wire.CloseTooMuch, wire.CloseLedgerLost} {
		want[strconv.Itoa(code)] = true
	}
	if !slices.Equal(written, slices.Sorted(maps.Keys(want))) {
		t.Errorf("close codes documented: %v", written)
	}
}
