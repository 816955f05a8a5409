package ingest

import (
	"bytes"
	"encoding/json"
	"mime"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"
)

const (
	openAPIFile = "openapi.yaml"
	openAPIBase = "file:///openapi.json" // what references in the document are relative to
)

// An openAPI is docs/openapi.yaml. The schemas of OpenAPI 3.1 are JSON Schema
// 2020-12, so a validator of that checks bodies against them in place.
type openAPI struct {
	document map[string]any
	compiler *jsonschema.Compiler
	schemas  sync.Map // *jsonschema.Schema by place in the document
}

var readOpenAPI = sync.OnceValues(func() (*openAPI, error) {
	text, err := os.ReadFile(filepath.Join("..", "docs", openAPIFile))
	if err != nil {
		return nil, err
	}
	var document map[string]any
	if err := yaml.Unmarshal(text, &document); err != nil {
		return nil, err
	}
	asJSON, err := json.Marshal(document)
	if err != nil {
		return nil, err
	}
	resource, err := jsonschema.UnmarshalJSON(bytes.NewReader(asJSON))
	if err != nil {
		return nil, err
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.AssertFormat()
	return &openAPI{document: document, compiler: c}, c.AddResource(openAPIBase, resource)
})

// at returns what is at a place in the document, following references, and the
// place where it was found.
func (o *openAPI) at(t testing.TB, place ...string) (any, []string) {
	t.Helper()
	var here any = o.document
	for i, step := range place {
		object, ok := here.(map[string]any)
		if ok {
			here, ok = object[step]
		}
		if !ok {
			return nil, nil
		}
		if object, ok := here.(map[string]any); ok {
			if reference, ok := object["$ref"].(string); ok {
				to := append(strings.Split(strings.TrimPrefix(reference, "#/"), "/"), place[i+1:]...)
				return o.at(t, to...)
			}
		}
	}
	return here, place
}

// schema compiles the schema at a place.
func (o *openAPI) schema(t testing.TB, place []string) *jsonschema.Schema {
	t.Helper()
	escaped := make([]string, len(place))
	for i, step := range place {
		escaped[i] = strings.NewReplacer("~", "~0", "/", "~1", "+", "%2B").Replace(step)
	}
	url := openAPIBase + "#/" + strings.Join(escaped, "/")
	if known, ok := o.schemas.Load(url); ok {
		return known.(*jsonschema.Schema)
	}
	s, err := o.compiler.Compile(url)
	if err != nil {
		t.Fatal(err)
	}
	o.schemas.Store(url, s)
	return s
}

// documented fails the test when an answer is not what docs/openapi.yaml says
// of that call: its status, its kind, and its body. Calls that no path takes
// answer as the description says.
func documented(t testing.TB, req *http.Request, resp *http.Response, body string) {
	t.Helper()
	o, err := readOpenAPI()
	if err != nil {
		t.Fatal(err)
	}
	method := strings.ToLower(req.Method)
	path := req.URL.Path
	if strings.HasPrefix(path, "/v1/push/") {
		path = "/v1/push/{capability}" // which must not stand in a test's log, either
	}
	call := req.Method + " " + path
	if operation, _ := o.at(t, "paths", path, method); operation == nil {
		if resp.StatusCode != http.StatusNotFound && resp.StatusCode != http.StatusMethodNotAllowed {
			t.Errorf("%s answers %d and is not documented", call, resp.StatusCode)
		}
		return
	}
	status := strconv.Itoa(resp.StatusCode)
	answer, place := o.at(t, "paths", path, method, "responses", status)
	if answer == nil {
		t.Errorf("%s answers %s, which is not documented: %s", call, status, body)
		return
	}
	content, _ := answer.(map[string]any)["content"].(map[string]any)
	if content == nil {
		if body != "" {
			t.Errorf("%s answers %s with a body that is not documented", call, status)
		}
		return
	}
	kind, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if err != nil || content[kind] == nil {
		t.Errorf("%s answers %s with %q, which is not documented", call, status, resp.Header.Get("Content-Type"))
		return
	}
	parts := []string{body}
	switch {
	case kind == linesContentType:
		parts = strings.Fields(body) // no line holds a space
	case !strings.HasSuffix(kind, "json"):
		return
	}
	for _, part := range parts {
		value, err := jsonschema.UnmarshalJSON(strings.NewReader(part))
		if err != nil {
			t.Errorf("%s answers %s: %v", call, status, err)
			return
		}
		if err := o.schema(t, append(slices.Clone(place), "content", kind, "schema")).Validate(value); err != nil {
			t.Errorf("%s answers %s, and not as documented: %v", call, status, err)
		}
	}
}

// Every route is documented, and every documented call has a route.
func TestOpenAPIHasEveryRoute(t *testing.T) {
	o, err := readOpenAPI()
	if err != nil {
		t.Fatal(err)
	}
	if version := o.document["openapi"]; version != "3.1.0" {
		t.Errorf("openapi: %v", version)
	}
	var written []string
	for path, item := range o.document["paths"].(map[string]any) {
		for method := range item.(map[string]any) {
			written = append(written, strings.ToUpper(method)+" "+path)
		}
	}
	var served []string
	for _, r := range startNode(t, nil).server.routes() {
		served = append(served, r.pattern)
	}
	slices.Sort(written)
	slices.Sort(served)
	if !slices.Equal(written, served) {
		t.Errorf("documented:\n%s\nserved:\n%s", strings.Join(written, "\n"), strings.Join(served, "\n"))
	}
}

// Every status of consent's errors is documented with its code, for some call.
func TestOpenAPIHasEveryCode(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "docs", openAPIFile))
	if err != nil {
		t.Fatal(err)
	}
	for code := range consentStatus {
		if !strings.Contains(string(text), code) {
			t.Errorf("%s is not documented", code)
		}
	}
}

// The check itself finds what is not as documented.
func TestOpenAPICheckFindsDifferences(t *testing.T) {
	o, err := readOpenAPI()
	if err != nil {
		t.Fatal(err)
	}
	_, place := o.at(t, "paths", "/v1/consent", "get", "responses", "404", "content", "application/problem+json", "schema")
	schema := o.schema(t, place)
	good := `{"type":"urn:tempogate:problem:never_asked","title":"Not Found","status":404,"detail":"x","code":"never_asked"}`
	for _, c := range []struct {
		body string
		ok   bool
	}{
		{good, true},
		{strings.Replace(good, `"code":"never_asked"`, `"code":"other"`, 1), false},
		{strings.Replace(good, `"detail":"x",`, ``, 1), false},
		{strings.Replace(good, "404", `"404"`, 1), false},
	} {
		value, err := jsonschema.UnmarshalJSON(strings.NewReader(c.body))
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(value); (err == nil) != c.ok {
			t.Errorf("%s: %v", c.body, err)
		}
	}
}

// What a stream is refused with, as documented.
func TestOpenAPIOfTheStream(t *testing.T) {
	n := startNode(t, nil)
	n.person("anna", "acceleration")
	upgrade := http.Header{"Connection": {"Upgrade"}, "Upgrade": {"websocket"}, "Sec-Websocket-Version": {"13"}, "Sec-Websocket-Key": {"AAAAAAAAAAAAAAAAAAAAAA=="}}
	with := func(name, value string, more http.Header) http.Header {
		h := more.Clone()
		h.Set(name, value)
		return h
	}
	anna := http.Header{"Authorization": {"Bearer " + n.token("anna")}}
	for _, c := range []struct {
		name   string
		header http.Header
		status int
	}{
		{"no token", http.Header{}, 401},
		{"no consent", http.Header{"Authorization": {"Bearer " + n.token("bea")}}, 403},
		{"another origin", with("Origin", "https://evil.example", anna), 403},
		{"no upgrade", anna, 426},
		{"another subprotocol", with("Authorization", anna.Get("Authorization"), with("Sec-WebSocket-Protocol", "mqtt", upgrade)), 400},
		{"a key that is none", with("Authorization", anna.Get("Authorization"), with("Sec-WebSocket-Key", "", upgrade)), 400},
	} {
		if resp, body := ask(t, "GET", n.url+"/v1/stream", c.header, ""); resp.StatusCode != c.status {
			t.Errorf("%s: %d %s", c.name, resp.StatusCode, body)
		}
	}
	n.ledger.down.Store(true)
	if resp, body := ask(t, "GET", n.url+"/v1/stream", anna, ""); resp.StatusCode != 503 {
		t.Errorf("without a ledger: %d %s", resp.StatusCode, body)
	}
}
